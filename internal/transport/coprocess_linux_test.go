package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func program(argv ...string) Address { return Address{Scheme: Exec, Argv: argv} }

// line reads one line.
func line(t *testing.T, r io.Reader) string {
	t.Helper()
	s, err := bufio.NewReaderSize(r, 16).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(s)
}

func pidLine(t *testing.T, r io.Reader) int {
	t.Helper()
	pid, err := strconv.Atoi(line(t, r))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// mustVanish waits until a process that is not our child has ended.
func mustVanish(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(time.Minute.Milliseconds()))
		if n > 0 {
			return
		}
		if !errors.Is(err, unix.EINTR) {
			t.Fatalf("process %d is still there: %v", pid, err)
		}
	}
}

func mustBeReaped(t *testing.T, pid int) {
	t.Helper()
	if err := unix.Kill(pid, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("process %d is not reaped: %v", pid, err)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestCoprocess(t *testing.T) {
	before := openFiles(t)
	for range 20 {
		c := mustDial(t, &Dialer{}, program("cat"), Credentials{}) // found in PATH
		pid := c.(*coprocess).process.Pid
		exchange(t, c, "ping", "ping")
		closeEndsRead(t, c)
		mustBeReaped(t, pid)
		if err := c.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	}
	if after := openFiles(t); after > before+2 { // the runtime's poller may have come
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestCoprocessThatEnds(t *testing.T) {
	for _, script := range []string{"exit 3", "read x; exit 0", "kill -9 $$"} {
		c := mustDial(t, &Dialer{}, program("/bin/sh", "-c", script), Credentials{})
		_, _ = io.WriteString(c, "one\ntwo\n") // unread input resets the socket
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Errorf("%q: reading to the end: %v", script, err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("%q: Close: %v", script, err)
		}
		mustBeReaped(t, c.(*coprocess).process.Pid)
	}
}

func TestCoprocessIsNotFound(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := openFiles(t)
	for _, name := range []string{"/no/such/program", "no-such-program-anywhere", plain} {
		_, err := (&Dialer{}).Dial(t.Context(), program(name), Credentials{})
		if err == nil || !strings.Contains(err.Error(), "exec:"+name) {
			t.Errorf("%s: %v", name, err)
		}
		// Past LookPath, the kernel's own refusal must come through as well.
		d := &Dialer{LookPath: func(s string) (string, error) { return s, nil }}
		if _, err = d.Dial(t.Context(), program(name), Credentials{}); err == nil {
			t.Errorf("%s: executed", name)
		}
	}
	if after := openFiles(t); after > before+2 {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, err := (&Dialer{}).Dial(ctx, program("cat"), Credentials{}); err == nil {
		_ = c.Close() // a start that is faster than the cancellation is no fault
	}
}

// Arguments, environment, descriptors and signals reach the program as a plain
// program expects them.
func TestCoprocessSurroundings(t *testing.T) {
	look := func() []string {
		c := mustDial(t, &Dialer{Env: func() []string { return []string{"WORD=here"} }}, program("/bin/sh", "-c",
			`echo "$1,$2,$WORD"; echo /proc/self/fd/*; sed -n 's/^flags:[[:space:]]*//p' /proc/self/fdinfo/0 /proc/self/fdinfo/2`,
			"sh", "a b", "$HOME"), Credentials{})
		out, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	first := look()
	if len(first) != 4 || first[0] != "a b,$HOME,here" {
		t.Fatalf("got %q", first)
	}
	for _, flags := range first[2:] {
		if f, err := strconv.ParseInt(flags, 8, 64); err != nil || f&unix.O_NONBLOCK != 0 {
			t.Errorf("descriptor flags %s: the program's end must block", flags)
		}
	}
	for range 8 {
		mustDial(t, &Dialer{}, program("cat"), Credentials{})
	}
	if second := look(); second[1] != first[1] {
		t.Errorf("a program inherits the descriptors of others: %s, then %s", first[1], second[1])
	}
}

func TestCoprocessStderrIsLogged(t *testing.T) {
	var logs logBuffer
	d := (&Dialer{}).WithLog(logs.logger().With("device", "bmc7"))
	c := mustDial(t, d, program("/bin/sh", "-c", `
		echo "cannot reach it" >&2
		head -c 5000 /dev/zero | tr '\0' x >&2; echo >&2
		printf 'last words' >&2
		exit 1`), Credentials{})
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`device=bmc7 address=exec:/bin/sh line="cannot reach it"`,
		"line=" + strings.Repeat("x", maxLogLine) + " cut=true\n",
		`line="last words"`,
		`msg="coprocess ended"`, `state="exit status 1"`,
	} {
		if !strings.Contains(logs.String(), want) {
			t.Errorf("not logged: %.60s\n%.400s", want, logs.String())
		}
	}
}

func TestCoprocessThatFloodsStderr(t *testing.T) {
	var logs logBuffer
	c := mustDial(t, &Dialer{Log: logs.logger()}, program("/bin/sh", "-c", `yes oops | head -n 100000 >&2`), Credentials{})
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if n := strings.Count(logs.String(), "line=oops"); n < logLinesAtOnce || n > 5000 {
		t.Errorf("%d of 100000 lines logged", n)
	}
}

func TestCoprocessThatIgnoresTERM(t *testing.T) {
	c := mustDial(t, &Dialer{Grace: 50 * time.Millisecond}, program("/bin/sh", "-c",
		`trap '' TERM; echo ready; while :; do sleep 60; done`), Credentials{})
	if got := line(t, c); got != "ready" {
		t.Fatal(got)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	mustBeReaped(t, c.(*coprocess).process.Pid)
}

func TestCoprocessThatEndsWell(t *testing.T) {
	tidy := filepath.Join(t.TempDir(), "tidy")
	c := mustDial(t, &Dialer{Grace: time.Minute}, program("/bin/sh", "-c",
		`trap 'echo done > "$1"; exit 0' TERM; echo ready; while :; do sleep 0.01; done`, "sh", tidy), Credentials{})
	if got := line(t, c); got != "ready" {
		t.Fatal(got)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(tidy); err != nil {
		t.Errorf("killed before it could tidy up: %v", err)
	}
}

// The program's own children go with it, even those that ignore SIGTERM, and
// even if the program itself went long before.
func TestGrandchildrenDieToo(t *testing.T) {
	for name, script := range map[string]string{
		"parent waits":   `(trap '' TERM; exec sleep 600) & echo $!; wait`,
		"parent is gone": `(trap '' TERM; exec sleep 600) & echo $!`,
	} {
		t.Run(name, func(t *testing.T) {
			c := mustDial(t, &Dialer{}, program("/bin/sh", "-c", script), Credentials{})
			grandchild := pidLine(t, c)
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			mustVanish(t, grandchild)
		})
	}
}

// One that left the process group holds stderr open: Close must not wait for it.
func TestCloseDoesNotWaitForStrangers(t *testing.T) {
	c := mustDial(t, &Dialer{}, program("/bin/sh", "-c", `setsid sleep 600 & echo $!; wait`), Credentials{})
	stranger := pidLine(t, c)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	_ = unix.Kill(stranger, unix.SIGKILL)
	mustVanish(t, stranger)
}

// When this program is killed outright, its coprocesses die as well, although
// one of its goroutines had ended its locked thread in between.
func TestCoprocessDiesWithItsDaemon(t *testing.T) {
	if os.Getenv("MILLWRIGHT_TEST_DAEMON") != "" {
		playDaemon()
	}
	daemon := mustDial(t, &Dialer{Env: func() []string { return append(os.Environ(), "MILLWRIGHT_TEST_DAEMON=1") }},
		program(os.Args[0], "-test.run=^TestCoprocessDiesWithItsDaemon$"), Credentials{})
	child := pidLine(t, daemon)
	if err := unix.Kill(child, 0); err != nil {
		t.Fatalf("the coprocess is not alive: %v", err)
	}
	if err := unix.Kill(daemon.(*coprocess).process.Pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	mustVanish(t, child)
}

// playDaemon starts a coprocess that heeds neither SIGTERM nor its stdin, says
// its number, and waits to be killed.
func playDaemon() {
	c, err := (&Dialer{}).Dial(context.Background(), program("/bin/sh", "-c", `trap '' TERM HUP; echo $$; exec sleep 600`), Credentials{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	endLockedThreads()
	_, _ = io.Copy(os.Stdout, c)
	select {}
}

// A coprocess must outlive the threads of goroutines that have nothing to do
// with it.
func TestCoprocessOutlivesThreads(t *testing.T) {
	c := mustDial(t, &Dialer{}, program("cat"), Credentials{})
	endLockedThreads()
	exchange(t, c, "alive", "alive")
}

// endLockedThreads makes the runtime end threads: those of goroutines that lock
// theirs and return.
func endLockedThreads() {
	var all sync.WaitGroup
	for range 16 {
		all.Go(lockAndLeave)
	}
	all.Wait()
}

// The daemon has 1,024 coprocesses, and they end without a thread each.
func TestManyCoprocesses(t *testing.T) {
	const many = 1024
	before := openFiles(t)
	d := &Dialer{}
	conns := make([]Conn, many)
	start := time.Now()
	for i := range conns {
		conns[i] = mustDial(t, d, program("/bin/cat"), Credentials{})
	}
	t.Logf("%d started in %v", many, time.Since(start))
	for _, c := range conns {
		exchange(t, c, "x", "x")
	}
	var all sync.WaitGroup
	start = time.Now()
	for _, c := range conns {
		all.Go(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	t.Logf("ended in %v", time.Since(start))
	for _, c := range conns {
		mustBeReaped(t, c.(*coprocess).process.Pid)
	}
	if after := openFiles(t); after > before+2 {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "Threads:")
	if n, err := strconv.Atoi(strings.Fields(rest)[0]); err != nil || n > 100 {
		t.Errorf("%d threads: %v", n, err)
	}
}

func BenchmarkCoprocessStart(b *testing.B) {
	d := &Dialer{}
	for b.Loop() {
		c, err := d.Dial(b.Context(), program("/bin/cat"), Credentials{})
		if err != nil {
			b.Fatal(err)
		}
		_ = c.Close()
	}
}

func lockAndLeave() {
	runtime.LockOSThread()
}
