package bmc

import (
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/dcmi"
	"millwright.dev/millwright/ipmi/sel"
)

// Bounds of DCMI's texts, in bytes.
const (
	maxAsset = 63
	maxName  = 63
	dcmiPart = 16
)

// dcmiState is what DCMI reads and sets.
type dcmiState struct {
	watts, lowest, highest uint16
	sum                    uint64 // of watts, for the average
	count                  uint64
	since                  time.Time

	limit     dcmi.Limit
	asset     string
	name      string // management controller identifier
	nameParts []byte
}

// SetWatts tells the machine what it draws.
func (m *Machine) SetWatts(w uint16) {
	m.mu.Lock()
	defer m.unlock()
	m.dcmi.draw(w)
}

func (d *dcmiState) draw(w uint16) {
	if d.count == 0 {
		d.lowest, d.highest, d.since = w, w, time.Now()
	}
	d.watts = w
	d.lowest, d.highest = min(d.lowest, w), max(d.highest, w)
	d.sum += uint64(w)
	d.count++
}

// dcmiRequest reads a request of DCMI's: all start with its group.
func dcmiRequest[T any](c *call, parse func([]byte) (T, error)) (T, error) {
	var none T
	if c.data[0] != dcmi.Group {
		return none, ipmi.CodeInvalidCommand
	}
	r, err := parse(c.data)
	if err != nil {
		return none, ipmi.CodeLength
	}
	return r, nil
}

// dcmiDone is the answer that says nothing.
func dcmiDone() []byte { return []byte{dcmi.Group} }

// dcmiCapabilities answers Get DCMI Capabilities Info (section 6.1): version 1.5, revision 2.
func dcmiCapabilities(c *call) ([]byte, error) {
	which, err := dcmiRequest(c, dcmi.ParseCapabilityQuery)
	if err != nil {
		return nil, err
	}
	a := dcmi.CapabilityAnswer{Major: 1, Minor: 5, Revision: 2}
	switch which {
	case 1: // identification, SEL, chassis power, temperature; power management; LAN and SOL
		a.Data = []byte{0x00, 0x01, 0x07}
	case 2: // the log's size and what else is mandatory
		a.Data = append(sel.Number(0x8000|min(c.m.cfg.Limits.SELSize, 0x0fff)).Append(nil), 0x00, 0x00, 0x0a)
	case 3: // power management: at the BMC's address and channel 0
		a.Data = []byte{bmcAddress, 0x00}
	case 4: // primary LAN channel, no secondary one, serial
		a.Data = []byte{lanChannel, 0xff, 0xff}
	case 5: // rolling average over one period of 5 seconds
		a.Data = []byte{0x01, 0x05}
	default:
		return nil, ipmi.CodeOutOfRange
	}
	return a.Append(nil), nil
}

// dcmiPower answers Get Power Reading (section 6.6.1).
func dcmiPower(c *call) ([]byte, error) {
	q, err := dcmiRequest(c, dcmi.ParsePowerQuery)
	if err != nil {
		return nil, err
	}
	if q.Mode != 1 && q.Mode != 2 {
		return nil, ipmi.CodeInvalidField
	}
	s := &c.m.dcmi
	if s.count == 0 {
		s.draw(s.watts)
	}
	return dcmi.Power{
		Now: s.watts, Min: s.lowest, Max: s.highest, Average: uint16(s.sum / s.count),
		At: c.m.now(), Over: max(time.Since(s.since), time.Millisecond), Active: true,
	}.Append(nil), nil
}

func dcmiGetLimit(c *call) ([]byte, error) {
	if c.data[0] != dcmi.Group {
		return nil, ipmi.CodeInvalidCommand
	}
	l := c.m.dcmi.limit
	if !l.Active {
		return l.Append(nil), ipmi.Code(0x80) // there is one, but it is not in force
	}
	return l.Append(nil), nil
}

func dcmiSetLimit(c *call) ([]byte, error) {
	l, err := dcmiRequest(c, dcmi.ParseLimitSetting)
	if err != nil {
		return nil, err
	}
	const outOfRange, badTime, badPeriod ipmi.Code = 0x84, 0x85, 0x89
	switch {
	case l.Watts == 0:
		return nil, outOfRange
	case l.Correction == 0:
		return nil, badTime
	case l.Sampling == 0:
		return nil, badPeriod
	}
	l.Active = c.m.dcmi.limit.Active
	c.m.dcmi.limit = l
	return dcmiDone(), nil
}

func dcmiActivate(c *call) ([]byte, error) {
	on, err := dcmiRequest(c, func(b []byte) (bool, error) {
		return len(b) > 1 && b[1]&1 != 0, ipmi.Short("activation", b, 2)
	})
	if err != nil {
		return nil, err
	}
	c.m.dcmi.limit.Active = on
	return dcmiDone(), nil
}

