package web

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// Config says what a device needs.
type Config struct {
	// Base is where the device is, from ParseAddress. Requests' paths are joined to
	// its path.
	Base *url.URL
	TLS  TLS
	Auth Auth

	// Patience is how long one action may take, and logging in: the driver's
	// Traits.Timeout. Zero is driver.DefaultTimeout.
	Patience time.Duration

	// MaxBody is the longest answer that is taken in, in bytes, without its head,
	// which may have 64 KiB. Zero is 1 MiB.
	MaxBody int64

	// Redirects is how many redirects are followed for one request; they stay on
	// the same scheme, host and port, or are an error. With none, a redirect is
	// an answer like any other.
	Redirects int

	// OneShot makes a new connection for each request, for devices that hang up
	// without saying so. A client that sees one do it does so from then on.
	OneShot bool

	// Login starts a session on the device, and is called by Open and again, once in
	// an action, when an answer is 401, 403 or Expired: cookies and what
	// Client.Attach has attached are gone then. Nil if there are no sessions.
	Login func(*Talk) error

	// Logout ends the session on the device: Close does it, if the connection is well,
	// and takes no longer than two seconds for it. Nil if nobody minds.
	Logout func(*Talk) error

	// Expired says that an answer means "log in first" though its status does not.
	Expired func(*Answer) bool
}

// The bounds that hold where Config names none.
const (
	defaultMaxBody = 1 << 20
	maxHead        = 64 << 10
)

// ParseAddress reads where a device is: http://host[:port][/path] or https://…. It
// has no user, no query and no fragment.
func ParseAddress(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	var wrong *url.Error
	switch {
	case errors.As(err, &wrong):
		return nil, wrong.Err // without the text, in which may be a password
	case err != nil:
		return nil, err
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the address begins with http:// or https://")
	case u.User != nil:
		return nil, errors.New("an address has no user and no password; name a credential instead")
	case u.Hostname() == "":
		return nil, errors.New("the host is missing")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, errors.New("an address ends with its path: no ? and no #")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// Place reads where a device without a path is, and looks at the trust that goes with
// it. Its error is a *driver.FieldError, of address or tls; want says what to write.
func Place(address string, trust TLS, want string, schemes ...string) (*url.URL, error) {
	at, err := ParseAddress(address)
	if err == nil && (at.Path != "" || !slices.Contains(schemes, at.Scheme)) {
		err = errors.New("write " + want)
	}
	if err != nil {
		return nil, &driver.FieldError{Field: "address", Err: err}
	}
	if err := trust.Check(); err != nil {
		return nil, &driver.FieldError{Field: "tls", Err: err}
	}
	return at, nil
}

// TLS are the settings of a device that is reached by https. A driver has them as
// one of its settings, `tls`.
type TLS struct {
	CA         string   `yaml:"ca" doc:"PEM file of the authorities to trust instead of the system's"`
	Pins       []string `yaml:"pins" doc:"certificates to trust, sha256:HEX each; without ca a pin is the whole trust"`
	ServerName string   `yaml:"server-name" doc:"the name that the certificate is for, if not the address's host"`
	Insecure   bool     `yaml:"insecure" default:"no" doc:"trust anybody: who can get between reads the password"`
	Min        string   `yaml:"min" enum:"1.0,1.1,1.2,1.3" default:"1.2" doc:"oldest TLS to put up with; below 1.2 old ciphers are taken too"`
}

// Check says what is wrong with the settings, without reading any file.
func (t TLS) Check() error {
	for _, pin := range t.Pins {
		if _, err := parsePin(pin); err != nil {
			return err
		}
	}
	if _, known := versions[t.Min]; !known {
		return fmt.Errorf("min: %q is none of 1.0, 1.1, 1.2 and 1.3", t.Min)
	}
	if t.Insecure && (t.CA != "" || len(t.Pins) > 0) {
		return errors.New("insecure trusts anybody, so ca and pins would be of no use; leave out the one or the other")
	}
	return nil
}

// versions are the values of TLS.Min.
var versions = map[string]uint16{
	"": tls.VersionTLS12, "1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
}

func parsePin(text string) (string, error) {
	digits, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(text)), "sha256:")
	digits = strings.ReplaceAll(digits, ":", "")
	if b, err := hex.DecodeString(digits); !ok || err != nil || len(b) != sha256.Size {
		return "", fmt.Errorf("a pin is sha256: and 64 hexadecimal digits, and not %q", text)
	}
	return digits, nil
}

// Config makes crypto/tls's configuration for a host.
func (t TLS) Config(host string) (*tls.Config, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	opts := transport.TLSOptions{CA: t.CA, ServerName: t.ServerName, Insecure: t.Insecure}
	for _, text := range t.Pins {
		pin, _ := parsePin(text) // Check has
		opts.Pins = append(opts.Pins, pin)
	}
	c, err := opts.Config(host)
	if err != nil {
		return nil, err
	}
	c.MinVersion = versions[t.Min]
	if c.MinVersion < tls.VersionTLS12 { // boxes of that age have no ciphers that are good today
		for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			c.CipherSuites = append(c.CipherSuites, s.ID)
		}
	}
	return c, nil
}

// TLSError words why a handshake failed, and what to set.
func TLSError(err error) error {
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) && len(untrusted.UnverifiedCertificates) > 0 {
		return fmt.Errorf("TLS: its certificate is not trusted (%w): if it is the device's own, set tls: pins: [sha256:%x]; if an authority of yours has signed it, tls: ca",
			untrusted.Err, sha256.Sum256(untrusted.UnverifiedCertificates[0].Raw))
	}
	var record tls.RecordHeaderError
	if errors.As(err, &record) {
		return fmt.Errorf("TLS: it does not speak TLS at this port; is it http://? (%w)", err)
	}
	// crypto/tls has no type for what a peer says is wrong.
	text := err.Error()
	for _, weak := range []string{"protocol version", "handshake failure", "no cipher suite", "unconfigured cipher suite"} {
		if strings.Contains(text, weak) {
			return fmt.Errorf("TLS: it offers only what is too weak (%w): if it can have no newer firmware, set tls: min: \"1.0\", and keep it on a network of its own", err)
		}
	}
	return fmt.Errorf("TLS: %w", err)
}

// hostPort gives the address to dial.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Scheme is how requests carry credentials.
type Scheme string

// The schemes. None sends no credential by itself: a Login may.
const (
	None   Scheme = ""
	Basic  Scheme = "basic"  // sent with every request, unasked
	Digest Scheme = "digest" // RFC 7616: MD5, SHA-256, SHA-512 and SHA-512-256; what was asked for last is used again
	Asked  Scheme = "asked"  // digest or basic, as the device asks, digest first
	Bearer Scheme = "bearer" // the password is a token
)

// Auth says how requests carry the credential.
type Auth struct {
	Scheme Scheme
	// User stands in for a credential's user if that is empty.
	User string
	// Protected makes sure that the device asks for a password at all: Open sends
	// one request without any, which must be turned down with 401, on a connection
	// of its own. The path is ProtectedPath, "/" if empty.
	Protected     bool
	ProtectedPath string
}

// credential is what a client has of an Auth.
type credential struct {
	Auth
	user     string
	password secret.Value
}
