package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// FieldType is a type of setting: one of six, for each of which there is an element in
// forms.
type FieldType string

// The types, and what stands for them in a JSON Schema.
const (
	Text     FieldType = "string"    // {"type": "string"}
	Int      FieldType = "int"       // {"type": "integer", "minimum": 0}
	Bool     FieldType = "bool"      // {"type": "boolean"}
	IntRange FieldType = "intrange"  // {"type": "integer", "minimum": 1, "maximum": 8}
	Select   FieldType = "select"    // {"type": "string", "enum": ["a", "b"]}
	List     FieldType = "multilist" // {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "uniqueItems": true}
)

// Schema says what a thing wants to have set. Its JSON is a JSON Schema of an object
// that has nothing but properties of the six types.
type Schema struct{ Fields []Field } // sorted by name

// Field is one setting.
type Field struct {
	Name     string
	Type     FieldType
	Doc      string
	Required bool
	Default  any      // string, int64, bool or []string, as the type has it; nil if there is none
	Low      int64    // of IntRange
	High     int64    //
	Choices  []string // of Select; of List, if not any text will do
	Ordered  bool     // of List: whether the order means something
	Link     string   // of List: where more is said of an item, for which {item} stands
}

// Bounds of a schema.
const (
	maxFields  = 100
	maxChoices = 1000
	maxName    = 64
	maxDoc     = 1000
	maxValue   = 16 << 10 // of a text, in bytes
)

// property is a setting as JSON Schema has it.
type property struct {
	Type        string    `json:"type"`
	Description string    `json:"description,omitempty"`
	Default     any       `json:"default,omitempty"`
	Minimum     *int64    `json:"minimum,omitempty"`
	Maximum     *int64    `json:"maximum,omitempty"`
	Enum        []string  `json:"enum,omitempty"`
	Items       *property `json:"items,omitempty"`
	Unique      bool      `json:"uniqueItems,omitempty"`
	Ordered     bool      `json:"x-ordered,omitempty"`
	Link        string    `json:"x-link,omitempty"`
}

// object is a schema as JSON Schema has it.
type object struct {
	Type       string              `json:"type"`
	Properties map[string]property `json:"properties"`
	Required   []string            `json:"required,omitempty"`
	Additional bool                `json:"additionalProperties"`
}

// MarshalJSON writes the JSON Schema.
func (s Schema) MarshalJSON() ([]byte, error) {
	o := object{Type: "object", Properties: make(map[string]property, len(s.Fields))}
	for _, f := range s.Fields {
		o.Properties[f.Name] = f.property()
		if f.Required {
			o.Required = append(o.Required, f.Name)
		}
	}
	return json.Marshal(o)
}

func (f *Field) property() property {
	p := property{Type: "string", Description: f.Doc, Default: f.Default}
	switch f.Type {
	case Text:
	case Int:
		p.Type, p.Minimum = "integer", new(int64)
	case Bool:
		p.Type = "boolean"
	case IntRange:
		p.Type, p.Minimum, p.Maximum = "integer", &f.Low, &f.High
	case Select:
		p.Enum = f.Choices
	case List:
		p = property{
			Type: "array", Description: f.Doc, Default: f.Default, Unique: true, Ordered: f.Ordered, Link: f.Link,
			Items: &property{Type: "string", Enum: f.Choices},
		}
	}
	return p
}

// UnmarshalJSON reads a JSON Schema, and refuses what is none of the six types.
func (s *Schema) UnmarshalJSON(text []byte) error {
	var o object
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&o); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	if o.Type != "object" && (o.Type != "" || len(o.Properties) > 0) {
		return fmt.Errorf("settings: the schema is one of an object, not of %q", o.Type)
	}
	if len(o.Properties) > maxFields {
		return fmt.Errorf("settings: at most %d", maxFields)
	}
	s.Fields = nil
	for _, name := range slices.Sorted(maps.Keys(o.Properties)) {
		f, err := o.Properties[name].field(name)
		if err != nil {
			return fmt.Errorf("settings: %.64q: %w", name, err)
		}
		f.Required = slices.Contains(o.Required, name)
		s.Fields = append(s.Fields, f)
	}
	for _, name := range o.Required {
		if _, ok := o.Properties[name]; !ok {
			return fmt.Errorf("settings: %.64q is required, and is no property", name)
		}
	}
	return nil
}

