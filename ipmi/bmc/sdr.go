package bmc

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"millwright.dev/millwright/ipmi"
)

// Numbers of records that mean a place, and parts of records (section 33.12 and 43).
const (
	sdrFirst  = 0x0000
	sdrLast   = 0xffff
	sdrHeader = 5
	sdrMax    = sdrHeader + 255
)

// repository holds the sensor data records (chapter 33). The records are shared with the
// other machines of a configuration; they are replaced, never changed.
type repository struct {
	records     [][]byte
	next        uint16
	added       time.Time
	erased      time.Time
	reservation uint16
	reserved    bool
	partial     []byte // being added in parts
	partialID   uint16
}

func newRepository(records [][]byte, at time.Time) repository {
	r := repository{records: records[:len(records):len(records)], next: 1, added: at, erased: at}
	for _, rec := range records {
		r.next = max(r.next, sdrID(rec)+1)
	}
	return r
}

// checkRecords says what is wrong with records that shall be served.
func checkRecords(records [][]byte) error {
	for i, r := range records {
		if len(r) < sdrHeader || len(r) > sdrMax || len(r) != sdrHeader+int(r[4]) {
			return fmt.Errorf("sensor record %d: its header does not fit its %d bytes", i, len(r))
		}
	}
	return nil
}

func sdrID(r []byte) uint16 { return binary.LittleEndian.Uint16(r) }

func (r *repository) find(id uint16) (int, bool) {
	switch {
	case len(r.records) == 0:
		return 0, false
	case id == sdrFirst:
		return 0, true
	case id == sdrLast:
		return len(r.records) - 1, true
	}
	i := slices.IndexFunc(r.records, func(rec []byte) bool { return sdrID(rec) == id })
	return i, i >= 0
}

func sdrInfo(c *call) ([]byte, error) {
	r := &c.m.sdr
	size := 0
	for _, rec := range r.records {
		size += len(rec)
	}
	b := binary.LittleEndian.AppendUint16([]byte{0x51}, uint16(len(r.records)))
	b = binary.LittleEndian.AppendUint16(b, uint16(max(0, 0xfffd-size)))
	b = stamp(r.added).Append(b)
	b = stamp(r.erased).Append(b)
	return append(b, 0x2f), nil // modal or not is left open; delete, partial add, reserve, allocation
}

func sdrAllocation(c *call) ([]byte, error) {
	r := &c.m.sdr
	free := uint16(max(0, c.m.cfg.Limits.SDRSize-len(r.records)))
	b := binary.LittleEndian.AppendUint16(nil, uint16(min(c.m.cfg.Limits.SDRSize, 0xffff)))
	b = binary.LittleEndian.AppendUint16(b, 64)
	b = binary.LittleEndian.AppendUint16(b, free)
	b = binary.LittleEndian.AppendUint16(b, free)
	return append(b, 1), nil
}

// deviceSDRInfo tells of the device's own records (section 35.2), which are the same.
func deviceSDRInfo(c *call) ([]byte, error) {
	n := len(c.m.sensors)
	if len(c.data) > 0 && c.data[0]&1 != 0 {
		n = len(c.m.sdr.records)
	}
	return []byte{byte(min(n, 255)), 0x01}, nil
}

func reserveSDR(c *call) ([]byte, error) {
	r := &c.m.sdr
	r.reservation++
	if r.reservation == 0 {
		r.reservation = 1
	}
	r.reserved = true
	return binary.LittleEndian.AppendUint16(nil, r.reservation), nil
}

func (r *repository) mayTouch(reservation uint16) bool {
	return r.reserved && reservation == r.reservation
}

