package ipmi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/lan"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/sol"
	"millwright.dev/millwright/ipmi/user"
)

// What OpenIPMI's simulator knows of all that a machine can be asked: each row passes, or the simulator
// says that it does not have it.
func TestSimulatorHasWhatAMachineHas(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	s, err := c.Open(t.Context(), ipmitest.Sim(t, ""), ipmi.Options{User: ipmitest.SimUser, Password: ipmitest.SimPassword, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	h := host.New(s, host.Options{})
	passed := 0
	for _, r := range rows() {
		err := r.do(t.Context(), h)
		if r.without != nil && !errors.Is(err, r.without) || r.without == nil && err != nil {
			t.Errorf("%s: %v; want %v", r.name, err, r.without)
		}
		if err == nil {
			passed++
		}
	}
	page, err := os.ReadFile("../docs/ipmi-interop.md")
	if want := fmt.Sprintf("| %d of %d; the other %d ", passed, len(rows()), len(rows())-passed); err != nil || !strings.Contains(string(page), want) {
		t.Errorf("the page that tells of this test has no %q: %v", want, err)
	}
}

// The simulator's console is a program's that repeats what it hears: typing, and 16 kB at once.
func TestSimulatorConsole(t *testing.T) {
	t.Parallel()
	line := repeater(t)
	c := newClient(t)
	ctx := t.Context()
	address := ipmitest.SimWith(t, fmt.Sprintf("  sol \"tcp:127.0.0.1:%d\" 115200\n", line), "")
	s, err := c.Open(ctx, address, ipmi.Options{User: ipmitest.SimUser, Password: ipmitest.SimPassword, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(ctx)
	console, err := sol.Open(ctx, s, sol.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer console.Close()
	burst := make([]byte, 16<<10)
	for i := range burst {
		burst[i] = 'a' + byte(i%26)
	}
	for _, text := range [][]byte{[]byte("x"), []byte("root\r"), burst} {
		written := make(chan error, 1)
		go func() {
			_, err := console.Write(text)
			written <- err
		}()
		got := make([]byte, len(text))
		n, err := io.ReadFull(console, got)
		if err != nil || !bytes.Equal(got, text) {
			t.Fatalf("of %d bytes came %d, the same: %v, %v", len(text), n, bytes.Equal(got[:n], text[:n]), err)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sol.Open(ctx, s, sol.Options{}); !errors.Is(err, sol.ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
}

// repeater listens at a port, and sends back what is sent to it.
func repeater(t *testing.T) (port int) {
	t.Helper()
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(t.Context(), func() { c.Close() })
			conns.Go(func() {
				defer stop()
				defer c.Close()
				_, _ = io.Copy(c, c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Wait()
	})
	return l.Addr().(*net.TCPAddr).Port
}

// row is something that package host can do.
type row struct {
	name    string
	without error // what it says when the simulator does not have it
	do      func(ctx context.Context, h *host.Host) error
}

func rows() []row {
	const present = channel.Present
	const noCommand, noField, noParameter = ipmi.CodeInvalidCommand, ipmi.CodeInvalidField, ipmi.Code(0x80)
	return []row{
		{"device", nil, func(ctx context.Context, h *host.Host) error { _, err := h.Device(ctx); return err }},
		{"variant", nil, func(ctx context.Context, h *host.Host) error { _, err := h.Variant(ctx); return err }},
		{"self test", noCommand, func(ctx context.Context, h *host.Host) error { _, err := h.SelfTest(ctx); return err }},
		{"power", nil, func(ctx context.Context, h *host.Host) error { _, err := h.GetPower(ctx); return err }},
		{"switch on", noField, func(ctx context.Context, h *host.Host) error { return h.SetPower(ctx, host.On, 0) }},
		{"switch off", nil, func(ctx context.Context, h *host.Host) error { return h.SetPower(ctx, host.Off, 0) }},
		{"chassis status", nil, func(ctx context.Context, h *host.Host) error { _, err := h.Status(ctx); return err }},
		{"identify", noField, func(ctx context.Context, h *host.Host) error { return h.Identify(ctx, 5*time.Second) }},
		{"hours", noCommand, func(ctx context.Context, h *host.Host) error { _, err := h.Hours(ctx); return err }},
		{"restart cause", noCommand, func(ctx context.Context, h *host.Host) error { _, err := h.RestartCause(ctx); return err }},
		{"policy", nil, func(ctx context.Context, h *host.Host) error { _, err := h.Policy(ctx); return err }},
		{"set policy", noCommand, func(ctx context.Context, h *host.Host) error { return h.SetPolicy(ctx, chassis.PolicyOn) }},
		{"boot device", noField, func(ctx context.Context, h *host.Host) error { _, err := h.GetBoot(ctx); return err }},
		{"set boot device", noField, func(ctx context.Context, h *host.Host) error { return h.SetBoot(ctx, chassis.PXE, false, false) }},
		{"sensors", nil, func(ctx context.Context, h *host.Host) error { _, err := h.Sensors(ctx); return err }},
		{"sensor names", nil, func(ctx context.Context, h *host.Host) error { _, err := h.SensorNames(ctx); return err }},
		{"health", nil, func(ctx context.Context, h *host.Host) error { _, err := h.Health(ctx); return err }},
		{"log", nil, func(ctx context.Context, h *host.Host) error { _, err := h.Log(ctx, false); return err }},
		{"clear log", nil, func(ctx context.Context, h *host.Host) error { return h.ClearLog(ctx) }},
		{"inventory", nil, func(ctx context.Context, h *host.Host) error { _, err := h.Inventory(ctx); return err }},
		{"firmware", nil, func(ctx context.Context, h *host.Host) error { _, err := h.Firmware(ctx); return err }},
		{"watchdog", nil, func(ctx context.Context, h *host.Host) error { _, err := h.Watchdog(ctx); return err }},
		{"set watchdog", nil, func(ctx context.Context, h *host.Host) error {
			return h.SetWatchdog(ctx, mc.Watchdog{Use: mc.WatchdogFRB2, Initial: time.Minute}, false)
		}},
		{"channel info", nil, func(ctx context.Context, h *host.Host) error { _, err := h.ChannelInfo(ctx, present); return err }},
		{"channel access", nil, func(ctx context.Context, h *host.Host) error {
			_, err := h.ChannelAccess(ctx, present, channel.NonVolatile)
			return err
		}},
		{"network", nil, func(ctx context.Context, h *host.Host) error { _, err := h.Network(ctx, present); return err }},
		{"network of IPv6", noParameter, func(ctx context.Context, h *host.Host) error { _, err := h.Network6(ctx, present); return err }},
		{"set network", nil, func(ctx context.Context, h *host.Host) error {
			return h.SetNetwork(ctx, present, lan.NetworkChange{Gateway: netip.MustParseAddr("192.0.2.1")})
		}},
		{"count destinations", nil, func(ctx context.Context, h *host.Host) error { _, err := h.CountDestinations(ctx, present); return err }},
		{"destination", noParameter, func(ctx context.Context, h *host.Host) error { _, err := h.Destination(ctx, present, 1); return err }},
		{"set destination", noParameter, func(ctx context.Context, h *host.Host) error {
			return h.SetDestination(ctx, present, lan.Destination{DestType: lan.DestType{Index: 1}, Address: lan.DestAddress{Index: 1, Addr: netip.MustParseAddr("192.0.2.9")}})
		}},
		{"community", nil, func(ctx context.Context, h *host.Host) error { _, err := h.Community(ctx, present); return err }},
		{"set community", nil, func(ctx context.Context, h *host.Host) error { return h.SetCommunity(ctx, present, "private") }},
		{"users", nil, func(ctx context.Context, h *host.Host) error { _, err := h.Users(ctx, present); return err }},
		{"create user", nil, func(ctx context.Context, h *host.Host) error {
			_, err := h.CreateUser(ctx, present, user.NewUser{Name: "eve", Secret: []byte("secret"), Limit: channel.User})
			return err
		}},
		{"find user", nil, func(ctx context.Context, h *host.Host) error { _, err := h.FindUser(ctx, present, "eve"); return err }},
		{"update user", nil, func(ctx context.Context, h *host.Host) error {
			name := "eva"
			return h.UpdateUser(ctx, present, 3, host.UserChange{Name: &name})
		}},
		{"test password", nil, func(ctx context.Context, h *host.Host) error {
			ok, err := h.TestPassword(ctx, 3, []byte("secret"))
			if err == nil && !ok {
				err = errors.New("the password is wrong")
			}
			return err
		}},
		{"delete user", nil, func(ctx context.Context, h *host.Host) error { return h.DeleteUser(ctx, present, 3) }},
		{"host name", noCommand, func(ctx context.Context, h *host.Host) error { _, err := h.Hostname(ctx); return err }},
		{"id", noCommand, func(ctx context.Context, h *host.Host) error { _, err := h.ID(ctx); return err }},
		{"asset tag", noCommand, func(ctx context.Context, h *host.Host) error { _, err := h.AssetTag(ctx); return err }},
		{"watts", oem.ErrUnsupported, func(ctx context.Context, h *host.Host) error { _, err := h.Power(ctx); return err }},
		{"cap", noCommand, func(ctx context.Context, h *host.Host) error { _, err := h.GetCap(ctx); return err }},
		{"NTP", oem.ErrUnsupported, func(ctx context.Context, h *host.Host) error { _, err := h.NTP(ctx); return err }},
		{"lights", oem.ErrUnsupported, func(ctx context.Context, h *host.Host) error { _, err := h.LEDs(ctx); return err }},
		{"reset", noCommand, func(ctx context.Context, h *host.Host) error { return h.Reset(ctx) }},
	}
}
