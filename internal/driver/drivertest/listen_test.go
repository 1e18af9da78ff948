package drivertest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/transport"
)

// dialling is a driver that dials and does nothing else.
type dialling struct{ to transport.Address }

func (d dialling) Traits(driver.Shelf) (driver.Traits, error) { return driver.Traits{}, nil }

func (d dialling) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	_, err := env.Reach(ctx, d.to)
	return nil, errors.Join(err, errors.New("no session"))
}

// TestServe: who comes to the listener speaks with the simulator, both hear when
// the other hangs up, and all ends with the context.
func TestServe(t *testing.T) {
	defer goleak.VerifyNone(t)
	to, err := transport.ParseURL("tcp://board:23")
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{}, 2)
	rig := Rig{
		Settings: dialling{to}, Plugs: []string{"1", "2", "3", "4"},
		Dial: func(_ context.Context, at transport.Address, _ transport.Credentials) (transport.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				for in := bufio.NewScanner(theirs); in.Scan() && in.Text() != "bye"; {
					fmt.Fprintf(theirs, "%s heard %s\n", at.URL(), in.Text())
				}
				theirs.Close()
				gone <- struct{}{}
			}()
			return ours, nil
		},
	}
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s, ended := newStand(t, rig, Subject{}), make(chan error)
	go func() { ended <- s.serve(ctx, at) }()
	for _, last := range []string{"bye\n", ""} {
		c, err := net.Dial("tcp", at.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "hello\n")
		in := bufio.NewReader(c)
		if said, err := in.ReadString('\n'); said != "tcp://board:23 heard hello\n" {
			t.Errorf("heard %q, %v", said, err)
		}
		if fmt.Fprint(c, last); last == "" {
			stop()
		}
		if said, err := in.ReadString('\n'); err == nil {
			t.Errorf("after the end: %q", said)
		}
		<-gone
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
