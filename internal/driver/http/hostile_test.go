package httpdriver_test

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"millwright.dev/millwright/internal/driver"
	httpdriver "millwright.dev/millwright/internal/driver/http"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/sim/webplug"
)

// TestHostile: whatever a box answers, what nobody knows is not told as known, and
// the next thing works when the box is well again.
func TestHostile(t *testing.T) {
	hostile := []webplug.Fault{webplug.Flood, webplug.FloodHead, webplug.Redirects, webplug.RedirectAway, webplug.NotHTML, webplug.Fails, webplug.Garbage}
	for _, profile := range httpdriver.Profiles() {
		t.Run(profile, func(t *testing.T) {
			b := newBox(t, profile, plugNames(4))
			session := mustOpen(t, &httpdriver.Settings{Address: listening(t, b), Profile: profile, Plugs: plugNames(4)}, env(plugNames(4), credential()))
			reads := profile != "epowerswitch" && profile != "epowerswitch-old" && !strings.HasPrefix(profile, "blackbox")
			for _, fault := range hostile {
				b.Fault(fault, true)
				if reads {
					if s, _ := do(t, session, room.Status, 0, 1); strings.Contains(s.String(), " on") || strings.Contains(s.String(), " off") {
						t.Errorf("%s: a state is told: %s", fault, s)
					}
				}
				// Nobody can see that such a page is not the box's, where the box's own says nothing.
				blind := fault == webplug.NotHTML && (strings.HasPrefix(profile, "epowerswitch") || profile == "blackbox-pse505")
				if s, _ := do(t, session, room.On, 1); strings.Contains(s.String(), "done") && !blind {
					t.Errorf("%s: on is told as done: %s", fault, s)
				}
				b.Fault(fault, false)
				b.Set("2", false)
				if s, err := do(t, session, room.On, 1); err != nil || !strings.HasSuffix(s.String(), "1 done") || !b.On("2") {
					t.Errorf("after %s: %s, %v", fault, s, err)
				}
			}
		})
	}
}

// TestFlood: a gigabyte costs what an answer may cost.
func TestFlood(t *testing.T) {
	b := newBox(t, "shelly-gen1", plugNames(4))
	session := mustOpen(t, &httpdriver.Settings{Address: listening(t, b), Profile: "shelly-gen1", Plugs: plugNames(4)}, env(plugNames(4), credential()))
	b.Fault(webplug.Flood, true)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, _ := do(t, session, room.Status, 0)
	runtime.ReadMemStats(&after)
	if !strings.Contains(s.String(), "longer than 1024 KiB") {
		t.Errorf("told %s", s)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
		t.Errorf("a gigabyte took %d bytes of memory", took)
	}
}

// TestOtherOutlet: an answer that names another outlet than was asked for is not
// believed.
func TestOtherOutlet(t *testing.T) {
	for _, c := range []struct {
		profile string
		op      room.Op
	}{
		{"shelly-gen2", room.Status},
		{"tasmota", room.Status},
		{"tasmota", room.On},
		{"epowerswitch-r2", room.On},
		{"ip-power-9258", room.On},
		{"ip-power-9258-old", room.On},
	} {
		b := newBox(t, c.profile, plugNames(4))
		session := mustOpen(t, &httpdriver.Settings{Address: listening(t, b), Profile: c.profile, Plugs: plugNames(4)}, env(plugNames(4), credential()))
		b.Set("1", true)
		b.Fault(webplug.OtherOutlet, true)
		s, err := do(t, session, c.op, 0)
		if err != nil || !strings.HasPrefix(s.String(), "0 unknown") {
			t.Errorf("%s: %v of outlet 1 is answered for outlet 2, and told as %q, %v", c.profile, c.op, s, err)
		}
	}
}

// TestStuck: where the profile reads back, a relay that does not move is found out,
// and the others are not held up for it.
func TestStuck(t *testing.T) {
	for profile := range confirms {
		synctest.Test(t, func(t *testing.T) {
			b, w := newBox(t, profile, plugNames(4)), newWires()
			start(t, b, w)
			e := env(plugNames(4), credential())
			e.DialContext = w.dial
			session := mustOpen(t, &httpdriver.Settings{Address: "http://box", Profile: profile, Plugs: plugNames(4)}, e)
			b.Stick("2")
			s, err := do(t, session, room.On, 0, 1, 2)
			if err != nil || !strings.Contains(s.String(), "0 done") || !strings.Contains(s.String(), "1 unknown: it took the command, and") || !strings.Contains(s.String(), "2 done") {
				t.Errorf("%s: %s, %v", profile, s, err)
			}
		})
	}
}

