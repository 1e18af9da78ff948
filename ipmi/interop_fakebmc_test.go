package ipmi_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/rmcp"
	"millwright.dev/millwright/ipmi/sol"
)

// fakebmc starts the BMC that Debian's python3-pyghmi has, and gives its address.
func fakebmc(t *testing.T) string {
	t.Helper()
	for range 10 {
		if address, ok := startFakebmc(t); ok {
			return address
		}
	}
	t.Fatal("fakebmc did not come up with any of ten ports")
	return ""
}

func startFakebmc(t *testing.T) (string, bool) {
	t.Helper()
	// It listens at all addresses of IPv6, and so of IPv4.
	free, err := net.ListenUDP("udp", &net.UDPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(free.LocalAddr().(*net.UDPAddr).Port)
	free.Close()
	ctx, cancel := context.WithCancel(context.Background())
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "/usr/bin/python3", "/usr/bin/fakebmc", "--port", port)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	stop := func() {
		cancel()
		<-ended
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("fakebmc said: %s", said.Bytes())
		}
	})
	up, give := context.WithTimeout(ctx, 30*time.Second)
	defer give()
	c := ipmi.NewClient(ipmi.ClientOptions{})
	defer c.Close()
	address := net.JoinHostPort("127.0.0.1", port)
	for up.Err() == nil {
		once, done := context.WithTimeout(up, 2*time.Second)
		_, err := c.Capabilities(once, address)
		done()
		select {
		case <-ended:
			return "", false
		default:
		}
		if err == nil {
			return address, true
		}
	}
	return "", false
}

func atFakebmc(t *testing.T, address string, o ipmi.Options) (*ipmi.Session, error) {
	t.Helper()
	o.User, o.Timeout = "admin", time.Minute
	if o.Password == "" {
		o.Password = "password"
	}
	c := newClient(t)
	return c.Open(t.Context(), address, o)
}

// It answers each proposal with suite 3. That is never taken for what was proposed; where 3 may be
// tried too, it is proposed next.
func TestFakebmcLogins(t *testing.T) {
	t.Parallel()
	address := fakebmc(t)
	for _, tt := range []struct {
		name string
		o    ipmi.Options
		want ipmi.LoginKind // 0: suite 3
	}{
		{"suite 3", ipmi.Options{Suites: []rmcp.Suite{3}}, 0},
		{"what is best", ipmi.Options{}, 0},
		{"suite 17", ipmi.Options{Suites: []rmcp.Suite{17}}, ipmi.LoginSuiteChanged},
		{"no downgrade", ipmi.Options{NoDowngrade: true}, ipmi.LoginSuiteChanged},
		{"suites 17, 8 and 12", ipmi.Options{Suites: []rmcp.Suite{17, 8, 12}}, ipmi.LoginSuiteChanged},
		{"no suite but 0", ipmi.Options{Suites: []rmcp.Suite{0}}, ipmi.LoginSuiteChanged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := atFakebmc(t, address, tt.o)
			var e *ipmi.LoginError
			if tt.want != 0 {
				if !errors.As(err, &e) || e.Kind != tt.want {
					t.Errorf("%v; want %v", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, plus := s.Suite(); got != 3 || !plus || s.Privilege() != ipmi.PrivilegeAdmin {
				t.Errorf("%v, %v", got, s.Privilege())
			}
			if err := s.Close(t.Context()); err != nil {
				t.Errorf("logging out: %v", err)
			}
		})
	}
}

// All that it can do. Its device id is one byte too long, or four too short.
func TestFakebmcCommands(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := atFakebmc(t, fakebmc(t), ipmi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(ctx)
	raw, err := s.Do(ctx, ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: 1})
	if id, err2 := mc.GetDeviceID(ctx, s); err != nil || err2 != nil || len(raw) != 14 || id.IPMI() != "2.0" {
		t.Errorf("device id % x, %v: %+v, %v", raw, err, id, err2)
	}
	h := host.New(s, host.Options{})
	for _, step := range []struct {
		do host.Verb
		on bool
	}{
		{host.On, true},
		{host.Reset, true},
		{host.Off, false},
		{host.Boot, true},
		{host.Soft, false},
		{host.On, true},
	} {
		if err := h.SetPower(ctx, step.do, 0); err != nil {
			t.Errorf("%v: %v", step.do, err)
			continue
		}
		if on, err := h.GetPower(ctx); err != nil || on != step.on {
			t.Errorf("after %v: on %v, %v", step.do, on, err)
		}
	}
	for _, d := range []chassis.Device{chassis.PXE, chassis.Disk, chassis.Setup} {
		if err := h.SetBoot(ctx, d, false, false); err != nil {
			t.Errorf("set %v: %v", d, err)
			continue
		}
		if b, err := h.GetBoot(ctx); err != nil || b.Device != d {
			t.Errorf("starts from %v, %v; want %v", b.Device, err, d)
		}
	}
	if _, err := h.Sensors(ctx); err == nil {
		t.Error("it has sensors")
	}
	for name, ask := range map[string]func() error{
		"users":    func() error { _, err := h.Users(ctx, 1); return err },
		"log":      func() error { _, err := h.Log(ctx, false); return err },
		"network":  func() error { _, err := h.Network(ctx, 1); return err },
		"watchdog": func() error { _, err := h.Watchdog(ctx); return err },
	} {
		if err := ask(); !errors.Is(err, ipmi.CodeInvalidCommand) {
			t.Errorf("%s: %v; want that it has no such command", name, err)
		}
	}
}

// Its console repeats what it hears, while the machine is on; now and then only when it hears
// something more, since it misses its own cue.
func TestFakebmcConsole(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := atFakebmc(t, fakebmc(t), ipmi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(ctx)
	if err := chassis.Control(ctx, s, chassis.PowerOn); err != nil {
		t.Fatal(err)
	}
	c, err := sol.Open(ctx, s, sol.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	heard := make(chan byte, 100)
	go func() {
		defer close(heard)
		b := make([]byte, 1)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			heard <- b[0]
		}
	}()
	for range 20 {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		select {
		case b := <-heard:
			if b != 'x' {
				t.Errorf("x became %q", b)
			}
			return
		case <-time.After(3 * time.Second):
		}
	}
	t.Error("nothing was heard")
}
