package shelf_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/shelf"
	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/internal/transport"
)

// heard is what a driver told of a batch: one word for each plug.
type heard struct{ plugs map[int]string }

func (h heard) State(p int, s room.State, _ string) { h.plugs[p] = s.String() }
func (h heard) Done(p int)                          { h.plugs[p] = "done" }
func (h heard) Failed(p int, said string)           { h.plugs[p] = "failed: " + said }
func (h heard) Unknown(p int, why *driver.Fault)    { h.plugs[p] = "unknown: " + why.Phase.String() }
func (heard) Fault(*driver.Fault)                   {}
func (heard) Trace(devspec.Trace)                   {}

// open logs in by a rig.
func open(t *testing.T, r drivertest.Rig) (driver.Session, error) {
	t.Helper()
	if _, err := r.Settings.Traits(r.Shelf); err != nil {
		t.Fatal(err)
	}
	env := driver.Env{Device: "pdu", Dial: r.Dial, Credential: r.Credential, Log: slog.New(slog.DiscardHandler), Reached: func() {}, Acted: func() {}}
	for _, p := range r.Plugs {
		env.Plugs = append(env.Plugs, driver.Plug{Name: p, Used: true})
	}
	return r.Settings.Open(t.Context(), env)
}

// do carries out an operation on the first plug and gives the word for it.
func do(t *testing.T, s driver.Session, op room.Op) string {
	t.Helper()
	h := heard{make(map[int]string)}
	_ = s.Do(t.Context(), driver.Batch{Op: op, Plugs: []int{0}}, h) // what matters is what it told
	return h.plugs[0]
}

// TestOnePlug has what the drivers' suite cannot: units that have only one plug.
func TestOnePlug(t *testing.T) {
	for _, e := range shelf.All() {
		if !strings.HasPrefix(e.Plugs, "1,") {
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rig(t, e)
				s, err := open(t, r)
				must(t, err)
				defer s.Close()
				steps := []struct {
					op   room.Op
					want string
					on   bool
				}{
					{room.Status, "off", false},
					{room.On, "done", true},
					{room.On, "done", true},
					{room.Status, "on", true},
					{room.Reset, "done", true},
					{room.Cycle, "done", true},
					{room.Off, "done", false},
					{room.Off, "done", false},
					{room.Status, "off", false},
					{room.Cycle, "done", true},
				}
				for i, step := range steps {
					if got := do(t, s, step.op); got != step.want || r.Truth.On("1") != step.on {
						t.Errorf("step %d, %s: got %q and the server is on: %v; want %q, %v", i, step.op, got, r.Truth.On("1"), step.want, step.on)
					}
				}
				r.Faults.Hang()
				if got := do(t, s, room.Off); !strings.HasPrefix(got, "unknown") || !r.Truth.On("1") {
					t.Errorf("off of a unit that hangs: got %q", got)
				}
			})
		})
	}
}

// TestWrongPassword holds that nobody is let in, and nothing is switched, by a wrong
// password.
func TestWrongPassword(t *testing.T) {
	for _, e := range shelf.All() {
		if e.Login == "SSH" {
			continue // see TestBehindSSH
		}
		t.Run(e.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rig(t, e)
				r.Faults.BadPassword()
				s, err := open(t, r)
				var f *driver.Fault
				if !errors.As(err, &f) || f.Phase != driver.LoggingIn {
					t.Errorf("with a wrong password the session is %v, the error %v", s, err)
				}
			})
		})
	}
}

// TestStuckOutletIsNoSuccess holds what a script proves by reading back: an outlet
// that takes the command and does nothing is not told as done.
func TestStuckOutletIsNoSuccess(t *testing.T) {
	for _, e := range shelf.All() {
		if !proven(e) {
			continue
		}
		for _, op := range []room.Op{room.On, room.Off, room.Cycle} {
			t.Run(fmt.Sprint(e.Name, " ", op), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := rigOf(t, e, nil)
					r.Truth.Set(r.Plugs[0], op == room.Off)
					s, err := open(t, r.Rig)
					must(t, err)
					defer s.Close()
					must(t, r.room.Break("pdu", sim.Fault{Kind: sim.Stuck, Plug: r.Plugs[0]}))
					if got := do(t, s, op); !strings.HasPrefix(got, "unknown") {
						t.Errorf("got %q, and the outlet did not move", got)
					}
				})
			})
		}
	}
}

// TestRefusalIsNoSuccess: a unit that says no, in whatever words, is not taken for one
// that has done it, for all files.
func TestRefusalIsNoSuccess(t *testing.T) {
	for _, e := range shelf.All() {
		for _, op := range []room.Op{room.On, room.Off, room.Cycle} {
			t.Run(fmt.Sprint(e.Name, " ", op), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := rigOf(t, e, nil)
					r.Truth.Set(r.Plugs[0], op == room.Off)
					s, err := open(t, r.Rig)
					must(t, err)
					defer s.Close()
					must(t, r.room.Break("pdu", sim.Fault{Kind: sim.Error, Plug: r.Plugs[0]}))
					if got := do(t, s, op); !strings.HasPrefix(got, "unknown") {
						t.Errorf("got %q, and the unit refused", got)
					}
				})
			})
		}
	}
}

