package sdr

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"millwright.dev/millwright/ipmi"
)

// How much is read of a BMC that lies.
const (
	maxRecords      = 4096 // in one repository
	maxReservations = 8    // anew, for one request
	firstChunk      = 64   // bytes; halved for BMCs that cannot do as many
)

// reader reads the records of one controller. A record is asked for as a whole; a controller
// that cannot do that is asked for the header and then for parts, which get smaller
// until it can. What was learnt from one record serves for the next.
type reader struct {
	d            ipmi.Doer
	fn           ipmi.NetFn
	get, reserve uint8
	width, count int

	parts atomic.Bool  // not as a whole
	size  atomic.Int64 // of a part

	// turn is held by who looks at the reservation, also while a new one is being
	// got, and can be waited for with a context.
	turn        chan struct{}
	reservation uint16
	reserved    bool
}

func newReader(d ipmi.Doer, h *holdings, width int) *reader {
	r := &reader{d: d, fn: ipmi.NetFnStorage, get: CmdGet, reserve: CmdReserve, width: width, count: h.count(), turn: make(chan struct{}, 1)}
	if h.own {
		r.fn, r.get, r.reserve = ipmi.NetFnSensor, CmdDeviceGet, CmdDeviceReserve
	}
	r.size.Store(firstChunk)
	return r
}

// fetched is a record on its way.
type fetched struct {
	done chan struct{}
	data []byte
	next ID
	err  error
}

// walk reads the chain of records. A record says which is next, so only one could be asked
// for at a time; but ids mostly go up in even steps, so those that will likely come
// are asked for ahead. The chain alone decides which belong to it.
func (r *reader) walk(ctx context.Context) ([][]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	ahead := make(map[ID]*fetched)
	start := func(id ID) *fetched {
		f := &fetched{done: make(chan struct{})}
		wg.Go(func() {
			defer close(f.done)
			f.data, f.next, f.err = r.fetch(ctx, id)
		})
		return f
	}
	var out [][]byte
	seen := map[ID]bool{}
	id, step := ID(0), ID(1)
	for id != LastRecord {
		f := ahead[id]
		guessed := f != nil
		if !guessed {
			f = start(id)
		}
		delete(ahead, id)
		<-f.done
		if f.err != nil && guessed { // perhaps it was only asked too early
			f = start(id)
			<-f.done
		}
		if f.err != nil {
			return out, fmt.Errorf("record %04x: %w", uint16(id), f.err)
		}
		out = append(out, f.data)
		seen[id] = true
		self := id
		if id == 0 {
			self = ID(f.data[0]) | ID(f.data[1])<<8
			seen[self] = true
		}
		if seen[f.next] || len(out) == maxRecords {
			return out, fmt.Errorf("record %04x leads to record %04x: %w", uint16(id), uint16(f.next), ErrChain)
		}
		even := f.next-self == step
		id, step = f.next, f.next-self
		if id != LastRecord && even {
			r.guess(id, step, len(out), ahead, seen, start)
		}
	}
	return out, nil
}

// guess starts reading the record id and those that will likely follow.
func (r *reader) guess(id, step ID, read int, ahead map[ID]*fetched, seen map[ID]bool, start func(ID) *fetched) {
	running := 0
	for _, f := range ahead {
		select {
		case <-f.done:
		default:
			running++
		}
	}
	for k := 0; running < r.width && k < r.width && len(ahead) < 2*r.width; k++ {
		g := id + ID(k)*step
		if r.count > 0 && read+k >= r.count && k > 0 || g == LastRecord || seen[g] {
			return
		}
		if ahead[g] == nil {
			ahead[g] = start(g)
			running++
		}
	}
}

