package packaging_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// unit reads one setting of an installed unit; the last one wins.
func (s *scratch) unit(name, setting string) string {
	s.t.Helper()
	value := ""
	for line := range strings.Lines(s.read("usr/lib/systemd/system/" + name)) {
		if text, found := strings.CutPrefix(line, setting+"="); found {
			value = strings.TrimSpace(text)
		}
	}
	if value == "" {
		s.t.Fatalf("%s has no %s=", name, setting)
	}
	return value
}

// daemon is one that runs as its unit says, with us in systemd's place.
type daemon struct {
	t        *testing.T
	cmd      *exec.Cmd
	log      lockedBuffer
	notes    *net.UnixConn
	socket   string
	powerman string
	ended    chan struct{}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements [io.Writer].
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startDaemon starts what ExecStart= says, hands it the sockets of both socket units
// under the names that those give them, and waits until it says that it is ready.
func (s *scratch) startDaemon() *daemon {
	t := s.t
	t.Helper()
	run := t.TempDir()
	d := &daemon{t: t, socket: filepath.Join(run, "local"), ended: make(chan struct{})}
	local, err := net.Listen("unix", d.socket)
	if err != nil {
		t.Fatal(err)
	}
	powerman, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.powerman = powerman.Addr().String()
	at := filepath.Join(run, "notify")
	if d.notes, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.notes.Close() })

	argv := strings.Fields(s.unit("millwright.service", "ExecStart"))
	for i, arg := range argv {
		if filepath.IsAbs(arg) {
			argv[i] = s.at(arg)
		}
	}
	// A process cannot be told its own number before it is there; the shell that
	// becomes the daemon can.
	d.cmd = exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ exec "$@"`, "sh"}, argv...)...)
	for _, l := range []net.Listener{local, powerman} {
		f, err := l.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		d.cmd.ExtraFiles = append(d.cmd.ExtraFiles, f)
	}
	local.(*net.UnixListener).SetUnlinkOnClose(false)
	local.Close()
	powerman.Close()
	d.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+at, "WATCHDOG_USEC=200000", "LISTEN_FDS=2",
		"LISTEN_FDNAMES="+s.unit("millwright.socket", "FileDescriptorName")+":"+s.unit("millwright-powerman.socket", "FileDescriptorName"),
		"STATE_DIRECTORY="+s.at("var/lib/"+s.unit("millwright.service", "StateDirectory")))
	d.cmd.Stderr = &d.log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.ended)
		_ = d.cmd.Wait()
		// Whoever waits for a note hears that there will be none.
		if c, err := net.Dial("unixgram", at); err == nil {
			_, _ = c.Write([]byte("GONE=1"))
			c.Close()
		}
	}()
	t.Cleanup(func() { _ = d.cmd.Process.Kill(); <-d.ended })
	d.waitFor("READY=1")
	return d
}

// waitFor waits until the daemon says something to systemd.
func (d *daemon) waitFor(want string) {
	d.t.Helper()
	note := make([]byte, 4096)
	for {
		n, err := d.notes.Read(note)
		if err != nil {
			d.t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(note[:n]), "\n") {
			switch line {
			case want:
				return
			case "GONE=1":
				d.t.Fatalf("the daemon is gone and never said %s:\n%s", want, d.log.String())
			}
		}
	}
}

// stop ends the daemon as systemd does.
func (d *daemon) stop() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	d.waitFor("STOPPING=1")
	<-d.ended
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		d.t.Errorf("the daemon ended with status %d:\n%s", code, d.log.String())
	}
}

// ask runs the installed command line.
func (d *daemon) ask(s *scratch, args ...string) string {
	d.t.Helper()
	return run(d.t, s.dir, []string{"MILLWRIGHT_SOCKET=" + d.socket}, append([]string{s.at("usr/bin/millwright")}, args...)...)
}