func (p property) field(name string) (Field, error) {
	f := Field{Name: name, Doc: clean(p.Description, maxDoc), Choices: p.Enum, Ordered: p.Ordered, Link: clean(p.Link, maxDoc)}
	bounded := p.Minimum != nil && p.Maximum != nil
	switch {
	case name == "" || len(name) > maxName || clean(name, maxName) != name:
		return f, fmt.Errorf("a name has 1 to %d letters", maxName)
	case len(p.Enum) > maxChoices || p.Items != nil && len(p.Items.Enum) > maxChoices:
		return f, fmt.Errorf("at most %d choices", maxChoices)
	case p.Type == "string" && len(p.Enum) > 0:
		f.Type = Select
	case p.Type == "string":
		f.Type = Text
	case p.Type == "boolean":
		f.Type = Bool
	case p.Type == "integer" && bounded:
		if f.Type, f.Low, f.High = IntRange, *p.Minimum, *p.Maximum; f.Low > f.High {
			return f, errors.New("minimum is more than maximum")
		}
	case p.Type == "integer" && p.Minimum != nil && *p.Minimum == 0:
		f.Type = Int
	case p.Type == "array" && p.Items != nil && p.Items.Type == "string":
		f.Type, f.Choices = List, p.Items.Enum
	default:
		return f, fmt.Errorf("%.40q, as it is written, is none of the six types of settings", p.Type)
	}
	if p.Default != nil {
		var err error
		if f.Default, err = f.value(p.Default); err != nil {
			return f, fmt.Errorf("default: %w", err)
		}
	}
	return f, nil
}

// Check looks at settings, and gives them with the defaults filled in. The error names
// every one that is wrong.
func (s *Schema) Check(given Values) (Values, error) {
	whole := make(Values, len(s.Fields))
	var errs []error
	for _, f := range s.Fields {
		v, set := given[f.Name]
		switch {
		case set:
			checked, err := f.value(v)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", f.Name, err))
			}
			whole[f.Name] = checked
		case f.Required && f.Default == nil:
			errs = append(errs, fmt.Errorf("%s: it is missing", f.Name))
		case f.Default != nil:
			whole[f.Name] = f.Default
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.ContainsFunc(s.Fields, func(f Field) bool { return f.Name == name }) {
			errs = append(errs, fmt.Errorf("%s: there is no such setting", clean(name, maxName)))
		}
	}
	return whole, errors.Join(errs...)
}

// value gives a value as the field's type has it.
func (f *Field) value(v any) (any, error) {
	switch f.Type {
	case Text:
		return f.text(v)
	case Select:
		return f.choice(v)
	case Bool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, errors.New("it is true or false")
	case Int:
		n, ok := whole(v)
		if !ok || n < 0 {
			return nil, errors.New("it is a whole number, not below zero")
		}
		return n, nil
	case IntRange:
		n, ok := whole(v)
		if !ok || n < f.Low || n > f.High {
			return nil, fmt.Errorf("it is a whole number from %d to %d", f.Low, f.High)
		}
		return n, nil
	case List:
		return f.list(v)
	}
	return nil, fmt.Errorf("there is no type %q", f.Type)
}

func (f *Field) text(v any) (any, error) {
	switch v := v.(type) {
	case string:
		if len(v) > maxValue {
			return nil, fmt.Errorf("at most %d bytes", maxValue)
		}
		return v, nil
	case json.Number: // names may look like numbers
		return v.String(), nil
	}
	return nil, errors.New("it is a text")
}

func (f *Field) choice(v any) (any, error) {
	text, err := f.text(v)
	if err == nil && !slices.Contains(f.Choices, text.(string)) {
		err = fmt.Errorf("it is one of %s", clean(strings.Join(f.Choices, ", "), maxSaid))
	}
	return text, err
}

func (f *Field) list(v any) (any, error) {
	items, ok := v.([]any)
	if texts, is := v.([]string); is {
		ok = true
		for _, text := range texts {
			items = append(items, text)
		}
	}
	if !ok || len(items) > maxChoices {
		return nil, fmt.Errorf("it is a list of at most %d texts", maxChoices)
	}
	out := make([]string, 0, len(items))
	for _, item := range items {
		text, err := f.text(item)
		if err == nil && len(f.Choices) > 0 {
			text, err = f.choice(item)
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("an item of it: %w", err)
		case slices.Contains(out, text.(string)):
			return nil, fmt.Errorf("%.64q is in it twice", text)
		}
		out = append(out, text.(string))
	}
	return out, nil
}

// whole gives a number that has no fraction.
func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	}
	return 0, false
}

// Values are settings as they are given: texts, numbers, booleans and lists of texts, by
// name.
type Values map[string]any

// UnmarshalJSON reads settings; numbers stay as they are written.
func (v *Values) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return err
	}
	*v = m
	return nil
}
