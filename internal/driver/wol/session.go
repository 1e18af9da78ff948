package wol

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// session has no line: packets are sent, and signs of life looked for, as needed.
type session struct {
	*Settings
	env      driver.Env
	password []byte
	mask     *secret.Masker
}

// Open implements [driver.Settings].
func (s *Settings) Open(_ context.Context, env driver.Env) (driver.Session, error) {
	env.Reached()
	password, err := passwordOf(env.Credential.Get(secret.Password).Reveal())
	if err != nil {
		return nil, &driver.Fault{Phase: driver.LoggingIn, Device: env.Device, Err: err}
	}
	return &session{Settings: s, env: env, password: password, mask: secret.NewMasker(env.Credential.Secrets()...)}, nil
}

// Done implements [driver.Session].
func (*session) Done() <-chan struct{} { return nil }

// Close implements [driver.Session].
func (*session) Close() error { return nil }

// outcome is what became of one machine; told in the goroutine that runs Do.
type outcome struct {
	plug  int
	state room.State
	raw   string
	err   error // it was sent, and there is no sign of life
	sent  error // it could not be sent
}

// atOnce is how many machines are looked after side by side.
const atOnce = 64

// Do implements [driver.Session]: all machines side by side, on one clock.
func (s *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	if b.Op != room.On && (b.Op != room.Status || s.Alive == "") {
		for _, p := range b.Plugs {
			sink.Failed(p, "the device cannot "+b.Op.String())
		}
		return nil
	}
	start := b.Start
	if start.IsZero() {
		start = time.Now()
	}
	act, cancel := context.WithDeadlineCause(ctx, start.Add(s.Timeout), fmt.Errorf("no sign of life within %v", s.Timeout))
	defer cancel()
	if act.Err() != nil {
		s.unknown(b.Plugs, driver.Waiting, context.Cause(act), sink)
		return nil
	}
	s.trace(b, sink)
	for o := range s.each(act, b) {
		s.tell(o, b, sink)
	}
	s.env.Acted()
	return nil
}

// each works at all machines of a batch, and gives the outcomes as they come.
func (s *session) each(ctx context.Context, b driver.Batch) <-chan outcome {
	outcomes := make(chan outcome)
	todo := make(chan int)
	var workers sync.WaitGroup
	for range min(atOnce, len(b.Plugs)) {
		workers.Go(func() {
			for p := range todo {
				if b.Op == room.On {
					outcomes <- s.wake(ctx, p)
				} else {
					outcomes <- s.look(ctx, p)
				}
			}
		})
	}
	go func() {
		for _, p := range b.Plugs {
			todo <- p
		}
		close(todo)
		workers.Wait()
		close(outcomes)
	}()
	return outcomes
}

func (s *session) tell(o outcome, b driver.Batch, sink driver.Sink) {
	switch {
	case o.sent != nil:
		sink.Failed(o.plug, s.mask.String(o.sent.Error()))
	case o.err != nil:
		s.unknown([]int{o.plug}, driver.Acting, o.err, sink)
	case b.Op == room.On:
		sink.Done(o.plug)
	default:
		sink.State(o.plug, o.state, o.raw)
	}
}

func (s *session) unknown(plugs []int, phase driver.Phase, why error, sink driver.Sink) {
	f := &driver.Fault{Phase: phase, Device: s.env.Device, Err: why}
	sink.Fault(f)
	for _, p := range plugs {
		sink.Unknown(p, f)
	}
}

func (s *session) trace(b driver.Batch, sink driver.Sink) {
	if !b.Trace || b.Op != room.On {
		return
	}
	for _, p := range b.Plugs {
		sink.Trace(devspec.Trace{Kind: devspec.TraceSend, Text: fmt.Sprintf("magic packet for %s to %s\n", s.macs[s.env.Plugs[p].Name], s.Via)})
	}
}

// again is how long lies between two packets, and between two looks.
const again = time.Second

// wake sends the packets, and waits for a sign of life if there can be one.
func (s *session) wake(ctx context.Context, plug int) outcome {
	o := outcome{plug: plug}
	if s.Alive != "" {
		if alive, _ := s.alive(ctx, plug); alive {
			return o // it need not be woken
		}
	}
	for sent := 0; ; sent++ {
		if sent < s.Packets {
			if err := s.send(ctx, plug); err != nil && sent == 0 {
				o.sent = err
				return o
			}
		}
		if s.Alive == "" && sent >= s.Packets-1 {
			return o
		}
		if s.Alive != "" {
			if alive, _ := s.alive(ctx, plug); alive {
				return o
			}
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			o.err = fmt.Errorf("%d packets were sent: %w", min(sent+1, s.Packets), context.Cause(ctx))
			return o
		}
	}
}

func (s *session) send(ctx context.Context, plug int) error {
	c, err := s.env.DialContext(ctx, "udp", s.Via)
	if err != nil {
		return fmt.Errorf("the packet could not be sent: %w", err)
	}
	defer c.Close()
	if _, err := c.Write(packet(s.macs[s.env.Plugs[plug].Name], s.password)); err != nil {
		return fmt.Errorf("the packet could not be sent: %w", err)
	}
	return nil
}

// patience is how long a machine may take to answer that it is there.
const patience = 3 * time.Second

// alive looks for a sign of life: a connection, or a refusal, which only a machine
// that runs can send.
func (s *session) alive(ctx context.Context, plug int) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := s.env.DialContext(ctx, "tcp", strings.ReplaceAll(s.Alive, plugMark, s.env.Plugs[plug].Name))
	if err == nil {
		c.Close()
		return true, nil
	}
	return errors.Is(err, syscall.ECONNREFUSED), err
}

// look reads a machine's state.
func (s *session) look(ctx context.Context, plug int) outcome {
	o := outcome{plug: plug, state: room.StateUnknown}
	alive, err := s.alive(ctx, plug)
	var dns *net.DNSError
	switch {
	case alive:
		o.state, o.raw = room.StateOn, "it answers"
	case errors.As(err, &dns):
		o.sent = err // the name is wrong, which says nothing of the machine
	case ctx.Err() != nil:
		o.err = context.Cause(ctx)
	case s.Silent == "off":
		o.state, o.raw = room.StateOff, "no sign of life"
	default:
		o.raw = "no sign of life"
	}
	return o
}

var _ driver.Session = (*session)(nil)
