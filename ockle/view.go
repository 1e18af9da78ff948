package ockle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ServerView is the state of one server and of all that it has. The maps' keys are
// kind and name in one word, such as outletfirst; see [ObjectKey].
type ServerView struct {
	Name          string
	OpState       State
	StartAttempts int
	Outlets       map[string]Object
	Controls      map[string]Object
	Tests         map[string]Test
}

// Object is an outlet or a control.
type Object struct {
	Name    string         `json:"name"`
	OpState State          `json:"OpState"`
	State   Switch         `json:"state"`
	Data    map[string]any `json:"data"` // measurements by their names, such as CPU (per cent) and current (mA)
}

// Test is a test of a server.
type Test struct {
	Name    string `json:"name"`
	OpState State  `json:"OpState"`
}

// Switch is whether something is on. It reads whatever stands for that in JSON;
// what cannot be understood, null too, is off.
type Switch bool

// UnmarshalJSON takes truth values, numbers and texts.
func (s *Switch) UnmarshalJSON(data []byte) error {
	switch strings.ToLower(strings.Trim(string(data), `"`)) {
	case "true", "on", "1", "1.0", "ok":
		*s = true
	default:
		*s = false
	}
	return nil
}

// Kind is what an object of a server is.
type Kind string

// The kinds of objects.
const (
	Outlet  Kind = "outlet"
	Control Kind = "control"
	TestOf  Kind = "test"
)

// ObjectKey gives the key of an object in a [ServerView].
func ObjectKey(kind Kind, name string) string { return string(kind) + name }

// Values gives the answer to ServerView.
func (v ServerView) Values() Values {
	return Values{
		{Key: "Name", Text: v.Name},
		{Key: "OpState", Text: string(v.OpState)},
		{Key: "StartAttempts", Text: strconv.Itoa(v.StartAttempts)},
		{Key: "outlets", Text: jsonMap(v.Outlets)},
		{Key: "controls", Text: jsonMap(v.Controls)},
		{Key: "tests", Text: jsonMap(v.Tests)},
	}
}

// jsonMap gives a map, and an empty one where there is none.
func jsonMap[T any](m map[string]T) string {
	if m == nil {
		return "{}"
	}
	return JSON(m)
}

// ParseServerView reads the answer to ServerView. There is no view, but no error
// either, in the answer for a server that is not known.
func ParseServerView(values Values) (view ServerView, known bool, err error) {
	if len(values) == 0 {
		return ServerView{}, false, nil
	}
	view = ServerView{Name: values.Text("Name"), OpState: State(values.Text("OpState"))}
	if view.StartAttempts, err = strconv.Atoi(values.Text("StartAttempts")); err != nil {
		return ServerView{}, false, fmt.Errorf("StartAttempts is not a number: %w", err)
	}
	for _, part := range []struct {
		key  string
		into any
	}{{"outlets", &view.Outlets}, {"controls", &view.Controls}, {"tests", &view.Tests}} {
		if err := values.unmarshal(part.key, part.into); err != nil {
			return ServerView{}, false, err
		}
	}
	return view, true, nil
}

// unmarshal reads the JSON of a key; nothing there, or null, leaves into as it is.
func (v Values) unmarshal(key string, into any) error {
	text := v.Text(key)
	if text == "" || text == "None" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("what %s holds is not as it should be: %w", key, err)
	}
	return nil
}

// JSON gives a value as the text that answers hold.
func JSON(value any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return "null" // of no type that this package has
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// DependencyMap says which servers one server may need.
type DependencyMap struct {
	// Available are those that it could need, with their comments, and Existing
	// those that it does need.
	Available map[string]string `json:"available"`
	Existing  map[string]string `json:"existing"`
	// Disabled are those that need it already, with the circle that there would be.
	Disabled map[string][]string `json:"disabled"`
}

// Section is a section of a configuration file: a name, and keys with values in
// their order.
type Section struct {
	Name string
	Keys Values
}

// Sections are sections in their order. In JSON they are an object of objects;
// values that are no texts there, lists above all, are kept as JSON text.
type Sections []Section

// MarshalJSON gives an object of objects in the same order.
func (s Sections) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, section := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(JSON(section.Name) + ":{")
		for j, v := range section.Keys {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString(JSON(v.Key) + ":" + JSON(v.Text))
		}
		b.WriteByte('}')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads an object of objects, and of a key that comes twice the
// first.
func (s *Sections) UnmarshalJSON(data []byte) error {
	*s = nil
	sections, err := members(data)
	if err != nil {
		return err
	}
	for _, one := range sections {
		keys, err := members(one.value)
		if err != nil {
			return fmt.Errorf("section %q: %w", short(one.key), err)
		}
		section := Section{Name: one.key}
		for _, k := range keys {
			section.Keys = append(section.Keys, Value{Key: k.key, Text: plainText(k.value)})
		}
		*s = append(*s, section)
	}
	return nil
}

// ParseSections reads the JSON of sections, such as setINIFile's iniDict.
func ParseSections(text string) (Sections, error) {
	var s Sections
	err := json.Unmarshal([]byte(text), &s)
	return s, err
}

// member is a key of a JSON object with what it holds.
type member struct {
	key   string
	value json.RawMessage
}

// members gives what a JSON object holds, in its order and each key once.
func members(data []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		if t == nil && err == nil {
			return nil, nil // null
		}
		return nil, errors.New("is not an object in JSON")
	}
	var all []member
	seen := make(map[string]bool)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string)
		m := member{key: key}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		if !seen[key] {
			seen[key] = true
			all = append(all, m)
		}
	}
	return all, nil
}

// plainText gives a text as it is, null as nothing, and anything else as JSON.
func plainText(value json.RawMessage) string {
	var text string
	if string(value) != "null" && json.Unmarshal(value, &text) != nil {
		return strings.ToValidUTF8(string(value), "\ufffd")
	}
	return text
}