// fetch reads one record, in parts if need be.
func (r *reader) fetch(ctx context.Context, id ID) (data []byte, next ID, err error) {
	var a GetAnswer
	if !r.parts.Load() {
		a, err = r.ask(ctx, GetRequest{Record: id, Count: 0xff})
		if tooMuch(err) {
			r.parts.Store(true)
		} else if err != nil {
			return nil, 0, err
		}
	}
	if len(a.Data) < headerSize {
		if a, err = r.ask(ctx, GetRequest{Record: id, Count: headerSize}); err != nil {
			return nil, 0, err
		}
	}
	h, err := ParseHeader(a.Data)
	if err != nil {
		return nil, 0, err
	}
	data = make([]byte, headerSize+int(h.Length))
	have := copy(data, a.Data)
	return data, a.Next, r.fill(ctx, id, data, have)
}

// fill reads what is missing of a record, several parts at once.
func (r *reader) fill(ctx context.Context, id ID, data []byte, have int) error {
	for {
		size := int(r.size.Load())
		parts := (len(data) - have + size - 1) / size
		errs := make([]error, parts)
		each(parts, r.width, func(i int) bool {
			from := have + i*size
			errs[i] = r.part(ctx, id, data[from:min(from+size, len(data))], from)
			return errs[i] == nil
		})
		err := firstOf(errs)
		if err == nil || size == 1 || !tooMuch(err) {
			return err
		}
		r.size.CompareAndSwap(int64(size), int64(size/2))
	}
}

func firstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// errPart says that fewer bytes came than were asked for.
var errPart = fmt.Errorf("part of a record: %w", ipmi.ErrShort)

func (r *reader) part(ctx context.Context, id ID, into []byte, offset int) error {
	if offset > 0xff {
		return fmt.Errorf("a record of %d bytes cannot be read in parts: %w", offset+len(into), ipmi.ErrShort)
	}
	a, err := r.ask(ctx, GetRequest{Record: id, Offset: uint8(offset), Count: uint8(len(into))})
	if err != nil {
		return err
	}
	if copy(into, a.Data) < len(into) {
		return errPart
	}
	return nil
}

// tooMuch says whether fewer bytes at once may help.
func tooMuch(err error) bool {
	return errors.Is(err, ipmi.CodeTooManyBytes) || errors.Is(err, ipmi.CodeLength) || errors.Is(err, ipmi.CodeLengthLimit) ||
		errors.Is(err, ipmi.CodeNoResponse) || errors.Is(err, errPart)
}

// ask does one request, with a reservation where that is needed, and a new one where it was lost.
func (r *reader) ask(ctx context.Context, q GetRequest) (GetAnswer, error) {
	for try := 0; ; try++ {
		var err error
		if q.Reservation, err = r.reservationFor(ctx, q); err != nil {
			return GetAnswer{}, err
		}
		b, err := r.d.Do(ctx, ipmi.Request{NetFn: r.fn, Cmd: r.get, Data: q.Append(nil)})
		if err == nil {
			return ParseGetAnswer(b)
		}
		if !errors.Is(err, ipmi.CodeReservation) || try == maxReservations {
			return GetAnswer{}, err
		}
		r.lost(q.Reservation)
	}
}

// reservationFor gives the reservation for a request. From the start of a record on none is
// needed; who asks for one all the same says that it was cancelled, and gets one from then on.
func (r *reader) reservationFor(ctx context.Context, q GetRequest) (uint16, error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-r.turn }()
	if r.reserved || q.Offset == 0 && q.Reservation == 0 && r.reservation == 0 {
		return r.reservation, nil
	}
	b, err := r.d.Do(ctx, ipmi.Request{NetFn: r.fn, Cmd: r.reserve})
	if errors.Is(err, ipmi.CodeInvalidCommand) {
		r.reserved = true // it does without
		return r.reservation, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reserve the records: %w", err)
	}
	w, err := ParseWord(b)
	if err != nil {
		return 0, err
	}
	r.reservation, r.reserved = uint16(w), true
	return r.reservation, nil
}

// lost notes that a reservation was cancelled, unless there is a newer one already.
func (r *reader) lost(reservation uint16) {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	if r.reservation != reservation {
		return
	}
	r.reserved = false
	if r.reservation == 0 {
		r.reservation = 0xffff // nobody's; the next request gets a real one
	}
}
