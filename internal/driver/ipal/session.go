package ipal

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// session knows how to reach a unit. It holds no line; see the package comment.
type session struct {
	*Settings
	env  driver.Env
	mask *secret.Masker
}

// Done implements [driver.Session]: there is no line that could break.
func (*session) Done() <-chan struct{} { return nil }

// Close implements [driver.Session].
func (*session) Close() error { return nil }

var (
	errSlow  = errors.New("it took too long")
	errEmpty = errors.New("the unit hung up without a word: the password is wrong, or somebody else is talking to it")
	errOdd   = errors.New("the unit answers what no iPal does")
)

// state is what a unit shows for an outlet.
type state byte

// The states, as the unit writes them.
const (
	off       state = '0'
	on        state = '1'
	turnsOn   state = '4' // off, and asked to be on
	turnsOff  state = '5' // on, and asked to be off
	cableFail state = '6' // the outlet module does not answer
)

func (s state) room() room.State {
	switch s {
	case off, turnsOn:
		return room.StateOff
	case on, turnsOff:
		return room.StateOn
	}
	return room.StateUnknown
}

// Do implements [driver.Session].
func (s *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	switch b.Op {
	case room.Status:
		return s.status(ctx, b, sink)
	case room.On, room.Off, room.Cycle:
		return s.change(ctx, b, sink)
	}
	for _, p := range b.Plugs {
		sink.Failed(p, "the device cannot "+b.Op.String())
	}
	return nil
}

// action gives the context of one action, whose clock runs from start.
func (s *session) action(ctx context.Context, start time.Time) (context.Context, context.CancelFunc) {
	if start.IsZero() {
		start = time.Now()
	}
	return context.WithDeadlineCause(ctx, start.Add(s.Timeout), errSlow)
}

func (s *session) status(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	act, cancel := s.action(ctx, b.Start)
	defer cancel()
	t := s.talk(b, sink)
	defer t.end()
	if err := t.ask(act, "O"); err != nil {
		return s.gaveUp(err, b.Op, b.Plugs, nil, sink)
	}
	s.env.Acted()
	for _, p := range b.Plugs {
		st := t.shown[s.outlet(p)-1]
		if st == cableFail {
			sink.Failed(p, cableError)
			continue
		}
		sink.State(p, st.room(), string(rune(st)))
	}
	return nil
}

const cableError = "the unit shows a cable error for it"

// outlet gives the number of a plug's outlet; Traits has named them.
func (s *session) outlet(plug int) int {
	n, _ := strconv.Atoi(s.env.Plugs[plug].Name)
	return n
}

// letter gives the command that brings an outlet to a state.
func (s *session) letter(want room.State) string {
	if (want == room.StateOn) == (s.Energised == "on") {
		return "E"
	}
	return "D"
}

// change switches outlet by outlet, each in an action of its own, on one line.
func (s *session) change(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	t := s.talk(b, sink)
	defer t.end()
	for i, p := range b.Plugs {
		err := t.one(ctx, b.Op, b.Start, p)
		var no *refusal
		switch {
		case err == nil:
			s.env.Acted()
			sink.Done(p)
		case errors.As(err, &no):
			s.env.Acted()
			sink.Failed(p, no.said)
		default:
			return s.gaveUp(err, b.Op, b.Plugs[i:i+1], b.Plugs[i+1:], sink)
		}
		b.Start = time.Time{} // the next one has a clock of its own
	}
	return nil
}

// gaveUp reports plugs whose action did not end well, and those behind them. A
// line that broke is not reported but returned, and where the fleet may try again
// that is all.
func (s *session) gaveUp(err error, op room.Op, plugs, toCome []int, sink driver.Sink) error {
	var none *notBegun
	var lost *broken
	f := &driver.Fault{Phase: driver.Acting, Device: s.env.Device, Err: err}
	switch {
	case errors.As(err, &none):
		f.Phase = driver.Waiting
	case errors.As(err, &lost):
		f.Phase = driver.Lost
		if op.Repeatable() {
			return f
		}
	}
	if f.Phase != driver.Lost {
		sink.Fault(f)
	}
	for _, p := range plugs {
		sink.Unknown(p, f)
	}
	next := &driver.Fault{Phase: driver.Waiting, Device: s.env.Device, Err: f}
	for _, p := range toCome {
		sink.Fault(next)
		sink.Unknown(p, next)
	}
	if f.Phase == driver.Lost {
		return f
	}
	return nil
}

// refusal is a unit that took a command and shows that it did not do it.
type refusal struct{ said string }

