package bmc

import (
	"encoding/binary"
	"errors"
	"slices"
	"sort"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/sel"
)

// Types of records that name sensors (chapter 43).
const (
	recordFull    = 0x01
	recordCompact = 0x02
)

const (
	readingThreshold = 0x01
	bmcAddress       = 0x20
)

// gauge is what a machine remembers of a sensor. It is small, since a machine has
// many and a process many machines.
type gauge struct {
	key        uint16 // LUN and number
	record     uint16 // its record
	kind       uint8  // sensor type
	reading    uint8  // reading type
	raw        uint8
	known      bool // a value was set
	silent     bool // scanning is off
	quiet      bool // its events are off
	signed     bool // raw values are two's complement
	states     uint16
	thresholds [6]uint8 // LNC LC LNR UNC UC UNR
	readable   uint8
	settable   uint8
	hysteresis [2]uint8 // of rising and of falling values
	assert     uint16
	deassert   uint16
}

// Reading is a sensor's value as the machine measures it.
type Reading struct {
	Raw         uint8  // before the record's conversion
	States      uint16 // of discrete sensors: bit n is state n; thresholds are compared by the machine
	Unavailable bool
}

func key(lun, number uint8) uint16 { return uint16(lun&3)<<8 | uint16(number) }

// sensorsOf lists the sensors that records tell of, in order of their keys.
func sensorsOf(records [][]byte) []gauge {
	var all []gauge
	for _, r := range records {
		g, share, ok := gaugeOf(r)
		if !ok {
			continue
		}
		for range share {
			all = append(all, g)
			g.key++
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].key < all[j].key })
	return slices.Clip(slices.CompactFunc(all, func(a, b gauge) bool { return a.key == b.key }))
}

// gaugeOf reads what matters of a sensor record (sections 43.1 and 43.2), and how many
// sensors share it.
func gaugeOf(r []byte) (g gauge, share int, ok bool) {
	const compactSize, fullSize = 27, 48
	if len(r) <= sdrHeader || r[5] != bmcAddress || r[3] != recordFull && r[3] != recordCompact ||
		r[3] == recordFull && len(r) < fullSize || len(r) < compactSize {
		return gauge{}, 0, false
	}
	g = gauge{
		key: key(r[6], r[7]), record: sdrID(r), kind: r[12], reading: r[13],
		signed: r[20]>>6 == 2,
		assert: binary.LittleEndian.Uint16(r[14:]), deassert: binary.LittleEndian.Uint16(r[16:]),
	}
	if g.reading == readingThreshold {
		g.readable, g.settable = r[18]&0x3f, r[19]&0x3f
		g.assert &= 0x0fff
		g.deassert &= 0x0fff
	}
	if r[3] == recordCompact {
		share = max(1, int(r[23]&0x0f))
		g.hysteresis = [2]uint8{r[25], r[26]}
		return g, min(share, 256-int(r[7])), true
	}
	g.thresholds = [6]uint8{r[41], r[40], r[39], r[38], r[37], r[36]}
	g.hysteresis = [2]uint8{r[42], r[43]}
	if g.reading == readingThreshold {
		g.raw, g.known = r[31], r[30]&1 != 0 // the nominal reading, where it is given
	}
	return g, 1, true
}

// mergeGauges adds sensors that are new.
func mergeGauges(have, more []gauge) []gauge {
	all := slices.Concat(have, more)
	sort.SliceStable(all, func(i, j int) bool { return all[i].key < all[j].key })
	return slices.CompactFunc(all, func(a, b gauge) bool { return a.key == b.key })
}

// keepGauges gives those of now, with the values that they had.
func keepGauges(had, now []gauge) []gauge {
	for i := range now {
		if j, ok := slices.BinarySearchFunc(had, now[i].key, func(g gauge, k uint16) int { return int(g.key) - int(k) }); ok {
			now[i] = had[j]
		}
	}
	return now
}

func (m *Machine) gauge(lun, number uint8) (*gauge, bool) {
	i, ok := slices.BinarySearchFunc(m.sensors, key(lun, number), func(g gauge, k uint16) int { return int(g.key) - int(k) })
	if !ok {
		return nil, false
	}
	return &m.sensors[i], true
}

