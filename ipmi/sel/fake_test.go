package sel

import (
	"context"
	"slices"
	"sync"

	"millwright.dev/millwright/ipmi"
)

// fakeLog is the event log of a BMC, with what BMCs do wrong.
type fakeLog struct {
	mu          sync.Mutex
	records     []Record
	clock       Stamp
	erased      Stamp
	added       Stamp
	reservation uint16
	asked       int // how many requests there have been

	most      uint8             // bytes that it gives at once; 0: any
	cuts      bool              // it does not refuse to give more, but gives no more
	next      map[uint16]uint16 // where a record leads to instead of the next
	erasing   int               // how many more requests it spends erasing
	intrude   []Record          // comes in, one at a time, after a reservation was taken
	noReserve bool
	loseClear bool // the answer of a clearing is lost
}

func code(r ipmi.Request, c ipmi.Code) error {
	return &ipmi.CodeError{NetFn: r.NetFn, Cmd: r.Cmd, Code: c}
}

func (f *fakeLog) add(rs ...Record) {
	for _, r := range rs {
		if r.ID == 0 {
			r.ID = 1
			if n := len(f.records); n > 0 {
				r.ID = f.records[n-1].ID + 1
			}
		}
		f.records = append(f.records, r)
		f.added = r.Time
		f.reservation++
	}
}

func (f *fakeLog) Do(ctx context.Context, r ipmi.Request) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if r.NetFn != ipmi.NetFnStorage {
		return nil, code(r, ipmi.CodeInvalidCommand)
	}
	switch r.Cmd {
	case CmdInfo:
		return Info{Version: 0x51, Entries: uint16(len(f.records)), Added: f.added, Erased: f.erased, CanReserve: true}.Append(nil), nil
	case CmdReserve:
		if f.noReserve {
			return nil, code(r, ipmi.CodeInvalidCommand)
		}
		f.reservation++
		n := f.reservation
		if len(f.intrude) > 0 {
			f.add(f.intrude[0])
			f.intrude = f.intrude[1:]
		}
		return Number(n).Append(nil), nil
	case CmdGet:
		return f.get(r)
	case CmdClear:
		return f.clear(r)
	case CmdGetTime:
		if f.erasing > 0 {
			f.erasing--
			return nil, code(r, CodeErasing)
		}
		return f.clock.Append(nil), nil
	}
	return nil, code(r, ipmi.CodeInvalidCommand)
}

func (f *fakeLog) get(r ipmi.Request) ([]byte, error) {
	q, err := ParseGetRequest(r.Data)
	if err != nil {
		return nil, code(r, ipmi.CodeLength)
	}
	at := slices.IndexFunc(f.records, func(r Record) bool { return r.ID == q.ID })
	switch {
	case q.ID == First && len(f.records) > 0:
		at = 0
	case q.ID == Last:
		at = len(f.records) - 1
	}
	switch {
	case at < 0:
		return nil, code(r, ipmi.CodeNotPresent)
	case q.Offset != 0 && q.Reservation != f.reservation:
		return nil, code(r, ipmi.CodeReservation)
	case f.most != 0 && q.Count > f.most && f.cuts:
		q.Count = f.most
	case f.most != 0 && q.Count > f.most:
		return nil, code(r, ipmi.CodeTooManyBytes)
	}
	next, ok := f.next[f.records[at].ID]
	if !ok {
		next = Last
		if at+1 < len(f.records) {
			next = f.records[at+1].ID
		}
	}
	b := f.records[at].Append(nil)[min(q.Offset, Size):]
	return GetAnswer{Next: next, Data: b[:min(int(q.Count), len(b))]}.Append(nil), nil
}

func (f *fakeLog) clear(r ipmi.Request) ([]byte, error) {
	q, err := ParseClearRequest(r.Data)
	if err != nil {
		return nil, code(r, ipmi.CodeInvalidField)
	}
	if !f.noReserve && q.Reservation != f.reservation {
		return nil, code(r, ipmi.CodeReservation)
	}
	if q.Status {
		f.erasing--
		return ClearAnswer{Done: f.erasing <= 0}.Append(nil), nil
	}
	f.records, f.erased = nil, f.clock
	if f.loseClear {
		return nil, &ipmi.UnsureError{NetFn: r.NetFn, Cmd: r.Cmd, Err: context.DeadlineExceeded}
	}
	return ClearAnswer{Done: f.erasing <= 0}.Append(nil), nil
}

// filled makes a log of n records with these numbers' step.
func filled(n int, step uint16) *fakeLog {
	f := &fakeLog{clock: now, reservation: 7}
	for i := range n {
		r := stamped(Stamp(now - n + i))
		r.ID = uint16(i+1) * step
		f.add(r)
	}
	return f
}
