package ipmidoor

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/door/machine"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/field"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/sdr"
)

// Numbers of sensors. Those above are of what is measured.
const (
	powerSensor uint8 = 1 + iota // whether the node has power
	logSensor                    // what the machine says in its own log
	firstGauge
)

const (
	controller = 0x20 // the BMC's own address
	maxGauges  = 200
	// measuredFor is how long values count as new.
	measuredFor = 5 * time.Second
	// nameLength is what a sensor record has for its name (section 43.1).
	nameLength = 16
)

// gauges are the sensors of what is measured of a node.
type gauges struct {
	at    time.Time // of the last attempt
	list  []gauge   // by number, from firstGauge
	watts float64
	draws bool // watts was measured
}

// gauge is a sensor whose values are whole numbers of a step.
type gauge struct {
	name     string
	quantity driver.Quantity
	mantissa int16 // the step is mantissa · 10^exponent
	exponent int8
	value    float64
	known    bool
}

func (g *gauge) step() float64 { return float64(g.mantissa) * math.Pow10(int(g.exponent)) }

func (g *gauge) signed() bool { return g.quantity == driver.Temperature }

// span is how many steps a value can be from zero.
func (g *gauge) span() float64 {
	if g.signed() {
		return math.MaxInt8
	}
	return math.MaxUint8
}

// scale chooses the step: the finest with room for twice the value, and for what is
// usual, so that it seldom has to be chosen anew.
func (g *gauge) scale() {
	usual := map[driver.Quantity]float64{
		driver.Current: 25, driver.Voltage: 255, driver.Power: 510, driver.ApparentPower: 510, driver.PowerFactor: 2,
		driver.Frequency: 100, driver.Temperature: 63, driver.Humidity: 100, driver.Speed: 25000,
	}[g.quantity]
	want := max(usual, 2*math.Abs(g.value))
	for g.exponent = -2; g.exponent < 7; g.exponent++ {
		for _, g.mantissa = range [...]int16{1, 2, 5} {
			if g.step()*g.span() >= want {
				return
			}
		}
	}
}

func (g *gauge) fits() bool { return math.Abs(g.value) <= g.step()*g.span() && g.mantissa != 0 }

func (g *gauge) reading() bmc.Reading {
	raw := math.Round(g.value / g.step())
	if !g.known || !g.signed() && raw < 0 || math.IsNaN(raw) {
		return bmc.Reading{Unavailable: true}
	}
	if g.signed() {
		return bmc.Reading{Raw: uint8(int8(min(max(raw, math.MinInt8), math.MaxInt8)))}
	}
	return bmc.Reading{Raw: uint8(min(raw, math.MaxUint8))}
}

// kind gives a quantity as IPMI has it (tables 42-3 and 43-15); false for those that a
// sensor of one byte cannot show.
func kind(q driver.Quantity) (t event.SensorType, u event.Units, ok bool) {
	switch q {
	case driver.Current:
		return event.Current, event.Units{Base: event.Amperes}, true
	case driver.Voltage:
		return 0x02, event.Units{Base: event.Volts}, true
	case driver.Power:
		return event.OtherUnits, event.Units{Base: event.Watts}, true
	case driver.ApparentPower:
		return event.OtherUnits, event.Units{Base: event.VoltAmperes}, true
	case driver.PowerFactor:
		return event.OtherUnits, event.Units{}, true
	case driver.Frequency:
		return event.OtherUnits, event.Units{Base: event.Hertz}, true
	case driver.Temperature:
		return event.Temperature, event.Units{Base: event.Celsius}, true
	case driver.Humidity:
		return event.OtherUnits, event.Units{Percent: true}, true
	case driver.Speed:
		return 0x04, event.Units{Base: event.RPM}, true
	case driver.Energy:
	}
	return 0, event.Units{}, false
}

// records are the sensor records of the node; the lock is held, or nobody knows the node yet.
func (n *node) records() [][]byte {
	list := [][]byte{
		(&sdr.FRU{ID: 1, Access: controller, Device: 0, Logical: true, Kind: 0x10, Entity: sdr.Entity{Kind: event.EntitySystemBoard, Instance: 1}, Name: cut(n.name)}).Append(nil),
		state(2, powerSensor, event.PowerUnit, 0x6f, "Power state").Append(nil),
		state(3, logSensor, 0x12, 0x07, "Machine log").Append(nil),
	}
	for i := range n.gauges.list {
		list = append(list, n.gauges.list[i].record(uint8(i)).Append(nil))
	}
	return list
}

func state(id sdr.ID, number uint8, t event.SensorType, r event.ReadingType, name string) *sdr.Compact {
	return &sdr.Compact{ID: id, Common: sdr.Common{
		Key: sdr.Key{Owner: controller, Number: number}, Entity: sdr.Entity{Kind: event.EntitySystemBoard, Instance: 1},
		Init: 0x40, Capabilities: sdr.Capabilities{AutoRearm: true, Events: 3}, Type: t, Reading: r, Masks: sdr.Masks{Reading: 0x0f}, Format: sdr.NonNumeric,
	}, Name: name}
}

func (g *gauge) record(i uint8) *sdr.Full {
	t, units, _ := kind(g.quantity)
	r := &sdr.Full{
		ID: sdr.ID(firstGauge) + 1 + sdr.ID(i), Common: sdr.Common{
			Key: sdr.Key{Owner: controller, Number: firstGauge + i}, Entity: sdr.Entity{Kind: event.EntitySystemBoard, Instance: 1},
			Init: 0x40, Capabilities: sdr.Capabilities{AutoRearm: true, Events: 3}, Type: t, Reading: 0x01, Units: units,
		},
		Factors: sdr.Factors{M: g.mantissa, RExp: g.exponent}, Max: math.MaxUint8, Name: g.name,
	}
	if g.signed() {
		r.Format, r.Max, r.Min = sdr.TwosComplement, math.MaxInt8, 0x80
	}
	return r
}

