package transport

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxAddress bounds the text of an address, in bytes. A coprocess's argument
// line of 45 kB is known to be in use.
const maxAddress = 128 << 10

// ParseURL reads an address as room files write it:
//
//	tcp://host:port
//	telnet://host[:23][?powerman=yes&quiet=yes]
//	tls://host:port[?ca=FILE&pin=sha256:HEX&servername=NAME&insecure=yes&telnet=yes]
//	ssh://[user@]host[:22][?command=TEXT&pty=no&term=NAME&known_hosts=FILE&pin=SHA256:BASE64&insecure=yes&accept_new=yes&jump=[user@]host[:port]&jump_pin=SHA256:BASE64&legacy=yes]
//	serial:///dev/ttyS0[?baud=9600&mode=8n1]
//	unix:///run/console.sock
//	exec:program [argument...]
//
// An IPv6 address stands in brackets. pin and jump_pin may be repeated. The words of exec are
// split at blanks; double quotes keep blanks in a word, and inside them a
// backslash keeps the next character. An error is an *[AddressError].
func ParseURL(s string) (Address, error) {
	p := urlParser{text: s}
	p.parse()
	if p.err != nil {
		return Address{}, p.err
	}
	return p.addr, nil
}

// urlParser walks the text once; the first fault stays.
type urlParser struct {
	text string
	addr Address
	err  error
}

// fail marks part, a substring of the text that starts at offset.
func (p *urlParser) fail(offset int, part, format string, args ...any) {
	if p.err == nil {
		p.err = &AddressError{Offset: offset, Length: len(part), Msg: fmt.Sprintf(format, args...)}
	}
}

func (p *urlParser) parse() {
	scheme, rest, ok := strings.Cut(p.text, ":")
	if len(p.text) > maxAddress {
		p.fail(0, p.text, "address is longer than %d bytes", maxAddress)
		return
	}
	if !ok {
		p.fail(0, p.text, "address has no scheme: write tcp://, telnet://, tls://, ssh://, serial://, unix:// or exec: in front")
		return
	}
	at := len(scheme) + 1
	p.addr.Scheme = Scheme(strings.ToLower(scheme))
	switch p.addr.Scheme {
	case Exec:
		p.argv(at, rest)
		return
	case TCP, Telnet, TLS, SSH, Serial, Unix:
	default:
		p.fail(0, scheme, "unknown scheme %q: use tcp, telnet, tls, ssh, serial, unix or exec", scheme)
		return
	}
	if !strings.HasPrefix(rest, "//") {
		p.fail(at, rest, "%s: must be followed by //", scheme)
		return
	}
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
		p.fail(at+i, rest[i:i+1], "address has a control character")
		return
	}
	place, settings, _ := strings.Cut(rest[2:], "?")
	at += 2
	switch p.addr.Scheme {
	case Serial:
		p.serialPath(at, place)
	case Unix:
		p.socketPath(at, place)
	default:
		p.place(at, place)
	}
	p.settings(at+len(place)+1, settings)
	p.conflicts()
}

// place reads [user@]host[:port].
func (p *urlParser) place(at int, s string) {
	if i := strings.IndexByte(s, '/'); i >= 0 {
		if i != len(s)-1 {
			p.fail(at+i, s[i:], "a %s address has no path", p.addr.Scheme)
		}
		s = s[:i]
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		p.user(at, s[:i])
		at, s = at+i+1, s[i+1:]
	}
	host, port, hasPort := s, "", false
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			p.fail(at, s, "the bracket around the IPv6 address is not closed")
			return
		}
		host = strings.Replace(s[1:end], "%25", "%", 1)
		if ip, err := netip.ParseAddr(host); err != nil || !ip.Is6() {
			p.fail(at+1, s[1:end], "%q is not an IPv6 address", host)
		}
		if rest := s[end+1:]; rest != "" {
			if rest[0] != ':' {
				p.fail(at+end+1, rest, "only :port may follow the closing bracket")
			}
			port, hasPort = rest[1:], true
		}
	} else if open := strings.IndexByte(s, '['); open >= 0 {
		p.fail(at+open, s[open:], "a range stands in the host name; in a room it must have as many members as there are devices")
		return
	} else if host, port, hasPort = strings.Cut(s, ":"); strings.Contains(port, ":") {
		p.fail(at, s, "write an IPv6 address in brackets: [%s]", s)
		return
	}
	if host == "" {
		p.fail(at, s, "the host is missing")
	} else if i := strings.IndexAny(host, " \t@%\"<>"); i >= 0 && !strings.HasPrefix(s, "[") {
		p.fail(at+i, host[i:i+1], "a host cannot have the character %q", host[i])
	}
	p.addr.Host = host
	p.port(at+len(s)-len(port), port, hasPort)
}

