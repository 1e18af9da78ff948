// Package prompttest has powermand drive a helper program in tests: Debian's
// daemon and our own.
//
// It exists because every helper is tried with the device files that were written
// for it. A test binary that uses it must be our programs too when it is called
// under their names. Start at [Converse].
package prompttest

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Daemons are the daemons that [Converse] knows.
func Daemons() []string { return []string{"Debian's", "ours"} }

// Converse starts a daemon with a powerman.conf and gives its answer to each
// request. Delays in device files take no time.
func Converse(t *testing.T, daemon, conf string, requests ...string) map[string]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "powerman.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	program := "/usr/sbin/powermand"
	if daemon == "ours" {
		program = Named(t, "powermand")
	}
	cmd := exec.CommandContext(t.Context(), program, "-Y", "-f", "-s", "-c", file) //nolint:gosec // one of two daemons, in tests
	cmd.Stderr = t.Output()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(stdout)
	untilPrompt(t, r)
	answers := map[string]string{}
	for _, line := range requests {
		if _, err := io.WriteString(stdin, line+"\r\n"); err != nil {
			t.Fatal(err)
		}
		answers[line] = untilPrompt(t, r)
	}
	if _, err := io.WriteString(stdin, "quit\r\n"); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, r)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	return answers
}

func untilPrompt(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	text := ""
	for !strings.HasSuffix(text, "powerman> ") {
		part, err := r.ReadString(' ')
		if text += part; err != nil {
			t.Fatalf("%v after %q", err, text)
		}
	}
	return text
}

// Named gives a path under which the test binary is called by a program's name.
func Named(t *testing.T, name string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	return link
}