// TestSingleSession holds that a second session is told why it is not let in, that
// who logs out frees the place at once, and that a line that breaks keeps it taken for
// a while.
func TestSingleSession(t *testing.T) {
	for _, name := range []string{"apc-menu-13p13", "apc-menu-121p1", "apc-menu-121p3", "apc-menu-12p3", "apc-menu-1p4"} {
		e, _ := shelf.Find(name)
		synctest.Test(t, func(t *testing.T) {
			r := rigOf(t, e, func(p *sim.PDU) { p.Sessions = 0 })
			enter := func() driver.Session {
				t.Helper()
				s, err := open(t, r.Rig)
				must(t, err)
				return s
			}
			busy := func(when string) {
				t.Helper()
				_, err := open(t, r.Rig)
				if err == nil || !strings.Contains(err.Error(), "another session is active") {
					t.Errorf("%s, %s: the error is %v", name, when, err)
				}
			}
			first := enter()
			busy("while another is there")
			first.Close()
			second := enter()
			r.Faults.HangUp()
			<-second.Done()
			second.Close()
			busy("after a line that broke")
			time.Sleep(131 * time.Second)
			enter().Close()
		})
	}
}

// TestPowerManSaysNoGoodBye: a device of a powerman.conf is left as powermand leaves
// it, whose own never hear a logout script.
func TestPowerManSaysNoGoodBye(t *testing.T) {
	e, _ := shelf.Find("apc-menu-13p13")
	synctest.Test(t, func(t *testing.T) {
		r := rigOf(t, e, func(p *sim.PDU) { p.Sessions = 0 })
		spec, _ := r.Shelf.Specification(e.Name)
		settings, err := script.FromPowerMan(spec, r.room.Addr("pdu"), "", script.Options{})
		must(t, err)
		r.Settings = settings
		s, err := open(t, r.Rig)
		must(t, err)
		s.Close()
		if _, err := open(t, r.Rig); err == nil || !strings.Contains(err.Error(), "another session is active") {
			t.Errorf("the unit was logged out of: %v", err)
		}
	})
}

// TestPortInUse holds the same for a port behind a menu.
func TestPortInUse(t *testing.T) {
	for _, name := range []string{"baytech-ds4", "baytech-ctrl-c", "baytech-ctrl-c-3", "baytech-enter-5"} {
		e, _ := shelf.Find(name)
		synctest.Test(t, func(t *testing.T) {
			r := rigOf(t, e, nil)
			must(t, r.room.Break("pdu", sim.Fault{Kind: sim.Busy}))
			_, err := open(t, r.Rig)
			var f *driver.Fault
			if !errors.As(err, &f) || f.Phase != driver.LoggingIn || !strings.Contains(err.Error(), "Enter Request") {
				t.Errorf("%s: the error is %v", name, err)
			}
			must(t, r.room.Heal("pdu", ""))
			s, err := open(t, r.Rig)
			must(t, err)
			s.Close()
		})
	}
}

// TestFirstSessionDies: the second attempt, which the fleet makes by itself, comes in.
func TestFirstSessionDies(t *testing.T) {
	e, _ := shelf.Find("baytech-rpc16")
	synctest.Test(t, func(t *testing.T) {
		r := rigOf(t, e, func(p *sim.PDU) { p.Style = "baytech-rpc16-first-dies" })
		if _, err := open(t, r.Rig); err == nil {
			t.Error("the first session did not die")
		}
		s, err := open(t, r.Rig)
		must(t, err)
		defer s.Close()
		if got := do(t, s, room.On); got != "done" {
			t.Errorf("got %q", got)
		}
	})
}

// TestBehindSSH drives the units that are reached by SSH through our own client,
// over sockets.
func TestBehindSSH(t *testing.T) {
	for _, e := range shelf.All() {
		if e.Login != "SSH" {
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			text, _ := shelf.Text(e.Name)
			spec := parse(t, text).Specs[0]
			strip := unit(e, outlets(spec))
			strip.SSH = true
			played, err := sim.Start(t.Context(), sim.Config{PDUs: []sim.PDU{strip}})
			must(t, err)
			t.Cleanup(played.Close)
			pin, err := played.HostPin()
			must(t, err)
			settings := script.New(script.Options{NoDelays: true}).New().(*script.Settings)
			settings.Spec = e.Name
			settings.Address = "ssh://" + played.Addr("pdu") + "?pin=" + url.QueryEscape(pin)
			dialer := new(transport.Dialer)
			r := drivertest.Rig{Settings: settings, Shelf: onShelf{spec}, Plugs: strip.Outlets, Dial: dialer.Dial, Credential: login()}
			s, err := open(t, r)
			must(t, err)
			for _, want := range []struct {
				op   room.Op
				word string
			}{{room.On, "done"}, {room.Status, "on"}, {room.Cycle, "done"}, {room.Off, "done"}, {room.Status, "off"}} {
				if got := do(t, s, want.op); got != want.word {
					t.Errorf("%s: got %q, want %q", want.op, got, want.word)
				}
			}
			must(t, s.Close())
			must(t, played.Break("pdu", sim.Fault{Kind: sim.BadLogin}))
			var f *driver.Fault
			if _, err := open(t, r); !errors.As(err, &f) || f.Phase != driver.Connecting {
				t.Errorf("with a wrong password the error is %v", err)
			}
		})
	}
}

var _ driver.Sink = heard{}
