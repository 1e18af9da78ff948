package demo_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/cli"
	"millwright.dev/millwright/internal/demo"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/rehearse"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
)

// TestMain is the program itself when it is called by its name; see program.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "millwright" {
		os.Exit(cli.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// program gives a file that is the whole program. It is this test's own file under
// another name, and no symbolic link, as the demo starts itself by its own file.
func program(t *testing.T) string {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "millwright")
	if os.Link(own, path) == nil {
		return path
	}
	text, err := os.ReadFile(own)
	if err == nil {
		err = os.WriteFile(path, text, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// home gives the test a home of its own, and the folder of the demo there. A demo
// that the test leaves behind is stopped.
func home(t *testing.T) (folder string) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("LANG", "C.UTF-8")
	folder, err := demo.Folder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d, err := demo.Find(folder); err == nil && d != nil {
			if err := d.Stop(); err != nil {
				t.Error(err)
			}
		}
	})
	return folder
}

// run runs the program and gives what it writes.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// alive tells whether a process is there, and no mere zombie.
func alive(pid int) bool {
	_, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil
}

func TestTheRoomComesUpInOrder(t *testing.T) {
	folder, millwright := home(t), program(t)
	out := run(t, millwright, "demo")
	for _, want := range []string{
		"10 devices", "45 nodes", "; attempt 2 in 500ms", "web[1-8]: waiting for db1, which is tried again",
		"on  45  db[1-2],gpu[1-3],head1,lb1,nas[1-2],net,node[1-24],shop,sw[1-2],web[1-8]", "demo --stop",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	d, err := demo.Find(folder)
	if err != nil || d == nil || !d.Runs() {
		t.Fatalf("it does not run: %+v, %v", d, err)
	}
	asInREADME(t, out, millwright)
	inOrder(t, d)
	asBMC(t, d, out)
	console(t, d, millwright)
	killed(t, d, millwright, out)
	stopped(t, d, millwright)
}

// killed does by hand what the demo proposes: the daemon is killed when a run has begun,
// and started again.
func killed(t *testing.T, d *demo.Demo, millwright, out string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(out) {
		if strings.Contains(line, "export MILLWRIGHT_") || strings.Contains(line, "; kill -9 ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) != 3 {
		t.Fatalf("there are other hints: %q", lines)
	}
	simulator, daemon := d.Processes()
	if text, err := exec.Command("sh", "-c", strings.Join(lines, "\n")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	again := run(t, millwright, "demo", "--reuse")
	for _, want := range []string{"a daemon that was started again", "goes on after the daemon was away", "down done", "off  45  "} {
		if !strings.Contains(again, want) {
			t.Errorf("%q is not in:\n%s", want, again)
		}
	}
	if s, da := d.Processes(); s != simulator || da == daemon {
		t.Error("another simulated room is used, or the same daemon")
	}
	onlyOnce(t, d, "sw1")
	again = run(t, millwright, "demo", "--kill")
	for _, want := range []string{"goes on after the daemon was away", "up done", "on  45  ", "43 machines started, and 0 were switched twice"} {
		if !strings.Contains(again, want) {
			t.Errorf("%q is not in:\n%s", want, again)
		}
	}
}

// onlyOnce looks at what the simulated room has counted: every machine with a system has
// come down in order and once, but for the one that was power-cycled before.
func onlyOnce(t *testing.T, d *demo.Demo, plain string) {
	t.Helper()
	var counts bytes.Buffer
	if err := rehearse.Ask(t.Context(), d.Control(), "counts", &counts); err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(counts.String()) {
		if strings.Contains(line, ", halts 1, ") {
			n++
		}
		if strings.HasPrefix(line, "machine "+plain+":") && !strings.Contains(line, "power off 1, ") {
			t.Error(line)
		}
	}
	if n != 41 {
		t.Errorf("%d machines came down in order, once, want 41:\n%s", n, &counts)
	}
}

func stopped(t *testing.T, d *demo.Demo, millwright string) {
	t.Helper()
	simulator, daemon := d.Processes()
	if out := run(t, millwright, "demo", "--stop"); !strings.Contains(out, "is stopped") {
		t.Error(out)
	}
	if alive(simulator) || alive(daemon) {
		t.Error("a process is left")
	}
	for _, gone := range []string{d.Folder, d.Sockets} {
		if _, err := os.Lstat(gone); err == nil {
			t.Errorf("%s is left", gone)
		}
	}
	if out := run(t, millwright, "demo", "--stop"); !strings.Contains(out, "No demo runs") {
		t.Error(out)
	}
}

// inOrder holds the simulated room's own history to what needs what: no outlet of
// a node went on before all those of the nodes that it needs, and before as many of those
// that it needs some of.
func inOrder(t *testing.T, d *demo.Demo) {
	t.Helper()
	read, err := roomfile.Load(t.Context(), d.Config, app.ReadOptions(standard.Drivers(script.Options{}), false))
	if err != nil {
		t.Fatal(err)
	}
	var history bytes.Buffer
	if err := rehearse.Ask(t.Context(), d.Control(), "history", &history); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(history.String(), "\n")
	first, last := make([]int, len(read.Room.Nodes)), make([]int, len(read.Room.Nodes))
	for i := range read.Room.Nodes {
		id := room.NodeID(i)
		first[i], last[i] = len(lines), -1
		for k, plug := range read.Room.PlugsOf(id) {
			device := read.Room.Devices[read.Room.Nodes[i].Cords[k].Device].Name
			at := happened(lines, fmt.Sprintf("%s outlet %s on", device, plug.Name))
			if at < 0 {
				t.Errorf("%s outlet %s never went on", device, plug.Name)
			}
			first[i], last[i] = min(first[i], at), max(last[i], at)
		}
	}
	var needs func(of, node room.NodeID)
	needs = func(of, node room.NodeID) { // through nodes that have no cords
		for _, n := range read.Room.Nodes[node].Hard() {
			if last[n] > first[of] {
				t.Errorf("%s went on before %s, which it needs", read.Room.Nodes[of].Name, read.Room.Nodes[n].Name)
			}
			needs(of, n)
		}
		for _, c := range read.Room.Nodes[node].Choices {
			there := 0
			for _, n := range c.Of {
				if last[n] < first[of] {
					there++
				}
			}
			if there < c.Least {
				t.Errorf("%s went on with %d of what it needs %d of", read.Room.Nodes[of].Name, there, c.Least)
			}
		}
	}
	for i := range read.Room.Nodes {
		needs(room.NodeID(i), room.NodeID(i))
	}
	waited(t, lines)
}

// happened gives the line with something; -1 if there is none.
func happened(lines []string, what string) int {
	return slices.IndexFunc(lines, func(l string) bool { return strings.HasSuffix(l, " "+what) })
}

// waited holds the history to what was wrong with db1: it was up, and not well for a time;
// nothing that needs it went on before that was over.
func waited(t *testing.T, lines []string) {
	t.Helper()
	var at [2]time.Time
	for i, what := range []string{"db1 up", "rpc outlet 1 on"} {
		n := happened(lines, what)
		if n < 0 {
			t.Fatalf("%q never happened", what)
		}
		text, _, _ := strings.Cut(lines[n], " ")
		var err error
		if at[i], err = time.Parse(time.RFC3339Nano, text); err != nil {
			t.Fatal(err)
		}
	}
	if between := at[1].Sub(at[0]); between < 1300*time.Millisecond {
		t.Errorf("web1 went on %v after db1 was up, and before it was well", between)
	}
}

// asInREADME holds what the README shows of the demo to what it shows.
func asInREADME(t *testing.T, out, millwright string) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(text), "It ends like this")
	_, shown, _ = strings.Cut(shown, "```text\n")
	shown, _, found := strings.Cut(shown, "```")
	if !found {
		t.Fatal("the README does not show how the demo ends")
	}
	times := regexp.MustCompile(`\bin [0-9.]+(µs|ms|s)\b`) // which are other ones each time
	words := func(line string) string {
		return times.ReplaceAllString(strings.Join(strings.Fields(line), " "), "in a moment")
	}
	said := make(map[string]bool)
	for line := range strings.Lines(strings.ReplaceAll(out, millwright, "millwright")) {
		said[words(line)] = true
	}
	for line := range strings.Lines(shown) {
		if line = words(line); line != "..." && !said[line] {
			t.Errorf("the README shows %q, and the demo does not", line)
		}
	}
}

// asBMC types what the demo proposes, as it stands there: a client of IPMI and one of
// Redfish each switch an outlet of a strip that knows neither.
func asBMC(t *testing.T, d *demo.Demo, out string) {
	t.Helper()
	_, hints, _ := strings.Cut(out, "Any outlet is a BMC")
	_, hints, _ = strings.Cut(hints, "\n\n")
	hints, _, _ = strings.Cut(hints, "\n\n")
	calls := strings.Split(strings.ReplaceAll(hints, "\\\n", ""), "\n")
	if len(calls) != 2 {
		t.Fatalf("there are other hints:\n%s", hints)
	}
	for i, call := range calls {
		text, err := exec.Command("sh", "-c", call).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", call, err, text)
		}
		moved(t, d, i+1)
	}
}

