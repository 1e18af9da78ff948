package fru

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"millwright.dev/millwright/ipmi"
)

// upTo reads on until want bytes are there. The first piece is asked for alone: it finds
// out how much the device gives at once.
func (r *reader) upTo(ctx context.Context, want int) error {
	want = min((want+r.word-1)&^(r.word-1), r.size)
	if len(r.have) == 0 && want > 0 {
		b, err := r.piece(ctx, 0, min(max(want, min(r.most, r.size)), r.size))
		r.have = append(r.have, b...)
		if err != nil {
			return err
		}
	}
	for len(r.have) < want {
		parts := r.split(len(r.have), want)
		var group sync.WaitGroup
		for n := range parts {
			group.Go(func() { parts[n].b, parts[n].err = r.whole(ctx, parts[n].at, parts[n].count) })
		}
		group.Wait()
		for _, p := range parts {
			r.have = append(r.have, p.b...)
			if p.err != nil {
				return p.err
			}
		}
	}
	return nil
}

type part struct {
	at, count int
	b         []byte
	err       error
}

// split cuts what is to be read into as many pieces as may be asked for at once.
func (r *reader) split(at, end int) []part {
	var parts []part
	for len(parts) < max(1, r.o.Ahead) && at < end {
		n := min(r.limit(), end-at)
		parts = append(parts, part{at: at, count: n})
		at += n
	}
	return parts
}

func (r *reader) limit() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.most
}

// shrink makes pieces smaller after n bytes at once were refused; false: it cannot be done.
func (r *reader) shrink(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if smaller := max(r.word, n/2&^(r.word-1)); smaller < n {
		r.most = min(r.most, smaller)
		return true
	}
	return false
}

// whole reads count bytes at an offset, in as many pieces as it takes.
func (r *reader) whole(ctx context.Context, at, count int) ([]byte, error) {
	var b []byte
	for len(b) < count {
		more, err := r.piece(ctx, at+len(b), count-len(b))
		b = append(b, more...)
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

// piece reads at most count bytes, fewer if the device wants it so, but at least one unit.
func (r *reader) piece(ctx context.Context, at, count int) ([]byte, error) {
	what := fmt.Sprintf("read %s at %d", r.dev, at)
	const patience = 64 // refusals and answers that give nothing
	for range patience {
		n := min(count, r.limit())
		q := ReadRequest{Device: r.dev.ID, Offset: uint16(at / r.word), Count: uint8(n / r.word)}
		a, err := ipmi.Ask(ctx, r.d, what, r.dev.request(CmdRead, q.Append(nil)), ParseReadAnswer)
		if tooMuch(err) && r.shrink(n) {
			continue
		}
		if err != nil {
			return nil, err
		}
		got := a.Data[:min(len(a.Data), n, int(a.Count)*r.word)]
		if got = got[:len(got)&^(r.word-1)]; len(got) > 0 {
			return got, nil
		}
		if !r.shrink(n) {
			break
		}
	}
	return nil, fmt.Errorf("%s: nothing came: %w", what, ipmi.ErrShort)
}

// tooMuch says whether fewer bytes should be asked for.
func tooMuch(err error) bool {
	for _, c := range []ipmi.Code{
		ipmi.CodeLength, ipmi.CodeLengthLimit, ipmi.CodeOutOfRange, ipmi.CodeTooManyBytes, ipmi.CodeNotPresent, ipmi.CodeInvalidField,
	} {
		if errors.Is(err, c) {
			return true
		}
	}
	return false
}

// ErrVerify says that a device's memory does not hold what was written to it.
var ErrVerify = errors.New("the memory does not hold what was written")

// Write puts bytes at the start of a device's memory. Only what differs from what is there
// is written, the header last, and all of it is read again to see that it is there.
func Write(ctx context.Context, d ipmi.Doer, dev Device, image []byte, o Options) error {
	r, err := open(ctx, d, dev, o)
	if err != nil {
		return err
	}
	if len(image) > r.size {
		return fmt.Errorf("%w: %d bytes, and %s holds %d", ErrRoom, len(image), dev, r.size)
	}
	if err := r.upTo(ctx, len(image)); err != nil {
		return err
	}
	want := append(bytes.Clone(image), r.have[len(image):]...)
	r.have = r.have[:len(want)]
	w := &writer{reader: r, most: min(r.most, 128)}
	for _, p := range differences(r.have, want) {
		if err := w.write(ctx, p.at, p.b); err != nil {
			return err
		}
	}
	r.have = nil
	if err := r.upTo(ctx, len(want)); err != nil {
		return fmt.Errorf("read what was written: %w", err)
	}
	for n := range want {
		if r.have[n] != want[n] {
			return fmt.Errorf("%w: %s at %d has %02x, not %02x", ErrVerify, dev, n, r.have[n], want[n])
		}
	}
	return nil
}

// differences lists where two images of one length differ, in whole units, the last first.
func differences(old, fresh []byte) []part {
	var parts []part
	for at := 0; at < len(fresh); at += unit {
		end := min(at+unit, len(fresh))
		if bytes.Equal(old[at:end], fresh[at:end]) {
			continue
		}
		if n := len(parts); n > 0 && parts[n-1].at+len(parts[n-1].b) == at && at > headerSize {
			parts[n-1].b = fresh[parts[n-1].at:end]
			continue
		}
		parts = append(parts, part{at: at, b: fresh[at:end]})
	}
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return parts
}

type writer struct {
	*reader
	most int
}

func (w *writer) write(ctx context.Context, at int, b []byte) error {
	what := fmt.Sprintf("write %s at %d", w.dev, at)
	for len(b) > 0 {
		n := min(len(b), w.most)
		q := WriteRequest{Device: w.dev.ID, Offset: uint16(at / w.word), Data: b[:n]}
		a, err := ipmi.Ask(ctx, w.d, what, w.dev.request(CmdWrite, q.Append(nil)), ParseWriteAnswer)
		if tooMuch(err) && w.most/2 >= w.word {
			w.most = w.most / 2 &^ (w.word - 1)
			continue
		}
		if err != nil {
			return err
		}
		done := min(int(a)*w.word, n)
		if done == 0 {
			return fmt.Errorf("%s: %w: it took no bytes", what, ErrVerify)
		}
		at, b = at+done, b[done:]
	}
	return nil
}
