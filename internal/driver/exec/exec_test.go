package exec_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/exec"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/sim"
)

// controller makes a folder with a program in it, and settings without commands.
// "TOOL" in a command stands for the program and its first arguments.
func controller(t *testing.T, plugs []string) (folder, *exec.Settings) {
	t.Helper()
	d := folder(t.TempDir())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(string(d), "tool")); err != nil {
		t.Fatal(err)
	}
	d.write("plugs", strings.Join(plugs, " "))
	s := exec.New().New().(*exec.Settings)
	s.Plugs, s.Rest = plugs, time.Millisecond
	s.AtOnce = 8                            // all plugs at once: a case that hangs then costs little time
	t.Setenv("GORACE", "atexit_sleep_ms=0") // under -race the tool would end a second late
	s.PassEnv = []string{"GORACE"}
	return d, s
}

func (d folder) command(text string) string {
	return strings.Replace(text, "TOOL", fmt.Sprintf("'%s/tool' fake-tool '%s'", d, d), 1)
}

func credential() secret.Resolved {
	return secret.Resolved{User: "warden", Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}}
}

func (d folder) rig(plugs []string, s *exec.Settings) drivertest.Rig {
	flag := func(name string) func() { return func() { d.write(name, "") } }
	return drivertest.Rig{
		Settings: s, Plugs: plugs, Credential: credential(),
		Truth: drivertest.Truth{
			On:    func(plug string) bool { return d.has("on-" + plug) },
			Set:   func(plug string, on bool) { d.set("on-"+plug, on) },
			Moves: func(plug string) int { return d.moves("on-" + plug) },
		},
		Faults: drivertest.Faults{
			Refuse: func() { d.remove("tool") }, Hang: flag("hang"), Garbage: flag("garbage"), Echo: flag("echo"),
			Reject: func(plug string) { d.write("reject-"+plug, "") },
			Stick:  func(plug string) { d.write("stick-"+plug, "") },
		},
	}
}

// single has a command for each plug, and a cycle composed of off and on.
func single(t *testing.T) drivertest.Rig {
	plugs := sim.Numbered(1, 5)
	d, s := controller(t, plugs)
	s.On, s.Off, s.Status = d.command("TOOL on {plug}"), d.command("TOOL off {plug}"), d.command("TOOL status {plug}")
	s.Reset, s.Temp = d.command("TOOL reset {plug}"), d.command("TOOL temp {plug}")
	s.Beacon, s.BeaconOn, s.BeaconOff = d.command("TOOL beacon {plug}"), d.command("TOOL beacon-on {plug}"), d.command("TOOL beacon-off {plug}")
	return d.rig(plugs, s)
}

// many has a command for all plugs; "lines" makes the tool answer in lines even
// for one.
func many(t *testing.T, n int) drivertest.Rig {
	plugs := make([]string, n)
	for i := range plugs {
		plugs[i] = fmt.Sprintf("vm%d", i)
	}
	d, s := controller(t, plugs)
	s.On, s.Off, s.Status = d.command("TOOL on {plugs} lines"), d.command("TOOL off {plugs} lines"), d.command("TOOL list")
	s.Cycle, s.Temp = d.command("TOOL cycle {plugs} lines"), d.command("TOOL temp {plugs} lines")
	if n > 100 {
		s.Timeout = 30 * time.Second
	}
	return d.rig(plugs, s)
}

func TestOneCommandForEachPlug(t *testing.T) {
	drivertest.Run(t, drivertest.Subject{Abreast: true, New: single})
}

func TestOneCommandForManyPlugs(t *testing.T) {
	drivertest.Run(t, drivertest.Subject{
		Abreast: true,
		New:     func(t *testing.T) drivertest.Rig { return many(t, 6) },
		Many:    func(t *testing.T) drivertest.Rig { return many(t, 1000) },
	})
}

// sink keeps what was told, by plug, as text.
type sink struct {
	told   map[int]string
	faults []*driver.Fault
}

func (s *sink) State(p int, st room.State, raw string) { s.told[p] = fmt.Sprintf("%v %q", st, raw) }
func (s *sink) Done(p int)                             { s.told[p] = "done" }
func (s *sink) Failed(p int, said string)              { s.told[p] = "failed: " + said }
func (s *sink) Unknown(p int, why *driver.Fault)       { s.told[p] = "unknown: " + why.Error() }
func (s *sink) Fault(f *driver.Fault)                  { s.faults = append(s.faults, f) }
func (s *sink) Trace(devspec.Trace)                    {}

// session opens settings for plugs of these names.
func session(t *testing.T, s driver.Settings, plugs ...string) driver.Session {
	t.Helper()
	if _, err := s.Traits(nil); err != nil {
		t.Fatal(err)
	}
	env := driver.Env{Device: "dev", Credential: credential(), Log: slog.New(slog.DiscardHandler), Reached: func() {}, Acted: func() {}}
	for _, p := range plugs {
		env.Plugs = append(env.Plugs, driver.Plug{Name: p, Used: true})
	}
	open, err := s.Open(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { open.Close() })
	return open
}

