package ups_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/ups"
	"millwright.dev/millwright/nut"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// daemon is a UPS server on pipes, which can be out of reach.
type daemon struct {
	*nut.Bank
	conns chan net.Conn

	mu   sync.Mutex
	away bool
	open []net.Conn
}

func (d *daemon) Accept() (net.Conn, error) {
	c, ok := <-d.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (d *daemon) Close() error   { return nil }
func (d *daemon) Addr() net.Addr { return &net.TCPAddr{} }

func (d *daemon) dial(context.Context, string, string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return nil, &net.OpError{Op: "dial", Err: net.ErrClosed}
	}
	here, there := net.Pipe()
	d.open = append(d.open, here)
	d.conns <- there
	return here, nil
}

func (d *daemon) goAway(away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = away
	for _, c := range d.open {
		c.Close()
	}
	d.open = nil
}

type told struct {
	mu     sync.Mutex
	events []event.Event
	states []ups.State
}

func (l *told) AppendLater(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func (l *told) changed(s ups.Standing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states = append(l.states, s.State)
}

func (l *told) ops() (ops []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		ops = append(ops, e.Op)
	}
	return ops
}

// bubble runs a watcher and a daemon with the UPS "rack", in a bubble of time.
func bubble(t *testing.T, test func(d *daemon, w *ups.Watcher, l *told)) {
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{Bank: nut.NewBank("me", "geheim"), conns: make(chan net.Conn, 16)}
		d.Put("rack", "", nut.Vars{"ups.status": "OL", "battery.charge": "100", "battery.runtime": "600"})
		l := &told{}
		w := ups.New(ups.Options{Events: l, Changed: l.changed, DialContext: d.dial, Credential: func(_ context.Context, name string) (secret.Resolved, error) {
			return secret.Resolved{User: "me", Values: map[string]secret.Value{secret.Password: secret.NewValue(name)}}, nil
		}})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { w.Run(ctx) })
		running.Go(func() { (&nut.Server{Handler: d}).Serve(ctx, d) })
		test(d, w, l)
		cancel()
		d.goAway(true)
		close(d.conns)
		running.Wait()
	})
}

func only(t *testing.T, w *ups.Watcher) ups.Standing {
	t.Helper()
	synctest.Wait()
	list := w.List()
	if len(list) != 1 {
		t.Fatalf("%d standings: %+v", len(list), list)
	}
	return list[0]
}

func TestABlackout(t *testing.T) {
	bubble(t, func(d *daemon, w *ups.Watcher, l *told) {
		w.Apply([]ups.Source{{Name: "rack", Address: "ups.example", Feeds: []string{"a"}, Credential: "geheim"}})
		if s := only(t, w); s.State != ups.Online || !s.Contact || *s.Charge != 100 || s.Feeds[0] != "a" {
			t.Errorf("at first %+v", s)
		}
		if done := d.Done(); len(done) != 1 || done[0].Verb != nut.VerbLogin {
			t.Errorf("login: %+v", done)
		}
		d.Put("rack", "", nut.Vars{"ups.status": "OB DISCHRG", "battery.charge": "90"})
		time.Sleep(14 * time.Second)
		if s := only(t, w); s.State != ups.Online {
			t.Errorf("too early: %+v", s)
		}
		time.Sleep(time.Second)
		if s := only(t, w); s.State != ups.OnBattery || *s.Charge != 90 {
			t.Errorf("not on battery: %+v", s)
		}
		// A change of other settings does not make it forget.
		w.Apply([]ups.Source{{Name: "rack", Address: "ups.example", Feeds: []string{"a", "b"}, Poll: 2 * time.Second}})
		time.Sleep(3 * time.Second)
		if s := only(t, w); s.State != ups.OnBattery || len(s.Feeds) != 2 {
			t.Errorf("forgotten: %+v", s)
		}
		d.goAway(true)
		time.Sleep(100 * time.Second)
		if s := only(t, w); s.State != ups.OnBattery || s.Contact || !s.Reckoned || *s.Runtime > 510*time.Second {
			t.Errorf("lost: %+v", s)
		}
		d.goAway(false)
		d.Put("rack", "", nut.Vars{"ups.status": "OL CHRG"})
		time.Sleep(11 * time.Second) // on battery no pause is longer
		if s := only(t, w); s.State != ups.OnBattery || !s.Settling || !s.Contact {
			t.Errorf("settling: %+v", s)
		}
		time.Sleep(70 * time.Second)
		if s := only(t, w); s.State != ups.Online {
			t.Errorf("back: %+v", s)
		}
		w.Apply(nil)
		synctest.Wait()
		if list := w.List(); len(list) != 0 {
			t.Errorf("not given up: %+v", list)
		}
		if got, want := l.ops(), []string{"on-battery", "lost", "found", "online"}; !equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// A UPS that flaps for hours neither fills the disk nor counts as gone.
func TestAUPSThatFlaps(t *testing.T) {
	bubble(t, func(d *daemon, w *ups.Watcher, l *told) {
		w.Apply([]ups.Source{{Name: "rack", Address: "ups.example", Poll: 2 * time.Second}})
		synctest.Wait()
		for range 2 * 60 * 6 { // gone for 4 s, there for 6 s
			d.Put("rack", "", nut.Vars{"ups.status": "OB"})
			time.Sleep(4 * time.Second)
			d.Put("rack", "", nut.Vars{"ups.status": "OL"})
			time.Sleep(6 * time.Second)
		}
		if s := only(t, w); s.State != ups.Online || len(l.ops()) != 0 {
			t.Errorf("%+v; events %q", s, l.ops())
		}
		for range 6 * 30 { // gone for 30 s, there for 90 s
			d.Put("rack", "", nut.Vars{"ups.status": "OB"})
			time.Sleep(30 * time.Second)
			d.Put("rack", "", nut.Vars{"ups.status": "OL"})
			time.Sleep(90 * time.Second)
		}
		if n := len(l.ops()); n < 60 || n > 92 {
			t.Errorf("%d events in six hours", n)
		}
	})
}

func TestTroubles(t *testing.T) {
	bubble(t, func(d *daemon, w *ups.Watcher, l *told) {
		w.Apply([]ups.Source{
			{Name: "other", UPS: "none", Address: "ups.example"},
			{Name: "rack", Address: "ups.example", Credential: "wrong"},
		})
		synctest.Wait()
		list := w.List()
		if len(list) != 2 || list[0].State != ups.Unknown || list[1].State != ups.Online {
			t.Fatalf("%+v", list)
		}
		for i, want := range []string{
			"other: not reached yet, ups.example:3493: LIST VAR none: UNKNOWN-UPS (the server knows no such UPS)",
			"rack: online, 100 % charge, it is read, but we are not logged in: LOGIN rack: ACCESS-DENIED (the server does not let this user or this host do that)",
		} {
			if list[i].Said != want {
				t.Errorf("%q, want %q", list[i].Said, want)
			}
		}
		d.Fail("rack", nut.DataStale)
		time.Sleep(30 * time.Second)
		if s := w.List()[1]; s.State != ups.Unknown || s.Contact {
			t.Errorf("stale: %+v", s)
		}
		if got := l.ops(); !equal(got, []string{"unknown"}) {
			t.Errorf("events %q", got)
		}
	})
}
