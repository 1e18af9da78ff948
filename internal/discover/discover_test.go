package discover_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/discover"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/shelf"
	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	user     = "keeper-of-power"
	password = "Wallaby-0x7f"
)

// bench is a simulated device, with all that was typed to it.
type bench struct {
	t    *testing.T
	room *sim.Room
	o    discover.Options

	mu    sync.Mutex
	typed strings.Builder
	told  []string
}

// newBench sets a device up in memory. What is behind SSH is open, as SSH leaves it.
func newBench(t *testing.T, strip sim.PDU) *bench {
	t.Helper()
	strip.Name, strip.Login = "pdu", sim.Login{User: user, Password: password}
	if strings.HasPrefix(strip.Style, "wti") {
		strip.Login.User = ""
	}
	room, err := sim.Start(t.Context(), sim.Config{PDUs: []sim.PDU{strip}, InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(room.Close)
	for i, name := range strip.Outlets {
		if i%2 == 0 {
			if err := room.Turn("pdu", name, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := &bench{t: t, room: room}
	b.o = discover.Options{
		User: user, Password: secret.NewValue(password), Dial: (&transport.Dialer{DialContext: b.dial}).Dial,
		Tell: func(line string) { b.told = append(b.told, line) },
	}
	if b.o.Address, err = transport.ParseURL("telnet://" + room.Addr("pdu")); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := b.room.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return drivertest.Buffer(listening{conn, b}), nil
}

// listening writes down what is typed.
type listening struct {
	net.Conn
	b *bench
}

func (l listening) Write(p []byte) (int, error) {
	l.b.mu.Lock()
	l.b.typed.Write(p)
	l.b.mu.Unlock()
	return l.Conn.Write(p)
}

// switches are words that move a relay, or would if they were confirmed.
var switches = regexp.MustCompile(`(?im)^ *(/?(on|off|boot?|reboot|cycle|ol(on|off|reboot).*|power +(on|off|outlets?.*)|virsh +(start|destroy|reset).*|reset|yes|y|racadm serveraction (powerup|powerdown|powercycle|hardreset)|power inline.*|conf.*))( +\S+)? *\r?$`)

// nothingSwitched holds that no relay has moved and no such word was typed, and that
// nothing that was told has the password in it.
func (b *bench) nothingSwitched(before string) {
	b.t.Helper()
	if after := b.relays(); after != before {
		b.t.Errorf("the relays were %s and are %s", before, after)
	}
	b.mu.Lock()
	typed := b.typed.String()
	b.mu.Unlock()
	if word := switches.FindString(typed); word != "" {
		b.t.Errorf("it typed %q", word)
	}
	if told := strings.Join(b.told, "\n"); strings.Contains(told, password) {
		b.t.Errorf("it told the password: %s", told)
	}
}

// relays gives the states, and how often each relay has moved.
func (b *bench) relays() string {
	var states strings.Builder
	for _, o := range b.room.Snapshot().PDUs[0].Outlets {
		states.WriteString(map[bool]string{true: "1", false: "0"}[o.On])
	}
	moves := 0
	for _, h := range b.room.History() {
		if h.Kind == sim.OutletOn || h.Kind == sim.OutletOff {
			moves++
		}
	}
	return states.String() + strings.Repeat("+", moves)
}

// cases are all makes for which there is a specification.
func cases() map[string]sim.PDU {
	all := make(map[string]sim.PDU)
	for _, e := range shelf.All() {
		p := sim.PDU{Style: e.PlayedBy, Open: e.Login == "SSH"}
		switch {
		case strings.HasPrefix(e.Plugs, "1,"):
			p.Outlets = sim.Numbered(1, 1)
		case e.Name == "sentry-cdu":
			p.Outlets = strings.Fields(".AA1 .AA2 .AA3 .AA4 .AA5 .AA6 .AA7 .AA8 .AB1 .AB2 .AB3 .AB4 .AB5 .AB6 .AB7 .AB8 .AC1 .AC2")
		case e.Name == "cisco-poe":
			p.Outlets = strings.Fields("Gi1/0/1 Gi1/0/2")
		case e.Name == "virsh-ssh":
			p.Outlets = strings.Fields("web db")
		case strings.HasSuffix(e.Plugs, "to 24"):
			p.Outlets = sim.Numbered(1, 24)
		case strings.HasSuffix(e.Plugs, "to 16"):
			p.Outlets = sim.Numbered(1, 16)
		case strings.HasSuffix(e.Plugs, "to 10"):
			p.Outlets = sim.Numbered(1, 10)
		case strings.HasSuffix(e.Plugs, "to 8"):
			p.Outlets = sim.Numbered(1, 8)
		default:
			p.Outlets = sim.Numbered(1, 4)
		}
		all[e.Name] = p
	}
	return all
}

func TestEachDeviceIsFound(t *testing.T) {
	for name, strip := range cases() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, strip)
				before := b.relays()
				f, err := discover.Find(t.Context(), b.o)
				if err != nil || f.Spec != name || !f.Proven {
					t.Errorf("found %q, proven %v: %v\n%s", f.Spec, f.Proven, err, strings.Join(f.Evidence, "\n"))
				}
				if f.On+f.Off > 0 && f.On+f.Off != len(strip.Outlets) {
					t.Errorf("its scripts read %d and %d of %d outlets", f.On, f.Off, len(strip.Outlets))
				}
				b.nothingSwitched(before)
			})
		})
	}
}