func (p *urlParser) user(at int, s string) {
	if p.addr.Scheme != SSH {
		p.fail(at, s, "only an ssh address has a user; name credentials instead")
		return
	}
	if i := strings.IndexByte(s, ':'); i >= 0 {
		p.fail(at+i, s[i:], "a password does not belong into an address; name credentials instead")
		return
	}
	user, err := url.PathUnescape(s)
	if err != nil || user == "" {
		p.fail(at, s, "the user in front of @ is missing or badly escaped")
	}
	p.addr.SSH.User = user
}

func (p *urlParser) port(at int, s string, given bool) {
	switch {
	case !given && p.addr.Scheme == Telnet:
		p.addr.Port = 23
	case !given && p.addr.Scheme == SSH:
		p.addr.Port = 22
	case !given:
		p.fail(at, s, "the port is missing: write %s://%s:PORT", p.addr.Scheme, p.addr.Host)
	default:
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil || n == 0 {
			p.fail(at, s, "port %q is not a number from 1 to 65535", s)
		}
		p.addr.Port = int(n)
	}
}

func (p *urlParser) serialPath(at int, s string) {
	path, err := url.PathUnescape(s)
	if err != nil || !strings.HasPrefix(path, "/") || path == "/" {
		p.fail(at, s, "a serial address needs the whole path of a device file, as in serial:///dev/ttyS0")
	}
	p.addr.Serial = SerialOptions{Path: path, Baud: 9600, DataBits: 8, Parity: 'n', StopBits: 1}
}

func (p *urlParser) socketPath(at int, s string) {
	path, err := url.PathUnescape(s)
	if err != nil || !strings.HasPrefix(path, "/") || path == "/" {
		p.fail(at, s, "a unix address needs the whole path of a socket, as in unix:///run/console.sock")
	}
	p.addr.Path = path
}

// settings reads key=value pairs. A plus sign stands for itself (fingerprints
// have them), unlike in forms on the web.
func (p *urlParser) settings(at int, s string) {
	seen := map[string]bool{}
	for s != "" {
		pair, rest, _ := strings.Cut(s, "&")
		key, raw, _ := strings.Cut(pair, "=")
		valueAt := at + len(key) + 1
		value, err := url.PathUnescape(raw)
		switch {
		case err != nil:
			p.fail(valueAt, raw, "%s: bad %%-escape", key)
		case value == "":
			p.fail(at, pair, "%q: a setting is written key=value", key)
		case seen[key] && key != "pin" && key != "jump_pin":
			p.fail(at, pair, "%s is given twice", key)
		}
		if p.err != nil {
			return
		}
		seen[key] = true
		if err := p.addr.set(key, value); errors.Is(err, errUnknownKey) {
			p.fail(at, key, "a %s address has no setting %q", p.addr.Scheme, key)
		} else if err != nil {
			p.fail(valueAt, raw, "%s: %v", key, err)
		}
		at += len(pair) + 1
		s = rest
	}
}

var errUnknownKey = errors.New("unknown setting")

// set stores one setting, if the scheme has it.
func (a *Address) set(key, value string) error {
	switch a.Scheme {
	case Telnet:
		return a.setTelnet(key, value)
	case TLS:
		return a.setTLS(key, value)
	case SSH:
		return a.SSH.set(key, value)
	case Serial:
		return a.Serial.set(key, value)
	}
	return errUnknownKey
}

func (a *Address) setTelnet(key, value string) (err error) {
	switch key {
	case "powerman":
		a.PowerMan, err = yesNo(value)
	case "quiet":
		a.Quiet, err = yesNo(value)
	default:
		err = errUnknownKey
	}
	return err
}

func (a *Address) setTLS(key, value string) (err error) {
	o := &a.TLS
	switch key {
	case "telnet":
		o.Telnet, err = yesNo(value)
	case "ca":
		o.CA = value
	case "servername":
		o.ServerName = value
	case "insecure":
		o.Insecure, err = yesNo(value)
	case "pin":
		var pin string
		pin, err = ParsePin(value)
		o.Pins = append(o.Pins, pin)
	default:
		err = a.setTelnet(key, value)
	}
	return err
}

