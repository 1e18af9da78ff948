package powerman

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// These tests put programs of others at the other end: they fail if one is
// missing. Debian: powerman, libpowerman0-dev, fence-agents, a C compiler.

func TestPackagedClient(t *testing.T) {
	addr := serve(t, &Server{Handler: newRoom(), Version: "2.3.27"}) // else it warns
	for _, program := range []string{"powerman", "pm"} {
		for _, c := range []struct {
			args, want string
			status     int
		}{
			{"-q", "on:      t[1-2]\noff:     t[0,4-15]\nunknown: t3\n", 0},
			{"-x -Q t[3,0]", "t3: unknown\nt0: off\n", 0},
			{"-l", "t[0-15]\n", 0},
			{"-d", "test0: state=connected reconnects=000 actions=003 type=vpc hosts=t[0-15]\n", 0},
			{"-T -Q t1", "send(test0): 'stat *\\n'\nrecv(test0): 'plug 0: OFF\\r\\n\\000\\377'\ndelay(test0): 1.250000\non:      t1\noff:     \nunknown: \n", 0},
			{"-1 t[4-6]", "Command completed successfully\n", 0},
			{"-0 t[4-6]", "Command completed successfully\n", 0},
			{"-1 t13", "test0: connect timeout\nCommand completed with errors\n", 210},
			{"-r t1", "Command cannot be handled by power control device(s)\n", 213},
			{"-Q zz,t1,yy", "No such nodes: zz,yy\n", 209},
		} {
			cmd := exec.Command(program, append([]string{"-h", addr}, strings.Fields(c.args)...)...)
			out, err := cmd.CombinedOutput()
			if string(out) != c.want || cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != c.status {
				t.Errorf("%s %s: %v, got\n%swant\n%s", program, c.args, err, out, c.want)
			}
		}
	}
}

func TestLibpowerman(t *testing.T) {
	program := filepath.Join(t.TempDir(), "pmtest")
	if out, err := exec.Command("cc", "-Wall", "-Werror", "-o", program, "testdata/pmtest.c", "-lpowerman").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	addr := serve(t, &Server{Handler: newRoom()})
	out, err := exec.Command(program, addr).CombinedOutput()
	want := `nodes: t0 t1 t2 t3 t4 t5 t6 t7 t8 t9 t10 t11 t12 t13 t14 t15
again: t0
t0 1, t1 2, t3 0
on t0: 0, off t1: 0, cycle t2: 0
t0 2, t1 1, t3 0
on t7: 210
status zz: 209
on t[2-1]: 205
`
	if diff := cmp.Diff(want, string(out)); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestFenceAgent(t *testing.T) {
	room := newRoom()
	delete(room.states, "t3") // the agent knows only on and off
	room.nodes = append(room.nodes[:3:3], room.nodes[4:]...)
	host, port, err := net.SplitHostPort(serve(t, &Server{Handler: room, Version: "2.3.27"}))
	if err != nil {
		t.Fatal(err)
	}
	fence := func(action, plug string) (string, int) {
		cmd := exec.Command("fence_powerman")
		cmd.Stdin = strings.NewReader(fmt.Sprintf("ip=%s\nipport=%s\naction=%s\nplug=%s\nstonith_status_sleep=0\npower_wait=0\ndelay=0\ndisable_timeout=true\n", host, port, action, plug))
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	for _, c := range []struct {
		action, plug, want string
		status             int
		after              State
	}{
		{"status", "t0", "Status: OFF\n", 2, Off},
		{"on", "t0", "Success: Powered ON\n", 0, On},
		{"status", "t0", "Status: ON\n", 0, On},
		{"off", "t0", "Success: Powered OFF\n", 0, Off},
	} {
		out, status := fence(c.action, c.plug)
		if !strings.Contains(out, c.want) || status != c.status || room.states[c.plug] != c.after {
			t.Errorf("%s %s: got %q, status %d, state %v; want %q, %d, %v", c.action, c.plug, out, status, room.states[c.plug], c.want, c.status, c.after)
		}
	}
}

func TestClientOfARealDaemon(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "powerman.conf")
	text := `include "/etc/powerman/vpc.dev"
device "test0" "vpc" "/usr/sbin/vpcd |&"
node "t[0-15]" "test0"
`
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := stdioDaemon(t, conf)
	ctx := context.Background()
	check := func(what string, got, want any, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", what, err, diff)
		}
	}
	check("version", c.Version, "2.3.27", nil)
	lines, err := c.On(ctx, "t[1,3]")
	check("on", lines, []Line(nil), err)
	lines, err = c.Cycle(ctx, "t3")
	check("cycle", lines, []Line(nil), err)
	lines, err = c.Off(ctx, "t1")
	check("off", lines, []Line(nil), err)
	lines, err = c.Reset(ctx, "t9")
	check("reset", lines, []Line(nil), err)
	results, err := c.Status(ctx, "t[0-3]")
	check("status", results, []Result{{Node: "t3", State: On}, {Node: "t0", State: Off}, {Node: "t1", State: Off}, {Node: "t2", State: Off}}, err)
	results, err = c.Beacon(ctx, "t0")
	check("beacon", results, []Result{{Node: "t0", State: Off}}, err)
	results, err = c.Temp(ctx, "t[13-14]")
	check("temp", results, []Result{{Node: "t13", Value: "96"}, {Node: "t14", Value: "97"}}, err)
	devices, err := c.Devices(ctx, "")
	if len(devices) == 1 {
		devices[0].Actions = 0
		devices[0].Hosts = devices[0].Hosts[:1]
	}
	check("devices", devices, []DeviceInfo{{Name: "test0", State: DeviceConnected, Type: "vpc", Hosts: []string{"t0"}}}, err)
	before, err := c.Nodes(ctx)
	check("exprange", nil, nil, c.SetExprange(ctx, true))
	after, err2 := c.Nodes(ctx)
	check("nodes", after, before, err)
	check("nodes", len(after), 16, err2)
	results, err = c.Status(ctx, "t[2-3]")
	check("status", results, []Result{{Node: "t2", State: Off}, {Node: "t3", State: On}}, err)
	_, err = c.Status(ctx, "zz")
	check("refusal", err, error(&ReplyError{Code: CodeNoSuchNodes, Text: "No such nodes: zz"}), nil)
	check("quit", nil, nil, c.Quit(ctx))
}

// stdioDaemon runs a real powermand that serves one client on its standard
// input and output, and returns that client.
func stdioDaemon(t *testing.T, conf string) *Client {
	t.Helper()
	daemon := exec.Command("/usr/sbin/powermand", "-f", "-s", "-c", conf)
	in, err := daemon.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Process.Signal(os.Interrupt); _ = daemon.Wait() })
	c, err := NewClient(context.Background(), stdioPair{out, in})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
