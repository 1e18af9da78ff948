package transport

import (
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/crypto/ssh"
)

// Credentials are what a device asks for before it talks. Printing or logging
// them shows the user's name only.
type Credentials struct {
	User       string // wins over a user in the address
	Password   string
	PrivateKey []byte // PEM or OpenSSH format
	Passphrase []byte // of PrivateKey, if it is encrypted
}

// String masks the secrets.
func (c Credentials) String() string { return fmt.Sprintf("credentials of %q", c.User) }

// GoString masks the secrets under %#v too.
func (c Credentials) GoString() string { return c.String() }

// LogValue masks the secrets in logs.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// authMethods lists the ways to log in that the credentials allow, best first.
func (c Credentials) authMethods() ([]ssh.AuthMethod, error) {
	var methods []ssh.AuthMethod
	if len(c.PrivateKey) > 0 {
		signer, err := c.signer()
		if err != nil {
			return nil, fmt.Errorf("private key: %w", err)
		}
		methods = append(methods, ssh.PublicKeys(signer))
	}
	if c.Password != "" {
		methods = append(methods, ssh.Password(c.Password), ssh.KeyboardInteractive(c.answer()))
	}
	return methods, nil
}

func (c Credentials) signer() (ssh.Signer, error) {
	if len(c.Passphrase) > 0 {
		return ssh.ParsePrivateKeyWithPassphrase(c.PrivateKey, c.Passphrase)
	}
	return ssh.ParsePrivateKey(c.PrivateKey)
}

// answer gives the password to hidden questions and the user's name to shown
// ones. The number of rounds is bounded: it is the server that decides to ask on.
func (c Credentials) answer() ssh.KeyboardInteractiveChallenge {
	rounds := 0
	return func(_, _ string, questions []string, echos []bool) ([]string, error) {
		if rounds++; rounds > 8 {
			return nil, errors.New("server keeps asking questions")
		}
		answers := make([]string, len(questions))
		for i := range questions {
			if answers[i] = c.Password; echos[i] {
				answers[i] = c.User
			}
		}
		return answers, nil
	}
}
