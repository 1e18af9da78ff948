// Package remote runs a command on a node by SSH, for the kinds of check that judge one.
//
// A node that refuses the connection, or does not take it in time, is bad. A login that
// is turned down, a host key that is not believed, a command that a signal ended or that
// the node does not have: of those nobody can tell what they mean for the node, so they
// are unknown.
//
// Start at [Runner].
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/driver/login"
	"millwright.dev/millwright/internal/transport"
)

// Runner runs commands on nodes.
type Runner struct {
	login   login.SSH
	options transport.SSHOptions
}

// New looks at the settings.
func New(s login.SSH) (*Runner, error) {
	o, err := s.Options(check.Example().Fill)
	return &Runner{s, o}, err
}

// Output is what came of a command that has ended by itself.
type Output struct {
	Status    int
	Text      string // the beginning of what it has printed
	Complaint string // the last line of its stderr
	Took      time.Duration
}

// maxText is what is kept of what a command prints, in bytes; the rest is read and
// dropped.
const maxText = 64 << 10

// The statuses with which shells say that there is no such command (POSIX, 2.8.2).
const (
	notExecutable = 126
	notFound      = 127
)

// Run runs a command. Where it did not end by itself, done is false, and the result is
// what the check says.
func (r *Runner) Run(ctx context.Context, env *check.Env, command string) (out Output, result check.Result, done bool) {
	to := r.login.Address(r.options, env.Fill, command)
	start := time.Now()
	conn, err := env.Dial(ctx, to, login.Credentials(env.Credential))
	if err != nil {
		return out, unreached(ctx, to, err), false
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() { stop() }()
	line, ok := conn.(transport.Ended)
	if !ok {
		return out, check.Unclear("this connection does not tell how a command ended"), false
	}
	_ = line.CloseWrite() // it has no input
	text, err := io.ReadAll(io.LimitReader(conn, maxText))
	if err == nil {
		_, err = io.Copy(io.Discard, conn)
	}
	status, ended := line.Exit()
	out = Output{Status: status, Text: string(text), Took: time.Since(start)}
	if stop() { // nobody is closing it, and changing that line
		out.Complaint = line.Complaint()
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return out, check.Unclear("the command was cut short"), false
	case ctx.Err() != nil:
		return out, check.Wrong("the command did not end in time"), false
	case err != nil || ended != nil:
		return out, check.Unclear("the command: " + errors.Join(err, ended).Error()), false
	case status == notFound || status == notExecutable:
		return out, check.Unclear(fmt.Sprintf("the node cannot run it (status %d): %s", status, out.Complaint)), false
	}
	return out, result, true
}

// unreached is the result where no command could be begun.
func unreached(ctx context.Context, to transport.Address, err error) check.Result {
	var op *net.OpError
	what := "SSH to " + to.HostPort()
	if to.SSH.Jump != "" {
		what += " through " + to.SSH.Jump
	}
	// That a gate is silent says nothing of the node: its errors are no OpError.
	if errors.As(err, &op) || ctx.Err() != nil && to.SSH.Jump == "" {
		return check.Unreached(ctx, what, err)
	}
	return check.Unclear(what + ": " + err.Error())
}
