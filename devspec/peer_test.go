package devspec

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/hostlist"
)

// The packaged programs that this package is compared with.
const (
	powermandPath = "/usr/sbin/powermand"
	vpcdPath      = "/usr/sbin/vpcd"
)

const peerConfig = `include "/etc/powerman/vpc.dev"
device "d0" "vpc" "/usr/sbin/vpcd |&"
node "t[0-15]" "d0"
`

// peerCommands are run in this order by both; each op with its targets.
var peerCommands = []struct {
	verb    string
	op      Op
	targets string
}{
	{"on", OpOn, "t3"},
	{"off", OpOff, "t[3-5]"},
	{"on", OpOn, "t[0-15]"},
	{"status", OpStatus, "t[5-6]"},
	{"temp", OpTemp, "t7"},
	{"cycle", OpCycle, "t2"},
	{"flash", OpBeaconOn, "t1"},
	{"beacon", OpBeacon, "t[0-15]"},
	{"off", OpOff, "t[0-15]"},
	{"status", OpStatus, "t[0-15]"},
}

// TestSameTelemetryAsPowermand lets the packaged powermand and this package each
// drive the packaged vpcd with the packaged vpc.dev; telemetry must be the same.
func TestSameTelemetryAsPowermand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "powerman.conf")
	if err := os.WriteFile(file, []byte(peerConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	theirs, ours := powermandTelemetry(t, file), ourTelemetry(t, file)
	for i, c := range peerCommands {
		if d := cmp.Diff(theirs[i], ours[i]); d != "" || len(ours[i]) == 0 {
			t.Errorf("%s %s (- powermand, + ours):\n%s", c.verb, c.targets, d)
		}
	}
}

func powermandTelemetry(t *testing.T, file string) [][]string {
	cmd := exec.Command(powermandPath, "-f", "-s", "-Y", "-c", file)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	r := bufio.NewReader(out)
	reply := func() (lines []string) {
		var b bytes.Buffer
		for !bytes.HasSuffix(b.Bytes(), []byte("powerman> ")) {
			c, err := r.ReadByte()
			if err != nil {
				t.Fatalf("powermand ended after %q", b.String())
			}
			b.WriteByte(c)
		}
		for line := range strings.Lines(b.String()) {
			if text, ok := strings.CutPrefix(line, "305 "); ok {
				lines = append(lines, strings.TrimSuffix(text, "\r\n"))
			}
		}
		return lines
	}
	reply()
	// The first query waits for the login, so that telemetry does not show it.
	io.WriteString(in, "status t0\n")
	reply()
	io.WriteString(in, "telemetry\n")
	reply()
	var all [][]string
	for _, c := range peerCommands {
		io.WriteString(in, c.verb+" "+c.targets+"\n")
		all = append(all, reply())
	}
	io.WriteString(in, "quit\n")
	return all
}

// pipes is a program's input and output as one connection.
type pipes struct {
	io.ReadCloser
	in io.WriteCloser
}

func (p pipes) Write(b []byte) (int, error) { return p.in.Write(b) }
func (p pipes) Close() error                { return errors.Join(p.in.Close(), p.ReadCloser.Close()) }

func ourTelemetry(t *testing.T, file string) [][]string {
	conf, err := ParseConfig(file, OSOpen)
	if err != nil {
		t.Fatal(err)
	}
	layout, err := conf.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	dev := layout.Devices[0]
	cmd := exec.Command(vpcdPath)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	s := NewSession(dev.Spec, pipes{out, in}, Options{NoDelays: true})
	defer s.Close()
	table := NewPlugTable(dev.Plugs)
	run := func(actions []Action, targets []int) []string {
		sink := &traces{}
		call := NewCall(table, targets, sink)
		call.Trace = true
		for _, a := range actions {
			if err := s.Run(t.Context(), a, call); err != nil {
				t.Fatal(err)
			}
		}
		return sink.lines
	}
	choose := func(op Op, targets string) ([]Action, []int) {
		names, err := hostlist.Expand(targets)
		if err != nil {
			t.Fatal(err)
		}
		var plugs []int
		for i, p := range dev.Plugs {
			for _, n := range names {
				if n == p.Node {
					plugs = append(plugs, i)
				}
			}
		}
		actions, err := dev.Spec.Choose(op, plugs, len(plugs) == len(dev.Plugs))
		if err != nil {
			t.Fatal(err)
		}
		return actions, plugs
	}
	run([]Action{{Script: dev.Spec.Script(ScriptLogin)}}, nil)
	run(choose(OpStatus, "t0"))
	var all [][]string
	for _, c := range peerCommands {
		all = append(all, run(choose(c.op, c.targets)))
	}
	return all
}

// traces keeps the telemetry only, under the device's name.
type traces struct{ log }

func (t *traces) PlugState(int, State, string) {}
func (t *traces) Trace(tr Trace)               { t.lines = append(t.lines, tr.Format("d0")) }