func do(t *testing.T, s driver.Session, op room.Op, plugs ...int) *sink {
	t.Helper()
	got := &sink{told: make(map[int]string)}
	if err := s.Do(t.Context(), driver.Batch{Op: op, Plugs: plugs, Start: time.Now()}, got); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestAnswers is what becomes of the ways in which a command can end.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name, command string
		op            room.Op
		want          string // of the first of two plugs, a and b
	}{
		{"well", "true {plug}", room.On, "done"},
		{"badly, without a word", "false {plug}", room.On, "failed: the command ended with exit status 1"},
		{"badly, with a last line", "sh -c 'echo one >&2; echo two >&2; exit 4' {plug}", room.On, "failed: two"},
		{"secret in the last line", "sh -c 'echo no $MILLWRIGHT_PASSWORD >&2; exit 4' {plug}", room.On, "failed: no ****"},
		{"secret across the bound", "sh -c 'printf %s $MILLWRIGHT_PASSWORD >&2; head -c 4090 /dev/zero | tr \"\\000\" x >&2; exit 1' {plug}", room.On, "failed: ****" + strings.Repeat("x", 996) + "…"},
		{"by a signal", "sh -c 'kill -9 $$' {plug}", room.On, "unknown: dev: did not answer as expected: the command died: signal: killed"},
		{"one of many, named", "sh -c 'echo a: ok; echo b: stuck; exit 1' {plugs}", room.On, "done"},
		{"one of many, in its own words", "sh -c 'echo a: stuck; echo b: ok; exit 1' {plugs}", room.On, "failed: stuck"},
		{"one of many, not named", "sh -c 'echo b: ok; echo jam >&2; exit 1' {plugs}", room.On, "failed: jam"},
		{"state in capitals", "echo ON {plug}", room.Status, `unknown "ON a"`},
		{"state", "sh -c 'echo \" Off \"' {plug}", room.Status, `off "Off"`},
		{"state that is neither", "echo maybe", room.Status, "failed: the command said nothing of this plug"},
		{"state by lines", "printf 'b: off\\na: on\\n'", room.Status, `on "on"`},
		{"state by lines of a shell", "sh -c 'echo b: off; echo a:on'", room.Status, `on "on"`},
		{"half of the states", "sh -c 'echo a: on; echo broken >&2; exit 1'", room.Status, `on "on"`},
		{"no state", "sh -c 'echo on; exit 2' {plug}", room.Status, "failed: the command ended with exit status 2"},
		{"arguments stay whole", "sh -c 'echo \"$# $1\" >&2; exit 1' x '{plug} {device}' {{plug}}", room.On, "failed: 2 a dev"},
		{"nothing on stdin", "sh -c 'cat; echo on' {plug}", room.Status, `on "on"`},
		{"the daemon's environment stays here", "sh -c 'echo \"$EXEC_TEST_HIDDEN,$EXEC_TEST_PASSED\" >&2; exit 1' {plug}", room.On, "failed: ,seen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("EXEC_TEST_HIDDEN", "hidden")
			t.Setenv("EXEC_TEST_PASSED", "seen")
			s := exec.New().New().(*exec.Settings)
			s.PassEnv = []string{"EXEC_TEST_PASSED"}
			if s.On = c.command; c.op == room.Status {
				s.On, s.Status = "", c.command
			}
			if got := do(t, session(t, s, "a", "b"), c.op, 0, 1).told[0]; got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestMatch is for commands that have words of their own.
func TestMatch(t *testing.T) {
	s := exec.New().New().(*exec.Settings)
	s.Status, s.OnMatch, s.OffMatch = "echo Chassis Power is {plug}", "is on$", "is off$"
	got := do(t, session(t, s, "on", "off", "onoff"), room.Status, 0, 1, 2).told
	if !strings.HasPrefix(got[0], "on ") || !strings.HasPrefix(got[1], "off ") || !strings.HasPrefix(got[2], "unknown ") {
		t.Errorf("got %v", got)
	}
}

// fifo makes a named pipe and returns a channel that is closed when whoever had
// opened it for writing, children included, is gone.
func fifo(t *testing.T, path string) (gone <-chan struct{}) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = os.ReadFile(path)
	}()
	return closed
}

// TestHangingGroupDies also when its leader and its child mind no SIGTERM.
func TestHangingGroupDies(t *testing.T) {
	d, s := controller(t, []string{"1"})
	path := filepath.Join(string(d), "alive")
	gone := fifo(t, path)
	s.On = "sh -c 'trap \"\" TERM; exec 9>" + path + "; sleep 1000 & wait'"
	s.Timeout = 300 * time.Millisecond
	got := do(t, session(t, s, "1"), room.On, 0)
	if want := "unknown: dev: did not answer as expected: the command took too long"; got.told[0] != want {
		t.Errorf("got %q, want %q", got.told[0], want)
	}
	if len(got.faults) != 1 || got.faults[0].Phase != driver.Acting {
		t.Errorf("faults %v, want one of Acting", got.faults)
	}
	<-gone
}

