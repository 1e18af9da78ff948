package bmc

import (
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestConsoles has each client of serial over LAN type a line and read its echo.
func TestConsoles(t *testing.T) {
	port := peer(t)
	for _, c := range []struct {
		name, ready, leave string
		args               []string
	}{
		{"ipmitool suite 17", "SOL Session operational", "\r~.", []string{"ipmitool", "-I", "lanplus", "-C", "17", "-H", "127.0.0.1", "-p", port, "-U", "admin", "-P", "password", "sol", "activate"}},
		{"ipmitool suite 3", "SOL Session operational", "\r~.", []string{"ipmitool", "-I", "lanplus", "-C", "3", "-H", "127.0.0.1", "-p", port, "-U", "admin", "-P", "password", "sol", "activate"}},
		{"ipmiconsole", "SOL established", "&.", []string{"ipmiconsole", "-I", "17", "-h", ownAddress(t, withOldOnes()), "-u", "admin", "-p", "password", "-l", "admin"}},
		{"solterm", "Connected", "\r~.", []string{"solterm", "lan", "-U", "admin", "-P", "password", "-A", "rmcp+", "-p", port, "127.0.0.1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// They want a terminal; script gives them one.
			cmd := exec.CommandContext(t.Context(), "script", "-qec", strings.Join(c.args, " "), "/dev/null")
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd.Stderr = nil
			cmd.WaitDelay = time.Second
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			stop := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
			defer stop.Stop()
			said := until(t, out, c.ready)
			io.WriteString(in, "a line to hear again\r")
			said += until(t, out, "a line to hear again")
			io.WriteString(in, c.leave)
			in.Close()
			rest, _ := io.ReadAll(out)
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v after %q", err, said+string(rest))
			}
		})
	}
}

// until reads until something was said.
func until(t *testing.T, r io.Reader, what string) string {
	t.Helper()
	var all []byte
	buf := make([]byte, 256)
	for !strings.Contains(string(all), what) {
		n, err := r.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			t.Fatalf("no %q in %q", what, all)
		}
	}
	return string(all)
}