// SetReading gives a sensor a value, and logs the events that this makes. It is false
// when no record tells of the sensor.
func (m *Machine) SetReading(lun, number uint8, r Reading) bool {
	m.mu.Lock()
	defer m.unlock()
	g, ok := m.gauge(lun, number)
	if ok {
		m.measure(g, r)
	}
	return ok
}

// measure takes a value. Crossing a threshold, and a state that begins or ends, is logged as far as
// the record enables it (section 29.5 and 42).
func (m *Machine) measure(g *gauge, r Reading) {
	was, wasKnown := g.shown(), g.known
	g.known, g.raw = !r.Unavailable, r.Raw
	g.states = r.States & 0x7fff
	if !g.known || g.quiet {
		return
	}
	is := g.shown()
	if !wasKnown {
		was = 0
	}
	for bit := range 15 {
		on := is&(1<<bit) != 0
		if on == (was&(1<<bit) != 0) {
			continue
		}
		m.tell(g, uint8(bit), on)
	}
}

// tell logs one change of a sensor's state.
func (m *Machine) tell(g *gauge, bit uint8, on bool) {
	e := sel.Event{
		Generator: sel.Generator(0x20 | g.key>>8<<8), Sensor: uint8(g.key), SensorType: event.SensorType(g.kind),
		Type: event.ReadingType(g.reading), Deassert: !on, Data: [3]byte{bit, 0xff, 0xff},
	}
	offset := bit
	if g.reading == readingThreshold {
		if bit >= 6 {
			return
		}
		offset = [6]uint8{0, 2, 4, 7, 9, 11}[bit] // going low below, going high above
		e.Data = [3]byte{0x50 | offset, g.raw, g.thresholds[bit]}
	}
	if mask := g.mask(on); mask&(1<<offset) != 0 {
		m.logEvent(e)
	}
}

func (g *gauge) mask(assert bool) uint16 {
	if assert {
		return g.assert
	}
	return g.deassert
}

// shown is which thresholds are passed, or which states are on (section 35.14).
func (g *gauge) shown() uint16 {
	if g.reading != readingThreshold {
		return g.states
	}
	var states uint16
	for i, limit := range g.thresholds {
		if g.readable&(1<<i) == 0 {
			continue
		}
		below := i < 3
		if below && g.compare(limit) <= 0 || !below && g.compare(limit) >= 0 {
			states |= 1 << i
		}
	}
	return states
}

func (g *gauge) compare(limit uint8) int {
	if g.signed {
		return int(int8(g.raw)) - int(int8(limit))
	}
	return int(g.raw) - int(limit)
}

func (c *call) gauge() (*gauge, error) {
	g, ok := c.m.gauge(c.req.LUN, c.data[0])
	if !ok {
		return nil, ipmi.CodeNotPresent
	}
	return g, nil
}

func sensorReading(c *call) ([]byte, error) {
	var now Reading
	err := ErrUnchanged
	if h, ok := c.m.host.(Sensing); ok {
		if now, err = h.Sense(c.ctx, c.req.LUN, c.data[0]); err != nil && !errors.Is(err, ErrUnchanged) {
			return nil, err
		}
	}
	c.m.mu.Lock()
	defer c.m.unlock()
	g, missing := c.gauge()
	if missing != nil {
		return nil, missing
	}
	if err == nil {
		c.m.measure(g, now)
	}
	return g.answer(), nil
}

func (g *gauge) answer() []byte {
	flags := byte(0xc0) // events and scanning are on
	if g.quiet {
		flags &^= 0x80
	}
	if g.silent {
		flags &^= 0x40
	}
	if !g.known || g.silent {
		return []byte{0, flags | 0x20, 0, 0x80}
	}
	states := g.shown()
	if g.reading == readingThreshold {
		return []byte{g.raw, flags, byte(states) | 0xc0}
	}
	return []byte{g.raw, flags, byte(states), byte(states>>8) | 0x80}
}

func readingFactors(c *call) ([]byte, error) {
	g, err := c.gauge()
	if err != nil {
		return nil, err
	}
	i, ok := c.m.sdr.find(g.record)
	if !ok || c.m.sdr.records[i][3] != recordFull {
		return nil, ipmi.CodeIllegal
	}
	return append([]byte{0xff}, c.m.sdr.records[i][24:30]...), nil
}

