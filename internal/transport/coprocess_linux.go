package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dyingTime is how long a killed process may need to be gone. One that takes
// longer hangs in the kernel, and nobody can help.
const dyingTime = 5 * time.Second

// drainTime is how long, after a coprocess has died, its last words on stderr
// are waited for, if someone outside its process group holds the pipe open.
const drainTime = 100 * time.Millisecond

// coprocess is a running program.
type coprocess struct {
	// socket is our end of a stream socket pair, whose other end is the
	// program's stdin and stdout. It is not embedded: io.Copy would find
	// os.File's WriteTo and go round our Read.
	socket  *os.File
	dialer  *Dialer
	address Address
	process *os.Process
	exited  func() <-chan struct{} // the same channel each time

	dir      string    // where it runs; empty is where we do
	env      []string  // its environment; nil is ours
	said     io.Writer // gets its stderr; nil is the log
	state    string    // how it ended, once Close has returned
	stderr   *os.File
	stderred chan struct{} // closed when the last line of stderr is logged

	closing sync.Once
	err     error
}

// startCoprocess runs argv. Unlike powermand's, an unknown program is an error
// here and not a silent end of file.
func (d *Dialer) startCoprocess(ctx context.Context, argv []string) (Conn, error) {
	var env []string
	if d.Env != nil {
		env = d.Env()
	}
	return d.Start(ctx, Program{Argv: argv, Env: env})
}

// Start runs a program as Dial runs that of an exec: address.
func (d *Dialer) Start(ctx context.Context, p Program) (Process, error) {
	if len(p.Argv) == 0 {
		return nil, errors.New("no program given")
	}
	path, err := d.lookPath(p.Argv[0])
	if err != nil {
		return nil, err
	}
	c := &coprocess{
		dialer: d, address: Address{Scheme: Exec, Argv: p.Argv[:1]}, stderred: make(chan struct{}),
		dir: p.Dir, env: p.Env, said: p.Stderr,
	}
	if err := c.start(ctx, path, p.Argv); err != nil {
		return nil, err
	}
	return c, nil
}

// Pid implements [Process].
func (c *coprocess) Pid() int { return c.process.Pid }

// Exited implements [Process].
func (c *coprocess) Exited() <-chan struct{} { return c.exited() }

// State implements [Process].
func (c *coprocess) State() string { return c.state }

func (c *coprocess) start(ctx context.Context, path string, argv []string) error {
	ours, theirs, err := socketPair(path)
	if err != nil {
		return err
	}
	defer func() { _ = theirs.Close() }()
	stderr, stderrEnd, err := os.Pipe()
	if err != nil {
		_ = ours.Close()
		return err
	}
	defer func() { _ = stderrEnd.Close() }()
	env := c.env
	if env == nil {
		env = os.Environ()
	}
	c.process, err = c.dialer.rootDialer().kids.start(ctx, path, argv, &os.ProcAttr{
		Dir:   c.dir,
		Env:   env,
		Files: []*os.File{theirs, theirs, stderrEnd},
	})
	if err != nil {
		_ = ours.Close()
		_ = stderr.Close()
		return err
	}
	c.socket, c.stderr = ours, stderr
	c.exited = sync.OnceValue(func() <-chan struct{} { return exited(c.process) })
	go c.logStderr()
	return nil
}

// socketPair makes two connected sockets. Only our end is non-blocking, which
// lets it wait in the runtime's poller; the program expects to block.
func socketPair(name string) (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		_ = unix.Close(fds[0])
		_ = unix.Close(fds[1])
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), name), os.NewFile(uintptr(fds[1]), name), nil
}

// Read reads the program's stdout. A program that ends with input unread resets
// its socket: that is an end of file here.
func (c *coprocess) Read(p []byte) (int, error) {
	n, err := c.socket.Read(p)
	if errors.Is(err, unix.ECONNRESET) {
		err = io.EOF
	}
	return n, err
}

// Write writes to the program's stdin.
func (c *coprocess) Write(p []byte) (int, error) { return c.socket.Write(p) }

// SetReadDeadline is that of os.File.
func (c *coprocess) SetReadDeadline(t time.Time) error { return c.socket.SetReadDeadline(t) }

// SetWriteDeadline is that of os.File.
func (c *coprocess) SetWriteDeadline(t time.Time) error { return c.socket.SetWriteDeadline(t) }

// logStderr ends when nobody holds the pipe any more, or at Close.
func (c *coprocess) logStderr() {
	defer close(c.stderred)
	out, last := c.said, func() {}
	if out == nil {
		log := newLineLog(c.dialer.log(), c.address)
		out, last = log, log.flush
	}
	buf := make([]byte, maxLogLine)
	for {
		n, err := c.stderr.Read(buf)
		_, _ = out.Write(buf[:n])
		if err != nil {
			last()
			return
		}
	}
}

// Close ends the program and everything it has started in its process group:
// its stdin ends, the group gets SIGTERM, and when the program has gone, or the
// dialer's grace is over, what is left of the group is killed. It returns when
// the program is reaped and its stderr logged.
func (c *coprocess) Close() error {
	c.closing.Do(func() { c.err = c.end() })
	return c.err
}

func (c *coprocess) end() error {
	closed := c.socket.Close()
	gone := c.exited()
	select {
	case <-gone: // by itself, before we asked
	default:
		c.signal(unix.SIGTERM)
		within(gone, c.dialer.grace())
	}
	// Not yet reaped, so the group's number cannot be anybody else's.
	c.signal(unix.SIGKILL)
	var err error
	if within(gone, dyingTime) {
		c.reap()
	} else {
		err = fmt.Errorf("%s: process %d does not die", c.address, c.process.Pid)
		_ = c.process.Release()
	}
	_ = c.stderr.SetReadDeadline(time.Now().Add(drainTime))
	<-c.stderred
	_ = c.stderr.Close()
	c.dialer.rootDialer().kids.release()
	return errors.Join(err, closed)
}

func (c *coprocess) signal(s syscall.Signal) { _ = unix.Kill(-c.process.Pid, s) }

// reap collects the exit status. One that is not our own signals' doing explains
// why the conversation broke off.
func (c *coprocess) reap() {
	state, err := c.process.Wait()
	if err != nil {
		return
	}
	c.state = state.String()
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Exited() && status.ExitStatus() != 0 {
		c.dialer.log().Info("coprocess ended", "address", c.address.String(), "pid", c.process.Pid, "state", state.String())
	}
}

// within reports whether gone was closed in time.
func within(gone <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-gone:
		return true
	case <-timer.C:
		return false
	}
}
