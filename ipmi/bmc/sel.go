package bmc

import (
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/sel"
)

// eventLog is the system event log (chapter 31). It stops taking records when it is
// full, as the specification wants it, and says so.
type eventLog struct {
	records     [][sel.Size]byte
	next        uint16 // number of the next record
	added       time.Time
	erased      time.Time
	overflow    bool
	reservation uint16
	reserved    bool // nothing was taken away since the reservation
	offset      sel.UTCOffset
	processed   [2]uint16 // by software, by the BMC (section 30.5)
}

func newEventLog(records []sel.Record, at time.Time) eventLog {
	l := eventLog{next: 1, added: at, erased: at, processed: [2]uint16{0xffff, 0}}
	for _, r := range records {
		if r.ID == sel.First || r.ID == sel.Last {
			r.ID = l.next
		}
		l.records = append(l.records, [sel.Size]byte(r.Append(nil)))
		l.next = max(l.next, r.ID+1)
	}
	return l
}

func recordID(r *[sel.Size]byte) uint16 { return uint16(r[0]) | uint16(r[1])<<8 }

// find gives the place of a record.
func (l *eventLog) find(id uint16) (int, bool) {
	switch {
	case len(l.records) == 0:
		return 0, false
	case id == sel.First:
		return 0, true
	case id == sel.Last:
		return len(l.records) - 1, true
	}
	for i := range l.records {
		if recordID(&l.records[i]) == id {
			return i, true
		}
	}
	return 0, false
}

// add appends a record with a number and, where it has one, a time of its own.
func (l *eventLog) add(r [sel.Size]byte, limit int, now time.Time) (uint16, bool) {
	if len(l.records) >= limit {
		l.overflow = true
		return 0, false
	}
	id := l.next
	for {
		if id == sel.First || id == sel.Last {
			id = 1
		}
		if _, taken := l.find(id); !taken || len(l.records) == 0 {
			break
		}
		id++
	}
	l.next = id + 1
	r[0], r[1] = byte(id), byte(id>>8)
	if t := r[2]; t == sel.TypeSystem || t < sel.TypeOEMUntimed && t >= sel.TypeOEMTimed {
		copy(r[3:7], sel.Stamp(now.Unix()).Append(nil))
	}
	l.records = append(l.records, r)
	l.added = now
	return id, true
}

// Log adds an event to the machine's log. It is false when the log is full, or
// switched off by the global enables.
func (m *Machine) Log(e sel.Event) bool {
	m.mu.Lock()
	defer m.unlock()
	return m.logEvent(e)
}

func (m *Machine) logEvent(e sel.Event) bool {
	if e.Revision == 0 {
		e.Revision = 4
	}
	m.filterEvent(e)
	if !m.enables.Has(mc.EnableSEL) {
		return false
	}
	r := sel.Record{Type: sel.TypeSystem, Event: e}
	_, ok := m.addRecord([sel.Size]byte(r.Append(nil)))
	return ok
}

func (m *Machine) addRecord(r [sel.Size]byte) (uint16, bool) {
	id, ok := m.sel.add(r, m.cfg.Limits.SELSize, m.now())
	if !ok {
		return 0, false
	}
	if m.cfg.Notify != nil {
		if rec, err := sel.ParseRecord(m.sel.records[len(m.sel.records)-1][:]); err == nil {
			m.pending = append(m.pending, Event{Kind: Logged, Record: rec})
		}
	}
	return id, true
}

// Records gives the machine's event log.
func (m *Machine) Records() []sel.Record {
	m.mu.Lock()
	defer m.unlock()
	var all []sel.Record
	for i := range m.sel.records {
		if r, err := sel.ParseRecord(m.sel.records[i][:]); err == nil {
			all = append(all, r)
		}
	}
	return all
}

