package cli_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"millwright.dev/millwright/telnet"
)

// serialLine is a machine behind a terminal server: it says again what it hears.
func serialLine(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				line := telnet.NewServer(c, telnet.Options{})
				defer line.Close()
				fmt.Fprint(line, "login: ")
				in := bufio.NewReader(line)
				for {
					text, err := in.ReadString('\r')
					if err != nil {
						return
					}
					text = strings.TrimRight(text, "\r")
					if text == "hangup" {
						return
					}
					fmt.Fprintf(line, "you said <%s>\r\n", text)
				}
			}()
		}
	}()
	return "telnet://" + l.Addr().String()
}

// consoleDaemon runs the real daemon with a node that has a console.
func consoleDaemon(t *testing.T) (env []string, end func()) {
	t.Helper()
	dir := t.TempDir()
	room := fmt.Sprintf("consoles: {log: yes, message: Mind the cat.}\nnodes: {web1: {console: {via: %q}}}\n", serialLine(t))
	if err := os.WriteFile(filepath.Join(dir, "room.yaml"), []byte(room), 0o600); err != nil {
		t.Fatal(err)
	}
	return daemonIn(t, dir)
}

func person(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command("millwright", args...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

func settingsOf(t *testing.T, term *terminal) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(term.pty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

func TestConsoleOnATerminal(t *testing.T) {
	env, end := consoleDaemon(t)
	term := onTerminal(t, 100, 30, person(env, "console", "web1"))
	before := settingsOf(t, term)
	term.await("Mind the cat.", "you type", "login: ")
	term.send("root\r")
	term.await("you said <root>")
	term.send("~~tilde\r")
	term.await("you said <~tilde>")
	term.send("a~.b\r")
	term.await("you said <a~.b>")
	term.send("~?")
	term.await("send a break", "The console of web1 is open. Attached:", "types, since")

	other := onTerminal(t, 100, 30, person(env, "console", "web1", "--take-over"))
	other.await("you said <root>") // what came last
	term.await("has attached", "types now; you watch")
	other.send("mine\r")
	other.await("you said <mine>")
	term.await("you said <mine>")
	term.send("\rnot mine\r")
	term.await("not typed: you only watch")
	term.send("~T")
	other.await("types now; you watch")
	term.forget()
	term.send("~B")
	term.await("break sent by")
	other.await("break sent by")

	other.send("\r~\x1a") // suspended
	if err := unix.Waitid(unix.P_PID, other.cmd.Process.Pid, nil, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if settingsOf(t, other).Lflag&unix.ICANON == 0 {
		t.Error("the terminal of a suspended console is raw")
	}
	if err := other.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	other.forget()
	term.send("after\r")
	other.await("you said <after>")
	other.send("\r~.")
	if status := other.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	term.await("has left")
	term.send("hangup\r")
	term.await("not within reach", "the console is open")
	end()
	term.await("daemon")
	if status := term.end(); status == 0 {
		t.Error("the end of the daemon passed for an end that was wished")
	}
	if after := settingsOf(t, term); after != before {
		t.Errorf("the terminal was left in another state: %+v, was %+v", after, before)
	}
}

func TestConsoleInAScript(t *testing.T) {
	env, _ := consoleDaemon(t)
	run := func(stdin string, args ...string) (out, errs string, status int) {
		cmd := person(env, args...)
		var stdout, stderr bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
		_ = cmd.Run()
		return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	}
	out, errs, status := run("hello\r~.\r", "console", "web1", "--no-replay")
	if status != 0 || !strings.Contains(out, "you said <hello>\r\nyou said <~.>\r\n") || strings.Contains(out, "[") {
		t.Errorf("%d %q %q", status, out, errs)
	}
	holder := person(env, "console", "web1")
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	notes, err := holder.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(notes)
	for lines.Scan() && !strings.Contains(lines.Text(), "you type") {
	}
	if _, errs, status = run("", "console", "web1"); status != 4 || !strings.Contains(errs, "--take-over") {
		t.Errorf("%d %q", status, errs)
	}
	if out, _, status = run("", "consoles"); status != 0 || !strings.Contains(out, "telnet://") || !strings.Contains(out, "*") {
		t.Errorf("%d %q", status, out)
	}
	in.Close()
	_ = holder.Wait()
	if out, _, status = run("", "console", "web1", "--log"); status != 0 || !strings.Contains(out, "| login: you said <hello>") {
		t.Errorf("%d %q", status, out)
	}
	if out, _, status = run("", "console", "web1", "--replay", "--speed", "0", "--since", "1h"); status != 0 || !strings.HasPrefix(out, "login: you said <hello>\r\n") {
		t.Errorf("%d %q", status, out)
	}
	for _, args := range [][]string{
		{"console", "web2"}, {"console"}, {"console", "web1", "--escape", "xy"}, {"console", "web1", "--watch", "--take-over"}, {"console", "web1", "--log", "--since", "soon"},
	} {
		if _, errs, status = run("", args...); status == 0 || errs == "" {
			t.Errorf("%v: %d %q", args, status, errs)
		}
	}
}
