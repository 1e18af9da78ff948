package exec_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/control/exec"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "long-and-odd-word"

func env() control.Env {
	return control.Env{Node: "n1", Address: "192.0.2.1", Log: slog.New(slog.DiscardHandler), Credential: secret.Resolved{
		User: "u", Values: map[string]secret.Value{secret.Password: secret.NewValue(password)},
	}}
}

func prepare(t *testing.T, change func(*exec.Settings)) control.Control {
	t.Helper()
	s := exec.New().New().(*exec.Settings)
	change(s)
	c, err := s.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sh(script string) []string {
	return []string{"/bin/sh", "-c", script, "sh", "{node}", "{address}"}
}

func TestOff(t *testing.T) {
	t.Setenv("MILLWRIGHT_TEST_PASSED", "p")
	t.Setenv("MILLWRIGHT_TEST_HIDDEN", "h")
	file := filepath.Join(t.TempDir(), "out")
	for _, tt := range []struct{ script, fault string }{
		{`echo "$1 $2 $MILLWRIGHT_USER $MILLWRIGHT_PASSWORD $MILLWRIGHT_TEST_PASSED$MILLWRIGHT_TEST_HIDDEN" >` + file, ""},
		{"echo one >&2; echo no $MILLWRIGHT_PASSWORD >&2; exit 4", "n1: /bin/sh ended with status 4: no ****"},
		{"kill -KILL $$", "n1: /bin/sh died: signal: killed"},
		{"sleep 60", "has not ended within 1s"},
	} {
		c := prepare(t, func(s *exec.Settings) {
			s.Off, s.PassEnv = sh(tt.script), []string{"MILLWRIGHT_TEST_PASSED"}
			if strings.HasPrefix(tt.script, "sleep") {
				s.Timeout = time.Second
			}
		})
		err := c.Off(t.Context(), env())
		if (tt.fault == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s: %v, want %q", tt.script, err, tt.fault)
		}
	}
	if text, err := os.ReadFile(file); string(text) != "n1 192.0.2.1 u "+password+" p\n" {
		t.Errorf("the command was given %q (%v)", text, err)
	}
}

func TestStatus(t *testing.T) {
	for script, want := range map[string]room.State{
		"exit 0": room.StateOn, "exit 3": room.StateOff, "exit 4": room.StateUnknown,
	} {
		c := prepare(t, func(s *exec.Settings) { s.Status = sh(script) })
		if got, err := c.Status(t.Context(), env()); got != want || err != nil {
			t.Errorf("%s: %v, %v, want %v", script, got, err, want)
		}
		if c.Can() != (control.Abilities{Status: true}) || c.Off(t.Context(), env()) != control.ErrCannot { //nolint:errorlint // as it is
			t.Error("a control without commands for off and on says that it has them")
		}
	}
	c := prepare(t, func(s *exec.Settings) { s.Status = []string{"/no/such/program"} })
	if got, err := c.Status(t.Context(), env()); got != room.StateUnknown || err == nil {
		t.Errorf("a program that is not there: %v, %v", got, err)
	}
}

func TestSettings(t *testing.T) {
	for field, change := range map[string]func(*exec.Settings){
		"off":     func(*exec.Settings) {},
		"status":  func(s *exec.Settings) { s.Status = []string{""} },
		"is-off":  func(s *exec.Settings) { s.Status, s.IsOn = []string{"x"}, []int{1} },
		"timeout": func(s *exec.Settings) { s.Status, s.Timeout = []string{"x"}, 0 },
	} {
		s := exec.New().New().(*exec.Settings)
		change(s)
		if _, err := s.Prepare(); err == nil || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("want a fault of %q, got %v", field, err)
		}
	}
}
