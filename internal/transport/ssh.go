package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshConn is a shell or command on an SSH server. Its data is the session's
// stdin and stdout; stderr goes to the log.
type sshConn struct {
	io.Reader // stdout
	stdin     io.WriteCloser
	client    *ssh.Client
	session   *ssh.Session
	stderr    *lineLog

	closing sync.Once
	err     error
	waiting sync.Once
	ended   error // how the command has, once it was waited for
}

func (d *Dialer) dialSSH(ctx context.Context, a Address, cred Credentials) (Conn, error) {
	config, err := d.sshConfig(a, cred)
	if err != nil {
		return nil, err
	}
	raw, err := d.sshLine(ctx, a, cred)
	if err != nil {
		return nil, err
	}
	// x/crypto/ssh knows no context: closing the connection ends its waits.
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	c, err := d.startSSH(raw, a, config)
	if err == nil && !stop() {
		err = errors.Join(context.Cause(ctx), c.Close())
	}
	if err != nil {
		stop()
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

// startSSH logs in and starts the shell or command. On an error the caller
// closes raw, which ends whatever was begun.
func (d *Dialer) startSSH(raw net.Conn, a Address, config *ssh.ClientConfig) (*sshConn, error) {
	conn, channels, requests, err := ssh.NewClientConn(raw, a.HostPort(), config)
	if err != nil {
		return nil, err
	}
	c := &sshConn{client: ssh.NewClient(conn, channels, requests)}
	if err := c.open(a.SSH, newLineLog(d.log(), a)); err != nil {
		_ = c.client.Close()
		return nil, err
	}
	return c, nil
}

func (c *sshConn) open(o SSHOptions, stderr *lineLog) (err error) {
	if c.session, err = c.client.NewSession(); err != nil {
		return fmt.Errorf("open a session: %w", err)
	}
	c.stderr = stderr
	c.session.Stderr = stderr
	if c.stdin, err = c.session.StdinPipe(); err != nil {
		return err
	}
	if c.Reader, err = c.session.StdoutPipe(); err != nil {
		return err
	}
	if !o.NoPTY {
		term := o.Term
		if term == "" {
			term = "vt100"
		}
		// A wide and tall screen: pagers and line wraps confuse scripts.
		if err := c.session.RequestPty(term, 200, 255, ssh.TerminalModes{}); err != nil {
			return fmt.Errorf("ask for a terminal (pty=no does without): %w", err)
		}
	}
	if o.Command != "" {
		if err := c.session.Start(o.Command); err != nil {
			return fmt.Errorf("start the command: %w", err)
		}
		return nil
	}
	if err := c.session.Shell(); err != nil {
		return fmt.Errorf("start the shell: %w", err)
	}
	return nil
}

func (c *sshConn) Write(p []byte) (int, error) { return c.stdin.Write(p) }

// Close ends session and connection, and waits for their goroutines, so that no
// stderr line is logged after it.
func (c *sshConn) Close() error {
	c.closing.Do(func() { c.err = c.end() })
	return c.err
}

func (c *sshConn) end() error {
	_ = c.session.Close()
	err := c.client.Close()
	_ = c.wait() // how the command ended is not news: we have just cut it off
	_ = c.client.Wait()
	c.stderr.flush()
	if errors.Is(err, net.ErrClosed) { // the server was faster
		return nil
	}
	return err
}

func (*sshConn) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (*sshConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

func (d *Dialer) sshConfig(a Address, cred Credentials) (*ssh.ClientConfig, error) {
	if cred.User == "" {
		cred.User = a.SSH.User
	}
	if cred.User == "" {
		return nil, errors.New("SSH needs a user: write ssh://USER@host or name credentials that have one")
	}
	auth, err := cred.authMethods()
	if err != nil {
		return nil, err
	}
	config := &ssh.ClientConfig{User: cred.User, Auth: auth}
	if err := d.trustHostKeys(config, a); err != nil {
		return nil, err
	}
	if a.SSH.Legacy {
		allowBroken(config)
	}
	return config, nil
}

// allowBroken adds, behind the good ones, the algorithms that are kept only for
// devices which nobody can update.
func allowBroken(c *ssh.ClientConfig) {
	good, bad := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	c.KeyExchanges = append(good.KeyExchanges, bad.KeyExchanges...)
	c.Ciphers = append(good.Ciphers, bad.Ciphers...)
	c.MACs = append(good.MACs, bad.MACs...)
	if c.HostKeyAlgorithms == nil {
		c.HostKeyAlgorithms = append(good.HostKeys, bad.HostKeys...)
	}
}