// TestSessionEnds: a box that has forgotten us is logged in to again, once, and what
// it turned down is asked again; a box whose password has changed says so.
func TestSessionEnds(t *testing.T) {
	for _, profile := range []string{"openbmc", "dli", "epowerswitch-old", "shelly-gen2", "dli-rest"} {
		t.Run(profile, func(t *testing.T) {
			b := newBox(t, profile, plugNames(4))
			session := mustOpen(t, &httpdriver.Settings{Address: listening(t, b), Profile: profile, Plugs: plugNames(4)}, env(plugNames(4), credential()))
			for _, op := range []room.Op{room.On, room.Off} {
				b.Forget()
				if s, err := do(t, session, op, 0, 1); err != nil || !strings.Contains(s.String(), "0 done") || !strings.Contains(s.String(), "1 done") {
					t.Errorf("%v after it has forgotten us: %s, %v", op, s, err)
				}
			}
			if b.Moves("1") != 2 {
				t.Errorf("the relay has moved %d times, want 2", b.Moves("1"))
			}
			b.Forget()
			b.Fault(webplug.BadPassword, true)
			s, err := do(t, session, room.On, 0)
			if strings.Contains(s.String(), "done") || b.On("1") {
				t.Errorf("with a wrong password: %s, %v", s, err)
			}
			if profile != "shelly-gen2" && profile != "dli-rest" && phase(err) != driver.LoggingIn {
				t.Errorf("with a wrong password: %v, want a fault of logging in", err)
			}
		})
	}
}

// TestLogsOut: a service processor has only so many sessions.
func TestLogsOut(t *testing.T) {
	b := newBox(t, "openbmc", plugNames(4))
	address := listening(t, b)
	for range 3 {
		session := mustOpen(t, &httpdriver.Settings{Address: address, Profile: "openbmc", Plugs: plugNames(4)}, env(plugNames(4), credential()))
		if b.Open() != 1 {
			t.Errorf("%d sessions are open", b.Open())
		}
		session.Close()
	}
	if b.Open() != 0 || b.Sessions() != 3 {
		t.Errorf("%d of %d sessions were left open", b.Open(), b.Sessions())
	}
}

// TestHangsUp: a box that closes the connection after each answer, and does not say
// so, is read as any other, and each of its changes is sent once.
func TestHangsUp(t *testing.T) {
	for _, oneShot := range []bool{true, false} {
		b := newBox(t, "tasmota", plugNames(4))
		b.Fault(webplug.HangsUp, true)
		session := mustOpen(t, lean(listening(t, b), oneShot), env(plugNames(4), credential()))
		for range 20 {
			if s, err := do(t, session, room.Status, 0, 1, 2, 3); err != nil || len(s.told) != 4 {
				t.Fatalf("%s, %v", s, err)
			}
			if s, err := do(t, session, room.Cycle, 0); err != nil || s.String() != "0 done" {
				t.Fatalf("%s, %v", s, err)
			}
		}
		if b.Moves("1") != 39 { // it was off at first
			t.Errorf("the relay has moved %d times", b.Moves("1"))
		}
	}
}

// lean defines as much of a Tasmota as is needed.
func lean(address string, oneShot bool) *httpdriver.Settings {
	request := func(argument string) *httpdriver.Request {
		return &httpdriver.Request{Path: "/cm?user={user}&password={password}&cmnd=Power{number}" + argument}
	}
	return &httpdriver.Settings{Address: address, Rest: 1, Define: &httpdriver.Definition{
		Plugs: plugNames(4), OneShot: oneShot, On: request("%20On"), Off: request("%20Off"),
		Status: &httpdriver.Read{Request: *request(""), Find: httpdriver.Find{JSON: "$.POWER{number}"}},
	}}
}

// TestNegotiates: an ePowerSwitch hangs on a password that comes after it has asked
// for one, by the same connection.
func TestNegotiates(t *testing.T) {
	b := newBox(t, "epowerswitch", plugNames(4))
	b.Fault(webplug.Negotiates, true)
	session := mustOpen(t, &httpdriver.Settings{Address: listening(t, b), Profile: "epowerswitch"}, env(plugNames(4), credential()))
	if s, err := do(t, session, room.Cycle, 0, 3); err != nil || s.String() != "0 done\n3 done" {
		t.Errorf("%s, %v", s, err)
	}
}

// TestNotProtected: an ePowerSwitch that asks nobody for a password is refused.
func TestNotProtected(t *testing.T) {
	b, err := webplug.New("epowerswitch", plugNames(4), user, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = open(t.Context(), &httpdriver.Settings{Address: listening(t, b), Profile: "epowerswitch"}, env(plugNames(4), credential()))
	if err == nil || !strings.Contains(err.Error(), "not protected") || phase(err) != driver.LoggingIn {
		t.Errorf("it is let in: %v", err)
	}
}

// TestNoPassword: a plug as it comes out of its box has none.
func TestNoPassword(t *testing.T) {
	for _, profile := range []string{"shelly-gen1", "shelly-gen2", "tasmota"} {
		b, err := webplug.New(profile, plugNames(4), user, "")
		if err != nil {
			t.Fatal(err)
		}
		session := mustOpen(t, &httpdriver.Settings{Address: listening(t, b), Profile: profile, Plugs: plugNames(4)}, env(plugNames(4), secret.Resolved{}))
		if s, err := do(t, session, room.On, 0); err != nil || s.String() != "0 done" {
			t.Errorf("%s: %s, %v", profile, s, err)
		}
	}
}
