package powermand_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// debian is the packaged daemon, version 2.3.27.
const debian = "/usr/sbin/powermand"

// patience is how long a daemon may take for all that a test asks of it before
// it counts as stuck, and is killed.
const patience = 60 * time.Second

// program gives the path of one of our programs under its own name.
func program(t testing.TB, name string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// write puts a file into a folder of its own.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// daemon is a powermand, ours or Debian's, with one client on its standard
// input and output.
type daemon struct {
	t      testing.TB
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *buffer
}

// start starts a daemon that serves one client.
func start(t testing.TB, path, conf string, args ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, stderr: &buffer{}}
	d.cmd = exec.Command(path, append([]string{"-c", conf, "--stdio"}, args...)...)
	d.cmd.Env = append(os.Environ(), "TZ=UTC")
	d.cmd.Stderr = d.stderr
	var err error
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.out = bufio.NewReader(stdout)
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(patience, func() { _ = d.cmd.Process.Kill() })
	t.Cleanup(func() {
		stuck.Stop()
		_ = d.cmd.Process.Kill()
		_ = d.cmd.Wait()
		if t.Failed() {
			t.Logf("%s wrote to stderr:\n%s", path, d.stderr)
		}
	})
	d.reply()
	return d
}

// ask sends a line and gives the reply without its prompt.
func (d *daemon) ask(line string) string {
	d.t.Helper()
	if _, err := io.WriteString(d.in, line+"\n"); err != nil {
		d.t.Errorf("%s: send %q: %v", d.cmd.Path, line, err)
	}
	return d.reply()
}

// reply reads up to the next prompt, or the end.
func (d *daemon) reply() string {
	d.t.Helper()
	var b strings.Builder
	for {
		c, err := d.out.ReadByte()
		if err != nil {
			return b.String()
		}
		b.WriteByte(c)
		if c == ' ' && strings.HasSuffix(b.String(), "powerman> ") {
			return strings.TrimSuffix(b.String(), "powerman> ")
		}
	}
}

// want asks, and compares the reply; lines are given without their CR LF.
func (d *daemon) want(line string, want ...string) {
	d.t.Helper()
	if got, want := d.ask(line), strings.Join(want, "\r\n")+"\r\n"; got != want {
		d.t.Errorf("%s:\ngot\n%swant\n%s", line, got, want)
	}
}

// quit ends the client, waits for the daemon and gives its exit status.
func (d *daemon) quit() int {
	d.t.Helper()
	_ = d.in.Close()
	_, _ = io.Copy(io.Discard, d.out)
	_ = d.cmd.Wait()
	return d.cmd.ProcessState.ExitCode()
}

// buffer is a bytes.Buffer for two goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// vpcs is a configuration of devices test0, test1... of 16 plugs each, and
// nodes t[0-...].
func vpcs(vpcd string, devices int) string {
	var b strings.Builder
	b.WriteString("include \"/etc/powerman/vpc.dev\"\n")
	for i := range devices {
		fmt.Fprintf(&b, "device \"test%d\" \"vpc\" \"%s |&\"\n", i, vpcd)
		fmt.Fprintf(&b, "node \"t[%d-%d]\" \"test%d\"\n", 16*i, 16*i+15, i)
	}
	return b.String()
}
