package wol_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/wol"
	"millwright.dev/millwright/internal/secret"
)

const password = "de:ad:be:ef:00:42"

// lan is a network with sleeping machines.
type lan struct {
	mu     sync.Mutex
	macs   map[string]net.HardwareAddr
	awake  map[string]bool
	deaf   map[string]bool // machines that take packets and sleep on
	refuse bool            // the network is down
	lose   int             // so many packets get lost
}

// DialContext stands in for the network.
func (l *lan) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse {
		return nil, errors.New("network is down")
	}
	ours, theirs := net.Pipe()
	if network == "udp" {
		go l.hear(theirs)
		return ours, nil
	}
	theirs.Close()
	host, port, _ := net.SplitHostPort(address)
	switch {
	case l.awake[host] && port == "22":
		return ours, nil
	case l.awake[host]:
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	l.mu.Unlock()
	<-ctx.Done()
	l.mu.Lock()
	return nil, ctx.Err()
}

func (l *lan) hear(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 200)
	n, err := c.Read(buf)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lose > 0 {
		l.lose--
		return
	}
	for name, mac := range l.macs {
		want := slices.Concat(bytes.Repeat([]byte{0xff}, 6), bytes.Repeat(mac, 16), []byte{0xde, 0xad, 0xbe, 0xef, 0x00, 0x42})
		if bytes.Equal(buf[:n], want) && !l.deaf[name] {
			l.awake[name] = true
		}
	}
}

func (l *lan) do(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func rig(port string) (drivertest.Rig, *lan) {
	l := &lan{macs: map[string]net.HardwareAddr{}, awake: map[string]bool{}, deaf: map[string]bool{}}
	s := wol.New().New().(*wol.Settings)
	s.Alive, s.Silent = "{plug}:"+port, "off"
	s.Machines = make(map[string]string)
	var plugs []string
	for i, name := range []string{"web1", "web2", "web3", "web4", "web5"} {
		mac := net.HardwareAddr{2, 0, 0, 0, 0, byte(i)}
		l.macs[name], s.Machines[name] = mac, mac.String()
		plugs = append(plugs, name)
	}
	return drivertest.Rig{
		Settings: s, Plugs: plugs, DialContext: l.DialContext,
		Credential: secret.Resolved{Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}},
		Truth: drivertest.Truth{
			On:  func(plug string) (on bool) { l.do(func() { on = l.awake[plug] }); return on },
			Set: func(plug string, on bool) { l.do(func() { l.awake[plug] = on }) },
		},
	}, l
}

func TestDriver(t *testing.T) {
	for name, port := range map[string]string{"a machine that answers": "22", "a machine that refuses": "23"} {
		t.Run(name, func(t *testing.T) {
			drivertest.Run(t, drivertest.Subject{InMemory: true, Abreast: true, New: func(*testing.T) drivertest.Rig {
				r, _ := rig(port)
				return r
			}})
		})
	}
}

// What becomes of waking one machine.
func TestWaking(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*lan, *wol.Settings)
		want  string
	}{
		{"it wakes", func(*lan, *wol.Settings) {}, "done"},
		{"two packets are lost", func(l *lan, _ *wol.Settings) { l.lose = 2 }, "done"},
		{"all are lost", func(l *lan, _ *wol.Settings) { l.lose = 3 }, "unknown: 3 packets were sent: no sign of life within 3m0s"},
		{"it sleeps on", func(l *lan, _ *wol.Settings) { l.deaf["web1"] = true }, "unknown: 3 packets were sent: no sign of life within 3m0s"},
		{"nothing can prove it", func(l *lan, s *wol.Settings) { l.deaf["web1"], s.Alive = true, "" }, "done"},
		{"the network is down", func(l *lan, _ *wol.Settings) { l.refuse = true }, "failed: the packet could not be sent: network is down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r, l := rig("22")
				s := r.Settings.(*wol.Settings)
				tt.spoil(l, s)
				if _, err := s.Traits(nil); err != nil {
					t.Fatal(err)
				}
				open, err := s.Open(t.Context(), driver.Env{
					Device: "lan", Plugs: []driver.Plug{{Name: "web1"}}, DialContext: l.DialContext,
					Credential: r.Credential, Reached: func() {}, Acted: func() {},
				})
				if err != nil {
					t.Fatal(err)
				}
				got := sink{}
				if err := open.Do(t.Context(), driver.Batch{Op: on, Plugs: []int{0}, Start: time.Now()}, got); err != nil {
					t.Fatal(err)
				}
				if got[0] != tt.want {
					t.Errorf("got %q, want %q", got[0], tt.want)
				}
			})
		})
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for _, tt := range []struct {
		field string
		spoil func(*wol.Settings)
	}{
		{"machines", func(s *wol.Settings) { s.Machines = nil }},
		{"machines", func(s *wol.Settings) { s.Machines["web1"] = "02:00:00" }},
		{"via", func(s *wol.Settings) { s.Via = "255.255.255.255" }},
		{"alive", func(s *wol.Settings) { s.Alive = "gateway:22" }},
		{"alive", func(s *wol.Settings) { s.Alive = "{plug}" }},
		{"silent", func(s *wol.Settings) { s.Silent = "on" }},
		{"packets", func(s *wol.Settings) { s.Packets = 0 }},
		{"timeout", func(s *wol.Settings) { s.Timeout = 0 }},
	} {
		r, _ := rig("22")
		s := r.Settings.(*wol.Settings)
		tt.spoil(s)
		_, err := s.Traits(nil)
		var wrong *driver.FieldError
		if !errors.As(err, &wrong) || wrong.Field != tt.field {
			t.Errorf("%s: %v", tt.field, err)
		}
	}
}

// A real packet over a real socket, as a card would see it.
func TestRealSocket(t *testing.T) {
	ear, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ear.Close()
	s := wol.New().New().(*wol.Settings)
	s.Machines, s.Via, s.Packets = map[string]string{"nas": "02:00:00:00:00:07"}, ear.LocalAddr().String(), 1
	if _, err := s.Traits(nil); err != nil {
		t.Fatal(err)
	}
	open, err := s.Open(t.Context(), driver.Env{
		Device: "lan", Plugs: []driver.Plug{{Name: "nas"}}, DialContext: new(net.Dialer).DialContext, Reached: func() {}, Acted: func() {},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := sink{}
	if err := open.Do(t.Context(), driver.Batch{Op: on, Plugs: []int{0}}, got); err != nil || got[0] != "done" {
		t.Fatalf("%v, %v", got[0], err)
	}
	buf := make([]byte, 200)
	n, _, err := ear.ReadFrom(buf)
	if err != nil || n != 102 || !strings.HasSuffix(string(buf[:n]), "\x02\x00\x00\x00\x00\x07") {
		t.Errorf("%d bytes: % x, %v", n, buf[:n], err)
	}
}