func getSDR(c *call) ([]byte, error) {
	r := &c.m.sdr
	reservation, id := binary.LittleEndian.Uint16(c.data), binary.LittleEndian.Uint16(c.data[2:])
	offset, count := int(c.data[4]), int(c.data[5])
	if (offset != 0 || reservation != 0) && !r.mayTouch(reservation) {
		return nil, ipmi.CodeReservation
	}
	i, ok := r.find(id)
	if !ok {
		return nil, ipmi.CodeNotPresent
	}
	rec := r.records[i]
	next := uint16(sdrLast)
	if i+1 < len(r.records) {
		next = sdrID(r.records[i+1])
	}
	if f := c.m.cfg.Faults; f != nil {
		next = f.nextRecord(sdrID(rec), next)
	}
	if offset > len(rec) {
		return nil, ipmi.CodeOutOfRange
	}
	rest := rec[offset:]
	if count != 0xff {
		rest = rest[:min(len(rest), count)]
	}
	if code, bad := c.m.tooMuch(len(rest)); bad {
		return nil, code
	}
	return append(binary.LittleEndian.AppendUint16(nil, next), rest...), nil
}

// insert puts a whole record behind the others, under a number of its own.
func (m *Machine) insert(rec []byte) (uint16, error) {
	r := &m.sdr
	if err := checkRecords([][]byte{rec}); err != nil {
		return 0, ipmi.CodeLength
	}
	if len(r.records) >= m.cfg.Limits.SDRSize || r.next == sdrLast {
		return 0, ipmi.CodeNoSpace
	}
	id := r.next
	r.next++
	rec = slices.Clone(rec)
	binary.LittleEndian.PutUint16(rec, id)
	r.records = append(r.records, rec)
	r.added = m.now()
	m.sensors = mergeGauges(m.sensors, sensorsOf([][]byte{rec}))
	return id, nil
}

func addSDR(c *call) ([]byte, error) {
	id, err := c.m.insert(c.data)
	if err != nil {
		return nil, err
	}
	return binary.LittleEndian.AppendUint16(nil, id), nil
}

// partialAddSDR adds a record in parts (section 33.14): each goes on where the last ended.
func partialAddSDR(c *call) ([]byte, error) {
	r := &c.m.sdr
	reservation, id := binary.LittleEndian.Uint16(c.data), binary.LittleEndian.Uint16(c.data[2:])
	offset, last, data := int(c.data[4]), c.data[5]&0x0f == 1, c.data[6:]
	if !r.mayTouch(reservation) {
		return nil, ipmi.CodeReservation
	}
	if id == 0 && offset == 0 {
		r.partial, r.partialID = nil, r.next
	}
	if offset != len(r.partial) || id != 0 && id != r.partialID || offset+len(data) > sdrMax {
		return nil, ipmi.CodeInvalidField
	}
	r.partial = append(r.partial, data...)
	answer := binary.LittleEndian.AppendUint16(nil, r.partialID)
	if !last {
		return answer, nil
	}
	rec := r.partial
	r.partial = nil
	if len(rec) != 0 && (len(rec) < sdrHeader || len(rec) != sdrHeader+int(rec[4])) {
		return nil, ipmi.Code(0x80) // the length does not fit the header
	}
	if _, err := c.m.insert(rec); err != nil {
		return nil, err
	}
	return answer, nil
}

func deleteSDR(c *call) ([]byte, error) {
	r := &c.m.sdr
	if !r.mayTouch(binary.LittleEndian.Uint16(c.data)) {
		return nil, ipmi.CodeReservation
	}
	i, ok := r.find(binary.LittleEndian.Uint16(c.data[2:]))
	if !ok {
		return nil, ipmi.CodeNotPresent
	}
	id := sdrID(r.records[i])
	r.records = slices.Concat(r.records[:i], r.records[i+1:])
	r.erased, r.reserved = c.m.now(), false
	c.m.sensors = keepGauges(c.m.sensors, sensorsOf(r.records))
	return binary.LittleEndian.AppendUint16(nil, id), nil
}

func clearSDR(c *call) ([]byte, error) {
	r := &c.m.sdr
	if !r.mayTouch(binary.LittleEndian.Uint16(c.data)) {
		return nil, ipmi.CodeReservation
	}
	if string(c.data[2:5]) != "CLR" {
		return nil, ipmi.CodeInvalidField
	}
	if c.data[5] == 0xaa {
		r.records, r.next, r.erased = nil, 1, c.m.now()
		c.m.sensors = nil
	}
	return []byte{0x01}, nil
}
