package libvirt_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/drivertest"
	driverlibvirt "millwright.dev/millwright/internal/driver/libvirt"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/libvirt"
	"millwright.dev/millwright/libvirt/libvirttest"
)

// network is the way to the daemon, with faults.
type network struct {
	mu                     sync.Mutex
	lines                  []*line
	refuse, hang, cut, odd bool
	noise                  bool
}

// line is one connection through it.
type line struct {
	net.Conn
	way  *network
	once sync.Once
	end  chan struct{}
}

func (w *network) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	if w.is(&w.refuse) {
		return nil, errors.New("connection refused")
	}
	c, err := new(net.Dialer).DialContext(ctx, kind, address)
	if err != nil {
		return nil, err
	}
	l := &line{Conn: c, way: w, end: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, l)
	return l, nil
}

func (w *network) is(fault *bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *fault
}

func (w *network) set(fault *bool) func() {
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		*fault = true
	}
}

func (w *network) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lines {
		l.Close()
	}
}

func (l *line) Close() error {
	l.once.Do(func() { close(l.end) })
	return l.Conn.Close()
}

func (l *line) Read(p []byte) (int, error) {
	if l.way.is(&l.way.odd) && len(p) > 3 {
		p = p[:3]
	}
	n, err := l.Conn.Read(p)
	switch {
	case err != nil:
		return n, err
	case l.way.is(&l.way.hang):
		<-l.end
		return 0, net.ErrClosed
	case l.way.is(&l.way.cut):
		l.Close()
		return n / 2, nil
	case l.way.is(&l.way.noise):
		return copy(p, bytes.Repeat([]byte{0x5a, 0xa5, 0xff}, n)[:n]), nil
	}
	return n, nil
}

var ops = map[bool]string{true: "on", false: "off"}

