package ipal

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// session knows how to reach a unit. It holds no line; see the package comment.
type session struct {
	*Settings
	action.Device
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
	return s.Cannot(b, sink)
}

func (s *session) status(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	return s.Once(ctx, b, sink, func(a *action.Action) error {
		t := &talk{session: s, Action: a}
		defer t.end()
		if err := t.ask("O"); err != nil {
			return err
		}
		for _, p := range b.Plugs {
			st := t.shown[s.outlet(p)-1]
			if st == cableFail {
				sink.Failed(p, cableError)
				continue
			}
			sink.State(p, st.room(), string(rune(st)))
		}
		return nil
	})
}

const cableError = "the unit shows a cable error for it"

// outlet gives the number of a plug's outlet; Traits has named them.
func (s *session) outlet(plug int) int {
	n, _ := strconv.Atoi(s.Env.Plugs[plug].Name)
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
	t := &talk{session: s}
	defer t.end()
	return s.Each(ctx, b, sink, func(a *action.Action, plug int) error {
		t.Action = a
		n := s.outlet(plug)
		off := func() error { return t.bring(n, room.StateOff) }
		on := func() error { return t.bring(n, room.StateOn) }
		switch b.Op {
		case room.On:
			return on()
		case room.Off:
			return off()
		}
		return a.Cycle(s.Rest, off, on)
	})
}

// pause is how long a unit is given before it is asked again.
const pause = time.Second

// tries is how often a unit is asked whose seat is taken: by ourselves, it may be,
// when it has not noticed yet that we have left.
const tries = 3

// talk is one connection, made when it is first needed. Actions have it in turn.
type talk struct {
	*session
	*action.Action
	conn  transport.Conn
	shown [outlets]state // the last answer
}

func (t *talk) end() {
	if t.conn != nil {
		t.conn.Close()
		t.conn = nil
	}
}

// bring switches an outlet. The answer shows that the unit has understood; who
// wants to know whether the relay obeys reads it back.
func (t *talk) bring(outlet int, want room.State) error {
	err := t.ask(strconv.Itoa(outlet) + t.letter(want))
	if err == nil && t.shown[outlet-1] == cableFail {
		return action.Refused(cableError)
	}
	return err
}

const esc = "\x1b"

// ask sends a frame and reads the states of all outlets. A unit that hangs up
// without a word has not heard it; it is asked again, as every frame may be sent
// twice.
func (t *talk) ask(letters string) error {
	for try := 1; ; try++ {
		if err := t.connect(); err != nil {
			return err
		}
		err := t.exchange(letters)
		if !errors.Is(err, errEmpty) || try == tries {
			return err
		}
		t.end()
		if err := t.Wait(pause); err != nil {
			return err
		}
	}
}

func (t *talk) connect() (err error) {
	if t.conn == nil && t.Context().Err() == nil {
		t.conn, err = t.Env.Dial(t.Context(), t.address, transport.Credentials{})
	}
	switch {
	case t.Context().Err() != nil:
		return t.Over()
	case err != nil:
		return t.Fault(driver.Waiting, err)
	}
	return nil
}

// exchange is one frame and its answer.
func (t *talk) exchange(letters string) error {
	conn := t.conn // which end takes from t
	defer context.AfterFunc(t.Context(), func() { conn.Close() })()
	frame := esc + t.Env.Credential.Get(secret.Password).Reveal() + esc + letters
	t.Trace(devspec.TraceSend, frame)
	t.Begin()
	if _, err := io.WriteString(t.conn, frame); err != nil {
		return t.Lost(errEmpty)
	}
	var answer [outlets]byte
	n, err := io.ReadFull(t.conn, answer[:])
	t.Trace(devspec.TraceRecv, string(answer[:n]))
	switch {
	case err != nil && n == 0:
		return t.Lost(errEmpty)
	case err != nil:
		return t.Lost(err)
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

var _ driver.Session = (*session)(nil)
