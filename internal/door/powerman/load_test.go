package powerman_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"millwright.dev/millwright/internal/sim"
)

// simRoom starts simulated strips and gives a powerman.conf for them: nodes
// t[0-...], 16 to a strip.
func simRoom(t testing.TB, strips int) (*sim.Room, string) {
	t.Helper()
	cfg := sim.Config{History: -1}
	for i := range strips {
		cfg.PDUs = append(cfg.PDUs, sim.PDU{Name: fmt.Sprintf("test%d", i), Outlets: sim.Numbered(0, 16)})
	}
	room, err := sim.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(room.Close)
	var conf strings.Builder
	conf.WriteString("include \"/etc/powerman/vpc.dev\"\n")
	for i := range strips {
		name := fmt.Sprintf("test%d", i)
		fmt.Fprintf(&conf, "device %q \"vpc\" %q\nnode \"t[%d-%d]\" %q\n", name, room.Addr(name), 16*i, 16*i+15, name)
	}
	return room, conf.String()
}

// visit is one client's whole visit.
func visit(addr, ask, want string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	// All in one write; "quit" would come too early.
	if _, err := io.WriteString(conn, ask+"\n"); err != nil {
		return err
	}
	c := client{conn: conn}
	said, err := c.until("powerman> ", 2)
	if err == nil && !strings.HasSuffix(said, want+"\r\npowerman> ") {
		err = fmt.Errorf("%s: got %q", ask, said)
	}
	return err
}

// until reads through the n-th time of a text.
func (c *client) until(text string, n int) (string, error) {
	var b strings.Builder
	buf := make([]byte, 4096)
	for strings.Count(b.String(), text) < n {
		got, err := c.conn.Read(buf)
		b.Write(buf[:got])
		if err != nil {
			return b.String(), err
		}
	}
	return b.String(), nil
}

// TestDefectManyClients: PowerMan loses clients when sixteen come at once. Here
// come ten thousand, five hundred at a time, among some that neither read nor
// finish their lines, and none is turned away.
func TestDefectManyClients(t *testing.T) {
	_, conf := simRoom(t, 4)
	h := open(t, conf)
	h.dial().want("off t[0-63]", "102 Command completed successfully")
	leave := h.misers(20)
	defer leave()

	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var g errgroup.Group
	g.SetLimit(500)
	var served atomic.Int64
	for i := range 10_000 {
		g.Go(func() error {
			ask, want := fmt.Sprintf("status t%d", i%64), "103 Query complete"
			if i%100 == 0 {
				ask, want = fmt.Sprintf("on t%d", i%64), "102 Command completed successfully"
			}
			err := visit(h.addr, ask, want)
			if err == nil {
				served.Add(1)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Errorf("%d of 10000 served; the first that was not: %v", served.Load(), err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("%d MB are still held after the clients have left", grown>>20)
	}
}

// misers connect, and then ask without end and read nothing, or write half a
// line. What is returned sends them away.
func (h *house) misers(n int) (leave func()) {
	var all sync.WaitGroup
	conns := make([]net.Conn, n)
	for i := range conns {
		conn, err := net.Dial("tcp", h.addr)
		if err != nil {
			h.t.Fatal(err)
		}
		conns[i] = conn
		if i%2 == 0 {
			_, _ = io.WriteString(conn, "sta")
			continue
		}
		all.Go(func() {
			lines := "telemetry\n" + strings.Repeat("help\n", 200)
			for {
				if _, err := io.WriteString(conn, lines); err != nil {
					return
				}
			}
		})
	}
	return func() {
		for _, c := range conns {
			c.Close()
		}
		all.Wait()
	}
}

// FuzzDoor throws lines at a whole daemon with devices. Whatever they are, the
// next client is served.
func FuzzDoor(f *testing.F) {
	_, conf := simRoom(f, 1)
	h := open(f, conf+"alias \"a\" \"t[0-15]\"\n")
	for _, line := range []string{
		"status t[2-1]", "on t[0-99999]", "on t[0-9999999999]", "Status t0", "status [", "status t[1,]", "on a,a,a", "nodes\r\nquit\r\n",
		"telemetry\nexprange\nstatus a\n", "device \xff\x00", "on " + strings.Repeat("[", 300), "temp t[0-15],t[0-15]", "cycle", "beacon  t1 t2",
		"status t0\nstatus t1\noff t2\nquit\n", strings.Repeat("t0,", 5000), "on t" + strings.Repeat("9", 400),
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		conn, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, lines+"\n")
		_ = conn.(*net.TCPConn).CloseWrite()
		said, _ := io.ReadAll(conn)
		conn.Close()
		if !strings.HasPrefix(string(said), "001 ") || strings.Contains(string(said), "\n204 ") {
			t.Errorf("the daemon said %q", said)
		}
		if err := visit(h.addr, "status t0", "103 Query complete"); err != nil {
			t.Errorf("the next client: %v", err)
		}
	})
}
