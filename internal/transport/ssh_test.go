package transport

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// sshDevice is a service processor with an SSH door. Its shell says what it was
// asked for, and then echoes.
type sshDevice struct {
	keys       []ssh.Signer
	config     ssh.ServerConfig
	refusePTY  bool
	host       string
	port       int
	clientKey  []byte // PEM of the key that may log in
	clientSeal []byte // the same under the passphrase "seal"
}

func newSSHDevice(t *testing.T) *sshDevice {
	t.Helper()
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := &sshDevice{}
	for _, k := range []any{ecKey, edKey} {
		s, err := ssh.NewSignerFromKey(k)
		if err != nil {
			t.Fatal(err)
		}
		d.keys = append(d.keys, s)
		d.config.AddHostKey(s)
	}
	d.allowKey(t)
	d.config.PasswordCallback = func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		return nil, refuseUnless(c.User() == "pw" && string(password) == "secret")
	}
	d.config.KeyboardInteractiveCallback = d.ask
	d.host, d.port = serve(t, "127.0.0.1:0", d.talk)
	return d
}

func refuseUnless(ok bool) error {
	if ok {
		return nil
	}
	return errors.New("refused")
}

// allowKey makes a key that may log in as "key".
func (d *sshDevice) allowKey(t *testing.T) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	open, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("seal"))
	if err != nil {
		t.Fatal(err)
	}
	d.clientKey, d.clientSeal = pem.EncodeToMemory(open), pem.EncodeToMemory(sealed)
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	want := string(signer.PublicKey().Marshal())
	d.config.PublicKeyCallback = func(c ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		return nil, refuseUnless(c.User() == "key" && string(k.Marshal()) == want)
	}
}

// ask is keyboard-interactive: "kbd" gives name and password, "nag" is asked for ever.
func (d *sshDevice) ask(c ssh.ConnMetadata, challenge ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
	for {
		answers, err := challenge("", "", []string{"Name: ", "Password: "}, []bool{true, false})
		if err != nil {
			return nil, err
		}
		if c.User() != "nag" {
			return nil, refuseUnless(c.User() == "kbd" && answers[0] == "kbd" && answers[1] == "secret")
		}
	}
}

func (d *sshDevice) talk(raw net.Conn) {
	conn, channels, requests, err := ssh.NewServerConn(raw, &d.config)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	go ssh.DiscardRequests(requests)
	for open := range channels {
		ch, in, err := open.Accept()
		if err != nil {
			return
		}
		go d.session(ch, in)
	}
}

// session tells each request that opens it, on stdout; and a line on stderr.
func (d *sshDevice) session(ch ssh.Channel, in <-chan *ssh.Request) {
	for req := range in {
		ok := req.Type != "pty-req" || !d.refusePTY
		_ = req.Reply(ok, nil)
		switch req.Type {
		case "pty-req":
			var term struct {
				Name string
				Rest []byte `ssh:"rest"`
			}
			_ = ssh.Unmarshal(req.Payload, &term)
			_, _ = fmt.Fprintf(ch, "pty %s ", term.Name)
		case "shell", "exec":
			_, _ = fmt.Fprintf(ch, "%s %s> ", req.Type, string(req.Payload[min(4, len(req.Payload)):]))
			_, _ = fmt.Fprintf(ch.Stderr(), "device is warm\n")
			go func() {
				_, _ = io.Copy(ch, ch)
				_ = ch.Close()
			}()
		}
	}
}

// address of the device for user, with its first host key pinned.
func (d *sshDevice) address(user string) Address {
	return Address{Scheme: SSH, Host: d.host, Port: d.port, SSH: SSHOptions{
		User: user, Pins: []string{ssh.FingerprintSHA256(d.keys[0].PublicKey()), ssh.FingerprintSHA256(d.keys[1].PublicKey())},
	}}
}

func TestSSHSessions(t *testing.T) {
	d := newSSHDevice(t)
	for _, tc := range []struct {
		o    SSHOptions
		want string
	}{
		{SSHOptions{}, "pty vt100 shell > "},
		{SSHOptions{Term: "xterm"}, "pty xterm shell > "},
		{SSHOptions{NoPTY: true}, "shell > "},
		{SSHOptions{NoPTY: true, Command: "show /SYS"}, "exec show /SYS> "},
	} {
		var logs logBuffer
		a := d.address("pw")
		tc.o.User, tc.o.Pins = a.SSH.User, a.SSH.Pins
		a.SSH = tc.o
		c := mustDial(t, &Dialer{Log: logs.logger()}, a, Credentials{Password: "secret"})
		exchange(t, c, "", tc.want)
		exchange(t, c, "status\r", "status\r")
		if err := c.SetReadDeadline(time.Now()); !errors.Is(err, os.ErrNoDeadline) {
			t.Errorf("SetReadDeadline: %v", err)
		}
		closeEndsRead(t, c)
		if !strings.Contains(logs.String(), `line="device is warm"`) {
			t.Errorf("stderr is not logged: %s", logs.String())
		}
	}
	d.refusePTY = true
	if _, err := (&Dialer{}).Dial(t.Context(), d.address("pw"), Credentials{Password: "secret"}); err == nil || !strings.Contains(err.Error(), "pty=no") {
		t.Errorf("refused terminal: %v", err)
	}
}

