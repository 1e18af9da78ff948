package libvirt

import (
	"context"
	"errors"
	"sync"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/libvirt"
)

// abreast is how many machines of one daemon are worked at side by side.
const abreast = 4

// session is an open conversation.
type session struct {
	*Settings
	action.Device
	conn  *libvirt.Conn
	began time.Time

	nudge   chan struct{} // somebody has started
	closing chan struct{}
	once    sync.Once
	owners  sync.WaitGroup

	mu       sync.Mutex
	logs     map[string][]driver.LogEntry // by machine, oldest first
	count    int                          // entries so far
	started  map[string]bool              // machines whose boot device may have been used up
	consoles map[*console]bool
}

// Done implements [driver.Session].
func (n *session) Done() <-chan struct{} { return n.conn.Done() }

// Close implements [driver.Session].
func (n *session) Close() error {
	n.once.Do(func() { close(n.closing) })
	_ = n.conn.Close()
	n.mu.Lock()
	consoles := n.consoles
	n.consoles = nil
	n.mu.Unlock()
	for c := range consoles {
		_ = c.Close()
	}
	n.owners.Wait()
	return nil
}

// Do implements [driver.Session].
func (n *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	switch b.Op {
	case room.Status, room.On, room.Off, room.SoftOff, room.Cycle, room.Reset, room.Diag:
		return n.Abreast(ctx, b, sink, abreast, func(a *action.Action, plug int) (room.State, string, error) {
			return (&talk{n, a, n.Env.Plugs[plug].Name}).do(b.Op)
		})
	}
	return n.Cannot(b, sink)
}

// talk is one action on one machine.
type talk struct {
	*session
	*action.Action
	name string
}

// do does an operation.
func (t *talk) do(op room.Op) (state room.State, raw string, err error) {
	switch op {
	case room.Status:
		return t.read()
	case room.Cycle:
		return 0, "", t.cycle()
	}
	d, err := t.machine()
	if err != nil {
		return 0, "", err
	}
	switch on := d.Active(); {
	case on == (op == room.On) && op != room.Reset && op != room.Diag:
		return 0, "", nil // it is so already
	case !on && op != room.On:
		return 0, "", action.Refused("it is off")
	}
	return 0, "", t.told(op.String(), d, map[room.Op]func(context.Context, libvirt.Domain) error{
		room.On: t.conn.Start, room.Off: t.conn.Destroy, room.SoftOff: t.conn.Shutdown, room.Reset: t.conn.Restart, room.Diag: t.conn.InjectNMI,
	}[op])
}

// machine looks the machine up: it may have been made anew since the last time.
func (t *talk) machine() (libvirt.Domain, error) {
	t.Sent = true
	t.Trace(devspec.TraceSend, "look for "+t.name)
	d, err := t.conn.Lookup(t.Context(), t.name)
	t.heard(err)
	return d, t.worded(err)
}

// heard shows how a call went.
func (t *talk) heard(err error) {
	text := "done"
	if err != nil {
		text = err.Error()
	}
	t.Trace(devspec.TraceRecv, text)
}

// told has something done that may switch the machine.
func (t *talk) told(what string, d libvirt.Domain, do func(context.Context, libvirt.Domain) error) error {
	t.Begin()
	t.Trace(devspec.TraceSend, what+" "+d.Name)
	err := do(t.Context(), d)
	t.heard(err)
	return t.worded(err)
}

// read reads whether the machine is on. One that is paused is.
func (t *talk) read() (room.State, string, error) {
	d, err := t.machine()
	if err != nil {
		return 0, "", err
	}
	state := room.StateOff
	if d.Active() {
		state = room.StateOn
	}
	is, err := t.conn.State(t.Context(), d)
	return state, is.String(), t.worded(err)
}

// cycle switches off, rests, and switches on. What would be gone after the first is
// left alone.
func (t *talk) cycle() error {
	d, err := t.machine()
	if err != nil {
		return err
	}
	lasting, err := t.conn.Persistent(t.Context(), d)
	switch {
	case err != nil:
		return t.worded(err)
	case !lasting:
		return action.Refused("it is not defined beyond its present run, so that it could not be switched on again")
	}
	return t.Action.Cycle(t.Settings.Rest, func() error {
		if !d.Active() {
			return nil
		}
		return t.told("off", d, t.conn.Destroy)
	}, func() error { return t.told("on", d, t.conn.Start) })
}

// worded makes what an action returns of an error of the library's.
func (t *talk) worded(err error) error { return t.session.worded(t.Action, err) }

func (n *session) worded(a *action.Action, err error) error {
	var said *libvirt.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said) && said.Code == libvirt.CodeOperationTimeout:
		return action.Unsure(said.Error())
	case errors.As(err, &said):
		return action.Refused(said.Error())
	case a.Context().Err() != nil:
		return a.Over()
	case n.conn.Err() != nil:
		return a.Lost(err)
	}
	return action.Unsure(err.Error())
}

// aside asks what is in no batch, of a plug's machine.
func (n *session) aside(ctx context.Context, plug int, do func(context.Context, libvirt.Domain) error) error {
	return n.Aside(ctx, func(a *action.Action) error {
		d, err := n.conn.Lookup(a.Context(), n.Env.Plugs[plug].Name)
		if err == nil {
			err = do(a.Context(), d)
		}
		return n.asideWorded(a, err)
	})
}

// asideWorded is worded for what may fail in our own words, too: nothing is amiss with
// the session then.
func (n *session) asideWorded(a *action.Action, err error) error {
	if err != nil && a.Context().Err() == nil && n.conn.Err() == nil {
		return action.Refused(err.Error())
	}
	return n.worded(a, err)
}

var _ driver.Session = (*session)(nil)
