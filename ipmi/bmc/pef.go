package bmc

import (
	"encoding/binary"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/lan"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/pef"
	"millwright.dev/millwright/ipmi/sel"
)

// How much there is of platform event filtering.
const (
	pefFilters  = 16
	pefPolicies = 16
	pefStrings  = 8
	pefBlocks   = 4 // of 16 bytes, in each string
)

func setEventReceiver(*call) ([]byte, error) { return nil, nil }

func getEventReceiver(*call) ([]byte, error) { return []byte{bmcAddress, 0}, nil }

// platformEvent logs an event that somebody else has noticed (section 29.3). By LAN it has 7
// bytes; some send the generator before them, as the system's own software does.
func platformEvent(c *call) ([]byte, error) {
	d := c.data
	generator := sel.Generator(0x41) // system management software
	if len(d) >= 8 {
		generator, d = sel.Generator(d[0]), d[1:]
	}
	e := sel.Event{
		Generator: generator, Revision: d[0], SensorType: event.SensorType(d[1]), Sensor: d[2],
		Type: event.ReadingType(d[3] & 0x7f), Deassert: d[3]&0x80 != 0, Data: [3]byte(d[4:7]),
	}
	if !c.m.logEvent(e) && c.m.enables.Has(mc.EnableSEL) {
		return nil, ipmi.CodeNoSpace
	}
	return nil, nil
}

// pefCapabilities says what filters can do (section 30.1): they alert, and switch nothing.
func pefCapabilities(*call) ([]byte, error) {
	return pef.Capabilities{Version: 0x51, Actions: pef.Alert, Filters: pefFilters}.Append(nil), nil
}

func pefPostpone(c *call) ([]byte, error) { return []byte{c.data[0]}, nil }

// pefRules are the PEF parameters (section 30.4, table 30-6).
func pefRules(p uint8) rule {
	switch p {
	case 0, 1, 2, 3, 4:
		return rule{size: 1}
	case 5, 8, 11:
		return rule{size: 1, readOnly: true}
	case 6:
		return rule{size: 20, selector: true, first: 1, count: pefFilters}
	case 7:
		return rule{size: 1, selector: true, first: 1, count: pefFilters}
	case 9:
		return rule{size: 3, selector: true, first: 1, count: pefPolicies}
	case 10:
		return rule{size: 17}
	case 12:
		return rule{size: 2, selector: true, count: pefStrings + 1}
	case 13:
		return rule{size: 17, selector: true, count: pefStrings + 1, any: true}
	}
	return rule{}
}

func setPEF(c *call) ([]byte, error) {
	p, data := c.data[0]&0x7f, c.data[1:]
	kept := &c.m.pef
	switch p {
	case 7: // the first byte of a filter
		if len(data) != 2 {
			return nil, ipmi.CodeLength
		}
		r := pefRules(7)
		if n := data[0] & r.mask(); n < r.first || int(n) >= int(r.first)+r.count {
			return nil, ipmi.CodeOutOfRange
		}
		f := append([]byte{data[0] & 0x7f}, make([]byte, 20)...)
		if old, ok := kept.at(6, data[0]&0x7f); ok {
			copy(f, old)
		}
		f[1] = data[1]
		kept.put(6, data[0]&0x7f, f)
		return nil, nil
	case 13: // a block of a string
		if len(data) < 3 || len(data) > 18 {
			return nil, ipmi.CodeLength
		}
		set, block := data[0]&0x7f, data[1]
		if set > pefStrings || block == 0 || block > pefBlocks {
			return nil, ipmi.CodeOutOfRange
		}
		kept.put(13, set*pefBlocks+block, append([]byte(nil), data[2:]...))
		return nil, nil
	}
	return nil, kept.set(pefRules, p, data)
}

func getPEF(c *call) ([]byte, error) {
	q, err := pef.ParseQuery(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	p := uint8(q.Param)
	if q.RevisionOnly || q.Param != pef.FilterData1 && q.Param != pef.Strings {
		return parameter(pefRules, c.m.pef, c.m.pefDefault, lan.Query{Param: p, Set: q.Set, Block: q.Block, RevisionOnly: q.RevisionOnly})
	}
	set := q.Set & 0x7f
	a := pef.Answer{Revision: paramRevision}
	if q.Param == pef.FilterData1 {
		if set == 0 || set > pefFilters {
			return nil, ipmi.CodeOutOfRange
		}
		a.Data = []byte{set, 0}
		if f, ok := c.m.pef.at(6, set); ok {
			a.Data[1] = f[1]
		}
		return a.Append(nil), nil
	}
	if set > pefStrings || q.Block == 0 || q.Block > pefBlocks {
		return nil, ipmi.CodeOutOfRange
	}
	var text [16]byte
	v, _ := c.m.pef.at(13, set*pefBlocks+q.Block)
	copy(text[:], v)
	a.Data = append([]byte{set, q.Block}, text[:]...)
	return a.Append(nil), nil
}

func (m *Machine) pefDefault(p, set byte) []byte {
	switch p {
	case 5:
		return []byte{pefFilters}
	case 8:
		return []byte{pefPolicies}
	case 9:
		return []byte{0, lanChannel << 4, 0}
	case 10:
		return m.cfg.GUID.Append([]byte{0})
	case 11:
		return []byte{pefStrings}
	case 12:
		return []byte{0, set}
	}
	return nil
}

// setLastEvent remembers up to where events were processed (section 30.5).
func setLastEvent(c *call) ([]byte, error) {
	which := 0
	if c.data[0]&1 != 0 {
		which = 1
	}
	c.m.sel.processed[which] = binary.LittleEndian.Uint16(c.data[1:])
	return nil, nil
}

func getLastEvent(c *call) ([]byte, error) {
	l := &c.m.sel
	a := pef.LastEvents{LastAdded: uint32(stamp(l.added)), LastRecord: sel.Last, BySoftware: l.processed[0], ByBMC: l.processed[1]}
	if n := len(l.records); n > 0 {
		a.LastRecord = recordID(&l.records[n-1])
	}
	return a.Append(nil), nil
}
