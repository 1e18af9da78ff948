package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// hop gives the address of the jump host, with the policy that both have.
func (o SSHOptions) hop() (Address, error) {
	a, err := ParseURL("ssh://" + o.Jump)
	if err != nil || a.SSH.Jump != "" || strings.Contains(o.Jump, "?") {
		return Address{}, fmt.Errorf("%q is not written [user@]host[:port]", o.Jump)
	}
	a.SSH.KnownHosts, a.SSH.Pins, a.SSH.Insecure = o.KnownHosts, o.JumpPins, o.Insecure
	a.SSH.AcceptNew, a.SSH.Legacy = o.AcceptNew, o.Legacy
	return a, nil
}

// sshLine makes the connection that an SSH session runs on.
func (d *Dialer) sshLine(ctx context.Context, a Address, cred Credentials) (net.Conn, error) {
	if a.SSH.Jump == "" {
		return d.dialTCP(ctx, a)
	}
	hop, err := a.SSH.hop()
	if err != nil {
		return nil, err
	}
	client, err := d.jump(ctx, hop, cred)
	if err != nil {
		// Not wrapped: that the jump host is silent says nothing of the machine behind it.
		return nil, fmt.Errorf("jump host %s: %v", hop.HostPort(), err) //nolint:errorlint // as said
	}
	inner, err := client.DialContext(ctx, "tcp", a.HostPort())
	if err != nil {
		err = fmt.Errorf("from jump host %s: %w", hop.HostPort(), unreachable(ctx, a, err))
		_ = client.Close()
		_ = client.Wait()
		return nil, err
	}
	return &hopConn{Conn: inner, client: client}, nil
}

// jump logs in to a jump host.
func (d *Dialer) jump(ctx context.Context, hop Address, cred Credentials) (*ssh.Client, error) {
	if hop.SSH.User != "" { // it may have users of its own
		cred.User = hop.SSH.User
	}
	config, err := d.sshConfig(hop, cred)
	if err != nil {
		return nil, err
	}
	raw, err := d.dialTCP(ctx, hop)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	conn, channels, requests, err := ssh.NewClientConn(raw, hop.HostPort(), config)
	if err != nil {
		stop()
		_ = raw.Close()
		return nil, err
	}
	client := ssh.NewClient(conn, channels, requests)
	if !stop() {
		_ = client.Close()
		_ = client.Wait()
		return nil, context.Cause(ctx)
	}
	return client, nil
}

// unreachable turns what a jump host says of a connection that it could not make
// into the error that making it from here would have given.
func unreachable(ctx context.Context, a Address, err error) error {
	var open *ssh.OpenChannelError
	var why error
	said := ""
	if errors.As(err, &open) && open.Reason == ssh.ConnectionFailed {
		said = strings.ToLower(open.Message)
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		why = os.ErrDeadlineExceeded
	case strings.Contains(said, "refused"):
		why = syscall.ECONNREFUSED
	case strings.Contains(said, "timed out"):
		why = syscall.ETIMEDOUT
	case strings.Contains(said, "no route"), strings.Contains(said, "unreachable"):
		why = syscall.EHOSTUNREACH
	default:
		return err
	}
	return &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("%s: %w", a.HostPort(), why)}
}

// hopConn is a connection that a jump host made for us.
type hopConn struct {
	net.Conn
	client *ssh.Client
}

// Close ends the connection and the one to the jump host.
func (c *hopConn) Close() error {
	err := c.Conn.Close()
	_ = c.client.Close()
	_ = c.client.Wait()
	return err
}
