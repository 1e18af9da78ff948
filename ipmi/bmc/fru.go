package bmc

import (
	"maps"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/fru"
)

// inventory is the data of the field replaceable units (chapter 34). The areas are shared
// with the other machines of a configuration until something is written.
type inventory struct {
	areas map[uint8][]byte
	own   bool
}

// SetFRU puts an inventory area in place, or with nil takes it away.
func (m *Machine) SetFRU(device uint8, area []byte) {
	m.mu.Lock()
	defer m.unlock()
	m.fru.unshare()
	if area == nil {
		delete(m.fru.areas, device)
		return
	}
	m.fru.areas[device] = area[:min(len(area), 0xffff)]
}

func (f *inventory) unshare() {
	if f.own {
		return
	}
	f.areas, f.own = maps.Clone(f.areas), true
	if f.areas == nil {
		f.areas = make(map[uint8][]byte)
	}
}

func fruInfo(c *call) ([]byte, error) {
	area, ok := c.m.fru.areas[c.data[0]]
	if !ok {
		return nil, ipmi.CodeNotPresent
	}
	if f := c.m.cfg.Faults; f != nil && f.EmptyFRU {
		area = nil
	}
	return fru.Info{Size: uint16(len(area))}.Append(nil), nil
}

// maxFRU is how much is read at a time, so that the answer fits where IPMI 1.5 has
// one byte for its length.
const maxFRU = 224

func fruRead(c *call) ([]byte, error) {
	r, err := fru.ParseReadRequest(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	area, ok := c.m.fru.areas[r.Device]
	if !ok {
		return nil, ipmi.CodeNotPresent
	}
	if code, bad := c.m.tooMuch(int(r.Count)); bad {
		return nil, code
	}
	if int(r.Offset) >= len(area) {
		return nil, ipmi.CodeOutOfRange
	}
	data := area[r.Offset:min(len(area), int(r.Offset)+int(min(r.Count, maxFRU)))]
	return fru.ReadAnswer{Count: uint8(len(data)), Data: data}.Append(nil), nil
}

func fruWrite(c *call) ([]byte, error) {
	w, err := fru.ParseWriteRequest(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	area, ok := c.m.fru.areas[w.Device]
	if !ok {
		return nil, ipmi.CodeNotPresent
	}
	if int(w.Offset)+len(w.Data) > len(area) {
		return nil, ipmi.CodeOutOfRange
	}
	c.m.fru.unshare()
	area = append([]byte(nil), area...)
	copy(area[w.Offset:], w.Data)
	c.m.fru.areas[w.Device] = area
	return fru.WriteAnswer(len(w.Data)).Append(nil), nil
}

// tooMuch is a machine that cannot send as much at a time as was asked for.
func (m *Machine) tooMuch(n int) (ipmi.Code, bool) {
	f := m.cfg.Faults
	if f == nil || f.MaxRead == 0 || n <= f.MaxRead {
		return 0, false
	}
	if f.ReadCode == 0 {
		return ipmi.CodeTooManyBytes, true
	}
	return f.ReadCode, true
}
