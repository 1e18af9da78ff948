package series

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Quantity is what was measured. Each has one unit; those that devices measure have
// the names that drivers give them.
type Quantity string

// The quantities.
const (
	Current       Quantity = "current"
	Voltage       Quantity = "voltage"
	Power         Quantity = "power"
	ApparentPower Quantity = "apparent_power"
	PowerFactor   Quantity = "power_factor"
	Energy        Quantity = "energy" // a counter
	Frequency     Quantity = "frequency"
	Temperature   Quantity = "temperature"
	Humidity      Quantity = "humidity"
	Speed         Quantity = "speed"   // of a fan
	CPU           Quantity = "cpu"     // of a node
	Latency       Quantity = "latency" // of a check
	Charge        Quantity = "charge"  // of a UPS's battery
	Runtime       Quantity = "runtime" // that a UPS has left
	Load          Quantity = "load"    // of a UPS
)

// trait is what there is to know of a quantity.
type trait struct {
	unit    string
	metric  string // its name in Prometheus' habit
	adds    bool   // two of them side by side add up
	counter bool   // it only grows, until it is reset
	help    string
}

// traits are those of the known quantities; others have no unit and do not add up.
func (q Quantity) traits() trait {
	switch q {
	case Current:
		return trait{unit: "A", metric: "millwright_current_amperes", adds: true, help: "Current."}
	case Voltage:
		return trait{unit: "V", metric: "millwright_voltage_volts", help: "Voltage."}
	case Power:
		return trait{unit: "W", metric: "millwright_power_watts", adds: true, help: "Power drawn."}
	case ApparentPower:
		return trait{unit: "VA", metric: "millwright_apparent_power_voltamperes", adds: true, help: "Apparent power."}
	case PowerFactor:
		return trait{metric: "millwright_power_factor", help: "Power factor."}
	case Energy:
		return trait{unit: "Wh", metric: "millwright_energy_watthours_total", adds: true, counter: true, help: "Energy, as counted by the device."}
	case Frequency:
		return trait{unit: "Hz", metric: "millwright_frequency_hertz", help: "Frequency of the mains."}
	case Temperature:
		return trait{unit: "°C", metric: "millwright_temperature_celsius", help: "Temperature."}
	case Humidity:
		return trait{unit: "%", metric: "millwright_humidity_percent", help: "Relative humidity."}
	case Speed:
		return trait{unit: "rpm", metric: "millwright_fan_speed_rpm", help: "Speed of a fan."}
	case CPU:
		return trait{unit: "%", metric: "millwright_cpu_percent", help: "Processor time used."}
	case Latency:
		return trait{unit: "s", metric: "millwright_check_latency_seconds", help: "How long a check took."}
	case Charge:
		return trait{unit: "%", metric: "millwright_ups_charge_percent", help: "Charge of a UPS."}
	case Runtime:
		return trait{unit: "s", metric: "millwright_ups_runtime_seconds", help: "How long a UPS can go on by itself."}
	case Load:
		return trait{unit: "%", metric: "millwright_ups_load_percent", help: "Load of a UPS."}
	}
	return trait{}
}

// Unit gives the unit of the quantity's values as people write it; empty for a plain
// number.
func (q Quantity) Unit() string { return q.traits().unit }

// Metric gives the name under which Prometheus knows the quantity.
func (q Quantity) Metric() string {
	if name := q.traits().metric; name != "" {
		return name
	}
	plain := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}
	return "millwright_sample_" + strings.Map(plain, strings.ToLower(string(q)))
}

// Key says what a series is of: one quantity, and labels, of which those that say
// nothing are empty.
type Key struct {
	Node, Device, Plug, Feed, UPS, Check string

	Part     string // of the device or node: "bank 1", "inlet", a sensor
	Quantity Quantity
}

// Label is the name of one of a key's labels.
type Label string

// The labels.
const (
	LabelNode     Label = "node"
	LabelDevice   Label = "device"
	LabelPlug     Label = "plug"
	LabelFeed     Label = "feed"
	LabelUPS      Label = "ups"
	LabelCheck    Label = "check"
	LabelPart     Label = "part"
	LabelQuantity Label = "quantity"
)

