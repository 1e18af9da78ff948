// Package profile holds what is known of power devices that speak SNMP, as data:
// where each family keeps the state of an outlet, what to write to switch it, what
// it measures and in which unit.
//
// It exists so that a new device needs a page of YAML and no Go. The driver (package
// snmp above) knows the protocol and no device; a profile knows one family and no
// protocol. The built-in ones are in profiles/, a user's own are read by [Parse].
//
// Start at [Profile], whose fields are the form of such a page; [Builtin] finds one
// by name, [Match] by what a device says of itself.
package profile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"millwright.dev/millwright/internal/driver"
)

// Profile is one family of devices.
//
// Objects are numeric OIDs. One that is of an outlet may hold places that are filled
// in: {index} for the outlet's index, {outlet} for its last number, {outlet+1} for
// the number after that; if it has none of them, the index is appended. An object of
// the device as a whole is written with its instance (".0"). {unit} is the number of
// the PDU in a chain.
type Profile struct {
	Name  string `yaml:"name"`  // what a room file calls it
	Title string `yaml:"title"` // which devices it is for
	MIB   string `yaml:"mib"`   // the vendor's MIB and the names of the main objects
	// Tested says what stands behind it: the MIB's text, simulation, a real device.
	Tested string `yaml:"tested"`

	// How to know such a device: by sysObjectID, if it begins with one of these, and
	// by an object that it has and others have not.
	ObjectIDs []string `yaml:"sysobjectid"`
	Probe     string   `yaml:"probe"`

	Index   Index   `yaml:"index"`
	State   State   `yaml:"state"`
	Command Command `yaml:"command"`

	Rest  string `yaml:"rest"`  // of an outlet: seconds that its own cycle is off
	Label string `yaml:"label"` // of an outlet: its name on the device
	Count string `yaml:"count"` // how many outlets there are

	Temperature *Measure  `yaml:"temperature"` // the device's own, for the verb temp
	Identity    Identity  `yaml:"identity"`
	Measures    []Measure `yaml:"measures"`
}

// State says how to read whether an outlet is on.
type State struct {
	Object string `yaml:"object"`
	On     Values `yaml:"on"`
	Off    Values `yaml:"off"`
	// Moving are values of an outlet that is on its way to another state.
	Moving Values `yaml:"moving"`
	// Pending is an object of its own that says so, and the values with which it does.
	Pending       string `yaml:"pending"`
	PendingValues Values `yaml:"pending-values"`
}

// Command says what to write. Each order may have an object of its own; else it is
// written to the common one.
type Command struct {
	Object string `yaml:"object"`
	Type   string `yaml:"type"` // integer (also if empty), gauge or string
	On     *Order `yaml:"on"`
	Off    *Order `yaml:"off"`
	Cycle  *Order `yaml:"cycle"`
}

// Order is one value to write.
type Order struct {
	Object string `yaml:"object"`
	Value  Value  `yaml:"value"`
	// Wakes says, of a cycle, that it also ends with the outlet on if it was off.
	Wakes bool `yaml:"wakes"`
}

// Identity says where the device says what it is.
type Identity struct {
	Product  string `yaml:"product"`
	Firmware string `yaml:"firmware"`
	Serial   string `yaml:"serial"`
	Name     string `yaml:"name"`
}

// Measure is one thing that is measured.
type Measure struct {
	// Of is plug (an object of an outlet), device (one object, with its instance) or
	// rows (a column of a table, whose rows are found by walking it).
	Of       string          `yaml:"of"`
	Object   string          `yaml:"object"`
	Quantity driver.Quantity `yaml:"quantity"`
	Scale    float64         `yaml:"scale"` // what one counts, in the quantity's unit; 1 if it is not there
	// Digits is an object that says how many decimal digits the value has.
	Digits string `yaml:"digits"`
	// Part names what it is of: "bank {row}", where {row} is the row's index.
	Part string `yaml:"part"`
	// Names is a column, of the same rows, with names to be used for {row}.
	Names string `yaml:"names"`
	// Signed says that a value below zero is one; else it means that there is none.
	Signed bool `yaml:"signed"`
	// Fahrenheit says that the value is in degrees of Fahrenheit, always or when the
	// object FahrenheitIf has the value FahrenheitValue.
	Fahrenheit      bool   `yaml:"fahrenheit"`
	FahrenheitIf    string `yaml:"fahrenheit-if"`
	FahrenheitValue Value  `yaml:"fahrenheit-value"`
}

// What a measure may be of.
const (
	OfPlug   = "plug"
	OfDevice = "device"
	OfRows   = "rows"
)

// Value is a value as an agent gives it: a number in decimal, or a text.
type Value string

