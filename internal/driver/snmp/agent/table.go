package agent

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/snmp/profile"
)

// object is one object of the agent's tables.
type object struct {
	oid    string // with a dot before it
	arcs   []uint32
	kind   kind
	outlet int // which it is of; -1 for none
	text   string
	number int
	of     driver.Quantity // with scale, of measures
	scale  float64
	orders []order // what may be written to it
}

type order struct {
	value  string
	action action
}

type kind uint8

const (
	fixedText kind = iota
	fixedNumber
	objectID
	upTime
	stateOf
	pendingOf
	restOf
	measureOf
	orderOf // reads as nothing of interest
)

// build makes all objects of the profile.
func (a *Agent) build() error {
	p := a.cfg.Profile
	id := "1.3.6.1.4.1.8072.3.2.10"
	if len(p.ObjectIDs) > 0 {
		id = p.ObjectIDs[len(p.ObjectIDs)-1]
	}
	unit := profile.Place{Unit: p.Index.Unit}
	a.add(object{oid: ".1.3.6.1.2.1.1.1.0", text: "simulated " + p.Title, outlet: -1})
	a.add(object{oid: ".1.3.6.1.2.1.1.2.0", kind: objectID, text: "." + id, outlet: -1})
	a.add(object{oid: ".1.3.6.1.2.1.1.3.0", kind: upTime, outlet: -1})
	for i, o := range a.outlets {
		at, err := p.Index.Plug(o.name)
		if err != nil {
			return err
		}
		a.addOutlet(i, at)
	}
	for object, text := range map[string]string{
		p.Identity.Product: "Simulated " + p.Name, p.Identity.Firmware: "v1.2.3",
		p.Identity.Serial: "SIM" + strconv.Itoa(len(p.Name)), p.Identity.Name: "rack A",
	} {
		if object != "" {
			a.add(a.textAt(p.Fill(object, unit), text))
		}
	}
	if p.Count != "" {
		a.add(object{oid: p.Fill(p.Count, unit), kind: fixedNumber, number: len(a.outlets), outlet: -1})
	}
	if p.Temperature != nil {
		a.addMeasure(p.Temperature, p.Fill(p.Temperature.Object, unit), -1)
	}
	for i := range p.Measures {
		m := &p.Measures[i]
		switch m.Of {
		case profile.OfDevice:
			a.addMeasure(m, p.Fill(m.Object, unit), -1)
			a.addDigits(m, p.Fill(m.Digits, unit))
		case profile.OfRows:
			a.addRows(m, unit)
		}
	}
	if p.Probe != "" && !a.has(p.Fill(p.Probe, unit)) {
		a.add(a.textAt(p.Fill(p.Probe, unit), "Simulated"))
	}
	sort.SliceStable(a.objects, func(i, j int) bool { return slices.Compare(a.objects[i].arcs, a.objects[j].arcs) < 0 })
	a.objects = slices.CompactFunc(a.objects, func(x, y object) bool { return x.oid == y.oid })
	return nil
}

func (a *Agent) textAt(oid, text string) object { return object{oid: oid, text: text, outlet: -1} }

func (a *Agent) has(oid string) bool {
	return slices.ContainsFunc(a.objects, func(o object) bool { return o.oid == oid })
}

func (a *Agent) add(o object) {
	o.arcs = arcs(o.oid)
	a.objects = append(a.objects, o)
}

// addOutlet adds what there is of one outlet.
func (a *Agent) addOutlet(i int, at profile.Place) {
	p := a.cfg.Profile
	orders := make(map[string][]order)
	for _, x := range []struct {
		o      *profile.Order
		action action
	}{{p.Command.On, switchOn}, {p.Command.Off, switchOff}, {p.Command.Cycle, cycle}} {
		if x.o == nil {
			continue
		}
		to := x.o.Object
		if to == "" {
			to = p.Command.Object
		}
		oid := p.Of(to, at)
		orders[oid] = append(orders[oid], order{string(x.o.Value), x.action})
	}
	state := p.Of(p.State.Object, at)
	a.add(object{oid: state, kind: stateOf, outlet: i, orders: orders[state]})
	delete(orders, state)
	for oid, list := range orders {
		a.add(object{oid: oid, kind: orderOf, outlet: i, orders: list})
	}
	if p.State.Pending != "" {
		a.add(object{oid: p.Of(p.State.Pending, at), kind: pendingOf, outlet: i})
	}
	if p.Rest != "" {
		a.add(object{oid: p.Of(p.Rest, at), kind: restOf, outlet: i})
	}
	if p.Label != "" {
		a.add(a.textAt(p.Of(p.Label, at), "outlet "+a.outlets[i].name))
	}
	for n := range p.Measures {
		if m := &p.Measures[n]; m.Of == profile.OfPlug {
			a.addMeasure(m, p.Of(m.Object, at), i)
			if m.Digits != "" {
				a.addDigits(m, p.Of(m.Digits, at))
			}
		}
	}
}

// rows is how many rows the tables of what is not an outlet have.
const rows = 2

func (a *Agent) addRows(m *profile.Measure, unit profile.Place) {
	for n := range rows {
		index := "." + strconv.Itoa(n+1)
		a.addMeasure(m, a.cfg.Profile.Fill(m.Object, unit)+index, -1)
		if m.Digits != "" {
			a.addDigits(m, a.cfg.Profile.Fill(m.Digits, unit)+index)
		}
		if m.Names != "" {
			a.add(a.textAt(a.cfg.Profile.Fill(m.Names, unit)+index, fmt.Sprintf("R%d", n+1)))
		}
	}
}

