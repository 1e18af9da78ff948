package sel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"millwright.dev/millwright/ipmi"
)

// Log is what was read of an event log.
type Log struct {
	Records []Record // oldest first, as the log chains them

	// Two clocks at one moment, for [Log.Times]: the BMC's, and ours. NoStamp: it was not told.
	BMC  Stamp
	Host time.Time
}

// MaxRecords bounds what is read of a log: record numbers have 16 bits.
const MaxRecords = 0xfffe

// ErrChain says that the records of a log do not lead to its end.
var ErrChain = errors.New("the event log's records lead in a circle")

// Options say how a log is read. The zero value suits every BMC.
type Options struct {
	// Ahead is how many records are asked for at once once their numbers can be
	// guessed. 0 stands for 4, 1 for one after another. A session that must
	// not have that many requests under way holds them back.
	Ahead int
}

// Read reads the whole log and the BMC's clock. If it fails on the way, the records
// up to there come with the error; so they do with [ErrChain].
func Read(ctx context.Context, d ipmi.Doer, o Options) (Log, error) {
	log, err := clocks(ctx, d)
	if err != nil {
		return log, err
	}
	log.Records, err = readFrom(ctx, d, First, o)
	return log, err
}

// clocks begins a log. A BMC without a clock is no reason to fail.
func clocks(ctx context.Context, d ipmi.Doer) (Log, error) {
	before := time.Now()
	s, err := GetTime(ctx, d)
	if err != nil {
		if code := new(ipmi.CodeError); !errors.As(err, &code) {
			return Log{}, err
		}
		s = NoStamp
	}
	// The clock was read between sending and receiving.
	return Log{BMC: s, Host: before.Add(time.Since(before) / 2)}, nil
}

// ReadAndClear reads the whole log and clears it. What is logged while it reads is read too:
// the clearing is bound to a reservation that ends when a record comes in. The
// records come with an error too; with none, they are all that the log held.
func ReadAndClear(ctx context.Context, d ipmi.Doer, o Options) (Log, error) {
	log, err := Read(ctx, d, o)
	if err != nil {
		return log, err
	}
	// A log into which something comes all the time will be cleared in a quieter moment.
	const tries = 16
	for range tries {
		var reservation uint16
		if reservation, err = reserveIfCan(ctx, d); err != nil {
			return log, err
		}
		if log.Records, err = catchUp(ctx, d, log.Records, o); err != nil {
			return log, err
		}
		if err = erase(ctx, d, reservation); !errors.Is(err, ipmi.CodeReservation) {
			return log, err
		}
	}
	return log, err
}

// catchUp adds what came in since records were read.
func catchUp(ctx context.Context, d ipmi.Doer, records []Record, o Options) ([]Record, error) {
	if len(records) > 0 {
		last := records[len(records)-1]
		more, err := readFrom(ctx, d, last.ID, o)
		if err == nil && len(more) > 0 && more[0] == last {
			return append(records, more[1:]...), nil
		}
		if err != nil && !errors.Is(err, ipmi.CodeNotPresent) {
			return records, err
		}
	}
	// Nothing was there, or another has changed the log: all of it is read again.
	again, err := readFrom(ctx, d, First, o)
	return merge(records, again), err
}

// merge adds to records what newer has that is not there yet.
func merge(records, newer []Record) []Record {
	known := make(map[Record]bool, len(records))
	for _, r := range records {
		known[r] = true
	}
	for _, r := range newer {
		if !known[r] {
			known[r] = true
			records = append(records, r)
		}
	}
	return records
}

// reader follows the chain of records.
type reader struct {
	d     ipmi.Doer
	ahead int
	seen  map[uint16]bool
	out   []Record
	part  partial
}

// readFrom reads a record, and all that follow it. No record at First is an empty log.
func readFrom(ctx context.Context, d ipmi.Doer, id uint16, o Options) ([]Record, error) {
	r := &reader{d: d, ahead: o.Ahead, seen: make(map[uint16]bool), part: partial{d: d}}
	if r.ahead == 0 {
		r.ahead = 4
	}
	next, err := r.one(ctx, id)
	if id == First && err != nil && isEmpty(ctx, d, err) {
		return nil, nil
	}
	for err == nil && next != Last {
		next, err = r.some(ctx, next)
	}
	return r.out, err
}

// isEmpty says whether the first record could not be had because there is none. BMCs
// have several codes for that.
func isEmpty(ctx context.Context, d ipmi.Doer, err error) bool {
	if code := new(ipmi.CodeError); !errors.As(err, &code) {
		return false
	}
	info, infoErr := GetInfo(ctx, d)
	return errors.Is(err, ipmi.CodeNotPresent) && infoErr != nil || infoErr == nil && info.Entries == 0
}

