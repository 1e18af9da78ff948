package snmp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/snmp/agent"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// noFiles is a shelf with nothing on it.
type noFiles struct{}

func (noFiles) Specification(string) (*devspec.Spec, bool) { return nil, false }

type dial func(context.Context, string, string) (net.Conn, error)

// environment is what a session of these plugs is given.
func environment(who secret.Resolved, d dial, plugs ...string) driver.Env {
	env := driver.Env{
		Device: "pdu", Credential: who, DialContext: d, Log: slog.New(slog.DiscardHandler),
		Reached: func() {}, Acted: func() {},
	}
	for _, name := range plugs {
		env.Plugs = append(env.Plugs, driver.Plug{Name: name, Used: true})
	}
	return env
}

// open opens a session on an agent, which must work.
func open(t testing.TB, s *Settings, who secret.Resolved, d dial, plugs ...string) *session {
	t.Helper()
	if _, err := s.Traits(noFiles{}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Open(t.Context(), environment(who, d, plugs...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { got.Close() })
	return got.(*session)
}

// plain settings of a device of a profile, and its credential.
func plainSettings(profile string) (*Settings, secret.Resolved) {
	s := defaults()
	s.Address, s.Profile = "pdu", profile
	return s, credential(map[string]string{secret.Password: community})
}

// heard is a sink that keeps what it is told.
type heard struct {
	driver.Sink
	states     map[int]room.State
	raw        map[int]string
	done       []int
	failed     map[int]string
	unknown    map[int]*driver.Fault
	faults     []*driver.Fault
	sent, recv []string
}

func newHeard() *heard {
	return &heard{states: map[int]room.State{}, raw: map[int]string{}, failed: map[int]string{}, unknown: map[int]*driver.Fault{}}
}
func (h *heard) State(p int, s room.State, raw string) { h.states[p], h.raw[p] = s, raw }
func (h *heard) Done(p int)                            { h.done = append(h.done, p) }
func (h *heard) Failed(p int, said string)             { h.failed[p] = said }
func (h *heard) Unknown(p int, why *driver.Fault)      { h.unknown[p] = why }
func (h *heard) Fault(f *driver.Fault)                 { h.faults = append(h.faults, f) }
func (h *heard) Trace(t devspec.Trace) {
	if t.Kind == devspec.TraceSend {
		h.sent = append(h.sent, t.Text)
		return
	}
	h.recv = append(h.recv, t.Text)
}

// do carries a batch out on all plugs of a session.
func do(t testing.TB, s *session, op room.Op) (*heard, error) {
	t.Helper()
	h := newHeard()
	b := driver.Batch{Op: op, Trace: true}
	for p := range s.env.Plugs {
		b.Plugs = append(b.Plugs, p)
	}
	return h, s.Do(t.Context(), b, h)
}

// TestWhatIsNotBelieved: answers that are not to the question are none.
func TestWhatIsNotBelieved(t *testing.T) {
	for name, fault := range map[string]agent.Fault{
		"another outlet":   {Other: true},
		"another question": {OtherID: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAgent(t, agent.Config{Profile: builtin(t, "apc-rpdu"), Community: community})
				s, who := plainSettings("apc-rpdu")
				session := open(t, s, who, a.Dial, "1", "2", "3")
				a.Set("2", true)
				a.Change(func(f *agent.Fault) { *f = fault })
				for _, op := range []room.Op{room.Status, room.On} {
					h, err := do(t, session, op)
					if len(h.states)+len(h.done) > 0 {
						t.Errorf("%v: it believed %v, %v", op, h.states, h.done)
					}
					var f *driver.Fault
					if !errors.As(err, &f) || f.Phase != driver.Acting || !errors.Is(err, errNoise) {
						t.Errorf("%v: %v, want a fault that says that the answer is none", op, err)
					}
				}
			})
		})
	}
}

// TestLostAndRepeatedMessages: a network may lose some and bring others twice.
func TestLostAndRepeatedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(t, agent.Config{Profile: builtin(t, "apc-rpdu"), Community: community})
		s, who := plainSettings("apc-rpdu")
		session := open(t, s, who, a.Dial, "1", "2", "3")
		a.Change(func(f *agent.Fault) { f.Twice, f.Drop = true, 2 })
		for _, op := range []room.Op{room.On, room.Off, room.On} {
			if h, err := do(t, session, op); err != nil || len(h.done) != 3 || a.On("2") != (op == room.On) {
				t.Errorf("%v: done %v, %v; the relay is %v", op, h.done, err, a.On("2"))
			}
		}
		if h, err := do(t, session, room.Status); err != nil || h.states[1] != room.StateOn {
			t.Errorf("status: %v, %v", h.states, err)
		}
	})
}

// TestACycleIsOrderedOnce: when its answer is lost, it may have happened; a second
// order would cycle the machine again while it boots.
func TestACycleIsOrderedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(t, agent.Config{Profile: builtin(t, "apc-rpdu"), Community: community})
		s, who := plainSettings("apc-rpdu")
		session := open(t, s, who, a.Dial, "1", "2")
		a.Set("1", true)
		a.Set("2", true)
		a.Change(func(f *agent.Fault) { f.Mute = true })
		before := a.Heard()
		h, err := do(t, session, room.Cycle)
		if err == nil || h.unknown[0] == nil || h.unknown[0].Phase != driver.Acting || h.unknown[1].Phase != driver.Waiting {
			t.Errorf("%v; plug 1 %v, plug 2 %v", err, h.unknown[0], h.unknown[1])
		}
		if n := a.Heard() - before; n != 3 { // states, rests, one order
			t.Errorf("the agent heard %d messages, want 3: %q", n, h.sent)
		}
	})
}

