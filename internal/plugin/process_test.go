package plugin_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/secret"
)

// real makes a host of one real process, and gives what its states are as they come. A
// test that waits for one that does not come ends by its own time-out.
func real(t *testing.T, s plugin.Spec) (*plugin.Host, <-chan plugin.Status) {
	t.Helper()
	states := make(chan plugin.Status, 1000)
	h := plugin.New(plugin.Options{Version: "1.0", Changed: func(s plugin.Status) { states <- s }})
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	s.Name, s.Enabled = "p", true
	if err := h.Apply([]plugin.Spec{s}); err != nil {
		t.Fatal(err)
	}
	return h, states
}

// until waits for a state.
func until(t *testing.T, states <-chan plugin.Status, want plugin.State) plugin.Status {
	t.Helper()
	for s := range states {
		switch {
		case s.State == want:
			return s
		case s.State == plugin.Waiting:
			t.Fatalf("it is waiting: %s", s.Reason)
		}
	}
	return plugin.Status{}
}

// sh is a plugin that says hello, and then does as the script says.
func sh(script string) []string {
	return []string{"/bin/sh", "-c", `read ask; echo '{"jsonrpc": "2.0", "id": 1, "result": {"protocol": 1, "name": "sh"}}'; ` + script}
}

func TestTheEndOfAProcess(t *testing.T) {
	for _, tt := range []struct{ script, reason string }{
		{"echo out of cheese >&2; exit 3", "it ended: exit status 3; its last words: out of cheese"},
		{"kill -KILL $$", "it ended: signal: killed"},
		{"exec 1>&- 2>&- 0<&-; sleep 60", "it ended: signal: terminated"},
	} {
		_, states := real(t, plugin.Spec{Argv: sh(tt.script)})
		until(t, states, plugin.Running)
		if s := until(t, states, plugin.Waiting); s.Reason != tt.reason {
			t.Errorf("%s: %q, want %q", tt.script, s.Reason, tt.reason)
		}
	}
	_, states := real(t, plugin.Spec{Argv: []string{"./no-such-program"}})
	if s := until(t, states, plugin.Waiting); !strings.Contains(s.Reason, "it cannot be started: ") {
		t.Errorf("a program that is not there: %q", s.Reason)
	}
}

// What a plugin has started ends with it, however it ends; and one that will not end is
// made to.
func TestNothingIsLeft(t *testing.T) {
	for name, script := range map[string]string{
		"it crashes":   "sleep 1000 & echo $! >child; exit 1",
		"it is killed": "trap '' TERM; sleep 1000 & echo $! >child; echo ready >&2; wait; wait; wait",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			h, states := real(t, plugin.Spec{Argv: sh(script), Dir: dir})
			until(t, states, plugin.Running)
			if name == "it crashes" {
				until(t, states, plugin.Waiting)
			} else {
				for lines := 0; lines == 0; { // it says that it is ready
					kept, _ := h.Log("p")
					lines = len(kept)
				}
				gone, cancel := context.WithCancel(t.Context())
				cancel()
				if err := h.Close(gone); !errors.Is(err, context.Canceled) {
					t.Errorf("Close in a hurry: %v", err)
				}
			}
			text, err := os.ReadFile(filepath.Join(dir, "child"))
			if err != nil {
				t.Fatal(err)
			}
			child, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			for !errors.Is(unix.Kill(child, 0), unix.ESRCH) && !zombie(child) { // a signal takes its time
				runtime.Gosched()
			}
		})
	}
}

func zombie(pid int) bool {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	_, rest, _ := strings.Cut(string(text), ") ")
	return err != nil || strings.HasPrefix(rest, "Z")
}

func TestItsEnvironment(t *testing.T) {
	t.Setenv("MILLWRIGHT_TEST_PASSED", "yes")
	t.Setenv("MILLWRIGHT_TEST_HIDDEN", "yes")
	h, states := real(t, plugin.Spec{
		Argv: sh("echo $OWN $TOKEN ${#TOKEN} $MILLWRIGHT_PLUGIN $MILLWRIGHT_TEST_PASSED $MILLWRIGHT_TEST_HIDDEN $PWD >&2; exit 1"),
		Dir:  "/", Env: []string{"OWN=mine"}, PassEnv: []string{"MILLWRIGHT_TEST_PASSED"},
		Secrets: map[string]secret.Value{"TOKEN": secret.NewValue("long-and-odd")},
	})
	until(t, states, plugin.Running)
	until(t, states, plugin.Waiting)
	lines, err := h.Log("p")
	if err != nil || len(lines) == 0 || lines[0].Text != "mine "+secret.Mask+" 12 p yes /" {
		t.Errorf("it was given %v, %v", lines, err)
	}
}
