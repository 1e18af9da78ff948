package standard_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/sdr"
)

// scripted is a machine that answers makers' commands from a table.
type scripted struct {
	*bmc.Memory
	table *ipmitest.Doer
}

func (s scripted) Extend(ctx context.Context, _ bmc.Caller, r ipmi.Request) ([]byte, bool, error) {
	if !makers(r) {
		return nil, false, nil
	}
	b, err := s.table.Do(ctx, r)
	var no *ipmi.CodeError
	if errors.As(err, &no) {
		return no.Data, true, no.Code
	}
	return b, true, err
}

// makers says whether a request is a maker's own, or one that carries something of a maker's.
func makers(r ipmi.Request) bool {
	switch r.NetFn {
	case ipmi.NetFnApp:
		return r.Cmd == 0x52 || r.Cmd == 0x58 || r.Cmd == 0x59
	case ipmi.NetFnGroup:
		return false
	}
	return r.NetFn >= ipmi.NetFnOEM
}

// room is a BMC of ours with a maker's commands, and a session with it.
type room struct {
	table *ipmitest.Doer
	port  string
	host  *host.Host
	s     *ipmi.Session
}

func newRoom(t *testing.T, maker uint32, answers map[string]string) room {
	t.Helper()
	table := ipmitest.Table(t, answers)
	cfg := bmc.Config{Name: "n1", Users: []bmc.Account{{Name: "admin", Password: "secret", Privilege: bmc.Administrator}}}
	cfg.Device = bmc.DefaultDevice()
	cfg.Device.Maker = maker
	cfg.SDR = [][]byte{
		(&sdr.Device{ID: 1, Access: 0x20, Address: 0x20, Kind: 0xc0, Entity: sdr.Entity{Kind: 0x07, Instance: 1}, OEM: 0x12, Name: "sys.locate.led"}).Append(nil),
		(&sdr.Device{ID: 2, Access: 0x20, Address: 0x40, Kind: 0xc0, Entity: sdr.Entity{Kind: 0x1d, Instance: 2}, OEM: 0x34, Name: "fm0.led"}).Append(nil),
	}
	engine, err := bmc.New(cfg, scripted{bmc.NewMemory(true), table})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Behind = map[ipmi.Hop]*bmc.Machine{{Channel: 6, Address: 0x2c}: engine}
	m, err := bmc.New(cfg, scripted{bmc.NewMemory(true), table})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- bmc.Serve(ctx, conn, m) }()
	c := ipmi.NewClient(ipmi.ClientOptions{})
	t.Cleanup(func() {
		c.Close()
		stop()
		<-served
		m.Close()
		engine.Close()
	})
	s, err := c.Open(t.Context(), conn.LocalAddr().String(), ipmi.Options{User: "admin", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(conn.LocalAddr().(*net.UDPAddr).Port)
	return room{table, port, host.New(s, host.Options{}), s}
}

// client runs a packaged client and gives what it prints, with single blanks.
func (r room) client(t *testing.T, command string) string {
	t.Helper()
	words := strings.Fields(command)
	args := []string{"ipmi-oem", "-D", "LAN_2_0", "-h", "127.0.0.1:" + r.port, "-u", "admin", "-p", "secret"}
	if words[0] == "ipmitool" {
		args = []string{"ipmitool", "-I", "lanplus", "-H", "127.0.0.1", "-p", r.port, "-U", "admin", "-P", "secret"}
		words = words[1:]
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, args[0], append(args[1:], words...)...)
	c.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8", "TZ=UTC")
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v: %s", command, err, out)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

// since gives the makers' requests after the first n, sorted and each once: on a busy machine
// a request may be sent again, and come late.
func (r room) since(n int) []string {
	s := slices.Clone(r.table.Sent()[n:])
	slices.Sort(s)
	return slices.Compact(s)
}

// agreement is a value that a packaged client and we read from the same BMC.
type agreement struct {
	maker   uint32
	command string
	answers map[string]string
	// ours gives what the client must print, in the client's words.
	ours func(ctx context.Context, r room) (string, error)
}

// TestSameValues holds that we read the same values as the packaged clients.
func TestSameValues(t *testing.T) {
	for _, a := range slices.Concat(dellValues(), irmcValues(), boardValues(), storeValues(), engineValues()) {
		t.Run(a.command, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t, a.maker, a.answers)
			want, err := a.ours(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.client(t, a.command); want == "" || !strings.Contains(got, want) {
				t.Errorf("the client says %q, we %q", got, want)
			}
		})
	}
}

// setting is ours for a setting of the BMC: words says how the client words its values.
func setting(name string, words map[string]string) func(ctx context.Context, r room) (string, error) {
	return func(ctx context.Context, r room) (string, error) {
		c, err := r.host.BMCConfig(ctx)
		if err != nil {
			return "", err
		}
		all, err := c.BMCConfig(ctx, true)
		for _, s := range all {
			if s.Name != name {
				continue
			}
			if w, ok := words[s.Value]; ok {
				return w, err
			}
			return s.Value, err
		}
		return "", err
	}
}

// change is a setting that a packaged client and we write to the same BMC.
type change struct {
	maker         uint32
	command       string
	name, value   string
	answers       map[string]string
	bytesThatTell string // a request that must be among those that are sent
}

// TestSameRequests holds that we write settings by the same requests as the packaged clients.
func TestSameRequests(t *testing.T) {
	for _, c := range changes() {
		t.Run(c.command, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t, c.maker, c.answers)
			config, err := r.host.BMCConfig(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := config.SetBMCConfig(t.Context(), map[string]string{c.name: c.value}); err != nil {
				t.Fatal(err)
			}
			ours, n := r.since(0), len(r.table.Sent())
			r.client(t, c.command)
			if theirs := r.since(n); !slices.Equal(ours, theirs) || !slices.Contains(ours, c.bytesThatTell) {
				t.Errorf("the client sent %q, we %q; both must have %q", theirs, ours, c.bytesThatTell)
			}
		})
	}
}
