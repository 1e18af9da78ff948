package sim_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/internal/sim"
)

// keeper is a real powermand that looks after a simulated room.
type keeper struct {
	t    *testing.T
	addr string
}

// keep starts Debian's powermand with one device for each PDU of the room. The
// node "NAME-OUTLET" hangs on each outlet.
func keep(t *testing.T, room *sim.Room, spec, deviceFile string) keeper {
	t.Helper()
	k := keeper{t, freeport.For(t, "127.0.0.2")}
	conf := &strings.Builder{}
	fmt.Fprintf(conf, "include %q\nlisten %q\n", deviceFile, k.addr)
	for _, p := range room.Snapshot().PDUs {
		fmt.Fprintf(conf, "device %q %q %q\n", p.Name, spec, p.Address)
		for _, o := range p.Outlets {
			fmt.Fprintf(conf, "node \"%s-%s\" %q %q\n", p.Name, o.Name, p.Name, o.Name)
		}
	}
	file := filepath.Join(t.TempDir(), "powerman.conf")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/usr/sbin/powermand", "-f", "-Y", "-c", file)
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("powermand: %s", stderr)
		}
	})
	k.waitForListener()
	return k
}

func (k keeper) waitForListener() {
	k.t.Helper()
	for k.t.Context().Err() == nil {
		conn, err := net.Dial("tcp", k.addr)
		if err == nil {
			conn.Close()
			return
		}
	}
}

// powerman runs the real client and returns what it printed.
func (k keeper) powerman(args ...string) string {
	k.t.Helper()
	cmd := exec.Command("/usr/bin/powerman", append([]string{"-h", k.addr}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		k.t.Errorf("powerman %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func start(t *testing.T, cfg sim.Config) *sim.Room {
	t.Helper()
	room, err := sim.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(room.Close)
	return room
}

// relays returns the true state of a PDU's relays: "0110".
func relays(room *sim.Room, pdu int) string {
	text := ""
	for _, o := range room.Snapshot().PDUs[pdu].Outlets {
		text += map[bool]string{true: "1", false: "0"}[o.On]
	}
	return text
}

func TestPowermandDrivesEachMake(t *testing.T) {
	tests := []struct {
		style, spec, file string
		first, count      int
	}{
		{"vpc", "vpc", "/etc/powerman/vpc.dev", 0, 16},
		{"menu", "apc7900v3", "/etc/powerman/apc7900v3.dev", 1, 8},
		{"menu2", "apc7900", "/etc/powerman/apc7900.dev", 1, 8},
		{"line", "baytech-rpc3-nc", "/etc/powerman/baytech-rpc3-nc.dev", 1, 8},
		{"slash", "wti", "/etc/powerman/wti.dev", 1, 8},
		{"vpc", "mw-vpc", "", 0, 16},
		{"menu", "mw-menu", "", 1, 8},
		{"line", "mw-line", "", 1, 8},
		{"slash", "mw-slash", "", 1, 8},
		{"vpc", "mw-vpc", "", 5, 40},
		{"menu", "mw-menu", "", 1, 24},
		{"line", "mw-line", "", 1, 24},
		{"slash", "mw-slash", "", 1, 20},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.spec, " with ", tt.count, " plugs"), func(t *testing.T) {
			t.Parallel()
			plugs := sim.Numbered(tt.first, tt.count)
			file := tt.file
			if file == "" {
				file = filepath.Join(t.TempDir(), "own.dev")
				if err := os.WriteFile(file, sim.DeviceFile(tt.style, plugs...), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			room := start(t, sim.Config{PDUs: []sim.PDU{
				{Name: "a", Style: tt.style, Outlets: plugs},
				{Name: "b", Style: tt.style, Outlets: plugs},
			}})
			driveEverything(t, room, keep(t, room, tt.spec, file), tt.first, tt.count)
		})
	}
}

// driveEverything switches and queries each way that the language has, and
// compares with the truth each time.
func driveEverything(t *testing.T, room *sim.Room, k keeper, first, count int) {
	none, all := strings.Repeat("0", count), strings.Repeat("1", count)
	third := none[:2] + "1" + none[3:]
	node := func(i int) string { return fmt.Sprintf("a-%d", first+i) }
	last := first + count - 1
	everything := fmt.Sprintf("a-[%[1]d-%[2]d],b-[%[1]d-%[2]d]", first, last)
	steps := []struct {
		args         []string
		wantA, wantB string
	}{
		{[]string{"-1", node(2)}, third, none},
		{[]string{"-1", everything}, all, all},
		{[]string{"-0", node(2) + "," + node(5)}, all[:2] + "0" + all[3:5] + "0" + all[6:], all},
		{[]string{"-c", node(5)}, all[:2] + "0" + all[3:], all},
		{[]string{"-0", everything}, none, none},
		{[]string{"-1", node(2)}, third, none},
		{[]string{"-c", node(2)}, third, none},
		{[]string{"-c", everything}, all, all},
		{[]string{"-0", node(0)}, "0" + all[1:], all},
	}
	for _, s := range steps {
		k.powerman(s.args...)
		if a, b := relays(room, 0), relays(room, 1); a != s.wantA || b != s.wantB {
			t.Errorf("after powerman %v: relays are %s and %s, want %s and %s", s.args, a, b, s.wantA, s.wantB)
		}
		believesTruth(t, room, k)
	}
}

// believesTruth compares what powermand says with the room.
func believesTruth(t *testing.T, room *sim.Room, k keeper) {
	t.Helper()
	got := k.powerman("-x", "-q")
	want := ""
	for _, p := range room.Snapshot().PDUs {
		for _, o := range p.Outlets {
			want += fmt.Sprintf("%s-%s: %s\n", p.Name, o.Name, map[bool]string{true: "on", false: "off"}[o.On])
		}
	}
	if diff := cmp.Diff(want, strings.ReplaceAll(got, "\r", "")); diff != "" {
		t.Errorf("powermand does not tell the truth (-want +got):\n%s", diff)
	}
}
