package drivertest

import (
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"
	"testing"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/transport"
)

var listen = flag.String("listen", "", "run no cases, and serve the rig's simulator at this `address` until interrupted")

// listen serves the simulator of a fresh rig at an address of this machine.
func (s Subject) listen(t *testing.T, address string) {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt)
	defer stop()
	at, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	st := newStand(t, s.New(t), s)
	t.Logf("%s is at %s until you interrupt this", st.traits.Type, at.Addr())
	if err := st.serve(ctx, at); err != nil {
		t.Fatal(err)
	}
}

// serve joins whoever comes to the rig's simulator, until ctx ends.
func (s *stand) serve(ctx context.Context, at net.Listener) error {
	var joined sync.WaitGroup
	defer joined.Wait()
	defer at.Close()
	dial, err := s.dials(ctx)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { at.Close() })()
	for {
		near, err := at.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		joined.Go(func() {
			defer near.Close()
			far, err := dial(ctx)
			if err != nil {
				s.Logf("%v: %v", near.RemoteAddr(), err)
				return
			}
			join(ctx, near, far)
		})
	}
}

// dials gives a way to the simulator. Only the driver knows the address that its
// settings come to, so it is asked to open a session that does not come about.
func (s *stand) dials(ctx context.Context) (func(context.Context) (transport.Conn, error), error) {
	var dial func(context.Context) (transport.Conn, error)
	heard := errors.New("that is all we want to know")
	env := s.env()
	env.Dial = func(_ context.Context, to transport.Address, who transport.Credentials) (transport.Conn, error) {
		dial = func(ctx context.Context) (transport.Conn, error) { return s.rig.Dial(ctx, to, who) }
		return nil, heard
	}
	session, err := s.rig.Settings.Open(ctx, env)
	if err == nil {
		session.Close()
	}
	if dial == nil || s.rig.Dial == nil {
		return nil, &driver.Fault{Phase: driver.Connecting, Device: deviceName, Said: "the driver dials nothing, so nothing can be served"}
	}
	return dial, nil
}

// join hands on what both ends say, until one hangs up or ctx ends.
func join(ctx context.Context, near, far io.ReadWriteCloser) {
	hangUp := func() {
		near.Close()
		far.Close()
	}
	defer context.AfterFunc(ctx, hangUp)()
	var back sync.WaitGroup
	back.Go(func() {
		defer hangUp()
		_, _ = io.Copy(near, far) // an end is an end
	})
	_, _ = io.Copy(far, near)
	hangUp()
	back.Wait()
}
