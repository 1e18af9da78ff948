package transport

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const hexPin = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func serialAt(path string, baud, data int, parity byte, stop int) Address {
	return Address{Scheme: Serial, Serial: SerialOptions{Path: path, Baud: baud, DataBits: data, Parity: parity, StopBits: stop}}
}

func TestParsePowerMan(t *testing.T) {
	pm := func(host string, port int) Address {
		return Address{Scheme: Telnet, Host: host, Port: port, PowerMan: true}
	}
	quiet := pm("pdu", 23)
	quiet.Quiet = true
	for _, tc := range []struct {
		where, flags string
		want         Address
	}{
		{"pdu:23", "", pm("pdu", 23)},
		{"pdu:23", "quiet", quiet},
		{"pdu:23", "quiet,", quiet},
		{"[fe80::1%eth0]:65535", "", pm("fe80::1%eth0", 65535)},
		{"localhost: +1", "", pm("localhost", 1)},
		{"/usr/bin/x -h a|&", "whatever", Address{Scheme: Exec, Argv: []string{"/usr/bin/x", "-h", "a"}}},
		{"a|b&c |& d", "", Address{Scheme: Exec, Argv: []string{"a", "b", "c", "d"}}},
		{"/dev/ttyS0", "", serialAt("/dev/ttyS0", 9600, 8, 'n', 1)},
		{"/dev/ttyS0", "19200,7E2", serialAt("/dev/ttyS0", 19200, 7, 'e', 2)},
		{"/dev/ttyS0", "300", serialAt("/dev/ttyS0", 300, 8, 'n', 1)},
		{"/dev/ttyS0", "300,7", serialAt("/dev/ttyS0", 300, 7, 'n', 1)},
		{"/dev/ttyS0", " 300, 7o1 and more", serialAt("/dev/ttyS0", 300, 7, 'o', 1)},
		{"/dev/ttyS0", "fast", serialAt("/dev/ttyS0", 9600, 8, 'n', 1)},
	} {
		got, err := ParsePowerMan(tc.where, tc.flags)
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%q %q: %v\n%s", tc.where, tc.flags, err, diff)
		}
	}
}

func TestParsePowerManFaults(t *testing.T) {
	for _, tc := range []struct{ where, flags, msg, marked string }{
		{"pdu", "", "hostname is missing :port", "pdu"},
		{"[::1]", "", "hostname is missing :port", "[::1]"},
		{"[1.2.3.4]:1", "", "not an IPv6 address: 1.2.3.4", "1.2.3.4"},
		{":23", "", "hostname is missing before :port", ":23"},
		{"pdu:", "", "port number out of range", ""},
		{"pdu:0", "", "port number out of range", "0"},
		{"pdu:65536", "", "port number out of range", "65536"},
		{"pdu:99999999999999999999", "", "port number out of range", "99999999999999999999"},
		{"pdu:23x", "", "port number out of range", "23x"},
		{"pdu:23", "quiet,loud", "bad device option: loud", "loud"},
		{"/dev/ttyS0", "1234,8n1", "error setting baud rate to 1234: use one of [300 1200 2400 4800 9600 19200 38400 57600 115200 230400 460800]", "1234,8n1"},
		{"/dev/ttyS0", "9600,9n1", "error setting data bits to 9: use 7 or 8", "9600,9n1"},
		{"/dev/ttyS0", "9600,8x1", "error setting parity to 'x': use n, e or o", "9600,8x1"},
		{"/dev/ttyS0", "9600,8n3", "error setting stop bits to 3: use 1 or 2", "9600,8n3"},
		{"|&", "", "coprocess command is missing in front of |&", "|&"},
	} {
		_, err := ParsePowerMan(tc.where, tc.flags)
		checkFault(t, tc.where+tc.flags, err, tc.msg, tc.marked)
	}
}

func checkFault(t *testing.T, text string, err error, msg, marked string) {
	t.Helper()
	var fault *AddressError
	if !errors.As(err, &fault) {
		t.Errorf("%q: error %v, want %q", text, err, msg)
		return
	}
	if got := text[fault.Offset : fault.Offset+fault.Length]; fault.Msg != msg || got != marked {
		t.Errorf("%q: %q marking %q, want %q marking %q", text, fault.Msg, got, msg, marked)
	}
}

