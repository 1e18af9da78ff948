// Package soft has the controls of nodes asked: to shut a node down in software, to start
// it, to tell whether it is up. It brings together what a control needs from the room: the
// node, its address, the credential, the way to its devices.
//
// Start at [New].
package soft

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// Options are what controls are asked with.
type Options struct {
	// Do has nodes switched or read; ReadPlug reads a plug whatever hangs on it.
	Do       func(context.Context, fleet.Request, fleet.Sink) error
	ReadPlug func(context.Context, *room.Room, room.Cord, room.Op) (room.State, error)
	// Credential resolves a credential of the room by name, anew each time.
	Credential  func(ctx context.Context, r *room.Room, name string) (secret.Resolved, error)
	Dial        driver.Dial
	DialContext func(ctx context.Context, network, address string) (net.Conn, error) // nil is a plain dialer
	Log         *slog.Logger                                                         // nil: nothing is logged
}

// Controls asks controls. Its methods may be called from any goroutine.
type Controls struct{ o Options }

// New makes the service.
func New(o Options) *Controls {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.DialContext == nil {
		o.DialContext = (&net.Dialer{}).DialContext
	}
	return &Controls{o}
}

// of gives a control of a room.
func of(r *room.Room, id room.ControlID) (control.Control, bool) {
	c, ok := r.Controls[id].Settings.(control.Control)
	return c, ok
}

// Can says what a control is able to do.
func (s *Controls) Can(r *room.Room, id room.ControlID) plan.Abilities {
	c, ok := of(r, id)
	if !ok {
		return plan.Abilities{}
	}
	return plan.Abilities(c.Can())
}

// Off has a control ask a node to shut down. It returns when the node has taken it.
func (s *Controls) Off(ctx context.Context, r *room.Room, node room.NodeID, id room.ControlID) error {
	return s.with(ctx, r, node, id, "shut down", func(ctx context.Context, c control.Control, env control.Env) error { return c.Off(ctx, env) })
}

// On has a control start what Off stops.
func (s *Controls) On(ctx context.Context, r *room.Room, node room.NodeID, id room.ControlID) error {
	return s.with(ctx, r, node, id, "start", func(ctx context.Context, c control.Control, env control.Env) error { return c.On(ctx, env) })
}

// Status has a control tell whether what it controls is up.
func (s *Controls) Status(ctx context.Context, r *room.Room, node room.NodeID, id room.ControlID) (now room.State, err error) {
	err = s.with(ctx, r, node, id, "status", func(ctx context.Context, c control.Control, env control.Env) (err error) {
		now, err = c.Status(ctx, env)
		return err
	})
	return now, err
}

// with does one thing with a control, within its time. A control that does not end then
// is left to itself: it may not hold up who asked.
func (s *Controls) with(ctx context.Context, r *room.Room, node room.NodeID, id room.ControlID, op string, do func(context.Context, control.Control, control.Env) error) error {
	def := &r.Controls[id]
	c, ok := of(r, id)
	if !ok {
		return &room.Error{Code: room.CodeInternal, Op: op, Subject: def.Name, Said: fmt.Sprintf("its settings are %T, not a control's", def.Settings)}
	}
	ctx, cancel := context.WithTimeout(ctx, def.Timeout)
	defer cancel()
	env, err := s.env(ctx, r, node, def)
	if err != nil {
		return problem(r, node, def, op, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- do(ctx, c, env) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		grace := time.NewTimer(hangs)
		defer grace.Stop()
		select {
		case err = <-ended:
		case <-grace.C:
			s.o.Log.Error("a control does not end though its time is up", "control", def.Name, "node", r.Nodes[node].Name, "doing", op)
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		return problem(r, node, def, op, err)
	}
	return nil
}

// hangs is how long after its time is up a control may take to notice.
const hangs = 2 * time.Second

func problem(r *room.Room, node room.NodeID, def *room.Control, op string, err error) error {
	code := room.CodeOf(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		code = room.CodeTimeout
	case code == room.CodeInternal:
		code = room.CodeDevice
	}
	return &room.Error{Code: code, Op: op + " by control " + def.Name, Subject: r.Nodes[node].Name, Said: err.Error(), Err: err}
}

// env makes what a control is given for a node.
func (s *Controls) env(ctx context.Context, r *room.Room, node room.NodeID, def *room.Control) (control.Env, error) {
	env := control.Env{
		Node: r.Nodes[node].Name, Address: r.Where(node), Dial: s.o.Dial, DialContext: s.o.DialContext,
		Log: s.o.Log.With("control", def.Name, "node", r.Nodes[node].Name),
		Do:  func(ctx context.Context, op room.Op) error { return s.do(ctx, r, node, op) },
		State: func(ctx context.Context, op room.Op) (room.State, error) {
			return s.state(ctx, r, node, op)
		},
	}
	if def.Credential == "" {
		return env, nil
	}
	who, err := s.o.Credential(ctx, r, def.Credential)
	env.Credential = who
	return env, err
}

// do has the node's device do one thing.
func (s *Controls) do(ctx context.Context, r *room.Room, node room.NodeID, op room.Op) error {
	var got fleet.One
	if err := s.o.Do(ctx, fleet.Request{Room: r, Op: op, Nodes: []room.NodeID{node}}, &got); err != nil {
		return err
	}
	if !got.Res.Outcome.Good() {
		if got.Res.Err != nil {
			return got.Res.Err
		}
		return &room.Error{Code: room.CodeDevice, Op: op.String(), Subject: r.Nodes[node].Name, Said: got.Res.Said}
	}
	return nil
}

// state reads through the device what an operation would change: by the service processor
// if the node has one, because that tells of the machine and not of its outlet.
func (s *Controls) state(ctx context.Context, r *room.Room, node room.NodeID, op room.Op) (room.State, error) {
	ways := r.Nodes[node].BMC
	if len(ways) == 0 {
		ways = r.Nodes[node].Ways(op)
	}
	if len(ways) == 0 {
		return room.StateUnknown, nil
	}
	return s.o.ReadPlug(ctx, r, ways[0], op)
}