// measure has the node measured, unless that was done just now. What cannot be had shows as
// sensors without a value.
func (n *node) measure(ctx context.Context, who bmc.Caller) {
	actor, v, _, err := n.see(who)
	if err != nil {
		return
	}
	n.mu.Lock()
	fresh := time.Since(n.gauges.at) < measuredFor
	n.gauges.at = time.Now()
	n.mu.Unlock()
	if fresh || !n.door.known.Abilities(ctx, n.door.opts.Desk, actor, v.Room, n.name).Meter {
		return
	}
	const most = 3 * time.Second
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	list, err := machine.Readings(ctx, n.door.opts.Desk, actor, n.name)
	if err != nil {
		n.door.opts.Log.Debug("a node could not be measured", "node", n.name, "why", err)
	}
	n.mu.Lock()
	n.gauges.take(list)
	records, watts := n.records(), n.gauges.watts
	n.mu.Unlock()
	if err := n.machine.SetSDR(records); err != nil {
		n.door.opts.Log.Error("the sensors of a node cannot be shown", "node", n.name, "why", err)
	}
	n.machine.SetWatts(uint16(min(max(watts, 0), math.MaxUint16)))
}

// take puts new values in. Sensors stay though their values are missing.
func (s *gauges) take(list []machine.Reading) {
	for i := range s.list {
		s.list[i].known = false
	}
	s.watts, s.draws = 0, false
	names := make(map[string]bool)
	for i := range list {
		r := &list[i]
		if _, _, ok := kind(r.Quantity); !ok {
			continue
		}
		if r.Quantity == driver.Power {
			s.watts, s.draws = s.watts+r.Value, true
		}
		name := title(r, list)
		for k := 2; names[name]; k++ {
			tail := strconv.Itoa(k)
			name = name[:min(len(name), nameLength-len(tail)-1)] + " " + tail
		}
		names[name] = true
		at := slices.IndexFunc(s.list, func(g gauge) bool { return g.name == name && g.quantity == r.Quantity })
		if at < 0 {
			if len(s.list) == maxGauges {
				continue
			}
			at = len(s.list)
			s.list = append(s.list, gauge{name: name, quantity: r.Quantity})
		}
		g := &s.list[at]
		g.value, g.known = r.Value, true
		if !g.fits() {
			g.scale()
		}
	}
}

// title names a sensor, as far as it takes to tell it from the others.
func title(r *machine.Reading, all []machine.Reading) string {
	name := map[driver.Quantity]string{driver.ApparentPower: "VA", driver.PowerFactor: "PF", driver.Temperature: "Temp", driver.Speed: "Fan"}[r.Quantity]
	if name == "" {
		q := string(r.Quantity)
		name = string(q[0]-'a'+'A') + q[1:]
	}
	if r.Whole && r.Part != "" {
		name += " " + r.Part
	}
	if slices.ContainsFunc(all, func(o machine.Reading) bool { return o.Device != r.Device }) {
		name += " " + r.Device
	}
	return cut(name)
}

// cut makes a text one that a record's name has room for, in plain characters.
func cut(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b[:min(len(b), nameLength)])
}

// Sense implements [bmc.Sensing].
func (n *node) Sense(ctx context.Context, lun, number uint8) (bmc.Reading, error) {
	switch {
	case lun != 0 || number == logSensor:
		return bmc.Reading{}, bmc.ErrUnchanged
	case number == powerSensor:
		on, err := n.Powered(ctx)
		if err != nil {
			return bmc.Reading{Unavailable: true}, nil //nolint:nilerr // it is shown as a sensor without a value
		}
		return bmc.Reading{States: map[bool]uint16{false: 1}[on]}, nil // state 0 is off
	}
	n.measure(ctx, bmc.CallerOf(ctx))
	n.mu.Lock()
	defer n.mu.Unlock()
	if number < firstGauge || int(number-firstGauge) >= len(n.gauges.list) {
		return bmc.Reading{}, ipmi.CodeNotPresent
	}
	return n.gauges.list[number-firstGauge].reading(), nil
}

// inventory is what a node has to say of itself: its name, and the room's.
func inventory(name, node string) []byte {
	text := func(s string) field.FRU {
		f, err := field.NewFRU(0, s[:min(len(s), 63)])
		if err != nil {
			f, _ = field.NewFRU(0, cut(s))
		}
		return f
	}
	image, err := fru.Inventory{
		Board:   &fru.Board{Manufacturer: text("Millwright"), Product: text("Node of a room"), Serial: text(node), Part: text("")},
		Product: &fru.Product{Manufacturer: text("Millwright"), Name: text(node), Part: text(""), Version: text(""), Serial: text(""), Asset: text(cmp.Or(name, "room"))},
	}.Append(nil)
	if err != nil {
		return nil
	}
	return image
}

var (
	_ bmc.Host       = (*node)(nil)
	_ bmc.Booter     = (*node)(nil)
	_ bmc.Identifier = (*node)(nil)
	_ bmc.Consoler   = (*node)(nil)
	_ bmc.Sensing    = (*node)(nil)
	_ bmc.Extender   = (*node)(nil)
)