// The driver at Debian's libvirtd, whose test driver moves machines at once.
func TestDriver(t *testing.T) {
	daemon := libvirttest.Start(t)
	drivertest.Run(t, drivertest.Subject{Abreast: true, New: func(t *testing.T) drivertest.Rig {
		ctx := context.Background()
		c := daemon.Dial(t, "test", libvirt.Options{KeepAlive: -1})
		plugs := []string{"a", "b", "c", "d"}
		find := func(name string) libvirt.Domain {
			d, err := c.Lookup(ctx, name)
			if err != nil && !errors.Is(err, libvirt.CodeNoDomain) {
				t.Error(err)
			}
			return d
		}
		for _, name := range plugs {
			d, err := c.Define(ctx, `<domain type="test"><name>`+name+`</name><memory>1024</memory><os><type>hvm</type></os></domain>`)
			if err == nil && find(name).Active() {
				err = c.Destroy(ctx, d)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		way := &network{}
		s := driverlibvirt.New().New().(*driverlibvirt.Settings)
		s.Address, s.Rest, s.Timeout = daemon.URI("test"), time.Millisecond, 10*time.Second
		return drivertest.Rig{
			Settings: s, Plugs: plugs, DialContext: way.dial,
			Truth: drivertest.Truth{
				On: func(p string) bool { return find(p).UUID != libvirt.UUID{} && find(p).Active() },
				Set: func(p string, on bool) {
					d := find(p)
					do := c.Start
					if !on {
						do = c.Destroy
					}
					if d.Active() == on || d.UUID == (libvirt.UUID{}) {
						return
					}
					if err := do(ctx, d); err != nil {
						t.Errorf("%s %s: %v", p, ops[on], err)
					}
				},
			},
			Faults: drivertest.Faults{
				Refuse: func() { way.set(&way.refuse)(); way.hangUp() }, Hang: way.set(&way.hang), HangUp: way.hangUp,
				Cut: way.set(&way.cut), Pieces: way.set(&way.odd), Garbage: way.set(&way.noise),
				Reject: func(p string) {
					if err := c.Undefine(ctx, find(p)); err != nil && !errors.Is(err, libvirt.CodeNoDomain) {
						t.Error(err)
					}
				},
			},
		}
	}})
}

func open(t *testing.T, daemon *libvirttest.Daemon, plugs ...string) driver.Session {
	t.Helper()
	s := driverlibvirt.New().New().(*driverlibvirt.Settings)
	s.Address, s.Rest = daemon.URI("qemu"), time.Millisecond
	if _, err := s.Traits(nil); err != nil {
		t.Fatal(err)
	}
	env := driver.Env{Device: "host", DialContext: new(net.Dialer).DialContext, Log: slog.New(slog.DiscardHandler), Reached: func() {}, Acted: func() {}}
	for _, p := range plugs {
		env.Plugs = append(env.Plugs, driver.Plug{Name: p, Used: true})
	}
	n, err := s.Open(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// done is a sink that hears whether all went well.
type done struct {
	driver.Sink
	t *testing.T
}

func (d done) Done(int)                            {}
func (d done) State(int, room.State, string)       {}
func (d done) Failed(plug int, said string)        { d.t.Errorf("%d: %s", plug, said) }
func (d done) Unknown(plug int, why *driver.Fault) { d.t.Errorf("%d: %v", plug, why) }
func (d done) Fault(f *driver.Fault)               { d.t.Error(f) }

// A guest in QEMU: its console, its boot device for once, its log, what it is.
func TestGuest(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	daemon := libvirttest.Start(t)
	daemon.Define(t, "echo")
	n := open(t, daemon, "echo")
	do := func(op room.Op) {
		t.Helper()
		if err := n.Do(ctx, driver.Batch{Op: op, Plugs: []int{0}}, done{t: t}); err != nil {
			t.Fatal(err)
		}
	}
	consoler, booter := n.(driver.Consoler), n.(driver.Booter)
	if _, err := consoler.Console(ctx, 0); err == nil {
		t.Error("a machine that is off has a console")
	}
	want := driver.Boot{From: driver.BootNetwork}
	if err := booter.SetBoot(ctx, 0, want); err != nil {
		t.Fatal(err)
	}
	if is, err := booter.Boot(ctx, 0); err != nil || is != want {
		t.Errorf("%+v, %v; want %+v", is, err, want)
	}
	do(room.On)
	for is := (driver.Boot{}); is.From != driver.BootDisk; { // it is put back when the start was heard of
		var err error
		if is, err = booter.Boot(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []driver.Boot{{From: driver.BootUSB}, {From: driver.BootDisk, UEFI: true}} {
		if err := booter.SetBoot(ctx, 0, bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	do(room.Cycle)
	c, err := consoler.Console(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	context.AfterFunc(ctx, func() { c.Close() })
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		t.Fatal(err)
	}
	heard := ""
	for p := make([]byte, 100); !strings.HasSuffix(heard, "hello\n"); {
		k, err := c.Read(p)
		if heard += string(p[:k]); err != nil {
			t.Fatalf("%q, %v", heard, err)
		}
		if strings.HasSuffix(heard, libvirttest.Banner) { // keys from before it was up may be lost
			_, _ = io.WriteString(c, "hello\n")
		}
	}
	do(room.Diag)
	do(room.Reset)
	do(room.Off)
	if rest, err := io.ReadAll(c); err == nil {
		t.Errorf("the console ended without a word after %q", rest)
	}
	var log []string
	for len(log) < 4 {
		log = log[:0]
		if err := n.(driver.Logbook).Log(ctx, 0, func(e driver.LogEntry) { log = append(log, e.Text) }); err != nil || ctx.Err() != nil {
			t.Fatalf("%q, %v", log, err)
		}
	}
	if got := strings.Join(log, ", "); !strings.Contains(got, "started: booted") || !strings.Contains(got, "stopped: destroyed") {
		t.Errorf("the log is %s", got)
	}
	if d, err := n.(driver.Describer).Describe(ctx); err != nil || !strings.HasPrefix(d.Product, "QEMU ") || !strings.HasPrefix(d.Firmware, "libvirt ") {
		t.Errorf("%+v, %v", d, err)
	}
}
