package pgwire

import (
	"crypto/md5" // #nosec G501 -- the protocol's, where a server knows nothing better
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What an authentication message asks for; 55.7, AuthenticationOk and those after it.
const (
	authOK           = 0
	authClear        = 3
	authMD5          = 5
	authSASL         = 10
	authSASLContinue = 11
	authSASLFinal    = 12
)

// ways to log in that PostgreSQL has and we have not.
var foreign = map[uint32]string{2: "Kerberos V5", 7: "GSSAPI", 8: "GSSAPI", 9: "SSPI"}

// ErrClear is that a server wants the password where everybody can read it.
var ErrClear = errors.New("it wants the password in the clear")

// errUnproven is that a server fails at the end of SCRAM.
var errUnproven = errors.New("it does not know the password itself: it is not who it should be")

// authenticate does what the server asks for until it is content. A server that began
// with SCRAM has to prove that it knows the password too, before it is believed.
func (c *Conn) authenticate(config *Config) error {
	var s *scram
	for {
		what, rest, err := c.asked()
		if err != nil {
			return err
		}
		switch {
		case what == authOK && (s == nil || s.proven):
			return nil
		case what == authClear && s == nil:
			if c.tls == nil {
				return ErrClear
			}
			err = c.answer(config.Password)
		case what == authMD5 && s == nil && len(rest) == 4:
			err = c.answer("md5" + hexMD5(hexMD5(config.Password+config.User)+string(rest)))
		case what == authSASL && s == nil:
			s, err = c.startSCRAM(config.Password, strings.Split(string(rest), "\x00"))
		case what == authSASLContinue && s != nil && s.signature == nil:
			err = c.continueSCRAM(s, string(rest))
		case what == authSASLFinal && s != nil && s.signature != nil && !s.proven:
			err = s.final(string(rest))
		case foreign[what] != "":
			err = &RefusedError{"it wants us to log in by " + foreign[what] + ", which there is not here"}
		default:
			err = fmt.Errorf("it asks for authentication %d where that has no place", what)
		}
		if err != nil {
			return err
		}
	}
}

// asked is the next message of authentication.
func (c *Conn) asked() (what uint32, rest []byte, err error) {
	kind, body, err := c.receive()
	switch {
	case err != nil:
		return 0, nil, err
	case kind != authentication:
		return 0, nil, unexpected(kind)
	case len(body) < 4:
		return 0, nil, errGarbled
	}
	return binary.BigEndian.Uint32(body), body[4:], nil
}

// answer sends a password, or what stands for it.
func (c *Conn) answer(password string) error {
	body, err := zeroEnded(nil, password)
	if err != nil {
		return err
	}
	return c.send(msgPassword, body)
}

func hexMD5(text string) string {
	sum := md5.Sum([]byte(text)) // #nosec G401 -- see the import
	return hex.EncodeToString(sum[:])
}

// startSCRAM is section 55.3, "SASL Authentication", its first step: of the mechanisms
// that the server offers, the best that we have.
func (c *Conn) startSCRAM(password string, offered []string) (*scram, error) {
	const plain, plus = "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"
	binding := endPoint(c.tls)
	s := &scram{password: password, nonce: rand.Text(), gs2: "n,,"}
	mechanism := plain
	switch {
	case binding != nil && slices.Contains(offered, plus):
		mechanism, s.gs2, s.binding = plus, "p=tls-server-end-point,,", binding
	case !slices.Contains(offered, plain):
		return nil, &RefusedError{"it wants us to log in by " + strings.Trim(strings.Join(offered, " "), " ") + ", of which there is none here"}
	case binding != nil: // if it offers it and somebody took that away, it will notice
		s.gs2 = "y,,"
	}
	body, err := zeroEnded(nil, mechanism)
	if err != nil {
		return nil, err
	}
	first := s.gs2 + s.bare()
	body = binary.BigEndian.AppendUint32(body, uint32(len(first)))
	return s, c.send(msgPassword, append(body, first...))
}

// continueSCRAM answers the server's first message with the proof of the password.
func (c *Conn) continueSCRAM(s *scram, serverFirst string) error {
	proof, err := s.prove(serverFirst)
	if err != nil {
		return err
	}
	return c.send(msgPassword, []byte(proof))
}