func TestParseURL(t *testing.T) {
	sshAt := func(o SSHOptions) Address { return Address{Scheme: SSH, Host: "bmc", Port: 22, SSH: o} }
	pin := "SHA256:" + strings.Repeat("a+/", 14) + "E"
	for _, tc := range []struct {
		url  string
		want Address
	}{
		{"tcp://pdu:4001", Address{Scheme: TCP, Host: "pdu", Port: 4001}},
		{"TCP://[::1]:4001/", Address{Scheme: TCP, Host: "::1", Port: 4001}},
		{"telnet://pdu", Address{Scheme: Telnet, Host: "pdu", Port: 23}},
		{"telnet://[fe80::1%25eth0]:24?powerman=yes&quiet=yes", Address{Scheme: Telnet, Host: "fe80::1%eth0", Port: 24, PowerMan: true, Quiet: true}},
		{
			"tls://pdu:992?telnet=yes&ca=/etc/ca.pem&servername=x.example&pin=SHA256:" + strings.ToUpper(hexPin[:2]+":"+hexPin[2:]),
			Address{Scheme: TLS, Host: "pdu", Port: 992, TLS: TLSOptions{Telnet: true, CA: "/etc/ca.pem", ServerName: "x.example", Pins: []string{hexPin}}},
		},
		{"tls://pdu:992?insecure=yes", Address{Scheme: TLS, Host: "pdu", Port: 992, TLS: TLSOptions{Insecure: true}}},
		{"ssh://bmc", sshAt(SSHOptions{})},
		{
			"ssh://ad%40min@bmc?command=a%20b%26c+d&pty=no&pin=" + pin + "&pin=" + pin + "&legacy=yes",
			sshAt(SSHOptions{User: "ad@min", Command: "a b&c+d", NoPTY: true, Pins: []string{pin, pin}, Legacy: true}),
		},
		{"ssh://bmc?known_hosts=/etc/hosts&accept_new=yes&jump=me@gate:2222", sshAt(SSHOptions{KnownHosts: "/etc/hosts", AcceptNew: true, Jump: "me@gate:2222"})},
		{"ssh://bmc?pin=" + pin + "&jump=gate&jump_pin=" + pin, sshAt(SSHOptions{Pins: []string{pin}, Jump: "gate", JumpPins: []string{pin}})},
		{"ssh://bmc?known_hosts=/etc/hosts&term=xterm", sshAt(SSHOptions{KnownHosts: "/etc/hosts", Term: "xterm"})},
		{"serial:///dev/ttyS0", serialAt("/dev/ttyS0", 9600, 8, 'n', 1)},
		{"serial:///dev/tty%3FS0?baud=115200&mode=7E2", serialAt("/dev/tty?S0", 115200, 7, 'e', 2)},
		{"unix:///run/c%20d.sock", Address{Scheme: Unix, Path: "/run/c d.sock"}},
		{`exec:/usr/bin/x  -h "a b\"\\" ""`, Address{Scheme: Exec, Argv: []string{"/usr/bin/x", "-h", `a b"\`, ""}}},
		{`exec:sh a|b\c`, Address{Scheme: Exec, Argv: []string{"sh", `a|b\c`}}},
	} {
		got, err := ParseURL(tc.url)
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", tc.url, err, diff)
			continue
		}
		back, err := ParseURL(got.URL())
		if diff := cmp.Diff(got, back); diff != "" || err != nil {
			t.Errorf("%q written as %q: %v\n%s", tc.url, got.URL(), err, diff)
		}
	}
}

func TestParseURLFaults(t *testing.T) {
	for _, tc := range []struct{ url, msg, marked string }{
		{"pdu", "address has no scheme: write tcp://, telnet://, tls://, ssh://, serial://, unix:// or exec: in front", "pdu"},
		{"http://pdu:80", `unknown scheme "http": use tcp, telnet, tls, ssh, serial, unix or exec`, "http"},
		{"tcp:pdu:80", "tcp: must be followed by //", "pdu:80"},
		{"tcp://pdu", "the port is missing: write tcp://pdu:PORT", ""},
		{"tcp://:80", "the host is missing", ":80"},
		{"tcp://pdu:0", `port "0" is not a number from 1 to 65535`, "0"},
		{"tcp://pdu:+1", `port "+1" is not a number from 1 to 65535`, "+1"},
		{"tcp://::1:80", "write an IPv6 address in brackets: [::1:80]", "::1:80"},
		{"tcp://[::1:80", "the bracket around the IPv6 address is not closed", "[::1:80"},
		{"telnet://10.0.0.[1-3]:23", "a range stands in the host name; in a room it must have as many members as there are devices", "[1-3]:23"},
		{"tcp://[pdu]:80", `"pdu" is not an IPv6 address`, "pdu"},
		{"tcp://[::1]80", "only :port may follow the closing bracket", "80"},
		{"tcp://pdu:80/x", "a tcp address has no path", "/x"},
		{"tcp://p\ndu:80", "address has a control character", "\n"},
		{"tcp://p du:80", "a host cannot have the character ' '", " "},
		{"telnet://me@pdu:80", "only an ssh address has a user; name credentials instead", "me"},
		{"ssh://me:secret@pdu", "a password does not belong into an address; name credentials instead", ":secret"},
		{"tcp://pdu:80?quiet=yes", `a tcp address has no setting "quiet"`, "quiet"},
		{"telnet://pdu?quiet", `"quiet": a setting is written key=value`, "quiet"},
		{"telnet://pdu?quiet=1", `quiet: say yes or no, not "1"`, "1"},
		{"telnet://pdu?quiet=yes&quiet=no", "quiet is given twice", "quiet=no"},
		{"telnet://pdu?quiet=%zz", "quiet: bad %-escape", "%zz"},
		{"tls://pdu:1?quiet=yes", "powerman and quiet are about telnet: add telnet=yes", "tls://pdu:1?quiet=yes"},
		{"tls://pdu:1?insecure=yes&ca=x", "insecure=yes trusts anybody: it cannot stand beside ca, pin or servername", "tls://pdu:1?insecure=yes&ca=x"},
		{"tls://pdu:1?pin=sha256:00", "pin: a pin is sha256: and the 64 hex digits that 'openssl x509 -noout -fingerprint -sha256' prints for the certificate", "sha256:00"},
		{"ssh://pdu?pin=SHA256:AA", "pin: a pin is SHA256: and the 43 characters that 'ssh-keygen -l' prints for the host key", "SHA256:AA"},
		{"ssh://pdu?jump=gate&known_hosts=x&jump_pin=SHA256:" + strings.Repeat("a", 42) + "E", "known_hosts and pin exclude each other", "ssh://pdu?jump=gate&known_hosts=x&jump_pin=SHA256:" + strings.Repeat("a", 42) + "E"},
		{"ssh://pdu?jump=gate/x", `jump: "gate/x" is not written [user@]host[:port]`, "gate/x"},
		{"ssh://pdu?insecure=yes&known_hosts=x", "insecure=yes trusts any host key: it cannot stand beside known_hosts or pin", "ssh://pdu?insecure=yes&known_hosts=x"},
		{"serial://ttyS0", "a serial address needs the whole path of a device file, as in serial:///dev/ttyS0", "ttyS0"},
		{"serial:///dev/ttyS0?mode=8n", `mode: "8n" is not data bits, parity and stop bits, as in 8n1`, "8n"},
		{"serial:///dev/ttyS0?mode=8x1", "mode: error setting parity to 'x': use n, e or o", "8x1"},
		{"exec: ", "exec: needs a program", " "},
		{`exec:x "a`, "the double quote is not closed", `"a`},
	} {
		_, err := ParseURL(tc.url)
		checkFault(t, tc.url, err, tc.msg, tc.marked)
	}
}

func TestAddressForPeople(t *testing.T) {
	for url, want := range map[string]string{
		"ssh://me@[::1]?command=secret":   "ssh://me@[::1]:22",
		"exec:/bin/x -p secret":           "exec:/bin/x",
		"serial:///dev/ttyS0?mode=8n1":    "serial:///dev/ttyS0",
		"tls://pdu:992?insecure=yes":      "tls://pdu:992",
		"telnet://[fe80::1%25eth0]:2323/": "telnet://[fe80::1%eth0]:2323",
	} {
		a, err := ParseURL(url)
		if got := a.String(); got != want || err != nil {
			t.Errorf("%q shows as %q, %v; want %q", url, got, err, want)
		}
	}
}

func TestVerify(t *testing.T) {
	for path, ok := range map[string]bool{"/dev/null": true, "/dev/none": false, "/etc/passwd": false} {
		a, _ := ParsePowerMan(path, "")
		err := a.Verify()
		if (err == nil) != ok || err != nil && !strings.HasPrefix(err.Error(), "serial device not found or not a char special file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// No text may panic; a fault lies inside the text; what was understood is
// written so that it is understood again.
func FuzzParseURL(f *testing.F) {
	for _, s := range []string{
		"tcp://[::1]:80", "telnet://pdu?powerman=yes", "tls://h:1?pin=sha256:" + hexPin, "ssh://u%40@h?command=a+b%26&pty=no",
		"serial:///dev/tty%20?mode=7e2", `exec:/bin/x "a b\"" ""`, "ssh://a:b@c",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseURL(s)
		if err != nil {
			var fault *AddressError
			if !errors.As(err, &fault) || fault.Offset < 0 || fault.Length < 0 || fault.Offset+fault.Length > len(s) {
				t.Fatalf("%q: fault %+v lies outside", s, fault)
			}
			return
		}
		back, err := ParseURL(a.URL())
		if diff := cmp.Diff(a, back); diff != "" || err != nil {
			t.Fatalf("%q written as %q: %v\n%s", s, a.URL(), err, diff)
		}
	})
}

func FuzzParsePowerMan(f *testing.F) {
	f.Add("pdu:23", "quiet")
	f.Add("/dev/ttyS0", "9600,8n1")
	f.Add("/bin/x a|&", "")
	f.Add("[::1]:23", "")
	f.Fuzz(func(t *testing.T, where, flags string) {
		a, err := ParsePowerMan(where, flags)
		if err != nil {
			var fault *AddressError
			if !errors.As(err, &fault) || fault.Offset < 0 || fault.Length < 0 || fault.Offset+fault.Length > len(where)+len(flags) {
				t.Fatalf("%q %q: fault %+v lies outside", where, flags, fault)
			}
			return
		}
		switch a.Scheme {
		case Telnet:
			if a.Host == "" || a.Port < 1 || a.Port > 65535 {
				t.Fatalf("%q %q: %+v", where, flags, a)
			}
		case Serial:
			if a.Serial.check() != nil {
				t.Fatalf("%q %q: %+v", where, flags, a)
			}
		case Exec:
			if len(a.Argv) == 0 {
				t.Fatalf("%q %q: %+v", where, flags, a)
			}
		}
	})
}
