package ipmi

import (
	"context"
	"errors"
	"sync"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/host"
)

// session is an open conversation with a BMC. The plugs' goroutines share it.
type session struct {
	*Settings
	action.Device
	bmc *ipmi.Session

	mu    sync.Mutex
	hosts map[int]*host.Host
	once  sync.Once
}

// abreast is how many machines behind one BMC are worked at side by side.
const abreast = 4

// Do implements [driver.Session].
func (n *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	switch b.Op {
	case room.Status, room.On, room.Off, room.SoftOff, room.Cycle, room.Reset, room.Diag, room.Beacon, room.BeaconOn, room.BeaconOff:
		return n.Abreast(ctx, b, sink, abreast, func(a *action.Action, plug int) (room.State, string, error) {
			return (&talk{n, a, &way{session: n, action: a, plug: plug}}).do(b.Op)
		})
	}
	return n.Cannot(b, sink)
}

// Done implements [driver.Session]. There is no line that could break.
func (*session) Done() <-chan struct{} { return nil }

// Ping implements [driver.Pinger]: it finds out that a BMC has gone silent.
func (n *session) Ping(ctx context.Context) error {
	return n.aside(ctx, 0, func(ctx context.Context, d ipmi.Doer) error {
		_, err := chassis.GetStatus(ctx, d)
		return err
	})
}

// Close implements [driver.Session]: it logs out.
func (n *session) Close() error {
	n.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = n.bmc.Close(ctx)
		n.engine.leave()
	})
	return nil
}

// way carries requests to a plug's machine, and notes what has gone out.
type way struct {
	*session
	action *action.Action
	plug   int

	mu sync.Mutex // requests may be made side by side
}

// routed sends a request to the machine of a plug: across the BMC, if it sits behind it.
func (n *session) routed(plug int, r ipmi.Request) ipmi.Request {
	if hop, behind := n.behind[n.Env.Plugs[plug].Name]; behind {
		r.Bridge = append([]ipmi.Hop{hop}, r.Bridge...)
	}
	return r
}

// Encrypted says whether others can read what is sent.
func (w *way) Encrypted() bool {
	suite, plus := w.bmc.Suite()
	return plus && suite.Encrypts()
}

// Do implements [ipmi.Doer].
func (w *way) Do(ctx context.Context, r ipmi.Request) ([]byte, error) {
	r = w.routed(w.plug, r)
	w.mu.Lock()
	w.action.Sent = true
	if r.NetFn == ipmi.NetFnChassis && (r.Cmd == chassis.CmdControl || r.Cmd == chassis.CmdIdentify || r.Cmd == chassis.CmdSetBootOption) {
		w.action.Changed = true
	}
	w.action.Trace(devspec.TraceSend, requestText(r))
	w.mu.Unlock()
	data, err := w.bmc.Do(ctx, r)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.action.Trace(devspec.TraceRecv, answerText(data, err))
	return data, err
}

// talk is one action on one machine.
type talk struct {
	*session
	*action.Action
	way *way
}

// do does an operation.
func (t *talk) do(op room.Op) (room.State, string, error) {
	switch op {
	case room.Status, room.Beacon:
		return t.read(op)
	case room.BeaconOn:
		return 0, "", t.worded(chassis.SetIdentify(t.Context(), t.way, -1))
	case room.BeaconOff:
		return 0, "", t.worded(chassis.SetIdentify(t.Context(), t.way, 0))
	case room.Cycle:
		return 0, "", t.cycle()
	}
	return 0, "", t.control(map[room.Op]chassis.Action{
		room.On: chassis.PowerOn, room.Off: chassis.PowerOff, room.SoftOff: chassis.SoftOff, room.Reset: chassis.HardReset, room.Diag: chassis.DiagInt,
	}[op])
}

func (t *talk) read(op room.Op) (room.State, string, error) {
	s, err := chassis.GetStatus(t.Context(), t.way)
	switch {
	case err != nil:
		return 0, "", t.worded(err)
	case op == room.Beacon && !s.HasIdentify:
		return room.StateUnknown, "the BMC does not say whether its light is on", nil
	case op == room.Beacon:
		return onOff(s.Identify != chassis.LightOff), s.Identify.String(), nil
	}
	return onOff(s.On), "", nil
}

func onOff(on bool) room.State {
	if on {
		return room.StateOn
	}
	return room.StateOff
}

// control switches. What a BMC refuses because the machine is already so is done.
func (t *talk) control(a chassis.Action) error {
	err := chassis.Control(t.Context(), t.way, a)
	if errors.Is(err, ipmi.CodeState) && (a == chassis.PowerOn || a == chassis.PowerOff || a == chassis.SoftOff) {
		if s, readErr := chassis.GetStatus(t.Context(), t.way); readErr == nil && s.On == (a == chassis.PowerOn) {
			return nil
		}
	}
	return t.worded(err)
}

// look is how long lies between two looks at the power.
const look = time.Second

// cycle switches off, waits until it is, rests, and switches on: a power cycle of the
// BMC's own is refused by many while the machine is off, and does not say how long
// it rests.
func (t *talk) cycle() error {
	return t.Action.Cycle(t.Settings.Rest, func() error {
		if err := t.control(chassis.PowerOff); err != nil {
			return err
		}
		for {
			state, _, err := t.read(room.Status)
			if err != nil || state == room.StateOff {
				return action.Unfinished(err)
			}
			if t.Wait(min(look, t.Settings.Timeout/10)) != nil {
				return errors.New("it was told to switch off, and is still on")
			}
		}
	}, func() error { return t.control(chassis.PowerOn) })
}

func (t *talk) worded(err error) error { return worded(t.Action, err) }

// worded makes what an action returns of an error of the library's.
func worded(a *action.Action, err error) error {
	var code *ipmi.CodeError
	var unsure *ipmi.UnsureError
	var login *ipmi.LoginError
	switch {
	case err == nil:
		return nil
	case a.Context().Err() != nil:
		return a.Over()
	case errors.As(err, &code):
		return action.Refused("the BMC refused: " + code.Code.In(code.NetFn, code.Cmd))
	case errors.As(err, &unsure):
		return action.Unsure(err.Error())
	case errors.As(err, &login) && login.Kind != ipmi.LoginNoAnswer:
		return a.Fault(driver.LoggingIn, err)
	case errors.Is(err, ipmi.ErrShort):
		return action.Unsure(err.Error())
	}
	return a.Lost(err)
}

// aside asks what is in no batch.
func (n *session) aside(ctx context.Context, plug int, do func(context.Context, ipmi.Doer) error) error {
	return n.Aside(ctx, func(a *action.Action) error {
		return worded(a, do(a.Context(), &way{session: n, action: a, plug: plug}))
	})
}

var (
	_ driver.Session = (*session)(nil)
	_ driver.Pinger  = (*session)(nil)
)
