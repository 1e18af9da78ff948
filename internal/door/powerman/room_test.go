package powerman_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is the real daemon on a powerman.conf, with its door open on a free port.
type house struct {
	t       testing.TB
	addr    string
	conf    string
	state   string
	actions *record // powermand's line after each power action
	log     *record
	reload  chan struct{}
	result  chan error // of each reload
	stop    func() error
}

// open starts the daemon; text is the powerman.conf. Delays take no time.
func open(t testing.TB, text string) *house {
	t.Helper()
	h := prepare(t, text)
	h.start()
	return h
}

// prepare makes a house that is not started yet.
func prepare(t testing.TB, text string) *house {
	t.Helper()
	h := &house{t: t, conf: filepath.Join(t.TempDir(), "powerman.conf"), state: t.TempDir()}
	h.write(text)
	return h
}

func (h *house) write(text string) {
	h.t.Helper()
	h.put(h.conf, text)
}

func (h *house) put(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) start() {
	h.t.Helper()
	if err := h.tryStart(); err != nil {
		h.t.Fatalf("the daemon did not start: %v", err)
	}
}

// tryStart returns when the doors are open, or with the reason why not.
func (h *house) tryStart() error {
	h.actions, h.log = &record{}, &record{}
	h.reload, h.result = make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan app.Addresses, 1), make(chan error, 1)
	folder := filepath.Dir(h.conf)
	opts := app.Options{
		Config: h.conf, State: h.state, NoDelays: true, Drivers: standard.Drivers(script.Options{NoDelays: true}),
		Doors: app.Doors{
			PowerMan: []string{"127.0.0.1:0"}, Actions: h.actions,
			HostsAllow: filepath.Join(folder, "hosts.allow"), HostsDeny: filepath.Join(folder, "hosts.deny"),
		},
		Log:    slog.New(slog.NewTextHandler(h.log, nil)),
		Ready:  func(a app.Addresses) { ready <- a },
		Reload: h.reload, Reloaded: func(err error) { h.result <- err },
	}
	go func() { ended <- app.Run(ctx, opts) }()
	h.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	stop, log := h.stop, h.log
	h.t.Cleanup(func() {
		_ = stop()
		if h.t.Failed() {
			h.t.Logf("log:\n%s", log)
		}
	})
	select {
	case a := <-ready:
		h.addr = a.PowerMan[0]
		return nil
	case err := <-ended:
		ended <- err
		return err
	}
}

// client is a connection to the door.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// patience is how long a reply may take before the test is given up.
const patience = 30 * time.Second

func (h *house) dial() *client {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	c := &client{t: h.t, conn: conn, r: bufio.NewReader(conn)}
	c.reply()
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Errorf("send %q: %v", text, err)
	}
}

// ask sends a request and gives the reply, lines ended by "\n", without prompt.
func (c *client) ask(line string) string {
	c.t.Helper()
	c.send(line + "\r\n")
	return c.reply()
}

func (c *client) reply() string {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	var b []byte
	for !bytes.HasSuffix(b, []byte("powerman> ")) {
		ch, err := c.r.ReadByte()
		if err != nil {
			c.t.Errorf("after %q: %v", b, err)
			break
		}
		b = append(b, ch)
	}
	return strings.TrimSuffix(strings.ReplaceAll(string(b), "\r\n", "\n"), "powerman> ")
}

// want asks and compares.
func (c *client) want(line string, want ...string) {
	c.t.Helper()
	if got, want := c.ask(line), strings.Join(want, "\n")+"\n"; got != want {
		c.t.Errorf("%s\n--- got\n%s--- want\n%s", line, got, want)
	}
}

// device is a simulated device of the test's own: it answers lines.
type device struct {
	t      testing.TB
	addr   string
	answer func(line string) string
	heard  *record
	ln     net.Listener
	mu     sync.Mutex
	conns  map[net.Conn]bool
	all    sync.WaitGroup
}

// hangUp as an answer closes the connection.
const hangUp = "\x00hang up"

// newDevice starts a device. It answers "login" with "ok" itself, and other
// lines as answer says. An empty answer is silence.
func newDevice(t testing.TB, answer func(line string) string) *device {
	t.Helper()
	d := &device{t: t, answer: answer, heard: &record{}, conns: make(map[net.Conn]bool)}
	d.listen("127.0.0.1:0")
	d.addr = d.ln.Addr().String()
	t.Cleanup(func() { d.close(); d.all.Wait() })
	return d
}

func (d *device) listen(addr string) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.mu.Lock()
	d.ln = ln
	d.mu.Unlock()
	d.all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			d.mu.Lock()
			d.conns[conn] = true
			if d.ln != ln { // taken off the network meanwhile
				conn.Close()
			}
			d.mu.Unlock()
			d.all.Go(func() { d.serve(conn) })
		}
	})
}

// close takes the device off the network.
func (d *device) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ln != nil {
		d.ln.Close()
	}
	d.ln = nil
	for c := range d.conns {
		c.Close()
	}
}

func (d *device) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		d.mu.Lock()
		delete(d.conns, conn)
		d.mu.Unlock()
	}()
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		_, _ = io.WriteString(d.heard, line+"\n")
		text := "ok\n"
		if line != "login" {
			text = d.answer(line)
		}
		if text == hangUp {
			return
		}
		_, _ = io.WriteString(conn, text)
	}
}

// record is text that one goroutine writes and another reads.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
	c  chan struct{} // closed at the next write
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.c != nil {
		close(r.c)
		r.c = nil
	}
	return r.b.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// waitFor returns when the text has been written.
func (r *record) waitFor(t testing.TB, text string) {
	t.Helper()
	late := time.After(patience)
	for {
		r.mu.Lock()
		if strings.Contains(r.b.String(), text) {
			r.mu.Unlock()
			return
		}
		if r.c == nil {
			r.c = make(chan struct{})
		}
		more := r.c
		r.mu.Unlock()
		select {
		case <-more:
		case <-late:
			t.Fatalf("%q did not come; there is\n%s", text, r)
		}
	}
}

// reset forgets what was written and gives it.
func (r *record) reset() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := r.b.String()
	r.b.Reset()
	return text
}