func selInfo(c *call) ([]byte, error) {
	l := &c.m.sel
	free := (c.m.cfg.Limits.SELSize - len(l.records)) * sel.Size
	return sel.Info{
		Version: 0x51, Entries: uint16(len(l.records)), Free: uint16(min(max(free, 0), 0xfffe)),
		Added: stamp(l.added), Erased: stamp(l.erased), Overflow: l.overflow,
		CanDelete: true, CanReserve: true, CanTellAllocation: true,
	}.Append(nil), nil
}

func stamp(t time.Time) sel.Stamp { return sel.Stamp(t.Unix()) }

func selAllocation(c *call) ([]byte, error) {
	size := c.m.cfg.Limits.SELSize
	free := uint16(min(max(size-len(c.m.sel.records), 0), 0xffff))
	return sel.Allocation{Units: uint16(min(size, 0xffff)), UnitSize: sel.Size, FreeUnits: free, Largest: free, MaxRecord: 1}.Append(nil), nil
}

func reserveSEL(c *call) ([]byte, error) {
	l := &c.m.sel
	l.reservation++
	if l.reservation == 0 {
		l.reservation = 1
	}
	l.reserved = true
	return sel.Number(l.reservation).Append(nil), nil
}

// mayTouch says whether a reservation is in force.
func (l *eventLog) mayTouch(reservation uint16) bool {
	return l.reserved && reservation == l.reservation
}

func getSEL(c *call) ([]byte, error) {
	r, err := sel.ParseGetRequest(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	l := &c.m.sel
	if (r.Offset != 0 || r.Reservation != 0) && !l.mayTouch(r.Reservation) {
		return nil, ipmi.CodeReservation
	}
	i, ok := l.find(r.ID)
	if !ok {
		return nil, ipmi.CodeNotPresent
	}
	if r.Offset >= sel.Size {
		return nil, ipmi.CodeOutOfRange
	}
	a := sel.GetAnswer{Next: sel.Last, Data: l.records[i][r.Offset:]}
	if r.Count != 0xff {
		a.Data = a.Data[:min(len(a.Data), int(r.Count))]
	}
	if i+1 < len(l.records) {
		a.Next = recordID(&l.records[i+1])
	}
	return a.Append(nil), nil
}

func addSEL(c *call) ([]byte, error) {
	id, ok := c.m.addRecord([sel.Size]byte(c.data[:sel.Size]))
	if !ok {
		return nil, ipmi.CodeNoSpace
	}
	return sel.Number(id).Append(nil), nil
}

func deleteSEL(c *call) ([]byte, error) {
	r, err := sel.ParseDeleteRequest(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	l := &c.m.sel
	if r.Reservation != 0 && !l.mayTouch(r.Reservation) {
		return nil, ipmi.CodeReservation
	}
	i, ok := l.find(r.ID)
	if !ok {
		return nil, ipmi.CodeNotPresent
	}
	id := recordID(&l.records[i])
	l.records = append(l.records[:i:i], l.records[i+1:]...)
	l.erased, l.reserved = c.m.now(), false
	return sel.Number(id).Append(nil), nil
}

func clearSEL(c *call) ([]byte, error) {
	r, err := sel.ParseClearRequest(c.data)
	if err != nil {
		return nil, ipmi.CodeInvalidField
	}
	l := &c.m.sel
	if !l.mayTouch(r.Reservation) {
		return nil, ipmi.CodeReservation
	}
	if !r.Status {
		l.records, l.overflow = nil, false
		l.erased = c.m.now()
		l.processed = [2]uint16{0xffff, 0}
	}
	return sel.ClearAnswer{Done: true}.Append(nil), nil
}

func getTime(c *call) ([]byte, error) { return stamp(c.m.now()).Append(nil), nil }

func setTime(c *call) ([]byte, error) {
	s, err := sel.ParseStamp(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	c.m.shift = time.Until(time.Unix(int64(s), 0))
	return nil, nil
}

func getOffset(c *call) ([]byte, error) { return c.m.sel.offset.Append(nil), nil }

func setOffset(c *call) ([]byte, error) {
	o, err := sel.ParseUTCOffset(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	c.m.sel.offset = o
	return nil, nil
}
