package bmc

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/sdr"
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
	return sdr.Info{
		Version: 0x51, Records: uint16(len(r.records)), Free: uint16(max(0, 0xfffd-size)),
		Added: sdr.Stamp(r.added.Unix()), Erased: sdr.Stamp(r.erased.Unix()),
		Can: 0x2f, // modal or not is left open; delete, partial add, reserve, allocation
	}.Append(nil), nil
}

func sdrAllocation(c *call) ([]byte, error) {
	r := &c.m.sdr
	free := uint16(max(0, c.m.cfg.Limits.SDRSize-len(r.records)))
	return sdr.Allocation{
		Units: uint16(min(c.m.cfg.Limits.SDRSize, 0xffff)), Size: 64, Free: free, Largest: free, Record: 1,
	}.Append(nil), nil
}

// deviceSDRInfo tells of the device's own records (section 35.2), which are the same.
func deviceSDRInfo(c *call) ([]byte, error) {
	n := len(c.m.sensors)
	if len(c.data) > 0 && c.data[0]&1 != 0 {
		n = len(c.m.sdr.records)
	}
	return sdr.DeviceInfo{Count: uint8(min(n, 255)), LUNs: 1}.Append(nil), nil
}

func reserveSDR(c *call) ([]byte, error) {
	r := &c.m.sdr
	r.reservation++
	if r.reservation == 0 {
		r.reservation = 1
	}
	r.reserved = true
	return sdr.Word(r.reservation).Append(nil), nil
}

func (r *repository) mayTouch(reservation uint16) bool {
	return r.reserved && reservation == r.reservation
}

func getSDR(c *call) ([]byte, error) {
	r := &c.m.sdr
	q, err := sdr.ParseGetRequest(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if (q.Offset != 0 || q.Reservation != 0) && !r.mayTouch(q.Reservation) {
		return nil, ipmi.CodeReservation
	}
	i, ok := r.find(uint16(q.Record))
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
	if int(q.Offset) > len(rec) {
		return nil, ipmi.CodeOutOfRange
	}
	rest := rec[q.Offset:]
	if q.Count != 0xff {
		rest = rest[:min(len(rest), int(q.Count))]
	}
	if code, bad := c.m.tooMuch(len(rest)); bad {
		return nil, code
	}
	return sdr.GetAnswer{Next: sdr.ID(next), Data: rest}.Append(nil), nil
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
	return sdr.Word(id).Append(nil), nil
}

// partialAddSDR adds a record in parts (section 33.14): each goes on where the last ended.
func partialAddSDR(c *call) ([]byte, error) {
	r := &c.m.sdr
	p, err := sdr.ParsePartialAdd(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if !r.mayTouch(p.Reservation) {
		return nil, ipmi.CodeReservation
	}
	if p.Record == 0 && p.Offset == 0 {
		r.partial, r.partialID = nil, r.next
	}
	if int(p.Offset) != len(r.partial) || p.Record != 0 && uint16(p.Record) != r.partialID || int(p.Offset)+len(p.Data) > sdrMax {
		return nil, ipmi.CodeInvalidField
	}
	r.partial = append(r.partial, p.Data...)
	answer := sdr.Word(r.partialID).Append(nil)
	if !p.Last {
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
	d, err := sdr.ParseDelete(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if !r.mayTouch(d.Reservation) {
		return nil, ipmi.CodeReservation
	}
	i, ok := r.find(uint16(d.Record))
	if !ok {
		return nil, ipmi.CodeNotPresent
	}
	id := sdrID(r.records[i])
	r.records = slices.Concat(r.records[:i], r.records[i+1:])
	r.erased, r.reserved = c.m.now(), false
	c.m.sensors = keepGauges(c.m.sensors, sensorsOf(r.records))
	return sdr.Word(id).Append(nil), nil
}

func clearSDR(c *call) ([]byte, error) {
	r := &c.m.sdr
	q, err := sdr.ParseClear(c.data)
	if err != nil {
		return nil, ipmi.CodeInvalidField
	}
	if !r.mayTouch(q.Reservation) {
		return nil, ipmi.CodeReservation
	}
	if !q.Status {
		r.records, r.next, r.erased = nil, 1, c.m.now()
		c.m.sensors = nil
	}
	return sdr.Cleared(true).Append(nil), nil
}
