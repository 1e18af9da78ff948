package powerman

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"
)

const greeting = "001 2.4.4\r\npowerman> "

// dialRoom connects to a server in memory and reads its greeting.
func dialRoom(t *testing.T, srv *Server) (conn net.Conn, done chan error) {
	t.Helper()
	here, there := net.Pipe()
	done = make(chan error, 1)
	go func() { done <- srv.ServeConn(context.Background(), there) }()
	t.Cleanup(func() { _ = here.Close() })
	expect(t, here, greeting)
	return here, done
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("got %q, %v; want %q", got[:n], err, want)
	}
}

func send(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

func TestInputDuringACommandIs208(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := newRoom()
		room.hold = make(chan struct{})
		conn, done := dialRoom(t, &Server{Handler: room})
		send(t, conn, "on t0\n")
		synctest.Wait()
		for _, line := range []string{"quit", "nodes", "", strings.Repeat("x", 200_000)} {
			send(t, conn, line+"\r\n")
			expect(t, conn, "208 Command in progress\r\n")
		}
		close(room.hold)
		expect(t, conn, "102 Command completed successfully\r\npowerman> ")
		send(t, conn, "quit\n")
		expect(t, conn, "101 Goodbye\r\n")
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestLineLimit(t *testing.T) {
	conn, _ := dialRoom(t, &Server{Handler: newRoom()})
	r := bufio.NewReader(conn)
	const on = "on " // a request of MaxLine bytes is one
	send(t, conn, on+strings.Repeat("t", MaxLine-len(on))+"\r\n")
	line, err := r.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "209 No such nodes: ttt") {
		t.Errorf("%.40q, %v", line, err)
	}
	expect(t, r, Prompt)
	for _, n := range []int{MaxLine + 1, 5 * MaxLine} {
		send(t, conn, strings.Repeat("t", n)+"\n")
		expect(t, r, "203 Command too long\r\n"+Prompt)
	}
	send(t, conn, "nodes\n")
	expect(t, r, "306 t[0-15]\r\n")
}

// A client that leaves a line half-written goes after a minute; one that says
// nothing stays.
func TestHalfALineIsNotWaitedForForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, done := dialRoom(t, &Server{Handler: newRoom()})
		time.Sleep(1000 * time.Hour)
		send(t, conn, "nodes\n")
		expect(t, conn, "306 t[0-15]\r\n103 Query complete\r\npowerman> ")
		start := time.Now()
		for {
			if _, err := conn.Write([]byte("x")); err != nil {
				break
			}
			time.Sleep(7 * time.Second)
		}
		if err := <-done; err == nil || time.Since(start) > 70*time.Second {
			t.Errorf("left after %v with %v", time.Since(start), err)
		}
	})
}

// A client that does not read is dropped; its devices never waited for it, and
// the command ran to its end.
func TestClientThatDoesNotReadHurtsOnlyItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		talker := &talker{room: newRoom()}
		conn, done := dialRoom(t, &Server{Handler: talker})
		send(t, conn, "telemetry\n")
		expect(t, conn, "104 Telemetry ON\r\npowerman> ")
		send(t, conn, "on t0\n")
		start := time.Now()
		if err := <-done; !errors.Is(err, errSlowClient) {
			t.Error("the client should be lost, got", err)
		}
		if took := time.Since(start); took > 31*time.Second {
			t.Error("given up after", took)
		}
		if !talker.finished {
			t.Error("the command was not finished")
		}
		if talker.took != 0 {
			t.Error("telemetry made the device wait for", talker.took)
		}
	})
}

// talker is a room whose power commands report more than a queue holds.
type talker struct {
	*room
	finished bool
	took     time.Duration
}

func (r *talker) Power(_ context.Context, _ Command, _ string, out Out) error {
	start := time.Now()
	for range 20 {
		out.Telemetry(strings.Repeat("x", 1<<20))
	}
	r.took, r.finished = time.Since(start), true
	return nil
}

