package redfish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// BIOS is a machine's firmware settings (the Bios and AttributeRegistry schemas), as they
// were when they were read.
type BIOS struct {
	Path       string
	Attributes []Attribute // sorted by their names

	client   *Client
	doc      Document
	settings string // where changes are written
	registry Document
}

// Attribute is one setting.
type Attribute struct {
	Name     string // on the wire
	Display  string // for people; the same as Name where the registry has none
	Help     string
	Menu     string
	Type     string // "Enumeration", "String", "Integer", "Boolean", "Password"
	Value    string
	Pending  string // what it will be after the next start; the same as Value if nothing waits
	Default  string // empty if it is not known
	Choices  []Choice
	ReadOnly bool
	Hidden   bool
	GrayOut  bool
}

// Choice is one value that an enumeration may have.
type Choice struct{ Value, Display string }

// BIOS reads the settings, what waits to be set, and what the registry says of them.
// Without a registry the settings are there nevertheless.
func (s *System) BIOS(ctx context.Context) (*BIOS, error) {
	d, err := s.Document(ctx)
	if err != nil {
		return nil, err
	}
	at := d.Link("Bios")
	if at == "" {
		return nil, &UnsupportedError{What: "its BIOS settings"}
	}
	b := &BIOS{Path: at, client: s.client}
	if b.doc, err = s.client.Read(ctx, at); err != nil {
		return nil, err
	}
	b.settings = cmp.Or(b.doc.Link("@Redfish.Settings", "SettingsObject"), at)
	pending := Document{}
	if b.settings != at {
		if pending, err = s.client.Read(ctx, b.settings); err != nil && ctx.Err() != nil {
			return nil, err
		}
	}
	b.registry, err = s.client.registry(ctx, b.doc.String("AttributeRegistry"))
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	b.read(pending)
	return b, nil
}

// registry finds a registry by its name, in its first language.
func (c *Client) registry(ctx context.Context, name string) (Document, error) {
	l := c.root.Link("Registries")
	if l == "" || name == "" {
		return Document{}, nil
	}
	refs, err := c.Refs(ctx, l)
	if err != nil {
		return Document{}, err
	}
	plain := registryName(name)
	slices.SortStableFunc(refs, func(a, b string) int { // those that look like it first
		return cmp.Compare(btoi(!strings.Contains(a, plain)), btoi(!strings.Contains(b, plain)))
	})
	for _, ref := range refs[:min(len(refs), 100)] {
		d, err := c.Get(ctx, ref)
		if err != nil || registryName(cmp.Or(d.String("Registry"), d.String("Id"))) != plain {
			continue
		}
		for _, place := range d.List("Location") {
			if uri := place.Link("Uri"); uri != "" {
				return c.Get(ctx, uri)
			}
		}
	}
	return Document{}, nil
}

// registryName leaves out the version.
func registryName(name string) string {
	head, _, _ := strings.Cut(strings.TrimSuffix(name, ".json"), ".")
	return head
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// read puts values and registry together.
func (b *BIOS) read(pending Document) {
	known := make(map[string]Document)
	for _, a := range b.registry.List("RegistryEntries", "Attributes") {
		known[a.String("AttributeName")] = a
	}
	for _, name := range b.doc.Keys("Attributes") {
		e := known[name]
		value := b.doc.String("Attributes", name)
		a := Attribute{
			Name: name, Display: cmp.Or(e.String("DisplayName"), name), Help: e.String("HelpText"), Menu: e.String("MenuPath"), Type: e.String("Type"),
			Value: value, Pending: value, Default: e.String("DefaultValue"), ReadOnly: e.True("ReadOnly"), Hidden: e.True("Hidden"), GrayOut: e.True("GrayOut"),
		}
		if pending.Has("Attributes", name) {
			a.Pending = pending.String("Attributes", name)
		}
		for _, v := range e.List("Value") {
			c := Choice{Value: cmp.Or(v.String("ValueName"), v.String())}
			c.Display = cmp.Or(v.String("ValueDisplayName"), c.Value)
			a.Choices = append(a.Choices, c)
		}
		b.Attributes = append(b.Attributes, a)
	}
	b.depend()
}

// depend applies the registry's dependencies: under some values, other attributes are
// read-only, hidden, or something else.
func (b *BIOS) depend() {
	for _, dep := range b.registry.List("RegistryEntries", "Dependencies") {
		rule := dep.At("Dependency")
		i := b.find(cmp.Or(rule.String("MapToAttribute"), dep.String("DependencyFor")))
		if i < 0 || !b.holds(rule.List("MapFrom")) {
			continue
		}
		is := rule.True("MapToValue")
		switch rule.String("MapToProperty") {
		case "ReadOnly":
			b.Attributes[i].ReadOnly = is
		case "Hidden":
			b.Attributes[i].Hidden = is
		case "GrayOut", "GreyOut":
			b.Attributes[i].GrayOut = is
		case "DefaultValue":
			b.Attributes[i].Default = rule.String("MapToValue")
		case "DisplayName":
			b.Attributes[i].Display = rule.String("MapToValue")
		case "HelpText":
			b.Attributes[i].Help = rule.String("MapToValue")
		}
	}
}

// holds evaluates the conditions of a dependency, from the left to the right: each but
// the first says how it is joined to what is before it.
func (b *BIOS) holds(from []Document) bool {
	result := len(from) > 0
	for i, c := range from {
		is := b.condition(c)
		switch {
		case i == 0:
			result = is
		case strings.EqualFold(c.String("MapTerms"), "OR"):
			result = result || is
		default:
			result = result && is
		}
	}
	return result
}

func (b *BIOS) condition(c Document) bool {
	i := b.find(c.String("MapFromAttribute"))
	if i < 0 {
		return false
	}
	a, want := b.Attributes[i], c.String("MapFromValue")
	have := a.Pending
	switch c.String("MapFromProperty") {
	case "ReadOnly":
		have = fmt.Sprint(a.ReadOnly)
	case "Hidden":
		have = fmt.Sprint(a.Hidden)
	case "GrayOut", "GreyOut":
		have = fmt.Sprint(a.GrayOut)
	}
	x, isX := Document{value: have}.Float()
	y, isY := c.Float("MapFromValue")
	both := isX && isY
	switch strings.ToUpper(cmp.Or(c.String("MapFromCondition"), "EQU")) {
	case "EQU":
		return have == want
	case "NEQ":
		return have != want
	case "GTR":
		return both && x > y
	case "GEQ":
		return both && x >= y
	case "LSS":
		return both && x < y
	case "LEQ":
		return both && x <= y
	}
	return false
}

func (b *BIOS) find(name string) int {
	i, found := slices.BinarySearchFunc(b.Attributes, name, func(a Attribute, name string) int { return strings.Compare(a.Name, name) })
	if !found {
		return -1
	}
	return i
}

// Find gives the attributes whose name, or name for people, matches a pattern: *, ? and
// [] as in names of files, in small letters or capitals.
func (b *BIOS) Find(pattern string) []Attribute {
	var list []Attribute
	for _, a := range b.Attributes {
		if matches(pattern, a.Name) || matches(pattern, a.Display) {
			list = append(list, a)
		}
	}
	return list
}

func matches(pattern, text string) bool {
	pattern, text = strings.ToLower(pattern), strings.ToLower(text)
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(text, "/", "\x00"))
	return err == nil && ok || pattern == text
}

