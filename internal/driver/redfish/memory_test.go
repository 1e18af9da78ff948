package redfish_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/redfish"
)

// pipes is a network in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (*pipes) Addr() net.Addr { return &net.TCPAddr{} }

// In memory, times are part of the suite: one timeout for the whole login, and for each
// action from its start.
func TestDriverInMemory(t *testing.T) {
	drivertest.Run(t, drivertest.Subject{Abreast: true, InMemory: true, New: func(t *testing.T) drivertest.Rig {
		e := build("b1", "b2", "b3", "b4")
		network := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: e, ReadHeaderTimeout: time.Hour}
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = server.Serve(network)
		}()
		t.Cleanup(func() {
			_ = server.Close()
			<-served
		})
		r := e.rig()
		s := r.Settings.(*redfish.Settings)
		s.Address, s.Rest, s.Timeout = "http://enclosure", 5*time.Second, time.Minute
		r.DialContext = network.dial
		r.Faults.Refuse = func() { _ = network.Close() }
		return r
	}})
}