// link is one record and where it leads.
type link struct {
	r    Record
	next uint16
	err  error
}

// one reads one record and gives the number of the next.
func (r *reader) one(ctx context.Context, id uint16) (uint16, error) {
	rec, next, err := r.part.read(ctx, id)
	return r.take(id, link{rec, next, err})
}

func (r *reader) take(id uint16, l link) (uint16, error) {
	if l.err != nil {
		// A record that was deleted while we were on the way to it ends the log, as far as can be told.
		if len(r.out) > 0 && errors.Is(l.err, ipmi.CodeNotPresent) {
			return Last, nil
		}
		return 0, l.err
	}
	if r.seen[l.r.ID] || l.next == First || len(r.out) >= MaxRecords {
		return 0, fmt.Errorf("%w: after %d of them, number %04x leads to %04x", ErrChain, len(r.out), id, l.r.ID)
	}
	r.seen[l.r.ID] = true
	r.out = append(r.out, l.r)
	if l.next != Last && r.seen[l.next] {
		return 0, fmt.Errorf("%w: after %d of them, number %04x leads to %04x", ErrChain, len(r.out), id, l.next)
	}
	return l.next, nil
}

// some reads record id and, if numbers have gone up evenly, at the same time those that
// will most likely follow. What was guessed counts only where the chain leads to it.
func (r *reader) some(ctx context.Context, id uint16) (uint16, error) {
	step := r.step(id)
	if step == 0 || r.ahead < 2 || r.part.size != 0 {
		return r.one(ctx, id)
	}
	links := make([]link, 0, r.ahead)
	for i := range r.ahead {
		if int(id)+i*int(step) >= int(Last) {
			break
		}
		links = append(links, link{})
	}
	var group sync.WaitGroup
	for i := range links {
		group.Go(func() {
			links[i].r, links[i].next, links[i].err = Get(ctx, r.d, id+uint16(i)*step)
		})
	}
	group.Wait()
	for _, l := range links {
		if l.err != nil || l.r.ID != id {
			// What could not be guessed is asked for in earnest, so its own failure counts.
			return r.one(ctx, id)
		}
		next, err := r.take(id, l)
		if err != nil || next != id+step {
			return next, err
		}
		id = next
	}
	return id, nil
}

// step gives how much the numbers have gone up by lately, or 0.
func (r *reader) step(id uint16) uint16 {
	n := len(r.out)
	if n < 2 || id <= r.out[n-1].ID {
		return 0
	}
	step := id - r.out[n-1].ID
	if r.out[n-1].ID-r.out[n-2].ID != step {
		return 0
	}
	return step
}

// partial reads a record whole or, where a BMC refuses that, in pieces.
type partial struct {
	d           ipmi.Doer
	size        int // of a piece; 0: whole
	reservation uint16
}

func (p *partial) read(ctx context.Context, id uint16) (Record, uint16, error) {
	if p.size == 0 {
		r, next, err := Get(ctx, p.d, id)
		if !tooMuch(err) && !errors.Is(err, ipmi.ErrShort) {
			return r, next, err
		}
		p.size = Size
	}
	const renewals = 8
	for range renewals {
		a, err := p.pieces(ctx, id)
		if errors.Is(err, ipmi.CodeReservation) {
			if p.reservation, err = Reserve(ctx, p.d); err == nil {
				continue
			}
		}
		if err != nil {
			return Record{}, 0, err
		}
		r, err := ParseRecord(a.Data)
		return r, a.Next, err
	}
	return Record{}, 0, fmt.Errorf("read event log record %04x: %w", id, ipmi.CodeReservation)
}

// pieces reads a record with ever smaller pieces until they are small enough.
func (p *partial) pieces(ctx context.Context, id uint16) (GetAnswer, error) {
	var all []byte
	for {
		n := min(p.size, Size-len(all))
		a, err := ask(ctx, p.d, GetRequest{Reservation: p.reservation, ID: id, Offset: uint8(len(all)), Count: uint8(n)})
		switch {
		case tooMuch(err) && p.size > 2:
			p.size /= 2
			continue
		case err != nil:
			return GetAnswer{}, err
		case len(a.Data) == 0:
			return GetAnswer{}, fmt.Errorf("read event log record %04x: nothing came at offset %d: %w", id, len(all), ipmi.ErrShort)
		}
		if all = append(all, a.Data...); len(all) >= Size {
			return GetAnswer{Next: a.Next, Data: all}, nil
		}
	}
}

// tooMuch says whether fewer bytes should be asked for.
func tooMuch(err error) bool {
	for _, c := range []ipmi.Code{ipmi.CodeLength, ipmi.CodeLengthLimit, ipmi.CodeOutOfRange, ipmi.CodeTooManyBytes} {
		if errors.Is(err, c) {
			return true
		}
	}
	return false
}
