package app_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
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
	"golang.org/x/sys/unix"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/dummy"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/telnet"
)

// breakByte is what the simulated machines echo for a break.
const breakByte = "<BREAK>"

// machine is the serial line of a simulated machine: it says login, and then says
// again what it hears, and "burst N" answers with N bytes.
func machine(line io.ReadWriter) {
	fmt.Fprint(line, "login: ")
	in := bufio.NewReader(line)
	for {
		text, err := in.ReadString('\r')
		if err != nil {
			return
		}
		n := 0
		if _, err := fmt.Sscanf(text, "burst %d\r", &n); err == nil {
			_, _ = line.Write(burst(n))
			continue
		}
		fmt.Fprintf(line, "you said %s\n", text)
	}
}

// burst makes bytes that no line discipline or filter takes for its own.
func burst(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte('!' + i%90)
	}
	return p
}

// listening serves machines on a listener until the test ends.
func listening(t *testing.T, network, at string, serve func(net.Conn)) net.Addr {
	t.Helper()
	l, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	conns := make(chan net.Conn, 100)
	go func() {
		defer close(over)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns <- c
			go serve(c)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-over
		close(conns)
		for c := range conns {
			c.Close()
		}
	})
	return l.Addr()
}

// breaking tells the machine of a break that comes by telnet.
type breaking struct {
	net.Conn
	brk chan struct{}
}

func (b breaking) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if bytes.Contains(p[:n], []byte{255, 243}) {
		b.brk <- struct{}{}
	}
	return n, err
}

func telnetMachine(t *testing.T) string {
	return "telnet://" + listening(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		b := breaking{c, make(chan struct{}, 1)}
		line := telnet.NewServer(b, telnet.Options{})
		over := make(chan struct{})
		go func() {
			defer close(over)
			machine(line)
		}()
		for {
			select {
			case <-b.brk:
				fmt.Fprint(line, breakByte)
			case <-over:
				line.Close()
				return
			}
		}
	}).String()
}

func sshMachine(t *testing.T) string {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{PasswordCallback: func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		if c.User() != "ops" || string(password) != "Heron-9" {
			return nil, errors.New("no")
		}
		return nil, nil
	}}
	config.AddHostKey(signer)
	at := listening(t, "tcp", "127.0.0.1:0", func(raw net.Conn) {
		conn, channels, requests, err := ssh.NewServerConn(raw, config)
		if err != nil {
			return
		}
		defer conn.Close()
		go ssh.DiscardRequests(requests)
		for open := range channels {
			ch, in, err := open.Accept()
			if err != nil {
				return
			}
			go func() {
				for req := range in {
					_ = req.Reply(true, nil)
					switch req.Type {
					case "shell":
						go machine(ch)
					case "break":
						fmt.Fprint(ch, breakByte)
					}
				}
			}()
		}
	})
	return fmt.Sprintf("ssh://%s?pin=%s", at, strings.ReplaceAll(ssh.FingerprintSHA256(signer.PublicKey()), "+", "%2B"))
}

// serialMachine is a machine at the other end of a pseudo-terminal.
func serialMachine(t *testing.T) string {
	t.Helper()
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := pty.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}) != nil || err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/dev/pts/%d", n)
	keep, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0) // or the machine's end reports EIO before anybody comes
	if err != nil {
		t.Fatal(err)
	}
	settings, err := unix.IoctlGetTermios(int(keep.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	settings.Lflag, settings.Iflag, settings.Oflag = 0, 0, 0 // no echo of what the machine says before we are there
	if err := unix.IoctlSetTermios(int(keep.Fd()), unix.TCSETS, settings); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		machine(pty)
	}()
	t.Cleanup(func() {
		pty.Close()
		keep.Close()
		<-over
	})
	return "serial://" + path + "?baud=115200"
}

// host is a driver whose devices are machines with a console.
type host struct{}

func (host) Traits(driver.Shelf) (driver.Traits, error) {
	return driver.Traits{Type: "host", Verbs: []room.Op{room.Status}}, nil
}

func (host) Open(_ context.Context, env driver.Env) (driver.Session, error) {
	env.Reached()
	return hostSession{}, nil
}

type hostSession struct{}

