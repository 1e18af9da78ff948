package ssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/driver/login"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// shutter is the control.
type shutter struct {
	Settings
	options transport.SSHOptions
}

// Can implements [control.Control].
func (c *shutter) Can() control.Abilities {
	return control.Abilities{Off: c.Settings.Off != "", On: c.Settings.On != "", Status: true}
}

// Off implements [control.Control].
func (c *shutter) Off(ctx context.Context, env control.Env) error {
	if c.Settings.Off == "" {
		return control.ErrCannot
	}
	ended := c.run(ctx, &env, c.Settings.Off)
	if errors.Is(ended.err, errCut) {
		env.Log.Debug("the connection broke off while the machine was shutting down", "node", env.Node)
		return nil
	}
	return ended.failed(&env, c.Settings.Off)
}

// On implements [control.Control].
func (c *shutter) On(ctx context.Context, env control.Env) error {
	if c.Settings.On == "" {
		return control.ErrCannot
	}
	return c.run(ctx, &env, c.Settings.On).failed(&env, c.Settings.On)
}

// Status implements [control.Control].
func (c *shutter) Status(ctx context.Context, env control.Env) (room.State, error) {
	command := c.Settings.Status
	switch {
	case command == "" && c.Jump == "":
		return c.look(ctx, &env)
	case command == "": // behind a jump host no port can be seen without logging in
		command = "exit 0"
	}
	ended := c.run(ctx, &env, command)
	switch {
	case ended.err == nil && ended.status == 0:
		return room.StateOn, nil
	case ended.err == nil && ended.status != 126 && ended.status != 127:
		return room.StateOff, nil
	case ended.err == nil || ended.started: // there is no such command, or it was cut off
		return room.StateUnknown, ended.failed(&env, command)
	}
	return c.unreached(&env, ended.err)
}

// ended is how a command ended.
type ended struct {
	started bool
	status  int    // if err is nil
	said    string // its last complaint
	err     error
}

// failed gives the error of a command that should have ended well.
func (e ended) failed(env *control.Env, command string) error {
	switch {
	case e.err != nil:
		return fmt.Errorf("%s: ssh: %w", env.Node, e.err)
	case e.status == 0:
		return nil
	case e.said != "":
		return fmt.Errorf("%s: %.80q ended with status %d: %s", env.Node, command, e.status, e.said)
	}
	return fmt.Errorf("%s: %.80q ended with status %d", env.Node, command, e.status)
}

// errCut is of a command whose connection broke off.
var errCut = errors.New("the connection broke off before the command had ended")

// maxComplaint bounds what is handed on of a command's words, in bytes.
const maxComplaint = 300

// run runs a command on the node. What it prints is of no interest.
func (c *shutter) run(ctx context.Context, env *control.Env, command string) (e ended) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, c.errTime())
	defer cancel()
	who := env.Credential
	conn, err := env.Dial(ctx, c.address(env, env.FillShell(command)), login.Credentials(who))
	if err != nil {
		return ended{err: err}
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	e.started = true
	line, ok := conn.(transport.Ended)
	if !ok {
		return ended{started: true, err: errors.New("this connection does not tell how a command ended")}
	}
	_ = line.CloseWrite() // it has no input
	_, _ = io.Copy(io.Discard, conn)
	e.status, err = line.Exit()
	if stop() { // nobody is closing it, and changing that line
		e.said = action.Clean(secret.NewMasker(who.Secrets()...), line.Complaint(), maxComplaint)
	}
	switch {
	case ctx.Err() != nil:
		e.err = fmt.Errorf("%.80q has not ended: %w", command, context.Cause(ctx))
	case err != nil:
		e.err = fmt.Errorf("%w (%w)", errCut, err)
	}
	return e
}

// look tells by the SSH port whether a machine is up.
func (c *shutter) look(ctx context.Context, env *control.Env) (room.State, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, c.errTime())
	defer cancel()
	conn, err := env.DialContext(ctx, "tcp", c.address(env, "").HostPort())
	if err != nil {
		return c.unreached(env, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	// RFC 4253, 4.2: lines may come before the one that begins with SSH-.
	lines := bufio.NewScanner(io.LimitReader(conn, 8<<10))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "SSH-") {
			return room.StateOn, nil
		}
	}
	return room.StateUnknown, fmt.Errorf("%s: something answers at the SSH port, and not as an SSH server", env.Node)
}

// unreached tells what a machine is that could not be reached.
func (c *shutter) unreached(env *control.Env, err error) (room.State, error) {
	var op *net.OpError
	var dns *net.DNSError
	err = fmt.Errorf("%s: ssh: %w", env.Node, err)
	switch {
	case errors.As(err, &dns) || !errors.As(err, &op) || op.Op != "dial":
		return room.StateUnknown, err
	case errors.Is(err, syscall.ECONNREFUSED) && c.Refused == "unknown":
		return room.StateUnknown, nil // a system answers, so it has not halted
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH),
		errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, os.ErrDeadlineExceeded), op.Timeout():
		return room.StateOff, nil
	}
	return room.StateUnknown, err
}

var _ control.Control = (*shutter)(nil)