// TestTooBig: fewer objects at once, and the device need not be asked more than once.
func TestTooBig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plugs := numbers(1, 24)
		a := newAgent(t, agent.Config{Profile: builtin(t, "apc-rpdu"), Community: community, Plugs: plugs})
		s, who := plainSettings("apc-rpdu")
		s.MaxRepetitions = 0
		session := open(t, s, who, a.Dial, plugs...)
		a.Set("24", true)
		a.Change(func(f *agent.Fault) { f.Most = 7 })
		for want := range []int{6, 4} { // 24, 12 and 6 at once; then 6 from the start
			before := a.Heard()
			h, err := do(t, session, room.Status)
			if err != nil || len(h.states) != 24 || h.states[23] != room.StateOn || h.states[22] != room.StateOff {
				t.Fatalf("%v: %v", h.states, err)
			}
			if n := a.Heard() - before; n != []int{6, 4}[want] {
				t.Errorf("round %d took %d messages", want, n)
			}
		}
	})
}

// TestOneMessage: the states of a usual device come in one.
func TestOneMessage(t *testing.T) {
	for version, want := range map[string]int{"1": 1, "2c": 1} {
		a := newAgent(t, agent.Config{Profile: builtin(t, "apc-rpdu2"), Community: community, Plugs: numbers(1, 24)})
		s, who := plainSettings("apc-rpdu2")
		s.Version = version
		session := open(t, s, who, a.Dial, numbers(1, 24)...)
		before := a.Heard()
		if h, err := do(t, session, room.Status); err != nil || len(h.states) != 24 {
			t.Fatalf("%v: %v", h.states, err)
		}
		if n := a.Heard() - before; n != want {
			t.Errorf("version %s: %d messages, want %d", version, n, want)
		}
	}
}

// TestCommunities: which is for what, and what a user is told who has a wrong one.
func TestCommunities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(t, agent.Config{Profile: builtin(t, "apc-rpdu"), Community: "writes-it", ReadOnly: "reads-it"})
		s, _ := plainSettings("apc-rpdu")
		both := open(t, s, credential(map[string]string{secret.Password: "writes-it", secret.Passphrase: "reads-it"}), a.Dial, "1")
		if h, err := do(t, both, room.On); err != nil || len(h.done) != 1 || !a.On("1") {
			t.Errorf("with both: %v, %v", h.failed, err)
		}
		reader := open(t, s, credential(map[string]string{secret.Password: "reads-it"}), a.Dial, "1")
		if h, err := do(t, reader, room.Off); err != nil || !strings.Contains(h.failed[0], "write") || !a.On("1") {
			t.Errorf("with one that may not write: %v, %v", h.failed, err)
		}
		_, err := s.Open(t.Context(), environment(credential(map[string]string{secret.Password: "guessed-it"}), a.Dial, "1"))
		if f := (*driver.Fault)(nil); !errors.As(err, &f) || f.Phase != driver.Connecting || !strings.Contains(f.Why(), "community is wrong") {
			t.Errorf("with a wrong one: %v", err)
		}
	})
}

// TestVersion3: passwords, users, levels, clocks.
func TestVersion3(t *testing.T) {
	good := map[string]string{secret.Password: community, secret.Passphrase: passphrase}
	for name, c := range map[string]struct {
		user, auth, privacy string
		values              map[string]string
		want                string // in the fault; empty if it lets us in
	}{
		"as it should be":     {user, "sha", "aes128", good, ""},
		"wrong user":          {"somebody", "sha", "aes128", good, "no such user"},
		"wrong password":      {user, "sha", "aes128", map[string]string{secret.Password: "wrong-password", secret.Passphrase: passphrase}, "password is wrong"},
		"wrong protocol":      {user, "sha256", "aes128", good, "another authentication protocol"},
		"wrong passphrase":    {user, "sha", "aes128", map[string]string{secret.Password: community, secret.Passphrase: "wrong-passphrase"}, "passphrase"},
		"too little security": {user, "sha", "none", good, "such security"},
		"short password":      {user, "sha", "aes128", map[string]string{secret.Password: "short"}, "at least 8"},
		"no user":             {"", "sha", "aes128", good, "names none"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAgent(t, agent.Config{Profile: builtin(t, "raritan-px2"), User: &agent.User{
					Name: user, Password: community, Passphrase: passphrase, Auth: gosnmp.SHA, Privacy: gosnmp.AES,
				}})
				s, _ := plainSettings("raritan-px2")
				s.Version, s.Auth, s.Privacy = version3, c.auth, c.privacy
				who := credential(c.values)
				who.User = c.user
				if c.want == "" {
					session := open(t, s, who, a.Dial, "1", "2")
					timeWindow3(t, a, session)
					return
				}
				_, err := s.Traits(noFiles{})
				if err == nil {
					_, err = s.Open(t.Context(), environment(who, a.Dial, "1"))
				}
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("it says %v, want something of %q", err, c.want)
				}
			})
		})
	}
}

// timeWindow3: an engine whose clock jumps, as after a restart, is followed; one that
// is not reached for an hour is still spoken to at the right time.
func timeWindow3(t *testing.T, a *agent.Agent, s *session) {
	t.Helper()
	for _, jump := range []int{0, 4000, -3000} {
		a.Change(func(f *agent.Fault) { f.Clock += jump })
		time.Sleep(time.Hour)
		for _, op := range []room.Op{room.On, room.Status, room.Off} {
			if h, err := do(t, s, op); err != nil || len(h.done)+len(h.states) != 2 {
				t.Errorf("%v after a jump of %d s: %v, %v", op, jump, h.failed, err)
			}
		}
	}
}
