package sim

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"

	"golang.org/x/crypto/ssh"
)

// SSH in front of a make: the server asks for name and password, and the make talks
// in the session's shell. Strips of the last years are reached so, and nothing of
// their dialogue is different behind it.

// hostKey gives the room's SSH host key, made when first needed.
func (r *Room) hostKey() (ssh.Signer, error) {
	r.keyOnce.Do(func() {
		var key ed25519.PrivateKey
		if _, key, r.keyErr = ed25519.GenerateKey(rand.Reader); r.keyErr == nil {
			r.key, r.keyErr = ssh.NewSignerFromKey(key)
		}
	})
	return r.key, r.keyErr
}

// HostPin is the fingerprint of the host key that the room's SSH servers show, as an
// address pins it: "SHA256:…".
func (r *Room) HostPin() (string, error) {
	key, err := r.hostKey()
	if err != nil {
		return "", err
	}
	return ssh.FingerprintSHA256(key.PublicKey()), nil
}

var errLogin = errors.New("wrong name or password")

// secure does the SSH handshake and opens the shell. What it starts ends with the
// connection.
func (t *Terminal) secure(makes Login) error {
	key, err := t.unit.room.hostKey()
	if err != nil {
		return err
	}
	config := &ssh.ServerConfig{
		MaxAuthTries: attempts,
		PasswordCallback: func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if !t.Accepts(Login{c.User(), string(password)}, makes) {
				return nil, errLogin
			}
			return nil, nil //nolint:nilnil // no permissions are given
		},
	}
	config.AddHostKey(key)
	conn, channels, requests, err := ssh.NewServerConn(t.raw, config)
	if err != nil {
		return err
	}
	t.tasks.Go(func() { ssh.DiscardRequests(requests) })
	opened := make(chan ssh.Channel, 1)
	t.tasks.Go(func() { t.shells(channels, opened) })
	select {
	case ch := <-opened:
		t.rw, t.secured = sshLine{ch, conn}, true
		return nil
	case <-t.ended:
		return errClosed
	}
}

// shells opens the first session that asks for a shell or a command, and no other.
func (t *Terminal) shells(channels <-chan ssh.NewChannel, opened chan<- ssh.Channel) {
	taken := false
	for c := range channels {
		if c.ChannelType() != "session" || taken {
			_ = c.Reject(ssh.Prohibited, "one session")
			continue
		}
		ch, requests, err := c.Accept()
		if err != nil {
			continue
		}
		taken = true
		t.tasks.Go(func() {
			for r := range requests {
				start := r.Type == "shell" || r.Type == "exec"
				_ = r.Reply(start || r.Type == "pty-req", nil)
				if start {
					select {
					case opened <- ch:
					default:
					}
				}
			}
		})
	}
}

// sshLine is a shell whose end is the end of the connection.
type sshLine struct {
	ssh.Channel
	conn *ssh.ServerConn
}

// Close implements [io.Closer].
func (l sshLine) Close() error { return errors.Join(l.Channel.Close(), l.conn.Close()) }

var _ io.ReadWriteCloser = sshLine{}