// Labels are all labels, in the order in which keys are written and sorted.
func Labels() []Label {
	return []Label{LabelNode, LabelDevice, LabelPlug, LabelFeed, LabelUPS, LabelCheck, LabelPart, LabelQuantity}
}

// maxLabel bounds the length of a label's value, in bytes.
const maxLabel = 256

// Get gives the value of a label; empty if it has none.
func (k Key) Get(l Label) string {
	if p := k.at(l); p != nil {
		return *p
	}
	if l == LabelQuantity {
		return string(k.Quantity)
	}
	return ""
}

// at gives the place of a label, nil for the quantity and what is no label.
func (k *Key) at(l Label) *string {
	switch l {
	case LabelNode:
		return &k.Node
	case LabelDevice:
		return &k.Device
	case LabelPlug:
		return &k.Plug
	case LabelFeed:
		return &k.Feed
	case LabelUPS:
		return &k.UPS
	case LabelCheck:
		return &k.Check
	case LabelPart:
		return &k.Part
	}
	return nil
}

func (k *Key) set(l Label, value string) error {
	if l == LabelQuantity {
		k.Quantity = Quantity(value)
		return nil
	}
	p := k.at(l)
	if p == nil {
		return fmt.Errorf("there is no label %q", l)
	}
	*p = value
	return nil
}

// Map gives the labels that have a value, the quantity among them.
func (k Key) Map() map[Label]string {
	m := make(map[Label]string, 4)
	for _, l := range Labels() {
		if v := k.Get(l); v != "" {
			m[l] = v
		}
	}
	return m
}

// String gives the labels as "node=web1 quantity=power".
func (k Key) String() string { return strings.ReplaceAll(k.text(), "\n", " ") }

// Compare orders keys by their labels.
func (k Key) Compare(other Key) int {
	for _, l := range Labels() {
		if c := cmp.Compare(k.Get(l), other.Get(l)); c != 0 {
			return c
		}
	}
	return 0
}

// check says what is wrong with a key that cannot be kept.
func (k Key) check() error {
	if k.Quantity == "" {
		return errors.New("a sample says of what quantity it is")
	}
	for _, l := range Labels() {
		v := k.Get(l)
		switch {
		case len(v) > maxLabel:
			return fmt.Errorf("label %s is longer than %d bytes", l, maxLabel)
		case !utf8.ValidString(v), strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return fmt.Errorf("label %s has characters that cannot be printed", l)
		}
	}
	return nil
}

// text is the key as it is stored: a line for each label that has a value.
func (k Key) text() string {
	var b strings.Builder
	for _, l := range Labels() {
		if v := k.Get(l); v != "" {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(string(l) + "=" + v)
		}
	}
	return b.String()
}

func parseKey(text string) (k Key, err error) {
	for line := range strings.SplitSeq(text, "\n") {
		label, value, found := strings.Cut(line, "=")
		if !found {
			return Key{}, fmt.Errorf("%q is no label", line)
		}
		if err := k.set(Label(label), value); err != nil {
			return Key{}, err
		}
	}
	return k, k.check()
}

// Matcher chooses series: for each label that it has, the values that are wanted; ""
// among them means series without the label. A nil Matcher chooses all.
type Matcher map[Label][]string

// Match says whether a key is chosen.
func (m Matcher) Match(k Key) bool {
	for l, wanted := range m {
		if !slices.Contains(wanted, k.Get(l)) {
			return false
		}
	}
	return true
}

// prepared is a Matcher that is quick when there are many wanted values.
type prepared []struct {
	label  Label
	wanted map[string]bool
}

func (m Matcher) prepare() prepared {
	var p prepared
	for _, l := range Labels() {
		values, has := m[l]
		if !has {
			continue
		}
		wanted := make(map[string]bool, len(values))
		for _, v := range values {
			wanted[v] = true
		}
		p = append(p, struct {
			label  Label
			wanted map[string]bool
		}{l, wanted})
	}
	return p
}

func (p prepared) match(k *Key) bool {
	for i := range p {
		if !p[i].wanted[k.Get(p[i].label)] {
			return false
		}
	}
	return true
}
