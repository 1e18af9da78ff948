package sol_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/sol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a computer whose serial line is a pipe.
type host struct {
	*bmc.Memory
	lines chan net.Conn // our end of each line that a client opens
	mu    sync.Mutex
	broke int
}

// line is the BMC's end.
type line struct {
	net.Conn
	host *host
}

func (l line) SendBreak() error {
	l.host.mu.Lock()
	defer l.host.mu.Unlock()
	l.host.broke++
	_, err := l.Conn.Write([]byte("<break>"))
	return err
}

func (h *host) Console(context.Context, bmc.Caller) (io.ReadWriteCloser, error) {
	ours, theirs := net.Pipe()
	h.lines <- ours
	return line{theirs, h}, nil
}

// stand is a BMC with clients.
type stand struct {
	testing.TB
	addr   string
	host   *host
	client *ipmi.Client
}

func newStand(t testing.TB, faults *bmc.Faults) *stand {
	t.Helper()
	s := &stand{TB: t, host: &host{Memory: bmc.NewMemory(true), lines: make(chan net.Conn, 8)}, client: ipmi.NewClient(ipmi.ClientOptions{})}
	m, err := bmc.New(bmc.Config{Users: []bmc.Account{{}, {Name: "admin", Password: "password", Privilege: bmc.Administrator}}, Faults: faults}, s.host)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = conn.LocalAddr().String()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bmc.Serve(ctx, conn, m) }()
	t.Cleanup(func() {
		s.client.Close()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		m.Close()
	})
	return s
}

func (s *stand) session() *ipmi.Session {
	s.Helper()
	session, err := s.client.Open(s.Context(), s.addr, ipmi.Options{User: "admin", Password: "password", Timeout: time.Minute})
	if err != nil {
		s.Fatal(err)
	}
	return session
}

// open gives a console and the machine's end of it.
func (s *stand) open(o sol.Options) (*sol.Console, net.Conn) {
	s.Helper()
	c, err := sol.Open(s.Context(), s.session(), o)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { c.Close() })
	return c, <-s.host.lines
}

// TestBursts: what is written arrives, both ways at once, also over a bad network.
func TestBursts(t *testing.T) {
	for name, faults := range map[string]*bmc.Faults{"a good network": nil, "a bad one": {Seed: 7, Loss: 0.03, Duplicate: 0.05, Reorder: 0.05}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, faults)
			c, machine := s.open(sol.Options{})
			text := make([]byte, 16<<10)
			for i := range text {
				text[i] = byte(i + i/251)
			}
			var wg sync.WaitGroup
			write := func(w io.Writer) {
				wg.Go(func() {
					if _, err := w.Write(text); err != nil {
						t.Error(err)
					}
				})
			}
			read := func(who string, r io.Reader) {
				wg.Go(func() {
					got := make([]byte, len(text))
					if n, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, text) {
						t.Errorf("%s got %d characters, right or not: %v", who, n, err)
					}
				})
			}
			write(c)
			write(machine)
			read("the client", c)
			read("the machine", machine)
			wg.Wait()
		})
	}
}

// TestASlowReader holds the machine up, and nothing is lost.
func TestASlowReader(t *testing.T) {
	s := newStand(t, nil)
	c, machine := s.open(sol.Options{})
	text := bytes.Repeat([]byte("0123456789abcdef"), 16<<10) // 256 kB: more than all buffers hold
	written := make(chan error, 1)
	go func() {
		_, err := machine.Write(text)
		written <- err
	}()
	var got []byte
	buf := make([]byte, 1000)
	for len(got) < len(text) {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
	}
	if err := <-written; err != nil || !bytes.Equal(got, text) {
		t.Errorf("what was read differs, or %v", err)
	}
}

func TestBreakSignal(t *testing.T) {
	s := newStand(t, nil)
	c, machine := s.open(sol.Options{})
	if err := c.Break(); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("<break>"))
	if _, err := io.ReadFull(machine, got); err != nil || string(got) != "<break>" {
		t.Errorf("the machine got %q, %v", got, err)
	}
}

// TestTaking: one has the console; who forces it takes it, and the other is told.
func TestTaking(t *testing.T) {
	s := newStand(t, nil)
	first, _ := s.open(sol.Options{Check: 50 * time.Millisecond})
	if _, err := sol.Open(t.Context(), s.session(), sol.Options{}); !errors.Is(err, sol.ErrInUse) {
		t.Fatalf("a second one got %v", err)
	}
	second, machine := s.open(sol.Options{Force: true})
	_, err := first.Read(make([]byte, 1))
	if !errors.Is(err, sol.ErrDeactivated) && !errors.Is(err, sol.ErrTaken) {
		t.Errorf("the first one got %v", err)
	}
	go func() { _, _ = machine.Write([]byte("x")) }()
	if _, err := second.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if _, err := second.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("after Close: %v", err)
	}
}

// TestTheMachineGoes: the line ends at the machine, and the client can open it anew.
func TestTheMachineGoes(t *testing.T) {
	s := newStand(t, nil)
	c, machine := s.open(sol.Options{})
	machine.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, sol.ErrDeactivated) {
		t.Fatalf("got %v", err)
	}
	s.open(sol.Options{})
}