// Change is a wish for a setting: the name may be a pattern, or that for people, and so
// may the value of an enumeration.
type Change struct{ Name, Value string }

// Set writes settings, which hold after the machine's next start. Nothing is written if
// one of them is unknown, read-only, or not to be had with that value.
func (b *BIOS) Set(ctx context.Context, changes ...Change) error {
	values := make(map[string]any)
	var wrong []error
	for _, c := range changes {
		found := b.Find(c.Name)
		if len(found) == 0 {
			wrong = append(wrong, fmt.Errorf("%w: there is no setting %q", NotFound, c.Name))
		}
		for _, a := range found {
			v, err := b.value(a, c.Value)
			wrong = append(wrong, err)
			values[a.Name] = v
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	if len(values) == 0 {
		return nil
	}
	_, err := b.client.Patch(ctx, b.settings, map[string]any{"Attributes": values})
	return err
}

// value makes what goes over the wire of a wish, in the type that the setting has now.
func (b *BIOS) value(a Attribute, wish string) (any, error) {
	if a.ReadOnly {
		return nil, fmt.Errorf("%w: the setting %s cannot be written", Unsupported, a.Name)
	}
	if len(a.Choices) > 0 {
		var fit, all []string
		for _, c := range a.Choices {
			if strings.EqualFold(c.Value, wish) || strings.EqualFold(c.Display, wish) {
				return c.Value, nil
			}
			if matches(wish, c.Value) || matches(wish, c.Display) {
				fit = append(fit, c.Value)
			}
			all = append(all, c.Display)
		}
		if len(fit) == 1 {
			return fit[0], nil
		}
		return nil, fmt.Errorf("%w: the setting %s can be %s, and not %q", Invalid, a.Name, clip(strings.Join(all, ", ")), wish)
	}
	d := Document{value: wish}
	_, wasBool := b.doc.At("Attributes", a.Name).value.(bool)
	_, wasText := b.doc.At("Attributes", a.Name).value.(string)
	switch {
	case wasBool || a.Type == "Boolean":
		if v, ok := d.Bool(); ok {
			return v, nil
		}
		return nil, fmt.Errorf("%w: the setting %s is true or false, and not %q", Invalid, a.Name, wish)
	case a.Type == "Integer" || !wasText && a.Type == "":
		if n, ok := d.Int(); ok {
			return n, nil
		}
		return nil, fmt.Errorf("%w: the setting %s is a number, and not %q", Invalid, a.Name, wish)
	}
	return wish, nil
}

// Reset sets all settings to what they were at first, after the machine's next start.
func (b *BIOS) Reset(ctx context.Context) error {
	a, ok := b.client.Action(b.doc, "Bios.ResetBios")
	if !ok {
		return &UnsupportedError{What: "a reset of its BIOS settings"}
	}
	_, err := a.Call(ctx, nil)
	return err
}

// Discard takes back what waits to be set, by writing what holds now.
func (b *BIOS) Discard(ctx context.Context) error {
	values := make(map[string]any)
	for _, a := range b.Attributes {
		if a.Pending != a.Value {
			values[a.Name] = b.doc.At("Attributes", a.Name).value
		}
	}
	if len(values) == 0 {
		return nil
	}
	_, err := b.client.Patch(ctx, b.settings, map[string]any{"Attributes": values})
	return err
}
