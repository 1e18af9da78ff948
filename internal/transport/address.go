package transport

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// Scheme is a kind of transport.
type Scheme string

// The transports there are. The value is the word in front of the colon.
const (
	TCP    Scheme = "tcp"    // bytes as they are
	Telnet Scheme = "telnet" // TCP with telnet's commands filtered out
	TLS    Scheme = "tls"    // TCP under TLS, optionally telnet inside
	SSH    Scheme = "ssh"    // a shell or command on an SSH server
	Serial Scheme = "serial" // a serial line of this machine
	Exec   Scheme = "exec"   // a program started here, spoken to on stdin and stdout
	Unix   Scheme = "unix"   // a unix socket of this machine
)

// Address says where a device is and how to reach it. Only the fields of its
// Scheme mean anything. It holds no secret, apart from what a user wrote into
// the arguments of a program; log it by String, which leaves those out.
type Address struct {
	Scheme Scheme

	// Host is a name or an IP address, without brackets; an IPv6 zone may
	// follow a "%". Port is 1 to 65535. Both for TCP, Telnet, TLS and SSH.
	Host string
	Port int

	// PowerMan answers telnet as powermand does (no escaping, fixed answers);
	// Quiet does not log the options ignored. Telnet, and TLS with TLS.Telnet.
	PowerMan bool
	Quiet    bool

	TLS    TLSOptions
	SSH    SSHOptions
	Serial SerialOptions

	// Path is the socket's file, for Unix.
	Path string

	// Argv is the program and its arguments. A program without a slash is
	// looked for in PATH. No shell is involved.
	Argv []string
}

// TLSOptions say whom a TLS connection trusts. The zero value trusts the
// system's certificate authorities for the host's name.
type TLSOptions struct {
	Telnet     bool     // telnet inside TLS
	CA         string   // PEM file of the authorities to trust instead of the system's
	Pins       []string // SHA-256 of allowed certificates, 64 lower case hex digits
	ServerName string   // the name to verify, if not the host
	Insecure   bool     // trust anybody
}

// SSHOptions say what to run on an SSH server and which host keys to trust.
type SSHOptions struct {
	User       string
	Command    string   // instead of a shell
	NoPTY      bool     // do not ask for a terminal
	Term       string   // kind of terminal, "vt100" if empty
	KnownHosts string   // OpenSSH known_hosts file
	Pins       []string // fingerprints of allowed host keys, as ssh-keygen -l prints them: "SHA256:..."
	Insecure   bool     // trust any host key
	AcceptNew  bool     // believe, and add to the known_hosts file, the key of a host that it lacks
	Jump       string   // go through this SSH server, written [user@]host[:port]; it is believed by the same policy
	JumpPins   []string // as Pins, for the jump host
	Legacy     bool     // also offer broken algorithms (SHA-1, CBC, ...) for old devices
}

// SerialOptions are a serial line's device file and settings.
type SerialOptions struct {
	Path     string
	Baud     int  // bits per second
	DataBits int  // 7 or 8
	Parity   byte // 'n', 'e' or 'o'
	StopBits int  // 1 or 2
}

// AddressError is a fault in an address. Error gives the text alone; Offset and
// Length mark the faulty bytes of the text that was parsed, for a caret.
type AddressError struct {
	Offset, Length int
	Msg            string
}

func (e *AddressError) Error() string { return e.Msg }

// Verify checks what only this machine can tell, before any connection: that a
// serial line's device file is one. Its error is powermand's own text.
func (a Address) Verify() error {
	if a.Scheme != Serial {
		return nil
	}
	fi, err := os.Stat(a.Serial.Path)
	if err != nil || fi.Mode()&os.ModeCharDevice == 0 {
		return fmt.Errorf("serial device not found or not a char special file: %s", a.Serial.Path)
	}
	return nil
}

// HostPort gives "host:port", with brackets around an IPv6 address.
func (a Address) HostPort() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// String names the address for people and logs: scheme and place, without
// settings and without the arguments of a program, where secrets may be.
func (a Address) String() string {
	switch a.Scheme {
	case Serial:
		return "serial://" + a.Serial.Path
	case Unix:
		return "unix://" + a.Path
	case Exec:
		if len(a.Argv) == 0 {
			return "exec:"
		}
		return "exec:" + quoteArg(a.Argv[0])
	case SSH:
		if a.SSH.User != "" {
			return "ssh://" + url.PathEscape(a.SSH.User) + "@" + a.HostPort()
		}
	}
	return string(a.Scheme) + "://" + a.HostPort()
}

// URL gives the whole address as [ParseURL] reads it.
func (a Address) URL() string {
	if a.Scheme == Exec {
		quoted := make([]string, len(a.Argv))
		for i, arg := range a.Argv {
			quoted[i] = quoteArg(arg)
		}
		return "exec:" + strings.Join(quoted, " ")
	}
	var q query
	switch a.Scheme {
	case Telnet:
		q.telnet(a)
	case TLS:
		q.flag("telnet", a.TLS.Telnet)
		q.telnet(a)
		q.add("ca", a.TLS.CA)
		for _, p := range a.TLS.Pins {
			q.add("pin", "sha256:"+p)
		}
		q.add("servername", a.TLS.ServerName)
		q.flag("insecure", a.TLS.Insecure)
	case SSH:
		q.add("command", a.SSH.Command)
		if a.SSH.NoPTY {
			q.add("pty", "no")
		}
		q.add("term", a.SSH.Term)
		q.add("known_hosts", a.SSH.KnownHosts)
		for _, p := range a.SSH.Pins {
			q.add("pin", p)
		}
		q.flag("insecure", a.SSH.Insecure)
		q.flag("accept_new", a.SSH.AcceptNew)
		q.add("jump", a.SSH.Jump)
		for _, p := range a.SSH.JumpPins {
			q.add("jump_pin", p)
		}
		q.flag("legacy", a.SSH.Legacy)
	case Serial:
		s := a.Serial
		q.add("baud", strconv.Itoa(s.Baud))
		q.add("mode", fmt.Sprintf("%d%c%d", s.DataBits, s.Parity, s.StopBits))
		return "serial://" + escapePath(s.Path) + q.String()
	}
	if a.Scheme == Unix {
		return "unix://" + escapePath(a.Path)
	}
	host := strings.Replace(a.HostPort(), "%", "%25", 1)
	if a.Scheme == SSH && a.SSH.User != "" {
		host = url.PathEscape(a.SSH.User) + "@" + host
	}
	return string(a.Scheme) + "://" + host + q.String()
}

// query collects the settings behind the question mark, in a fixed order.
type query []string

func (q *query) add(key, value string) {
	if value != "" {
		// PathEscape leaves "&", "+" and "=" alone; only "&" and "+" would be misread.
		v := strings.NewReplacer("&", "%26", "+", "%2B").Replace(url.PathEscape(value))
		*q = append(*q, key+"="+v)
	}
}

func (q *query) flag(key string, on bool) {
	if on {
		q.add(key, "yes")
	}
}

func (q *query) telnet(a Address) {
	q.flag("powerman", a.PowerMan)
	q.flag("quiet", a.Quiet)
}

func (q query) String() string {
	if len(q) == 0 {
		return ""
	}
	return "?" + strings.Join(q, "&")
}

func escapePath(p string) string { return (&url.URL{Path: p}).EscapedPath() }