func (o *SSHOptions) set(key, value string) (err error) {
	switch key {
	case "command":
		o.Command = value
	case "pty":
		var pty bool
		pty, err = yesNo(value)
		o.NoPTY = !pty
	case "term":
		o.Term = value
	case "known_hosts":
		o.KnownHosts = value
	case "insecure":
		o.Insecure, err = yesNo(value)
	case "accept_new":
		o.AcceptNew, err = yesNo(value)
	case "jump":
		o.Jump = value
		_, err = o.hop()
	case "legacy":
		o.Legacy, err = yesNo(value)
	case "pin":
		var pin string
		pin, err = ParseSSHPin(value)
		o.Pins = append(o.Pins, pin)
	case "jump_pin":
		var pin string
		pin, err = ParseSSHPin(value)
		o.JumpPins = append(o.JumpPins, pin)
	default:
		err = errUnknownKey
	}
	return err
}

func (o *SerialOptions) set(key, value string) error {
	switch key {
	case "baud":
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%q is not a number", value)
		}
		o.Baud = n
		return o.check()
	case "mode":
		if len(value) != 3 {
			return fmt.Errorf("%q is not data bits, parity and stop bits, as in 8n1", value)
		}
		o.DataBits, o.Parity, o.StopBits = int(value[0])-'0', lower(value[1]), int(value[2])-'0'
		return o.check()
	}
	return errUnknownKey
}

// conflicts refuses settings that contradict each other.
func (p *urlParser) conflicts() {
	t, s := p.addr.TLS, p.addr.SSH
	if err := s.conflict(); err != nil {
		p.fail(0, p.text, "%v", err)
	}
	switch {
	case t.Insecure && (t.CA != "" || len(t.Pins) > 0 || t.ServerName != ""):
		p.fail(0, p.text, "insecure=yes trusts anybody: it cannot stand beside ca, pin or servername")
	case p.addr.Scheme == TLS && !t.Telnet && (p.addr.PowerMan || p.addr.Quiet):
		p.fail(0, p.text, "powerman and quiet are about telnet: add telnet=yes")
	case s.NoPTY && s.Term != "":
		p.fail(0, p.text, "term is about a terminal: it cannot stand beside pty=no")
	}
}

// conflict says what is wrong with a policy for host keys that contradicts itself.
func (o SSHOptions) conflict() error {
	pins := len(o.Pins) > 0 || len(o.JumpPins) > 0
	switch {
	case o.Insecure && (o.KnownHosts != "" || pins):
		return errors.New("insecure=yes trusts any host key: it cannot stand beside known_hosts or pin")
	case o.Insecure && o.AcceptNew:
		return errors.New("insecure=yes trusts any host key: it cannot stand beside accept_new")
	case o.KnownHosts != "" && pins:
		return errors.New("known_hosts and pin exclude each other")
	case o.AcceptNew && pins:
		return errors.New("accept_new is about a known_hosts file: it cannot stand beside pin")
	case len(o.JumpPins) > 0 && o.Jump == "":
		return errors.New("jump_pin is about a jump host: add jump=HOST")
	case o.Jump != "" && (len(o.Pins) > 0) != (len(o.JumpPins) > 0):
		return errors.New("a device and its jump host are both pinned (pin, jump_pin) or neither")
	}
	return nil
}

func yesNo(s string) (bool, error) {
	switch s {
	case "yes":
		return true, nil
	case "no":
		return false, nil
	}
	return false, fmt.Errorf("say yes or no, not %q", s)
}

// ParsePin reads the pin of a certificate, "sha256:HEX", and gives its digits as
// [TLSOptions] has them; colons between the digits, as openssl prints them,
// are allowed.
func ParsePin(s string) (string, error) {
	kind, digits, _ := strings.Cut(s, ":")
	digits = strings.ToLower(strings.ReplaceAll(digits, ":", ""))
	if b, err := hex.DecodeString(digits); !strings.EqualFold(kind, "sha256") || err != nil || len(b) != 32 {
		return "", errors.New("a pin is sha256: and the 64 hex digits that 'openssl x509 -noout -fingerprint -sha256' prints for the certificate")
	}
	return digits, nil
}

// ParseSSHPin reads a fingerprint as ssh-keygen -l prints it.
func ParseSSHPin(s string) (string, error) {
	kind, sum, _ := strings.Cut(s, ":")
	sum = strings.TrimRight(sum, "=")
	if b, err := base64.RawStdEncoding.DecodeString(sum); !strings.EqualFold(kind, "sha256") || err != nil || len(b) != 32 {
		return "", errors.New("a pin is SHA256: and the 43 characters that 'ssh-keygen -l' prints for the host key")
	}
	return "SHA256:" + sum, nil
}
