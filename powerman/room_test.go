package powerman

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"millwright.dev/millwright/hostlist"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// room is a Handler in memory: t[0-15] on one device. t1 and t2 are on, t3
// cannot be read, t7 and t15 refuse to be switched, and only t[0-3] have a
// thermometer; t2's is broken.
type room struct {
	mu     sync.Mutex
	nodes  []string
	states map[string]State
	// hold, if set, keeps every command until it is closed or the context ends.
	hold chan struct{}
	// entered takes one value whenever a command starts to be held.
	entered chan struct{}
	// ended takes the name of every command that ends, with the context's error.
	ended chan error
}

func newRoom() *room {
	r := &room{states: map[string]State{"t1": On, "t2": On, "t3": Unknown}, entered: make(chan struct{}, 100), ended: make(chan error, 100)}
	for i := range 16 {
		name := fmt.Sprint("t", i)
		r.nodes = append(r.nodes, name)
		if _, ok := r.states[name]; !ok {
			r.states[name] = Off
		}
	}
	return r
}

func (r *room) Nodes(context.Context) ([]string, error) { return r.nodes, nil }

func (r *room) Device(_ context.Context, targets string) ([]DeviceInfo, error) {
	list, err := hostlist.Parse(targets)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHostlist, err)
	}
	found := targets == ""
	for name := range list.All() {
		_, ok := r.states[name]
		found = found || ok
	}
	if !found {
		return nil, nil
	}
	return []DeviceInfo{{Name: "test0", State: DeviceConnected, Actions: 3, Type: "vpc", Hosts: r.nodes}}, nil
}

func (r *room) targets(ctx context.Context, targets string) ([]string, error) {
	if targets == "" {
		return r.nodes, nil
	}
	list, err := hostlist.Parse(targets)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHostlist, err)
	}
	var names []string
	var unknown hostlist.List
	for name := range list.All() {
		if name == "pairs" { // the one alias
			names = append(names, "t2", "t1")
		} else if _, ok := r.states[name]; ok {
			names = append(names, name)
		} else {
			unknown.Append(name)
		}
	}
	if unknown.Len() > 0 {
		return nil, &NoSuchNodesError{List: unknown}
	}
	if r.hold != nil {
		r.entered <- struct{}{}
		select {
		case <-r.hold:
		case <-ctx.Done():
		}
		r.ended <- ctx.Err()
	}
	return names, ctx.Err()
}

func (r *room) Power(ctx context.Context, cmd Command, targets string, out Out) error {
	names, err := r.targets(ctx, targets)
	if err != nil {
		return err
	}
	switch cmd {
	case CmdReset:
		return fmt.Errorf("test0: %w", ErrUnsupported)
	case CmdFlash:
		panic("flash fell over")
	case CmdUnflash:
		return errors.New("lamp\r\n102 forged")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		switch {
		case name == "t7" || name == "t15":
			out.Diagnostic(name, "ERROR")
		case name == "t13":
			out.DeviceError("test0: connect timeout")
		case cmd == CmdOff:
			r.states[name] = Off
		default:
			r.states[name] = On
		}
	}
	return nil
}

func (r *room) Query(ctx context.Context, cmd Command, targets string, out Out) ([]Result, error) {
	names, err := r.targets(ctx, targets)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if out.WantTelemetry() {
		out.Telemetry(`send(test0): 'stat *\n'`)
		out.Telemetry(`recv(test0): 'plug 0: OFF\r\n\000\377'`)
		out.Telemetry("delay(test0): 1.250000")
	}
	var results []Result
	for _, name := range names {
		result := Result{Node: name, State: r.states[name]}
		if cmd == CmdTemp && (name == "t0" || name == "t1" || name == "t3") {
			result.Value = "8" + name[1:]
		}
		if cmd == CmdBeacon && name == "t13" {
			err = fmt.Errorf("beacon: %w", ErrWithErrors)
		}
		results = append(results, result)
	}
	return results, err
}

// serve starts a server on a free port of the loopback and returns its address.
func serve(t testing.TB, srv *Server) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- srv.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error("Serve:", err)
		}
	})
	return l.Addr().String()
}