// TestPoorLines: units that are slow, and lines that deliver in pieces, are found too.
func TestPoorLines(t *testing.T) {
	for _, fault := range []sim.Fault{{Kind: sim.Slow, Delay: 3 * time.Second}, {Kind: sim.Half}, {Kind: sim.Trickle, Delay: 20 * time.Millisecond}} {
		for _, name := range []string{"apc-menu-121p1", "baytech-ctrl-c", "wti-ips", "hp-ilo"} {
			t.Run(name+" "+string(fault.Kind), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBench(t, cases()[name])
					if err := b.room.Break("pdu", fault); err != nil {
						t.Fatal(err)
					}
					b.o.Unproven = fault.Kind == sim.Slow // its scripts have clocks of their own
					before := b.relays()
					f, err := discover.Find(t.Context(), b.o)
					if err != nil || f.Spec != name {
						t.Errorf("found %q: %v\n%s", f.Spec, err, strings.Join(f.Evidence, "\n"))
					}
					b.nothingSwitched(before)
				})
			})
		}
	}
}

// TestBehindSSH finds a unit through a real SSH server, over a socket.
func TestBehindSSH(t *testing.T) {
	room, err := sim.Start(t.Context(), sim.Config{PDUs: []sim.PDU{{Name: "ilo", Style: "hp-ilo", Outlets: sim.Numbered(1, 1), SSH: true, Login: sim.Login{User: user, Password: password}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer room.Close()
	pin, err := room.HostPin()
	if err != nil {
		t.Fatal(err)
	}
	o := discover.Options{User: user, Password: secret.NewValue(password), Quiet: 400 * time.Millisecond}
	if o.Address, err = transport.ParseURL("ssh://" + room.Addr("ilo") + "?pin=" + url.QueryEscape(pin)); err != nil {
		t.Fatal(err)
	}
	if f, err := discover.Find(t.Context(), o); err != nil || f.Spec != "hp-ilo" || !f.Proven {
		t.Errorf("found %q: %v", f.Spec, err)
	}
}

func TestSizesAreFound(t *testing.T) {
	tests := []struct {
		style string
		n     int
		want  string
	}{
		{"apc-menu-13p13", 16, "apc-menu-13p13/16"},
		{"apc-menu-121p3", 8, "apc-menu-121p3"},
		{"baytech-rpc3nc", 20, "baytech-rpc3nc/20"},
		{"cyclades-pm", 42, "cyclades-pm/42"},
		{"raritan-px", 36, "raritan-px/36"},
		{"wti-nps-quiet", 8, "wti-nps"},
		{"baytech-rpc16-first-dies", 16, "baytech-rpc16"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, sim.PDU{Style: tt.style, Outlets: sim.Numbered(1, tt.n)})
				before := b.relays()
				f, err := discover.Find(t.Context(), b.o)
				b.nothingSwitched(before)
				if err != nil || f.Spec != tt.want || !f.Proven {
					t.Errorf("found %q, proven %v: %v", f.Spec, f.Proven, err)
				}
			})
		})
	}
}

