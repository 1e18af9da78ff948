package wol

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// session has no line: packets are sent, and signs of life looked for, as needed.
type session struct {
	*Settings
	action.Device
	password []byte
}

// Open implements [driver.Settings].
func (s *Settings) Open(_ context.Context, env driver.Env) (driver.Session, error) {
	env.Reached()
	password, err := passwordOf(env.Credential.Get(secret.Password).Reveal())
	if err != nil {
		return nil, &driver.Fault{Phase: driver.LoggingIn, Device: env.Device, Err: err}
	}
	return &session{Settings: s, password: password, Device: action.Device{
		Env: env, Timeout: s.Timeout, Slow: fmt.Errorf("no sign of life within %v", s.Timeout),
		Mask: secret.NewMasker(env.Credential.Secrets()...), NoLine: true,
	}}, nil
}

// Done implements [driver.Session].
func (*session) Done() <-chan struct{} { return nil }

// Close implements [driver.Session].
func (*session) Close() error { return nil }

// atOnce is how many machines are looked after side by side.
const atOnce = 64

// Do implements [driver.Session]: all machines side by side, on one clock.
func (s *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	switch {
	case b.Op == room.On:
		return s.Abreast(ctx, b, sink, atOnce, func(a *action.Action, plug int) (room.State, string, error) {
			return room.StateUnknown, "", s.wake(a, plug)
		})
	case b.Op == room.Status && s.Alive != "":
		return s.Abreast(ctx, b, sink, atOnce, s.look)
	}
	return s.Cannot(b, sink)
}

// again is how long lies between two packets, and between two looks.
const again = time.Second

// wake sends the packets, and waits for a sign of life if there can be one.
func (s *session) wake(a *action.Action, plug int) error {
	if s.Alive != "" {
		if alive, _ := s.alive(a, plug); alive {
			return nil // it need not be woken
		}
	}
	for sent := 0; ; sent++ {
		if sent < s.Packets {
			if err := s.send(a, plug); err != nil && sent == 0 {
				return action.Refused("the packet could not be sent: " + err.Error())
			}
		}
		if s.Alive == "" && sent >= s.Packets-1 {
			return nil
		}
		if s.Alive != "" {
			if alive, _ := s.alive(a, plug); alive {
				return nil
			}
		}
		if err := a.Wait(again); err != nil {
			return fmt.Errorf("%d packets were sent: %w", min(sent+1, s.Packets), context.Cause(a.Context()))
		}
	}
}

func (s *session) send(a *action.Action, plug int) error {
	c, err := s.Env.DialContext(a.Context(), "udp", s.Via)
	if err != nil {
		return err
	}
	defer c.Close()
	mac := s.macs[s.Env.Plugs[plug].Name]
	a.Begin()
	a.Trace(devspec.TraceSend, fmt.Sprintf("magic packet for %s to %s\n", mac, s.Via))
	_, err = c.Write(packet(mac, s.password))
	return err
}

// patience is how long a machine may take to answer that it is there.
const patience = 3 * time.Second

// alive looks for a sign of life: a connection, or a refusal, which only a machine
// that runs can send.
func (s *session) alive(a *action.Action, plug int) (bool, error) {
	ctx, cancel := context.WithTimeout(a.Context(), patience)
	defer cancel()
	name := s.Env.Plugs[plug].Name
	c, err := s.Env.DialContext(ctx, "tcp", strings.ReplaceAll(s.Alive, plugMark, name))
	if err == nil {
		c.Close()
	} else if !errors.Is(err, syscall.ECONNREFUSED) {
		return false, err
	}
	a.Trace(devspec.TraceRecv, name+" answers\n")
	return true, nil
}

// look reads a machine's state.
func (s *session) look(a *action.Action, plug int) (room.State, string, error) {
	a.Begin()
	alive, err := s.alive(a, plug)
	var dns *net.DNSError
	switch {
	case alive:
		return room.StateOn, "it answers", nil
	case errors.As(err, &dns): // the name is wrong, which says nothing of the machine
		return room.StateUnknown, "", action.Refused(err.Error())
	case a.Context().Err() != nil:
		return room.StateUnknown, "", a.Over()
	case s.Silent == "off":
		return room.StateOff, "no sign of life", nil
	}
	return room.StateUnknown, "no sign of life", nil
}

var _ driver.Session = (*session)(nil)