func (hostSession) Do(_ context.Context, b driver.Batch, sink driver.Sink) error {
	for _, p := range b.Plugs {
		sink.State(p, room.StateOn, "")
	}
	return nil
}
func (hostSession) Done() <-chan struct{} { return nil }
func (hostSession) Close() error          { return nil }

func (hostSession) Console(_ context.Context, plug int) (driver.Console, error) {
	ours, theirs := net.Pipe()
	go machine(theirs)
	return hostConsole{ours, theirs}, nil
}

type hostConsole struct {
	net.Conn
	far net.Conn
}

func (c hostConsole) Break() error {
	_, err := c.far.Write([]byte(breakByte))
	return err
}

func (c hostConsole) Close() error { return errors.Join(c.Conn.Close(), c.far.Close()) }

// hallOf runs the real daemon with a room and gives a client of its socket.
func hallOf(t *testing.T, roomText string) (*client.Client, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "room.yaml"), []byte(roomText), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("Heron-9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan app.Addresses, 1), make(chan error, 1)
	socket := filepath.Join(dir, "s")
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: filepath.Join(dir, "room.yaml"), State: filepath.Join(dir, "state"),
			Drivers: []driver.Driver{{Name: "host", New: func() driver.Settings { return &host{} }}, dummy.New()},
			Doors:   app.Doors{PowerMan: []string{}, Socket: socket}, Ready: func(a app.Addresses) { ready <- a },
		})
	}()
	select {
	case <-ready:
	case err := <-ended:
		stop()
		t.Fatal(err)
	}
	cl := client.New(socket)
	t.Cleanup(func() {
		cl.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return cl, dir
}

// talker is a client at a console.
type talker struct {
	t *testing.T
	*client.Console
	heard []byte
}

func attach(t *testing.T, cl *client.Client, node string, o client.Attach) *talker {
	t.Helper()
	c, err := cl.Console(t.Context(), node, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &talker{t: t, Console: c}
}

// hear reads until the console has said a text.
func (c *talker) hear(want string) {
	c.t.Helper()
	c.until("bytes "+want, func(*wire.ConsoleMessage) bool {
		i := bytes.Index(c.heard, []byte(want))
		if i >= 0 {
			c.heard = c.heard[i+len(want):]
		}
		return i >= 0
	})
}

// told reads until a message comes.
func (c *talker) told(kind string, is func(*wire.ConsoleMessage) bool) (got *wire.ConsoleMessage) {
	c.t.Helper()
	c.until("message "+kind, func(m *wire.ConsoleMessage) bool {
		got = m
		return m != nil && m.Type == kind && (is == nil || is(m))
	})
	return got
}

func (c *talker) until(what string, done func(*wire.ConsoleMessage) bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	var m *wire.ConsoleMessage
	for !done(m) {
		data, next, err := c.Next(ctx)
		if err != nil {
			c.t.Fatalf("waiting for %s: %v; it has %.200q", what, err, c.heard)
		}
		c.heard, m = append(c.heard, data...), next
	}
}

func isOpen(m *wire.ConsoleMessage) bool { return m.State == "open" }

func (c *talker) say(text string) {
	c.t.Helper()
	if err := c.Write(c.t.Context(), []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// TestConsolesByEveryWay talks to machines by each kind of line, and has each send
// bursts of 16 kB and of 1 MB.
func TestConsolesByEveryWay(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "line")
	listening(t, "unix", socket, func(c net.Conn) { machine(c) })
	cl, _ := hallOf(t, fmt.Sprintf(`
room: hall
credentials: {box: {user: ops, password: "file:password"}}
devices:
  bmc1: {driver: host}
  bmc2: {driver: host}
nodes:
  by-telnet: {console: {via: %q}}
  by-ssh: {console: {via: %q, credential: box}}
  by-serial: {console: {via: %q}}
  by-unix: {console: {via: "unix://%s"}}
  by-bmc: {bmc: bmc1}
  by-plug: {console: {via: "bmc2:a"}}
`, telnetMachine(t), sshMachine(t), serialMachine(t), socket))
	list, err := cl.Consoles(t.Context())
	if err != nil || len(list) != 6 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, c := range list {
		t.Run(c.Node, func(t *testing.T) {
			line := attach(t, cl, c.Node, client.Attach{Replay: -1})
			line.told(wire.ConsoleState, isOpen)
			line.hear("login: ")
			line.say("root\r")
			line.hear("you said root\r")
			for _, n := range []int{16 << 10, 1 << 20} {
				line.say(fmt.Sprintf("burst %d\r", n))
				line.hear(string(burst(n)))
			}
			if err := line.Ask(t.Context(), wire.ConsoleMessage{Type: wire.ConsoleBreak}); err != nil {
				t.Fatal(err)
			}
			switch c.Node {
			case "by-unix":
				line.told(wire.ConsoleDropped, nil)
			case "by-serial": // a pseudo-terminal has no line that a break could be seen on
				line.told(wire.ConsoleBreak, nil)
			default:
				line.hear(breakByte)
			}
		})
	}
}

func TestConsoleTakenOverAndLogged(t *testing.T) {
	cl, dir := hallOf(t, fmt.Sprintf("consoles: {log: yes, message: be careful}\nnodes: {web1: {console: {via: %q}}}\n", telnetMachine(t)))
	ann := attach(t, cl, "web1", client.Attach{Replay: -1})
	if m := ann.told(wire.ConsoleAttached, nil); m.Message != "be careful" || !m.You {
		t.Errorf("%+v", m)
	}
	ann.hear("login: ")
	_, err := cl.Console(t.Context(), "web1", client.Attach{})
	if room.CodeOf(err) != room.CodeBusy {
		t.Errorf("%v", err)
	}
	bob := attach(t, cl, "web1", client.Attach{TakeOver: true, Replay: -1})
	bob.hear("login: ")
	ann.told(wire.ConsoleWriter, func(m *wire.ConsoleMessage) bool { return !m.You })
	ann.say("lost\r")
	ann.told(wire.ConsoleDropped, nil)
	bob.say("hello\r")
	bob.hear("you said hello")
	ann.hear("you said hello")
	if err := ann.Ask(t.Context(), wire.ConsoleMessage{Type: wire.ConsoleWho}); err != nil {
		t.Fatal(err)
	}
	if m := ann.told(wire.ConsoleAttached, nil); len(m.Who) != 2 || m.You {
		t.Errorf("%+v", m)
	}
	log, err := cl.ConsoleLog(t.Context(), "web1", time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	text, err := io.ReadAll(log)
	if err != nil || !strings.Contains(string(text), "| login: you said hello") {
		t.Errorf("%v, %q", err, text)
	}
	if _, err := os.Stat(filepath.Join(dir, "state", "consoles", "web1.log")); err != nil {
		t.Error(err)
	}
	later, err := cl.ConsoleLog(t.Context(), "web1", time.Now().Add(time.Hour), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	if text, err := io.ReadAll(later); err != nil || len(text) != 0 {
		t.Errorf("%v, %q", err, text)
	}
	ann.Close()
	bob.told(wire.ConsoleLeft, nil)
	want := []string{"attach ok to type", "attach refused", "take over ok", "read log ok", "detach ok"}
	for e, err := range cl.Events(t.Context(), event.Filter{Kinds: []event.Kind{event.Console}}, true) {
		if err != nil || e.Targets != "web1" || strings.Contains(e.Detail, "hello") {
			t.Fatalf("%+v, %v", e, err)
		}
		if strings.HasPrefix(e.Op+" "+e.Outcome+" "+e.Detail, want[0]) {
			want = want[1:]
		}
		if len(want) == 0 {
			break
		}
	}
}

// TestConsolesEndWithTheDaemon holds that somebody who is attached is told.
func TestConsolesEndWithTheDaemon(t *testing.T) {
	at := telnetMachine(t)
	var line *talker
	t.Run("daemon", func(t *testing.T) {
		cl, _ := hallOf(t, fmt.Sprintf("nodes: {web1: {console: {via: %q}}}\n", at))
		c, err := cl.Console(t.Context(), "web1", client.Attach{})
		if err != nil {
			t.Fatal(err)
		}
		line = &talker{t: t, Console: c}
		line.hear("login: ")
	})
	line.t = t
	defer line.Close()
	if m := line.told(wire.ConsoleClosed, nil); !strings.Contains(m.Said, "stopping") {
		t.Errorf("%+v", m)
	}
}