func TestSSHCredentials(t *testing.T) {
	d := newSSHDevice(t)
	for _, tc := range []struct {
		name, user string
		cred       Credentials
		fault      string
	}{
		{"password", "pw", Credentials{Password: "secret"}, ""},
		{"credentials' own user wins", "other", Credentials{User: "pw", Password: "secret"}, ""},
		{"wrong password", "pw", Credentials{Password: "Secret"}, "unable to authenticate"},
		{"nothing", "pw", Credentials{}, "unable to authenticate"},
		{"key", "key", Credentials{PrivateKey: d.clientKey}, ""},
		{"sealed key", "key", Credentials{PrivateKey: d.clientSeal, Passphrase: []byte("seal")}, ""},
		{"sealed key, no passphrase", "key", Credentials{PrivateKey: d.clientSeal}, "private key: "},
		{"no key at all", "key", Credentials{PrivateKey: []byte("hello")}, "private key: "},
		{"questions", "kbd", Credentials{Password: "secret"}, ""},
		{"questions without end", "nag", Credentials{Password: "secret"}, "server keeps asking questions"},
		{"no user", "", Credentials{Password: "secret"}, "SSH needs a user"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := (&Dialer{}).Dial(t.Context(), d.address(tc.user), tc.cred)
			if err == nil {
				_ = c.Close()
			}
			if (tc.fault == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.fault) {
				t.Errorf("error %v, want %q", err, tc.fault)
			}
			if err != nil && strings.Contains(err.Error(), "ecret") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestSSHHostKeys(t *testing.T) {
	d := newSSHDevice(t)
	file := func(host string, key ssh.PublicKey) string {
		path := filepath.Join(t.TempDir(), "known_hosts")
		if err := os.WriteFile(path, []byte(knownhosts.Line([]string{host}, key)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a := d.address("pw")
	here := knownhosts.Normalize(a.HostPort())
	ec, ed := d.keys[0].PublicKey(), d.keys[1].PublicKey()
	_, strangeKey, _ := ed25519.GenerateKey(rand.Reader)
	strange, err := ssh.NewSignerFromKey(strangeKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		o      SSHOptions
		common string // Dialer.KnownHosts
		fault  string
	}{
		{"no policy", SSHOptions{}, "", "no host key to trust"},
		{"insecure", SSHOptions{Insecure: true}, "", ""},
		{"file with the key that is shown", SSHOptions{KnownHosts: file(here, ec)}, "", ""},
		{"file with the other key of the same host", SSHOptions{KnownHosts: file(here, ed)}, "", ""},
		{"common file", SSHOptions{}, file(here, ed), ""},
		{"file with a strange key", SSHOptions{KnownHosts: file(here, strange.PublicKey())}, file(here, ed), "key mismatch"},
		{"file without the host", SSHOptions{KnownHosts: file("elsewhere", ec)}, "", "has no host key of " + a.HostPort()},
		{"no file", SSHOptions{KnownHosts: "/none"}, "", "known hosts: open /none"},
		{"strange pin", SSHOptions{Pins: []string{ssh.FingerprintSHA256(strange.PublicKey())}}, "", "not the pinned one: its pin is SHA256:"},
		{"legacy algorithms", SSHOptions{KnownHosts: file(here, ed), Legacy: true}, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.User = "pw"
			a.SSH = tc.o
			c, err := (&Dialer{KnownHosts: tc.common}).Dial(t.Context(), a, Credentials{Password: "secret"})
			if err == nil {
				_ = c.Close()
			}
			if (tc.fault == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.fault) {
				t.Errorf("error %v, want %q", err, tc.fault)
			}
		})
	}
}

func TestCredentialsAreMasked(t *testing.T) {
	c := Credentials{User: "me", Password: "secret", PrivateKey: []byte("secret"), Passphrase: []byte("secret")}
	var logs logBuffer
	logs.logger().Info("login", "with", c)
	shown := fmt.Sprintf("%v %+v %#v %s", c, c, c, logs.String())
	if strings.Contains(shown, "secret") || strings.Contains(shown, "115 101 99") || !strings.Contains(shown, "me") {
		t.Error(shown)
	}
}