func (r *refusal) Error() string { return r.said }

// notBegun is an action of which nothing was sent.
type notBegun struct{ err error }

func (n *notBegun) Error() string { return n.err.Error() }
func (n *notBegun) Unwrap() error { return n.err }

// broken is a line that ended in the middle of a question.
type broken struct{ err error }

func (b *broken) Error() string { return b.err.Error() }
func (b *broken) Unwrap() error { return b.err }

// pause is how long a unit is given before it is asked again.
const pause = time.Second

// tries is how often a unit is asked whose seat is taken: by ourselves, it may be,
// when it has not noticed yet that we have left.
const tries = 3

// talk is one connection, made when it is first needed.
type talk struct {
	*session
	conn  transport.Conn
	shown [outlets]state // the last answer
	sink  driver.Sink    // for the trace; nil if none is wanted
}

func (s *session) talk(b driver.Batch, sink driver.Sink) *talk {
	t := &talk{session: s}
	if b.Trace {
		t.sink = sink
	}
	return t
}

func (t *talk) end() {
	if t.conn != nil {
		t.conn.Close()
		t.conn = nil
	}
}

// one does the operation on one outlet.
func (t *talk) one(ctx context.Context, op room.Op, start time.Time, plug int) error {
	act, cancel := t.action(ctx, start)
	defer cancel()
	n := t.outlet(plug)
	if err := act.Err(); err != nil {
		return &notBegun{context.Cause(act)}
	}
	if op != room.Cycle {
		want, _ := op.Wants()
		return t.bring(act, n, want)
	}
	if err := t.bring(act, n, room.StateOff); err != nil {
		return err
	}
	// It is off now. If nobody wants the rest any more, it has its power back all
	// the sooner; but back it has it.
	rest := time.NewTimer(t.Rest)
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
	}
	back, done := t.action(context.WithoutCancel(ctx), time.Time{})
	defer done()
	err := t.bring(back, n, room.StateOn)
	var lost *broken
	if err == nil || errors.As(err, &lost) {
		return err
	}
	return errors.New("it was switched off, and then: " + err.Error()) // what kind of error it was counts no more
}

// bring switches an outlet. The answer shows that the unit has understood; who
// wants to know whether the relay obeys reads it back.
func (t *talk) bring(ctx context.Context, outlet int, want room.State) error {
	err := t.ask(ctx, strconv.Itoa(outlet)+t.letter(want))
	if err == nil && t.shown[outlet-1] == cableFail {
		return &refusal{cableError}
	}
	return err
}

const esc = "\x1b"

// ask sends a frame and reads the states of all outlets. A unit that hangs up
// without a word has not heard it; it is asked again, as every frame may be sent
// twice.
func (t *talk) ask(ctx context.Context, letters string) error {
	for try := 1; ; try++ {
		if err := t.connect(ctx); err != nil {
			return &notBegun{err}
		}
		err := t.exchange(ctx, letters)
		if !errors.Is(err, errEmpty) || try == tries {
			return err
		}
		t.end()
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (t *talk) connect(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if t.conn == nil {
		t.conn, err = t.env.Dial(ctx, t.address, transport.Credentials{})
	}
	return err
}

// exchange is one frame and its answer.
func (t *talk) exchange(ctx context.Context, letters string) error {
	defer context.AfterFunc(ctx, func() { t.conn.Close() })()
	frame := esc + t.env.Credential.Get(secret.Password).Reveal() + esc + letters
	t.trace(devspec.TraceSend, frame)
	if _, err := io.WriteString(t.conn, frame); err != nil {
		return why(ctx, errEmpty)
	}
	var answer [outlets]byte
	n, err := io.ReadFull(t.conn, answer[:])
	t.trace(devspec.TraceRecv, string(answer[:n]))
	switch {
	case err != nil && n == 0:
		return why(ctx, errEmpty)
	case err != nil:
		return why(ctx, err)
	}
	for i, c := range answer {
		if c < 10 { // some firmware sends the numbers, not their digits
			c += '0'
		}
		if c < '0' || c > '9' {
			return errOdd
		}
		t.shown[i] = state(c)
	}
	return nil
}

// why prefers the reason for which we ended a line to the noise of its ending.
func why(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return &broken{err}
}

func (t *talk) trace(kind devspec.TraceKind, text string) {
	if t.sink != nil {
		t.sink.Trace(devspec.Trace{Kind: kind, Text: t.mask.String(text)})
	}
}

var _ driver.Session = (*session)(nil)