// moved waits until the outlet of the node that is a BMC has been off that many times,
// and is on again.
func moved(t *testing.T, d *demo.Demo, times int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		var history bytes.Buffer
		if err := rehearse.Ask(ctx, d.Control(), "history", &history); err != nil {
			t.Fatal(err)
		}
		off, on := strings.Count(history.String(), " rpc outlet 1 off\n"), strings.Count(history.String(), " rpc outlet 1 on\n")
		if off == times && on == times+1 {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the outlet went off %d times and on %d times, want %d and %d", off, on, times, times+1)
		}
	}
}

// console looks at a machine's console, where the boot of before is still to be seen.
func console(t *testing.T, d *demo.Demo, millwright string) {
	t.Helper()
	c := exec.Command(millwright, "console", "gpu1", "--socket", d.Socket())
	c.Stdin = strings.NewReader("root\r")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Booting from disk", "init: hostname is gpu1", "gpu1 login: root", "Password: "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not on the console:\n%s", want, out)
		}
	}
}

func TestADemoIsMadeAnew(t *testing.T) {
	folder, millwright := home(t), program(t)
	before, err := demo.Start(t.Context(), millwright, folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := demo.Start(t.Context(), millwright, folder); err == nil {
		t.Error("two demos run in one folder")
	}
	_, daemon := before.Processes()
	if err := syscall.Kill(daemon, syscall.SIGKILL); err != nil {
		t.Fatalf("kill the daemon: %v", err)
	}
	if err := before.Stop(); err != nil { // what is left of it
		t.Fatal(err)
	}
	after, err := demo.Start(t.Context(), millwright, folder)
	if err != nil || !after.Runs() {
		t.Fatalf("the second one does not run: %v", err)
	}
	if err := rehearse.Ask(t.Context(), after.Control(), "show", io.Discard); err != nil {
		t.Error(err)
	}
}

func TestADemoThatCannotStartLeavesNothing(t *testing.T) {
	folder := home(t)
	_, err := demo.Start(t.Context(), "/bin/false", folder)
	if err == nil || !strings.Contains(err.Error(), "the sim ended at once") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(folder); err == nil {
		t.Error("the folder is left")
	}
}

func TestAForeignFolderIsLeftAlone(t *testing.T) {
	folder := home(t)
	mine := filepath.Join(folder, "mine")
	if err := os.MkdirAll(mine, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := demo.Start(t.Context(), program(t), folder); err == nil {
		t.Error("it was used")
	}
	if _, err := os.Lstat(mine); err != nil {
		t.Error("it was cleared")
	}
}

func TestTheRoomIsAGoodExample(t *testing.T) {
	read, err := roomfile.Load(t.Context(), "../../examples/demo", app.ReadOptions(standard.Drivers(script.Options{}), false))
	if err != nil {
		t.Fatal(err)
	}
	if len(read.Warnings) > 0 {
		t.Error(read.Warnings)
	}
	specs := map[string]bool{}
	fed := map[string]int{}
	for i := range read.Room.Nodes {
		feeds := map[string]bool{}
		for _, c := range read.Room.Nodes[i].Cords {
			feeds[read.Room.Devices[c.Device].Feed] = true
		}
		fed[fmt.Sprint(len(feeds))]++
	}
	r, err := rehearse.Read(t.Context(), "../../examples/demo", rehearse.Options{Files: app.ReadOptions(standard.Drivers(script.Options{}), false), Copy: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range r.Devices() {
		specs[d.Style] = true
	}
	if len(read.Room.Nodes) != 45 || len(specs) != 7 || fed["2"] < 2 || fed["0"] < 1 || len(read.Room.Aliases) == 0 || len(read.Room.Groups) == 0 || len(read.Room.Credentials) == 0 {
		t.Errorf("%d nodes, makes %v, nodes by feeds %v", len(read.Room.Nodes), specs, fed)
	}
}