func getHysteresis(c *call) ([]byte, error) {
	g, err := c.gauge()
	if err != nil {
		return nil, err
	}
	if g.reading != readingThreshold {
		return nil, ipmi.CodeIllegal
	}
	return []byte{g.hysteresis[0], g.hysteresis[1]}, nil
}

func setHysteresis(c *call) ([]byte, error) {
	g, err := c.gauge()
	if err != nil {
		return nil, err
	}
	if g.reading != readingThreshold {
		return nil, ipmi.CodeIllegal
	}
	g.hysteresis = [2]uint8{c.data[2], c.data[3]}
	return nil, nil
}

func getThresholds(c *call) ([]byte, error) {
	g, err := c.gauge()
	if err != nil {
		return nil, err
	}
	if g.reading != readingThreshold {
		return nil, ipmi.CodeIllegal
	}
	return append([]byte{g.readable}, g.thresholds[:]...), nil
}

func setThresholds(c *call) ([]byte, error) {
	g, err := c.gauge()
	if err != nil {
		return nil, err
	}
	which := c.data[1] & 0x3f
	if g.reading != readingThreshold || which&^g.settable != 0 {
		return nil, ipmi.CodeIllegal
	}
	before := g.shown()
	for i := range g.thresholds {
		if which&(1<<i) != 0 {
			g.thresholds[i] = c.data[2+i]
		}
	}
	if !g.known || g.quiet {
		return nil, nil
	}
	for bit := range 6 {
		if now := g.shown(); (now^before)&(1<<bit) != 0 {
			c.m.tell(g, uint8(bit), now&(1<<bit) != 0)
		}
	}
	return nil, nil
}

func getEventEnable(c *call) ([]byte, error) {
	g, err := c.gauge()
	if err != nil {
		return nil, err
	}
	flags := g.answer()[1] & 0xc0
	b := binary.LittleEndian.AppendUint16([]byte{flags}, g.assert)
	return binary.LittleEndian.AppendUint16(b, g.deassert), nil
}

// setEventEnable switches all events of a sensor, its scanning, and chosen events (section 35.10).
func setEventEnable(c *call) ([]byte, error) {
	g, err := c.gauge()
	if err != nil {
		return nil, err
	}
	flags := c.data[1]
	g.quiet, g.silent = flags&0x80 == 0, flags&0x40 == 0
	var masks [4]byte
	copy(masks[:], c.data[2:])
	assert, deassert := binary.LittleEndian.Uint16(masks[:]), binary.LittleEndian.Uint16(masks[2:])
	switch flags >> 4 & 3 {
	case 1:
		g.assert |= assert
		g.deassert |= deassert
	case 2:
		g.assert &^= assert
		g.deassert &^= deassert
	}
	return nil, nil
}

func rearm(c *call) ([]byte, error) {
	_, err := c.gauge()
	return nil, err
}

func eventStatus(c *call) ([]byte, error) {
	g, err := c.gauge()
	if err != nil {
		return nil, err
	}
	a := g.answer()
	states := g.shown()
	if !g.known {
		states = 0
	}
	if g.reading == readingThreshold {
		var crossed uint16
		for i, offset := range [6]uint8{0, 2, 4, 7, 9, 11} {
			crossed |= states >> i & 1 << offset
		}
		states = crossed
	}
	b := binary.LittleEndian.AppendUint16([]byte{a[1] & 0xe0}, states&g.assert)
	return append(b, 0, 0), nil
}

func sensorType(c *call) ([]byte, error) {
	g, err := c.gauge()
	if err != nil {
		return nil, err
	}
	return []byte{g.kind, g.reading}, nil
}

// setSensorReading lets a client give a sensor its value (section 35.17): bits 0 and 1 of
// the operation say whether the reading is taken.
func setSensorReading(c *call) ([]byte, error) {
	g, err := c.gauge()
	if err != nil {
		return nil, err
	}
	r := Reading{Raw: g.raw, States: g.states}
	if c.data[1]&3 == 1 {
		if len(c.data) < 3 {
			return nil, ipmi.CodeLength
		}
		r.Raw = c.data[2]
	}
	if c.data[1]>>4&3 != 0 && len(c.data) >= 5 {
		r.States = binary.LittleEndian.Uint16(c.data[3:])
	}
	c.m.measure(g, r)
	return nil, nil
}