// TestLeavesWhatItStarted: a command may start a virtual machine and end.
func TestLeavesWhatItStarted(t *testing.T) {
	d, s := controller(t, []string{"1"})
	s.On = "sh -c 'sleep 1000 & echo $! >" + string(d) + "/child'"
	if got := do(t, session(t, s, "1"), room.On, 0); got.told[0] != "done" {
		t.Errorf("got %q", got.told[0])
	}
	text, err := os.ReadFile(filepath.Join(string(d), "child"))
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("what it left running is gone: %v", err)
	}
}

// TestCancelledCycleEndsOn: nobody waits for the answer any more, and the machine
// still gets its power back.
func TestCancelledCycleEndsOn(t *testing.T) {
	d, s := controller(t, []string{"1"})
	ctx, cancel := context.WithCancel(t.Context())
	gone := fifo(t, filepath.Join(string(d), "off"))
	// What off leaves running says so after off itself has ended.
	s.Off, s.On, s.Rest = "sh -c '(sleep 1; echo) >"+string(d)+"/off 2>&1 &'", "sh -c 'echo >"+string(d)+"/on'", time.Hour
	open := session(t, s, "1")
	go func() {
		<-gone
		cancel()
	}()
	got := &sink{told: make(map[int]string)}
	if err := open.Do(ctx, driver.Batch{Op: room.Cycle, Plugs: []int{0}, Start: time.Now()}, got); err != nil {
		t.Fatal(err)
	}
	if got.told[0] != "done" || !d.has("on") {
		t.Errorf("the cycle ended as %q; switched on: %v", got.told[0], d.has("on"))
	}
}

// TestAtOnce: no more commands run side by side than is said.
func TestAtOnce(t *testing.T) {
	d, s := controller(t, nil)
	s.AtOnce = 2
	s.On = "sh -c 'echo x >" + string(d) + "/run-$1; ls " + string(d) + " | grep -c run- >&2; sleep 0.05; rm " + string(d) + "/run-$1; exit 1' x {plug}"
	got := do(t, session(t, s, "a", "b", "c", "d", "e"), room.On, 0, 1, 2, 3, 4).told
	for p := range 5 {
		if got[p] != "failed: 1" && got[p] != "failed: 2" {
			t.Errorf("plug %d: %q commands at once, want 1 or 2", p, got[p])
		}
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for _, c := range []struct {
		field, want string
		spoil       func(*exec.Settings)
	}{
		{"on", "no command is given", func(s *exec.Settings) { s.On = "" }},
		{"on", "{plg} is none of", func(s *exec.Settings) { s.On = "true {plg}" }},
		{"on", "quote ' is not closed", func(s *exec.Settings) { s.On = "true 'x {plug}" }},
		{"on", "no program", func(s *exec.Settings) { s.On = "  " }},
		{"on", "cannot be {plug}", func(s *exec.Settings) { s.On = "{plug} on" }},
		{"on", "cannot both", func(s *exec.Settings) { s.On = "true {plug} {plugs}" }},
		{"on", "neither {plug} nor {plugs}", func(s *exec.Settings) { s.On = "true" }},
		{"on", "NUL", func(s *exec.Settings) { s.On = "true \x00 {plug}" }},
		{"on-match", "missing", func(s *exec.Settings) { s.OnMatch = "(" }},
		{"timeout", "more than nothing", func(s *exec.Settings) { s.Timeout = 0 }},
		{"at-once", "at least 1", func(s *exec.Settings) { s.AtOnce = 0 }},
		{"rest", "negative", func(s *exec.Settings) { s.Rest = -1 }},
		{"plugs", "twice", func(s *exec.Settings) { s.Plugs = []string{"n[1-3]", "n2"} }},
	} {
		s := exec.New().New().(*exec.Settings)
		s.On = "true {plug}"
		c.spoil(s)
		_, err := s.Traits(nil)
		var field *driver.FieldError
		if !errors.As(err, &field) || field.Field != c.field || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q for the field %s", err, c.want, c.field)
		}
	}
}

func TestVerbsAreTheCommandsGiven(t *testing.T) {
	for want, spoil := range map[string]func(*exec.Settings){
		"[on]":           func(*exec.Settings) {},
		"[on off cycle]": func(s *exec.Settings) { s.Off = "true {plug}" },
		"[on status]":    func(s *exec.Settings) { s.Status = "true" },
	} {
		s := exec.New().New().(*exec.Settings)
		s.On = "true {plug}"
		spoil(s)
		traits, err := s.Traits(nil)
		if got := fmt.Sprint(traits.Verbs); err != nil || got != want {
			t.Errorf("verbs %s, %v; want %s", got, err, want)
		}
	}
}
