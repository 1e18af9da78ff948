package transport

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// trustHostKeys sets which host keys are believed: pins, a known_hosts file, or
// any, by explicit wish only.
func (d *Dialer) trustHostKeys(c *ssh.ClientConfig, a Address) error {
	o := a.SSH
	switch {
	case o.Insecure:
		c.HostKeyCallback = ssh.InsecureIgnoreHostKey() //nolint:gosec // the address says insecure=yes
		return nil
	case len(o.Pins) > 0:
		c.HostKeyCallback = o.checkPins
		return nil
	case o.KnownHosts != "" && o.AcceptNew:
		return acceptNew(c, o.KnownHosts, a)
	case o.KnownHosts != "":
		return useKnownHosts(c, o.KnownHosts, a)
	case o.AcceptNew:
		return errors.New("accept_new=yes needs a file to keep the keys in: add known_hosts=FILE")
	case d.KnownHosts != "":
		return useKnownHosts(c, d.KnownHosts, a)
	}
	return errors.New("no host key to trust: add pin=SHA256:..., known_hosts=FILE, or insecure=yes to the address")
}

func (o SSHOptions) checkPins(_ string, _ net.Addr, key ssh.PublicKey) error {
	got := ssh.FingerprintSHA256(key)
	if !contains(o.Pins, got) {
		return fmt.Errorf("the server's %s host key is not the pinned one: its pin is %s", key.Type(), got)
	}
	return nil
}

// useKnownHosts believes the file. The server is asked for a key of a type that
// the file has: else one with several keys might show another, and seem false.
func useKnownHosts(c *ssh.ClientConfig, file string, a Address) error {
	hostPort := a.HostPort()
	check, err := knownhosts.New(file)
	if err != nil {
		return fmt.Errorf("no host key to trust: known hosts: %w", err)
	}
	var known *knownhosts.KeyError
	if err := check(hostPort, noAddr{}, noKey{}); !errors.As(err, &known) || len(known.Want) == 0 {
		return fmt.Errorf("%s has no host key of %s: add it with 'ssh-keyscan', after comparing it", file, hostPort)
	}
	for _, want := range known.Want {
		for _, algorithm := range signatures(want.Key.Type(), a.SSH.Legacy) {
			if !slices.Contains(c.HostKeyAlgorithms, algorithm) {
				c.HostKeyAlgorithms = append(c.HostKeyAlgorithms, algorithm)
			}
		}
	}
	c.HostKeyCallback = func(host string, remote net.Addr, key ssh.PublicKey) error {
		if err := check(host, noAddr{}, key); err != nil {
			return fmt.Errorf("host key %s: %w", ssh.FingerprintSHA256(key), err)
		}
		return nil
	}
	return nil
}

// acceptNew believes the file, as useKnownHosts does, if it knows the host. The key
// of a host that it does not know is believed once, and added to it.
func acceptNew(c *ssh.ClientConfig, file string, a Address) error {
	if err := appendTo(file, ""); err != nil {
		return err
	}
	check, err := knownhosts.New(file)
	if err != nil {
		return fmt.Errorf("known hosts: %w", err)
	}
	var known *knownhosts.KeyError
	if err := check(a.HostPort(), noAddr{}, noKey{}); !errors.As(err, &known) || len(known.Want) > 0 {
		return useKnownHosts(c, file, a)
	}
	c.HostKeyCallback = func(host string, _ net.Addr, key ssh.PublicKey) error {
		now, err := knownhosts.New(file) // somebody else may have met the host meanwhile
		if err != nil {
			return fmt.Errorf("known hosts: %w", err)
		}
		err = now(host, noAddr{}, key)
		var known *knownhosts.KeyError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &known) && len(known.Want) == 0:
			return appendTo(file, knownhosts.Line([]string{knownhosts.Normalize(host)}, key)+"\n")
		}
		return fmt.Errorf("host key %s: %w", ssh.FingerprintSHA256(key), err)
	}
	return nil
}

// appendTo adds a line to a known_hosts file, which is made if there is none.
func appendTo(file, line string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("known hosts: %w", err)
	}
	_, err = f.WriteString(line) // one write, so that two do not mix
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("known hosts: %w", err)
	}
	return nil
}

// signatures lists the algorithms with which a key of this type may sign; with
// SHA-1 in legacy mode only.
func signatures(keyType string, legacy bool) []string {
	if keyType != ssh.KeyAlgoRSA {
		return []string{keyType}
	}
	algorithms := []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	if legacy {
		algorithms = append(algorithms, ssh.KeyAlgoRSA)
	}
	return algorithms
}

// noKey is a key that no file holds; noAddr adds no address to the host's name,
// so that what counts is the name that the user wrote.
type (
	noKey  struct{}
	noAddr struct{}
)

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }
func (noAddr) Network() string                    { return "tcp" }
func (noAddr) String() string                     { return "0.0.0.0:0" }
