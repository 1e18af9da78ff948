package cli_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"millwright.dev/millwright/internal/sim"
)

// living starts strips and a real daemon with twelve nodes on them, and gives the
// environment of its users.
func living(t *testing.T) (env []string, strips *sim.Room, end func()) {
	t.Helper()
	dir := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	strips, err := startStrips(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); strips.Close() })
	room := "room: lab\nnodes: {\"web[1-12]\": {cords: \"pdu1:[1-12]\"}}\n"
	if err := os.WriteFile(filepath.Join(dir, "room.yaml"), []byte(room), 0o600); err != nil {
		t.Fatal(err)
	}
	env, end = daemonIn(t, dir)
	return env, strips, end
}

// daemonIn runs a real daemon on the room in a folder.
func daemonIn(t *testing.T, dir string) (env []string, end func()) {
	t.Helper()
	env = []string{"MILLWRIGHT_SOCKET=" + filepath.Join(dir, "s"), "TERM=xterm", "LANG=C.UTF-8", "NO_COLOR=1"}
	p := &place{}
	p.daemon = exec.Command("millwright", "serve", "--state", filepath.Join(dir, "state"), "--powerman", "none", "--log-format", "json", "--config", dir)
	p.daemon.Env = append(os.Environ(), env...)
	stderr, err := p.daemon.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.daemon.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan bool, 1)
	p.log, p.logged = &strings.Builder{}, make(chan struct{})
	go p.listen(stderr, ready)
	t.Cleanup(func() { _ = p.end(syscall.SIGKILL) })
	select {
	case ok := <-ready:
		if !ok {
			t.Fatalf("the daemon did not start:\n%s", p.log)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the daemon is not ready after 30 s")
	}
	return env, func() { _ = p.end(syscall.SIGTERM) }
}

func TestWatchOnATerminal(t *testing.T) {
	env, _, end := living(t)
	cmd := exec.Command("millwright", "status", "--watch", "web[1-6]")
	cmd.Env = append(os.Environ(), env...)
	term := onTerminal(t, 80, 24, cmd)
	term.await("6 off", "web[1-6]", "q leaves")
	if out, err := call(t, env, "millwright", "on", "web[1-2]"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	term.await("2 on, 4 off", "web[1-2]", "CHANGES", "off → on")

	term.forget()
	term.resize(40, 8)
	term.await("2 on, 4 off") // drawn anew
	for line := range strings.Lines(strings.ReplaceAll(term.text(), "\r", "")) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 40 {
			t.Errorf("%d columns do not fit 40: %q", n, line)
		}
	}

	end()
	term.await("no answer since")
	term.send("q")
	if status := term.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if raw := term.raw(); !strings.HasSuffix(raw, "\x1b[?25h\x1b[?1049l") {
		t.Errorf("the terminal is not given back: %q", raw[max(0, len(raw)-60):])
	}
}

// Ctrl-C gives the terminal back too.
func TestWatchInterrupted(t *testing.T) {
	env, _, _ := living(t)
	cmd := exec.Command("millwright", "nodes", "--watch")
	cmd.Env = append(os.Environ(), env...)
	term := onTerminal(t, 80, 24, cmd)
	term.await("web[1-12]")
	term.send("\x03")
	if status := term.end(); status != 0 || !strings.HasSuffix(term.raw(), "\x1b[?25h\x1b[?1049l") {
		t.Errorf("exit status %d, %q", status, term.raw())
	}
}
