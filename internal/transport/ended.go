package transport

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// Ended is a Conn to a command that ends by itself: one that is run over SSH.
type Ended interface {
	// CloseWrite ends the command's input.
	CloseWrite() error
	// Exit waits until the command has ended and gives its exit status. The error says
	// why there is none: a signal, a line that broke. Read its output to the end first,
	// else it may wait for us; Close makes Exit return.
	Exit() (status int, err error)
	// Complaint is the last line that the command wrote to its stderr, once Exit has
	// returned; bounded.
	Complaint() string
}

// Complaint implements [Ended].
func (c *sshConn) Complaint() string {
	if len(c.stderr.line) > 0 { // it has no end
		return string(c.stderr.line)
	}
	return string(c.stderr.last)
}

// CloseWrite implements [Ended].
func (c *sshConn) CloseWrite() error { return c.stdin.Close() }

// Exit implements [Ended].
func (c *sshConn) Exit() (int, error) {
	err := c.wait()
	var exit *ssh.ExitError
	var missing *ssh.ExitMissingError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit) && exit.Signal() != "":
		return 0, fmt.Errorf("the command was ended by signal %s", exit.Signal())
	case errors.As(err, &exit):
		return exit.ExitStatus(), nil
	case errors.As(err, &missing):
		return 0, errors.New("the connection ended before the command did")
	}
	return 0, err
}

// wait waits for the session. A session can be waited for once only: a second Wait
// would never return.
func (c *sshConn) wait() error {
	c.waiting.Do(func() { c.ended = c.session.Wait() })
	return c.ended
}
