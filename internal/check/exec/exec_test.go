package exec_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	checkexec "millwright.dev/millwright/internal/check/exec"
	"millwright.dev/millwright/internal/secret"
)

// script writes a program of the user's.
func script(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "probe")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

func settings(argv ...string) *checkexec.Settings {
	s := checkexec.New().New().(*checkexec.Settings)
	s.Command = argv
	return s
}

func TestStatus(t *testing.T) {
	for code, want := range map[int]check.Verdict{0: check.OK, 1: check.Bad, 2: check.Bad, 3: check.Unknown, 99: check.Unknown} {
		file := script(t, fmt.Sprintf("echo \"DISK says $1 $2|/=12\"; echo more; exit %d\n", code))
		checktest.Says(t, checktest.Look(t, settings(file, "{node}", "a b;c"), checktest.Env()), want, "DISK says n1 a b;c")
	}
	own := settings(script(t, "exit 7"))
	own.OK, own.Bad = []int{7}, nil
	checktest.Says(t, checktest.Look(t, own, checktest.Env()), check.OK, "exit status 7")
}

func TestOutput(t *testing.T) {
	s := settings(script(t, "echo 42"))
	s.Is = "42"
	checktest.Says(t, checktest.Look(t, s, checktest.Env()), check.OK, "42")
	s.Is = "43"
	checktest.Says(t, checktest.Look(t, s, checktest.Env()), check.Bad, `"42" and not "43"`)
	checktest.Says(t, checktest.Look(t, settings(script(t, "echo it broke >&2; exit 2")), checktest.Env()), check.Bad, "it broke")
	r := checktest.Look(t, settings(script(t, "head -c 5000000 /dev/zero | tr '\\0' x")), checktest.Env())
	if checktest.Says(t, r, check.OK); len(r.Said) > 100<<10 {
		t.Errorf("%d bytes of evidence", len(r.Said))
	}
}

func TestEnds(t *testing.T) {
	checktest.Says(t, checktest.Look(t, settings("millwright-no-such-program"), checktest.Env()), check.Unknown, "cannot run")
	checktest.Says(t, checktest.Look(t, settings(script(t, "kill -9 $$")), checktest.Env()), check.Unknown, "died")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	mark := fmt.Sprint(time.Now().UnixNano() % 1e9)
	checktest.Says(t, checktest.LookFor(ctx, t, settings(script(t, "sleep 1"+mark+" & sleep 1"+mark)), checktest.Env()), check.Unknown, "no answer in time")
	if left, err := exec.CommandContext(t.Context(), "pgrep", "-f", "sleep 1"+mark).Output(); err == nil {
		t.Errorf("it leaves something running: %s", left)
	}
}

// TestSecrets holds that a command gets its credential, and nobody else's.
func TestSecrets(t *testing.T) {
	t.Setenv("PDU_PASSWORD", "other")
	t.Setenv("PROBE_MODE", "fast")
	s := settings(script(t, "env | grep -E 'MILLWRIGHT|PDU|PROBE' | sort | tr '\\n' ' '"))
	s.PassEnv = []string{"PROBE_MODE"}
	env := checktest.Env()
	env.Credential = secret.Resolved{User: "ann", Values: map[string]secret.Value{secret.Password: secret.NewValue("pw")}}
	r := checktest.Look(t, s, env)
	checktest.Says(t, r, check.OK, "MILLWRIGHT_PASSWORD=pw", "MILLWRIGHT_USER=ann", "PROBE_MODE=fast")
	if strings.Contains(r.Said, "other") {
		t.Error(r.Said)
	}
	env.Credential.Values[secret.Password] = secret.NewValue("half|whole")
	r = checktest.Look(t, settings(script(t, `echo "it is $MILLWRIGHT_PASSWORD"`)), env)
	checktest.Says(t, r, check.OK, "it is "+secret.Mask)
}

func TestSettings(t *testing.T) {
	for _, s := range []checkexec.Settings{
		{}, {Command: []string{""}}, {Command: []string{"x"}, OK: []int{0}, Bad: []int{0}}, {Command: []string{"x"}, OK: []int{256}},
	} {
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