// part answers with a piece of a text: its whole length, then the bytes.
func (c *call) part(text string) ([]byte, error) {
	p, err := dcmiRequest(c, dcmi.ParseTextPiece)
	if err != nil {
		return nil, err
	}
	offset, count := int(p.Offset), int(p.Count)
	if count > dcmiPart || offset > len(text) {
		return nil, ipmi.CodeOutOfRange
	}
	return dcmi.TextAnswer{Total: uint8(len(text)), Data: []byte(text[offset:min(offset+count, len(text))])}.Append(nil), nil
}

func dcmiGetAsset(c *call) ([]byte, error) { return c.part(c.m.dcmi.asset) }

// The identifier's answers count its closing zero (section 6.4.6.1).
func dcmiGetName(c *call) ([]byte, error) { return c.part(c.m.dcmi.name + "\x00") }

// put writes a piece of a text over the old one; the text ends where it does.
func (c *call) put(old string, limit int) (text string, answer []byte, err error) {
	p, err := dcmiRequest(c, dcmi.ParseTextPiece)
	if err != nil {
		return "", nil, err
	}
	offset, count := int(p.Offset), int(p.Count)
	if count > dcmiPart || offset > len(old) || offset+count > limit {
		return "", nil, ipmi.CodeOutOfRange
	}
	if len(p.Data) < count {
		return "", nil, ipmi.CodeLength
	}
	text = old[:offset] + string(p.Data)
	return text, dcmi.TextAnswer{Total: uint8(len(text))}.Append(nil), nil
}

func dcmiSetAsset(c *call) ([]byte, error) {
	text, b, err := c.put(c.m.dcmi.asset, maxAsset)
	if err == nil {
		c.m.dcmi.asset = text
	}
	return b, err
}

// dcmiSetName collects pieces until the closing zero.
func dcmiSetName(c *call) ([]byte, error) {
	text, b, err := c.put(string(c.m.dcmi.nameParts), maxName+1)
	if err != nil {
		return nil, err
	}
	s := &c.m.dcmi
	s.nameParts = []byte(text)
	for i, x := range s.nameParts {
		if x == 0 {
			s.name, s.nameParts = text[:i], nil
			break
		}
	}
	return b, nil
}

// The entities of DCMI's temperatures: inlet, processor, baseboard (section 6.5.2).
func dcmiEntity(id byte) []byte {
	switch id {
	case 0x40, 0x37:
		return []byte{0x40, 0x37}
	case 0x41, 0x03:
		return []byte{0x41, 0x03}
	case 0x42, 0x07:
		return []byte{0x42, 0x07}
	}
	return nil
}

// temperatures lists the records of temperature sensors of an entity.
func (m *Machine) temperatures(entity byte) []*gauge {
	const temperature = 0x01
	var all []*gauge
	for i := range m.sensors {
		g := &m.sensors[i]
		at, ok := m.sdr.find(g.record)
		if !ok || g.kind != temperature {
			continue
		}
		for _, e := range dcmiEntity(entity) {
			if m.sdr.records[at][8] == e {
				all = append(all, g)
			}
		}
	}
	return all
}

// asked gives those temperature sensors that a query is for, at most eight, and how many there are.
func (c *call) asked() (some []*gauge, total uint8, err error) {
	q, err := dcmiRequest(c, dcmi.ParseSensorQuery)
	if err != nil {
		return nil, 0, err
	}
	all := c.m.temperatures(q.Entity)
	from := min(max(0, int(q.Start)-1), len(all))
	return all[from:min(from+8, len(all))], uint8(min(len(all), 255)), nil
}

// dcmiSensors answers Get DCMI Sensor Info (section 6.5.2.1).
func dcmiSensors(c *call) ([]byte, error) {
	some, total, err := c.asked()
	if err != nil {
		return nil, err
	}
	a := dcmi.SensorInfo{Total: total}
	for _, g := range some {
		a.Records = append(a.Records, g.record)
	}
	return a.Append(nil), nil
}

// dcmiTemperatures answers Get Temperature Readings (section 6.7.3), in degrees as
// the raw values are: records of such sensors are made with a factor of 1.
func dcmiTemperatures(c *call) ([]byte, error) {
	some, total, err := c.asked()
	if err != nil {
		return nil, err
	}
	a := dcmi.Temperatures{Total: total}
	for _, g := range some {
		a.Readings = append(a.Readings, dcmi.Temperature{Celsius: int8(g.raw & 0x7f), Instance: uint8(g.key & 0x7f)})
	}
	return a.Append(nil), nil
}
