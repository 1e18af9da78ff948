package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal with a program on it.
type terminal struct {
	t    *testing.T
	pty  *os.File
	cmd  *exec.Cmd
	done chan error // how the program ended

	mu    sync.Mutex
	shown bytes.Buffer
	grown chan struct{}
}

// onTerminal starts a program on a terminal of so many columns and lines.
func onTerminal(t *testing.T, columns, lines int, cmd *exec.Cmd) *terminal {
	t.Helper()
	pty, tty := openTerminal(t)
	term := &terminal{t: t, pty: pty, cmd: cmd, done: make(chan error, 1), grown: make(chan struct{}, 1)}
	term.resize(columns, lines)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	read := make(chan struct{})
	go func() {
		defer close(read)
		term.read()
	}()
	go func() {
		err := cmd.Wait()
		<-read // the last that it wrote
		term.done <- err
		close(term.done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		for range term.done { //nolint:revive // until it is over
		}
		pty.Close()
	})
	return term
}

func openTerminal(t *testing.T) (pty, tty *os.File) {
	t.Helper()
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(pty.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(pty.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return pty, tty
}

func (term *terminal) resize(columns, lines int) {
	term.t.Helper()
	size := &unix.Winsize{Col: uint16(columns), Row: uint16(lines)}
	if err := unix.IoctlSetWinsize(int(term.pty.Fd()), unix.TIOCSWINSZ, size); err != nil {
		term.t.Fatal(err)
	}
}

func (term *terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := term.pty.Read(buf)
		term.mu.Lock()
		term.shown.Write(buf[:n])
		term.mu.Unlock()
		select {
		case term.grown <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// raw is all that was written to the terminal since the last forget.
func (term *terminal) raw() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.shown.String()
}

// text is raw without what moves the cursor and sets colours.
func (term *terminal) text() string {
	return regexp.MustCompile("\x1b(?:\\[[0-9;?]*[a-zA-Z]|[()][A-B0]|[=>78])|\x0f|\r").ReplaceAllString(strings.ReplaceAll(term.raw(), "\x1b[H", "\n"), "")
}

func (term *terminal) forget() {
	term.mu.Lock()
	defer term.mu.Unlock()
	term.shown.Reset()
}

func (term *terminal) send(keys string) {
	term.t.Helper()
	if _, err := term.pty.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// await waits until all of these texts are shown.
func (term *terminal) await(want ...string) {
	term.t.Helper()
	late := time.After(20 * time.Second)
	for {
		missing := ""
		for _, w := range want {
			if !strings.Contains(term.text(), w) {
				missing = w
			}
		}
		if missing == "" {
			return
		}
		select {
		case <-term.grown:
		case <-late:
			term.t.Fatalf("%q is not shown; the terminal has:\n%s\n(%q)", missing, term.text(), term.raw())
		}
	}
}

// end waits for the program's end and gives its exit status.
func (term *terminal) end() int {
	term.t.Helper()
	select {
	case <-term.done:
	case <-time.After(20 * time.Second):
		term.t.Fatalf("it does not end; the terminal has:\n%s", term.text())
	}
	return term.cmd.ProcessState.ExitCode()
}

// call runs a program to its end and gives what it says.
func call(t *testing.T, env []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