// One that does not read even the answer to a plain request is given up too.
func TestUnreadAnswerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, done := dialRoom(t, &Server{Handler: newRoom()})
		start := time.Now()
		send(t, conn, "status\n")
		if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 30*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestPowerOutlivesItsClientAndAQueryDoesNot(t *testing.T) {
	for _, c := range []struct {
		line string
		want error
	}{{"on t0\n", nil}, {"status t0\n", context.Canceled}} {
		synctest.Test(t, func(t *testing.T) {
			room := newRoom()
			room.hold = make(chan struct{})
			here, there := net.Pipe()
			lost := &breaking{Conn: there, broken: make(chan struct{})}
			done := make(chan error, 1)
			srv := &Server{Handler: room}
			go func() { done <- srv.ServeConn(context.Background(), lost) }()
			expect(t, here, greeting)
			send(t, here, c.line)
			<-room.entered
			close(lost.broken)
			synctest.Wait()
			close(room.hold)
			if got := <-room.ended; !errors.Is(got, c.want) {
				t.Errorf("%q: the command's context says %v, want %v", c.line, got, c.want)
			}
			if err := <-done; err == nil {
				t.Error("the loss should be reported")
			}
			_ = here.Close()
		})
	}
}

// breaking is a connection that is reset when broken is closed.
type breaking struct {
	net.Conn
	broken chan struct{}
}

func (b *breaking) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	read := make(chan result, 1)
	go func() { n, err := b.Conn.Read(p); read <- result{n, err} }()
	select {
	case r := <-read:
		return r.n, r.err
	case <-b.broken:
		_ = b.Conn.Close()
		<-read
		return 0, errors.New("connection reset by peer")
	}
}

