package transport

import "golang.org/x/crypto/ssh"

// Breaker is a Conn that can send the break signal of a serial line: a serial line
// itself, telnet to a terminal server, an SSH server that passes it on.
type Breaker interface{ Break() error }

// Resizer is a Conn that can be told the size of the terminal at this end.
type Resizer interface {
	Resize(columns, rows int) error
}

// Break asks the server for a break signal (RFC 4335).
func (c *sshConn) Break() error {
	const milliseconds = 500
	_, err := c.session.SendRequest("break", false, ssh.Marshal(struct{ Length uint32 }{milliseconds}))
	return err
}

// Resize tells the server how large the terminal is.
func (c *sshConn) Resize(columns, rows int) error { return c.session.WindowChange(rows, columns) }