// addMeasure adds a value, as the device counts it.
func (a *Agent) addMeasure(m *profile.Measure, oid string, outlet int) {
	scale := m.Scale
	if m.Digits != "" {
		scale *= math.Pow10(-digits(m.Quantity))
	}
	a.add(object{
		oid: oid, kind: measureOf, outlet: outlet, number: int(math.Round(Reading(m.Quantity) / scale)), of: m.Quantity, scale: scale,
	})
}

func (a *Agent) addDigits(m *profile.Measure, oid string) {
	if m.Digits != "" {
		a.add(object{oid: oid, kind: fixedNumber, number: digits(m.Quantity), outlet: -1})
	}
}

// digits is with how many decimal digits the agent counts.
func digits(q driver.Quantity) int {
	switch q {
	case driver.Current:
		return 3
	case driver.PowerFactor:
		return 2
	case driver.Frequency:
		return 1
	}
	return 0
}

// Reading is what every agent measures of a quantity, of an outlet while it is on.
func Reading(q driver.Quantity) float64 {
	return map[driver.Quantity]float64{
		driver.Current: 1.5, driver.Voltage: 230, driver.Power: 320, driver.ApparentPower: 340,
		driver.PowerFactor: 0.94, driver.Energy: 12300, driver.Frequency: 50, driver.Temperature: 31.5, driver.Humidity: 45,
	}[q]
}

// value reads an object.
func (a *Agent) value(o *object) gosnmp.SnmpPDU {
	v := gosnmp.SnmpPDU{Name: o.oid, Type: gosnmp.Integer, Value: o.number}
	var out *outlet
	if o.outlet >= 0 {
		out = a.look(o.outlet)
	}
	switch st := &a.cfg.Profile.State; o.kind {
	case fixedText:
		v.Type, v.Value = gosnmp.OctetString, a.fault.Echo+o.text
	case objectID:
		v.Type, v.Value = gosnmp.ObjectIdentifier, o.text
	case upTime:
		v.Type, v.Value = gosnmp.TimeTicks, uint32(time.Since(a.started)/(10*time.Millisecond))
	case stateOf:
		return typed(o.oid, a.state(out, st))
	case pendingOf:
		v.Value = unlike(st.PendingValues)
		if len(out.plan) > 0 {
			return typed(o.oid, st.PendingValues[0])
		}
	case restOf:
		v.Value = int(a.cfg.Rest / time.Second)
	case measureOf:
		if v.Type = gosnmp.Gauge32; out != nil {
			v.Value = a.measure(o, out)
		}
		v.Value = uint(v.Value.(int))
	}
	return v
}

// measure gives what is measured of an outlet. Outlets that are kept elsewhere may know
// what flows through them.
func (a *Agent) measure(o *object, out *outlet) int {
	meter, metered := a.cfg.Relays.(Meter)
	switch {
	case !out.on:
		return 0
	case !metered:
		return o.number
	}
	watts := meter.Watts(o.outlet)
	factor := Reading(driver.PowerFactor)
	switch o.of {
	case driver.Power:
	case driver.ApparentPower:
		watts /= factor
	case driver.Current:
		watts /= factor * Reading(driver.Voltage)
	default:
		return o.number
	}
	return int(math.Round(watts / o.scale))
}

// state gives the value that shows an outlet's state.
func (a *Agent) state(out *outlet, st *profile.State) profile.Value {
	switch {
	case len(out.plan) > 0 && len(st.Moving) > 0:
		return st.Moving[0]
	case out.on:
		return st.On[0]
	}
	return st.Off[0]
}

// unlike gives a number that is none of the values.
func unlike(values profile.Values) int {
	for n := 2; ; n++ {
		if !values.Has(strconv.Itoa(n)) {
			return n
		}
	}
}

// typed gives a value as a number if it is one.
func typed(oid string, v profile.Value) gosnmp.SnmpPDU {
	if n, err := strconv.Atoi(string(v)); err == nil {
		return gosnmp.SnmpPDU{Name: oid, Type: gosnmp.Integer, Value: n}
	}
	return gosnmp.SnmpPDU{Name: oid, Type: gosnmp.OctetString, Value: string(v)}
}

// find gives the place of an object, or where it would be.
func (a *Agent) find(oid string) (int, bool) {
	return slices.BinarySearchFunc(a.objects, arcs(oid), func(o object, want []uint32) int { return slices.Compare(o.arcs, want) })
}

// next gives the object after an OID; nil if there is none.
func (a *Agent) next(oid string) *object {
	at, found := a.find(oid)
	if found {
		at++
	}
	if at >= len(a.objects) {
		return nil
	}
	return &a.objects[at]
}

func arcs(oid string) []uint32 {
	var list []uint32
	for part := range strings.SplitSeq(strings.TrimPrefix(oid, "."), ".") {
		n, _ := strconv.ParseUint(part, 10, 32)
		list = append(list, uint32(n))
	}
	return list
}

// Objects gives all objects with their values now, in order, for other programs to
// serve.
func (a *Agent) Objects() []gosnmp.SnmpPDU {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]gosnmp.SnmpPDU, len(a.objects))
	for i := range a.objects {
		list[i] = a.value(&a.objects[i])
	}
	sort.Slice(list, func(i, j int) bool { return slices.Compare(arcs(list[i].Name), arcs(list[j].Name)) < 0 })
	return list
}

// Write obeys an order as a management station gives it: value to the object. It says
// what is wrong with it.
func (a *Agent) Write(oid, value string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, found := a.find(oid)
	if !found || len(a.objects[at].orders) == 0 {
		return fmt.Errorf("%s cannot be written", oid)
	}
	o := &a.objects[at]
	for _, x := range o.orders {
		if x.value == value && a.outlets[o.outlet].name != a.fault.Reject {
			return a.act(o.outlet, x.action)
		}
	}
	return fmt.Errorf("%s does not take %q", oid, value)
}
