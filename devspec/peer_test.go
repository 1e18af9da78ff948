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

// peerCommand is one request that both sides carry out.
type peerCommand struct {
	verb    string
	op      Op
	targets string
}

// peerCases are configurations, the program that plays the device, and requests.
// The device of the second is cat: what a script sends comes back. (foreachplug in
// a ranged script is left out: before 2.4 it went over all plugs.)
var peerCases = map[string]struct {
	config, device string
	commands       []peerCommand // the first waits for the login and is not compared
}{
	"vpcd": {
		`include "/etc/powerman/vpc.dev"
		device "d0" "vpc" "/usr/sbin/vpcd |&"
		node "t[0-15]" "d0"
		`, vpcdPath, []peerCommand{
			{"status", OpStatus, "t0"},
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
		},
	},
	"echo": {
		`specification "echo" {
			timeout 5
			script login { send "hello\n" expect "hello\n" }
			script status { send "%s is ON\n" expect "([a-z0-9]+) is (ON|OFF)\n" setplugstate $1 $2 off="OFF" on="ON"
				ifon { send "a\tb\033\n" expect "a.b.\n" } ifoff { send "never\n" } }
			script on_all { foreachplug { send "%s;" } foreachnode { send "%s:" expect "[^:]*:" } send "left over\n" }
			script on { send "%s 100%%\n" expect "left[^x]*100%\n" }
			script off_ranged { send "[%s]\n" expect "\n" }
			script cycle { delay 0.25 send "12)34\n" expect "([0-9]+)).*\n" }
			script status_temp_all { send "plug p9: 42 x10: 7\n" expect "plug (p9): ([0-9]+) (x10): (7)"
				setplugstate $1 $2 setplugstate $3 $4 expect "^\\n" }
		}
		device "d0" "echo" "/bin/cat |&"
		node "a[1-2]" "d0" "p[08-09]"
		node "x[9-10]" "d0"
		node "b" "d0" "p9"
		`, "/bin/cat", []peerCommand{
			{"status", OpStatus, "a1"},
			{"status", OpStatus, "b"},
			{"status", OpStatus, "a2,x[9-10]"},
			{"on", OpOn, "a[1-2],x[9-10],b"},
			{"on", OpOn, "b"},
			{"off", OpOff, "a[1-2],x9,b"},
			{"off", OpOff, "x10"},
			{"cycle", OpCycle, "b"},
			{"temp", OpTemp, "b"},
		},
	},
}

// TestSameTelemetryAsPowermand lets the packaged powermand and this package each
// drive the same program; telemetry must be the same.
func TestSameTelemetryAsPowermand(t *testing.T) {
	for name, c := range peerCases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "powerman.conf")
			if err := os.WriteFile(file, []byte(c.config), 0o600); err != nil {
				t.Fatal(err)
			}
			theirs, ours := powermandTelemetry(t, file, c.commands), ourTelemetry(t, file, c.device, c.commands)
			for i, cmd := range c.commands[1:] {
				if d := cmp.Diff(theirs[i], ours[i]); d != "" || len(ours[i]) == 0 {
					t.Errorf("%s %s (- powermand, + ours):\n%s", cmd.verb, cmd.targets, d)
				}
			}
		})
	}
}

func powermandTelemetry(t *testing.T, file string, commands []peerCommand) [][]string {
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
	// The first command waits for the login.
	io.WriteString(in, commands[0].verb+" "+commands[0].targets+"\n")
	reply()
	io.WriteString(in, "telemetry\n")
	reply()
	var all [][]string
	for _, c := range commands[1:] {
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

func ourTelemetry(t *testing.T, file, device string, commands []peerCommand) [][]string {
	conf, err := ParseConfig(file, OSOpen)
	if err != nil {
		t.Fatal(err)
	}
	layout, err := conf.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	dev := layout.Devices[0]
	cmd := exec.Command(device)
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
		actions, err := dev.Spec.Choose(op, plugs, table.Whole(len(plugs)))
		if err != nil {
			t.Fatal(err)
		}
		return actions, plugs
	}
	run([]Action{{Script: dev.Spec.Script(ScriptLogin)}}, nil)
	run(choose(commands[0].op, commands[0].targets))
	var all [][]string
	for _, c := range commands[1:] {
		all = append(all, run(choose(c.op, c.targets)))
	}
	return all
}

// traces keeps the telemetry only, under the device's name.
type traces struct{ log }

func (t *traces) PlugState(int, State, string) {}
func (t *traces) Trace(tr Trace)               { t.lines = append(t.lines, tr.Format("d0")) }