func TestStoppingEndsEverything(t *testing.T) {
	room := newRoom()
	room.hold = make(chan struct{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- (&Server{Handler: room}).Serve(ctx, l) }()
	for range 3 {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		expect(t, conn, greeting)
		send(t, conn, "status t0\n")
		<-room.entered
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for range 3 {
		if err := <-room.ended; !errors.Is(err, context.Canceled) {
			t.Error("a command was not told:", err)
		}
	}
}

// The reference's second small write per reply costs 43 ms now and then.
func TestReplyIsOneWrite(t *testing.T) {
	here, there := net.Pipe()
	counted := &writeCounter{Conn: there, sizes: make(chan int, 100)}
	done := make(chan error, 1)
	go func() { done <- (&Server{Handler: newRoom()}).ServeConn(context.Background(), counted) }()
	expect(t, here, greeting)
	for _, c := range []struct{ ask, want string }{
		{"nodes", "306 t[0-15]\r\n103 Query complete\r\n"},
		{"status t1", "302 on:      t1\r\n302 off:     \r\n302 unknown: \r\n103 Query complete\r\n"},
		{"off t1", "102 Command completed successfully\r\n"},
		{"bogus", "201 Unknown command\r\n"},
	} {
		send(t, here, c.ask+"\n")
		expect(t, here, c.want+Prompt)
		for size := range counted.sizes {
			if size == len(greeting) { // the first write of all
				continue
			}
			if size != len(c.want+Prompt) {
				t.Errorf("%s: a write of %d bytes", c.ask, size)
			}
			break
		}
	}
	_ = here.Close()
	<-done
}

type writeCounter struct {
	net.Conn
	sizes chan int
}

func (w *writeCounter) Write(b []byte) (int, error) {
	w.sizes <- len(b)
	return w.Conn.Write(b)
}

func TestRefusedClientIsClosedWithoutAWord(t *testing.T) {
	var asked sync.Map
	addr := serve(t, &Server{Handler: newRoom(), Allow: func(a net.Addr) bool { asked.Store(a.String(), true); return false }})
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if b, err := io.ReadAll(conn); len(b) > 0 || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if _, ok := asked.Load(conn.LocalAddr().String()); !ok {
		t.Error("Allow was not asked about this client")
	}
}

// The reference loses clients from 16 at once on; here none may be refused.
func TestFiveHundredAtOnce(t *testing.T) {
	room := newRoom()
	addr := serve(t, &Server{Handler: room, Limits: Limits{Clients: 100}}) // the others wait in the backlog
	var all errgroup.Group
	for range 500 {
		all.Go(func() error {
			c, err := Dial(context.Background(), addr, DialOptions{})
			if err != nil {
				return err
			}
			defer c.Close()
			results, err := c.Status(context.Background(), "t[0-3]")
			if err == nil && len(results) != 4 {
				err = fmt.Errorf("%d results", len(results))
			}
			return errors.Join(err, c.Quit(context.Background()))
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
}

// Out of descriptors: the server waits and goes on.
func TestAcceptingGoesOnAfterALackOfDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		l := &starved{conns: make(chan net.Conn, 1), closed: make(chan struct{}), fail: 20}
		l.conns <- there
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- (&Server{Handler: newRoom()}).Serve(ctx, l) }()
		expect(t, here, greeting)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// At the limit, where a client is let in now and then, the pauses stay long and the
// log is not filled; after a while without trouble a new lack is told of again.
func TestALackOfDescriptorsIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := &scarce{}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		s := &Server{Handler: newRoom(), Log: slog.New(slog.NewTextHandler(&log, nil)), Allow: func(net.Addr) bool { return false }}
		go func() { done <- s.Serve(ctx, l) }()
		time.Sleep(time.Minute)
		if n := l.tries.Load(); n > 150 {
			t.Errorf("it tried %d times in a minute", n)
		}
		l.plenty.Store(true)
		time.Sleep(time.Minute)
		l.plenty.Store(false)
		time.Sleep(time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "cannot accept"); n != 2 {
			t.Errorf("told %d times of two spells", n)
		}
	})
}

// scarce is a listener that lets every second client in; with plenty, one each second.
type scarce struct {
	tries  atomic.Int64
	plenty atomic.Bool
}

func (l *scarce) Accept() (net.Conn, error) {
	if l.plenty.Load() {
		time.Sleep(time.Second)
	} else if l.tries.Add(1)%2 == 1 {
		return nil, syscall.EMFILE
	}
	c, _ := net.Pipe()
	return c, nil
}
func (l *scarce) Close() error   { return nil }
func (l *scarce) Addr() net.Addr { return &net.TCPAddr{} }

// starved is a listener that fails some times before it accepts.
type starved struct {
	conns  chan net.Conn
	closed chan struct{}
	fail   int
}

func (l *starved) Accept() (net.Conn, error) {
	if l.fail--; l.fail >= 0 {
		return nil, syscall.EMFILE
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *starved) Close() error   { close(l.closed); return nil }
func (l *starved) Addr() net.Addr { return &net.TCPAddr{} }

// What a device reports after its command was answered is dropped.
func TestLateReportsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := &lateRoom{room: newRoom(), answered: make(chan struct{}), reported: make(chan struct{})}
		conn, _ := dialRoom(t, &Server{Handler: late})
		send(t, conn, "on t0\n")
		expect(t, conn, "102 Command completed successfully\r\n"+Prompt)
		close(late.answered)
		<-late.reported
		send(t, conn, "bogus\n")
		expect(t, conn, "201 Unknown command\r\n"+Prompt)
	})
}

type lateRoom struct {
	*room
	answered, reported chan struct{}
}

func (r *lateRoom) Power(_ context.Context, _ Command, _ string, out Out) error {
	go func() {
		<-r.answered
		out.DeviceError("too late")
		close(r.reported)
	}()
	return nil
}

func TestTheHandlerKnowsWhoAsks(t *testing.T) {
	who := make(chan net.Addr, 1)
	addr := serve(t, &Server{Handler: asking{newRoom(), who}})
	c, err := Dial(t.Context(), addr, DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Nodes(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := (<-who).String(), c.rwc.(net.Conn).LocalAddr().String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

type asking struct {
	*room
	who chan net.Addr
}

func (a asking) Nodes(ctx context.Context) ([]string, error) {
	a.who <- RemoteAddr(ctx)
	return a.room.Nodes(ctx)
}