// UnmarshalYAML takes a number as well as a text.
func (v *Value) UnmarshalYAML(text []byte) error {
	var any any
	if err := yaml.Unmarshal(text, &any); err != nil {
		return err
	}
	switch any.(type) {
	case string, int, int64, uint64:
		*v = Value(fmt.Sprint(any))
		return nil
	}
	return errors.New("want a whole number or a text")
}

// Values is a list of values; one alone needs no brackets.
type Values []Value

// UnmarshalYAML takes one value or a list.
func (v *Values) UnmarshalYAML(text []byte) error {
	var one Value
	if err := yaml.Unmarshal(text, &one); err == nil {
		*v = Values{one}
		return nil
	}
	var list []Value
	if err := yaml.Unmarshal(text, &list); err != nil {
		return errors.New("want a value or a list of values")
	}
	*v = list
	return nil
}

// Has says whether text is one of the values.
func (v Values) Has(text string) bool { return slices.Contains(v, Value(text)) }

// MaxSize is the most that a profile may have, in bytes.
const MaxSize = 64 << 10

// maxMeasures bounds what is asked of a device again and again.
const maxMeasures = 64

// Parse reads a profile and checks it.
func Parse(text []byte) (p *Profile, err error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("a profile has at most %d KiB", MaxSize>>10)
	}
	defer func() {
		if r := recover(); r != nil { // the YAML parser has known panics
			p, err = nil, fmt.Errorf("it is not YAML that can be read: %v", r)
		}
	}()
	p = &Profile{Index: DefaultIndex()}
	if err := yaml.UnmarshalWithOptions(text, p, yaml.Strict()); err != nil {
		return nil, errors.New(strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	return p, nil
}

// Check looks at what the form alone cannot say.
func (p *Profile) Check() error {
	if err := p.Index.check(); err != nil {
		return err
	}
	if p.State.Object == "" || len(p.State.On) == 0 || len(p.State.Off) == 0 {
		return errors.New("state: the object and its values for on and off are needed")
	}
	for _, v := range slices.Concat(p.State.Off, p.State.Moving) {
		if p.State.On.Has(string(v)) || p.State.Off.Has(string(v)) && p.State.Moving.Has(string(v)) {
			return fmt.Errorf("state: the value %s has two meanings", v)
		}
	}
	if (p.State.Pending == "") != (len(p.State.PendingValues) == 0) {
		return errors.New("state: pending and pending-values belong together")
	}
	switch p.Command.Type {
	case "", "integer", "gauge", "string":
	default:
		return fmt.Errorf("command: the type %q is none of integer, gauge, string", p.Command.Type)
	}
	for name, o := range map[string]*Order{"on": p.Command.On, "off": p.Command.Off, "cycle": p.Command.Cycle} {
		if err := p.Command.check(o); err != nil {
			return fmt.Errorf("command: %s: %w", name, err)
		}
	}
	if len(p.Measures) > maxMeasures {
		return fmt.Errorf("measures: more than %d", maxMeasures)
	}
	for i := range p.Measures {
		if err := p.Measures[i].check(); err != nil {
			return fmt.Errorf("measures: number %d: %w", i+1, err)
		}
	}
	if p.Temperature != nil {
		if err := p.Temperature.check(); err != nil || p.Temperature.Of != OfDevice {
			return errors.Join(errors.New("temperature: it must be of: device"), err)
		}
	}
	return p.checkObjects()
}

func (c *Command) check(o *Order) error {
	switch {
	case o == nil:
		return nil
	case o.Value == "":
		return errors.New("the value is missing")
	case o.Object == "" && c.Object == "":
		return errors.New("there is no object to write it to")
	}
	n, err := strconv.ParseInt(string(o.Value), 10, 32)
	switch {
	case c.Type == "string":
		return nil
	case err != nil, c.Type == "gauge" && n < 0:
		return fmt.Errorf("the value %q is no number of the type", o.Value)
	}
	return nil
}

func (m *Measure) check() error {
	if !slices.Contains([]string{OfPlug, OfDevice, OfRows}, m.Of) {
		return fmt.Errorf("of: %q is none of plug, device, rows", m.Of)
	}
	if m.Object == "" {
		return errors.New("the object is missing")
	}
	if m.Quantity.Unit() == "" && m.Quantity != driver.PowerFactor {
		return fmt.Errorf("nobody knows the quantity %q", m.Quantity)
	}
	if (m.Of == OfPlug) != (m.Part == "") && m.Of != OfDevice {
		return errors.New("part: rows need one, plugs have none")
	}
	if m.Scale == 0 {
		m.Scale = 1
	}
	return nil
}

// Verbs says what a device of this profile can do.
func (p *Profile) Verbs() (on, off, cycle, temp bool) {
	on, off = p.Command.On != nil, p.Command.Off != nil
	return on, off, p.Command.Cycle != nil || on && off, p.Temperature != nil
}
