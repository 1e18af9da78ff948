package backup_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/internal/store"
	"millwright.dev/millwright/powerman"
)

// run runs the real daemon on a place until stop is called.
func (p place) run(t *testing.T) (addr string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan app.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: p.config, State: p.state, Drivers: standard.Drivers(script.Options{}), Version: "1.2.3",
			Doors: app.Doors{PowerMan: []string{"127.0.0.1:0"}},
			Ready: func(a app.Addresses) { ready <- a },
		})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	select {
	case a := <-ready:
		return a.PowerMan[0], stop
	case err := <-ended:
		t.Fatal(err)
	}
	return "", nil
}

// switching switches nodes on and off until ctx ends; begun is told once, when it has
// begun or failed to.
func switching(ctx context.Context, t *testing.T, addr, nodes string, begun func()) {
	tell := sync.OnceFunc(begun)
	defer tell()
	c, err := powerman.Dial(ctx, addr, powerman.DialOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	for ctx.Err() == nil {
		if _, err := c.On(ctx, nodes); err == nil {
			tell()
			_, _ = c.Off(ctx, nodes)
		}
	}
}

// history is what a store remembers.
type history struct {
	RoomID    string
	Events    []store.Event
	Revisions []store.Revision
}

func (p place) history(t *testing.T) history {
	t.Helper()
	s, err := store.Open(t.Context(), p.state, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := history{RoomID: s.RoomID()}
	if h.Events, err = s.Events(t.Context(), store.EventRange{Page: 1_000_000}); err != nil {
		t.Fatal(err)
	}
	if h.Revisions, err = s.Revisions(t.Context(), 0, 100); err != nil {
		t.Fatal(err)
	}
	for i := range h.Revisions {
		whole, err := s.Revision(t.Context(), h.Revisions[i].Number)
		if err != nil {
			t.Fatal(err)
		}
		h.Revisions[i].Files = whole.Files
	}
	return h
}

// A backup that is taken while a daemon is busy holds everything that was answered
// before it, is a beginning of what the daemon remembers later, and a daemon lives
// on from it elsewhere.
func TestBackupOfABusyDaemon(t *testing.T) {
	strip, err := sim.Start(context.WithoutCancel(t.Context()), sim.Config{PDUs: []sim.PDU{{Name: "pdu1", Style: "vpc", Outlets: sim.Numbered(0, 16)}}})
	if err != nil {
		t.Fatal(err)
	}
	defer strip.Close()
	from, to := elsewhere(t), elsewhere(t)
	put(t, filepath.Join(from.config, "vpc.dev"), string(sim.DeviceFile("vpc")), 0o644)
	put(t, filepath.Join(from.config, "room.yaml"), fmt.Sprintf(`room: busy
specifications: [vpc.dev]
devices:
  pdu1: {driver: script, settings: {spec: mw-vpc, address: "tcp://%s"}}
nodes:
  web[0-15]: {cords: "pdu1:[0-15]"}
`, strip.Addr("pdu1")), 0o644)
	addr, stop := from.run(t)
	c, err := powerman.Dial(t.Context(), addr, powerman.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := c.On(t.Context(), "web15"); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	ctx, quiet := context.WithCancel(t.Context())
	var busy, begun sync.WaitGroup
	for i := range 4 {
		begun.Add(1)
		busy.Go(func() { switching(ctx, t, addr, fmt.Sprintf("web[%d-%d]", 3*i, 3*i+2), begun.Done) })
	}
	begun.Wait()
	archive := from.write(t)
	quiet()
	busy.Wait()
	stop()

	if _, err := to.restore(t, archive, false); err != nil {
		t.Fatal(err)
	}
	was, is := from.history(t), to.history(t)
	answered := 0
	for _, e := range is.Events {
		if e.Targets == "web15" && e.Kind == store.KindResult {
			answered++
		}
	}
	if answered != 3 || len(is.Events) > len(was.Events) {
		t.Errorf("the backup has %d events, 3 answers among them: %d; the daemon had %d in the end", len(is.Events), answered, len(was.Events))
	}
	was.Events = was.Events[:min(len(is.Events), len(was.Events))]
	if diff := cmp.Diff(was, is, cmp.AllowUnexported(store.Revision{})); diff != "" {
		t.Errorf("after the restore (-was +is):\n%s", diff)
	}

	// And it lives on there.
	addr, stop = to.run(t)
	defer stop()
	again, err := powerman.Dial(t.Context(), addr, powerman.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.On(t.Context(), "web[0-15]"); err != nil {
		t.Error(err)
	}
}
