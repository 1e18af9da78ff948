package bmc

import (
	"encoding/binary"
	"time"

	"millwright.dev/millwright/ipmi"
)

// dcmiGroup is the first byte of DCMI's requests and answers (DCMI 1.5, section 6).
const dcmiGroup = 0xdc

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

	limit     uint16
	action    byte
	correct   uint32 // milliseconds
	period    uint16 // seconds
	active    bool
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

// group checks that a request is DCMI's and gives what comes after its first byte.
func (c *call) group(n int) ([]byte, error) {
	if c.data[0] != dcmiGroup {
		return nil, ipmi.CodeInvalidCommand
	}
	if len(c.data)-1 < n {
		return nil, ipmi.CodeLength
	}
	return c.data[1:], nil
}

// dcmiCapabilities answers Get DCMI Capabilities Info (section 6.1): version 1.5, revision 2.
func dcmiCapabilities(c *call) ([]byte, error) {
	d, err := c.group(1)
	if err != nil {
		return nil, err
	}
	b := []byte{dcmiGroup, 1, 5, 2}
	switch d[0] {
	case 1: // identification, SEL, chassis power, temperature; power management; LAN and SOL
		return append(b, 0x00, 0x01, 0x07), nil
	case 2: // the log's size and what else is mandatory
		b = binary.LittleEndian.AppendUint16(b, 0x8000|uint16(min(c.m.cfg.Limits.SELSize, 0x0fff)))
		return append(b, 0x00, 0x00, 0x0a), nil
	case 3: // power management: at the BMC's address and channel 0
		return append(b, bmcAddress, 0x00), nil
	case 4: // primary LAN channel, no secondary one, serial
		return append(b, lanChannel, 0xff, 0xff), nil
	case 5: // rolling average over one period of 5 seconds
		return append(b, 0x01, 0x05), nil
	}
	return nil, ipmi.CodeOutOfRange
}

// dcmiPower answers Get Power Reading (section 6.6.1).
func dcmiPower(c *call) ([]byte, error) {
	d, err := c.group(3)
	if err != nil {
		return nil, err
	}
	if d[0] != 1 && d[0] != 2 {
		return nil, ipmi.CodeInvalidField
	}
	s := &c.m.dcmi
	if s.count == 0 {
		s.draw(s.watts)
	}
	b := []byte{dcmiGroup}
	for _, w := range []uint16{s.watts, s.lowest, s.highest, uint16(s.sum / s.count)} {
		b = binary.LittleEndian.AppendUint16(b, w)
	}
	b = stamp(c.m.now()).Append(b)
	period := uint32(min(max(time.Since(s.since).Milliseconds(), 1), 1<<31))
	return append(binary.LittleEndian.AppendUint32(b, period), 0x40), nil
}

func dcmiGetLimit(c *call) ([]byte, error) {
	if _, err := c.group(0); err != nil {
		return nil, err
	}
	s := &c.m.dcmi
	b := []byte{dcmiGroup, 0, 0, s.action}
	b = binary.LittleEndian.AppendUint16(b, s.limit)
	b = binary.LittleEndian.AppendUint32(b, s.correct)
	b = append(b, 0, 0)
	b = binary.LittleEndian.AppendUint16(b, s.period)
	if !s.active {
		return b, ipmi.Code(0x80) // there is one, but it is not in force
	}
	return b, nil
}

func dcmiSetLimit(c *call) ([]byte, error) {
	d, err := c.group(14)
	if err != nil {
		return nil, err
	}
	const outOfRange, badTime, badPeriod ipmi.Code = 0x84, 0x85, 0x89
	action, limit := d[3], binary.LittleEndian.Uint16(d[4:])
	correct, period := binary.LittleEndian.Uint32(d[6:]), binary.LittleEndian.Uint16(d[12:])
	switch {
	case limit == 0:
		return nil, outOfRange
	case correct == 0:
		return nil, badTime
	case period == 0:
		return nil, badPeriod
	}
	s := &c.m.dcmi
	s.action, s.limit, s.correct, s.period = action, limit, correct, period
	return []byte{dcmiGroup}, nil
}

func dcmiActivate(c *call) ([]byte, error) {
	d, err := c.group(1)
	if err != nil {
		return nil, err
	}
	c.m.dcmi.active = d[0]&1 != 0
	return []byte{dcmiGroup}, nil
}

// part answers with a piece of a text: its whole length, then the bytes.
func (c *call) part(text string) ([]byte, error) {
	d, err := c.group(2)
	if err != nil {
		return nil, err
	}
	offset, count := int(d[0]), int(d[1])
	if count > dcmiPart || offset > len(text) {
		return nil, ipmi.CodeOutOfRange
	}
	b := []byte{dcmiGroup, byte(len(text))}
	return append(b, text[offset:min(offset+count, len(text))]...), nil
}

func dcmiGetAsset(c *call) ([]byte, error) { return c.part(c.m.dcmi.asset) }

// The identifier's answers count its closing zero (section 6.4.6.1).
func dcmiGetName(c *call) ([]byte, error) { return c.part(c.m.dcmi.name + "\x00") }

// put writes a piece of a text over the old one; the text ends where it does.
func (c *call) put(old string, limit int) (text string, answer []byte, err error) {
	d, err := c.group(2)
	if err != nil {
		return "", nil, err
	}
	offset, count, data := int(d[0]), int(d[1]), d[2:]
	if count > dcmiPart || offset > len(old) || offset+count > limit {
		return "", nil, ipmi.CodeOutOfRange
	}
	if len(data) < count {
		return "", nil, ipmi.CodeLength
	}
	text = old[:offset] + string(data[:count])
	return text, []byte{dcmiGroup, byte(len(text))}, nil
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

// dcmiSensors answers Get DCMI Sensor Info (section 6.5.2.1).
func dcmiSensors(c *call) ([]byte, error) {
	d, err := c.group(4)
	if err != nil {
		return nil, err
	}
	all := c.m.temperatures(d[1])
	n := len(all)
	from := max(0, int(d[3])-1)
	all = all[min(from, n):]
	all = all[:min(len(all), 8)]
	b := []byte{dcmiGroup, byte(min(n, 255)), byte(len(all))}
	for _, g := range all {
		b = binary.LittleEndian.AppendUint16(b, g.record)
	}
	return b, nil
}

// dcmiTemperatures answers Get Temperature Readings (section 6.7.3), in degrees as
// the raw values are: records of such sensors are made with a factor of 1.
func dcmiTemperatures(c *call) ([]byte, error) {
	d, err := c.group(4)
	if err != nil {
		return nil, err
	}
	all := c.m.temperatures(d[1])
	n := len(all)
	from := max(0, int(d[3])-1)
	all = all[min(from, n):]
	all = all[:min(len(all), 8)]
	b := []byte{dcmiGroup, byte(min(n, 255)), byte(len(all))}
	for _, g := range all {
		b = append(b, g.raw&0x7f, byte(g.key&0x7f))
	}
	return b, nil
}