// TestBusyUnitIsLeftAlone: the session of another is waited for, with the whole rest
// in between, and not for ever.
func TestBusyUnitIsLeftAlone(t *testing.T) {
	for _, style := range []string{"apc-menu-13p13", "apc-cli", "baytech-ds4"} {
		t.Run(style, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, sim.PDU{Style: style, Outlets: sim.Numbered(1, 4)})
				if err := b.room.Break("pdu", sim.Fault{Kind: sim.Busy}); err != nil {
					t.Fatal(err)
				}
				before := b.relays()
				start := time.Now()
				if _, err := discover.Find(t.Context(), b.o); !errors.Is(err, discover.ErrBusy) {
					t.Errorf("the error is %v", err)
				}
				if waited := time.Since(start); waited < 260*time.Second || waited > 400*time.Second {
					t.Errorf("it came back for %s; two rests are 260 s", waited)
				}
				time.AfterFunc(100*time.Second, func() { _ = b.room.Heal("pdu", "") })
				f, err := discover.Find(t.Context(), b.o)
				if err != nil || !f.Proven {
					t.Errorf("after a rest: %v: %q", err, f.Evidence)
				}
				b.nothingSwitched(before)
			})
		})
	}
}

func TestWhatCannotBeFound(t *testing.T) {
	tests := []struct {
		name, style string
		change      func(*bench)
		want        error
	}{
		{"wrong password", "apc-menu-1p4", func(b *bench) { b.o.Password = secret.NewValue("nope-nope") }, discover.ErrLogin},
		{"wrong password at a prompt", "raritan-px", func(b *bench) { b.o.Password = secret.NewValue("nope-nope") }, discover.ErrLogin},
		{"no password", "wti-ips", func(b *bench) { b.o.Password = secret.Value{} }, discover.ErrAsked},
		{"no name", "sentry-cdu", func(b *bench) { b.o.User = "" }, discover.ErrAsked},
		{"another make", "vpc", func(*bench) {}, discover.ErrUnknown},
		{"silence", "apc-cli", func(b *bench) { _ = b.room.Break("pdu", sim.Fault{Kind: sim.Hang}) }, discover.ErrUnknown},
		{"noise", "apc-cli", func(b *bench) { _ = b.room.Break("pdu", sim.Fault{Kind: sim.Garbage}) }, discover.ErrUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, sim.PDU{Style: tt.style, Outlets: sim.Numbered(1, 4)})
				tt.change(b)
				before := b.relays()
				f, err := discover.Find(t.Context(), b.o)
				if !errors.Is(err, tt.want) || f.Proven {
					t.Errorf("found %q, error %v; want %v", f.Spec, err, tt.want)
				}
				b.nothingSwitched(before)
				if strings.Count(b.typed.String(), "nope-nope") > 1 {
					t.Error("a wrong password was typed more than once")
				}
			})
		})
	}
}

// TestGivenUp: the caller's patience ends it, in the middle of a rest too.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sim.PDU{Style: "apc-menu-13p13", Outlets: sim.Numbered(1, 4)})
		if err := b.room.Break("pdu", sim.Fault{Kind: sim.Busy}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := discover.Find(ctx, b.o); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		if !slices.ContainsFunc(b.told, func(s string) bool { return strings.Contains(s, "busy") }) {
			t.Errorf("it did not say that it waits: %q", b.told)
		}
	})
}
