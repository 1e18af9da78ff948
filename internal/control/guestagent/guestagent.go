// Package guestagent shuts virtual machines down through the QEMU guest agent that
// runs in them: where no libvirt holds the machine, or its power button is not heeded.
//
// The agent speaks JSON, line by line, at a socket that QEMU opens for it. Nothing in
// it says which question an answer belongs to, and what somebody before us asked may
// be answered to us; so each conversation begins with guest-sync-delimited, whose
// answer is told from all others (QEMU Guest Agent Protocol Reference,
// "guest-sync-delimited").
//
// Start at [Settings].
package guestagent

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/transport"
)

// New makes the kind.
func New() control.Kind {
	return control.Kind{
		Name:    "guest-agent",
		Summary: "the QEMU guest agent in a virtual machine",
		New: func() control.Settings {
			return &Settings{Mode: "powerdown", Gone: "unknown", Timeout: 10 * time.Second}
		},
	}
}

// Settings of one control.
type Settings struct {
	Address string        `yaml:"address" required:"true" doc:"the agent's socket: unix:///path, tcp://host:port or any other way to it; {node} and {address} are replaced"`
	Mode    string        `yaml:"mode" enum:"powerdown,halt,reboot" default:"powerdown" doc:"what off asks the guest to do"`
	Gone    string        `yaml:"gone" enum:"unknown,off" default:"unknown" doc:"what a machine is whose socket is not there or refuses: off if nothing but the end of its QEMU can be the reason, such as a path that is wrong"`
	Timeout time.Duration `yaml:"timeout" default:"10s" doc:"how long the agent may take to answer"`
}

// Prepare implements [control.Settings].
func (s *Settings) Prepare() (control.Control, error) {
	if _, err := address(&control.Env{Node: "node", Address: "192.0.2.1"}, s.Address); err != nil {
		return nil, control.Field("address", "%w", err)
	}
	switch {
	case s.Mode != "powerdown" && s.Mode != "halt" && s.Mode != "reboot":
		return nil, control.Field("mode", "it is powerdown, halt or reboot")
	case s.Gone != "unknown" && s.Gone != "off":
		return nil, control.Field("gone", "it is unknown or off")
	case s.Timeout <= 0:
		return nil, control.Field("timeout", "it must be more than nothing")
	}
	return &guest{*s}, nil
}

func address(env *control.Env, text string) (transport.Address, error) {
	return transport.ParseURL(env.FillURL(text))
}

// guest is the control.
type guest struct{ Settings }

// Can implements [control.Control].
func (*guest) Can() control.Abilities { return control.Abilities{Off: true, Status: true} }

// On implements [control.Control]: nobody in a guest can start it.
func (*guest) On(context.Context, control.Env) error { return control.ErrCannot }

// quiet is how long after guest-shutdown the agent has time to refuse: it answers
// nothing when all is well.
const quiet = 2 * time.Second

// Off implements [control.Control].
func (g *guest) Off(ctx context.Context, env control.Env) error {
	err := g.talk(ctx, &env, func(ctx context.Context, c *conversation) error {
		if err := c.send("guest-shutdown", `{"mode":"`+g.Mode+`"}`); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, quiet)
		defer cancel()
		stop := context.AfterFunc(ctx, c.stop)
		defer stop()
		_, err := c.answer()
		var refused *Refusal
		if errors.As(err, &refused) {
			return err
		}
		return nil // silence, or the end of the machine
	})
	if err != nil {
		return fmt.Errorf("%s: guest agent: %w", env.Node, err)
	}
	return nil
}

// Status implements [control.Control]: an agent that answers is in a guest that runs.
// One that does not says nothing: it ends long before the guest has halted.
func (g *guest) Status(ctx context.Context, env control.Env) (room.State, error) {
	err := g.talk(ctx, &env, func(_ context.Context, c *conversation) error {
		if err := c.send("guest-ping", ""); err != nil {
			return err
		}
		_, err := c.answer()
		var refused *Refusal
		if errors.As(err, &refused) {
			return nil // it is alive, if odd
		}
		return err
	})
	switch {
	case err == nil:
		return room.StateOn, nil
	case g.Gone == "off" && (errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT)):
		return room.StateOff, nil
	}
	return room.StateUnknown, fmt.Errorf("%s: guest agent: %w", env.Node, err)
}

// talk reaches the agent, gets in step with it, and has do ask.
func (g *guest) talk(ctx context.Context, env *control.Env, do func(context.Context, *conversation) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, g.Timeout, fmt.Errorf("no answer within %v", g.Timeout))
	defer cancel()
	to, err := address(env, g.Address)
	if err != nil {
		return err
	}
	conn, err := env.Dial(ctx, to, transport.Credentials{})
	if err != nil {
		return err
	}
	c := newConversation(conn)
	defer c.stop()
	stop := context.AfterFunc(ctx, c.stop)
	defer stop()
	err = c.sync()
	if err == nil {
		err = do(ctx, c)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

var (
	_ control.Settings = (*Settings)(nil)
	_ control.Control  = (*guest)(nil)
)
