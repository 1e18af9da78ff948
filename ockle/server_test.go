package ockle_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/ockle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve has a server on loopback until the test ends.
func serve(t testing.TB, s *ockle.Server) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// echo answers with what it was sent, and fails where it is told to.
func echo(_ context.Context, r ockle.Request) (ockle.Values, error) {
	switch r.Command {
	case "echo", "ServerView":
		return r.Values, nil
	case "fail":
		return nil, ockle.Errorf(ockle.CodeNotFound, "there is no server %q", r.Values.Text("server"))
	case "break":
		return nil, errors.New("broken")
	case "restart":
		return nil, ockle.ErrNoAnswer
	}
	return nil, ockle.ErrUnknownCommand
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

// ask sends the pieces one by one and gives all that comes back.
func ask(t *testing.T, addr string, pieces ...string) string {
	t.Helper()
	conn := dial(t, addr)
	for _, piece := range pieces {
		if _, err := io.WriteString(conn, piece); err != nil {
			t.Fatal(err)
		}
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func request(class ockle.Class, name string, values ...ockle.Value) string {
	return string(ockle.AppendFrame(nil, ockle.Message{Class: class, Name: name, Values: values}.Encode()))
}

// answer reads a frame that is all of an answer.
func answer(t *testing.T, text string) ockle.Message {
	t.Helper()
	r := strings.NewReader(text)
	payload, err := ockle.ReadFrame(r, 1<<20)
	if err != nil || r.Len() > 0 {
		t.Fatalf("%q is no frame: %v", text, err)
	}
	m, err := ockle.Decode(payload)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestVectors(t *testing.T) {
	addr := serve(t, &ockle.Server{Handler: ockle.HandlerFunc(echo)})
	unknown := "149:" + declaration + `<MessageType name="MessageServerError"><MessageAttr Error="Unknown Command"><data/></MessageAttr></MessageType>`
	for name, text := range map[string]string{
		"an unknown command":    request(ockle.ClientSend, "nosuch"),
		"a wrong case":          request(ockle.ClientSend, "ECHO"),
		"an unknown class":      request("MessageOther", "echo"),
		"an error as a request": request(ockle.ServerError, "echo"),
		"an answer":             request(ockle.ServerSend, "echo"),
	} {
		if got := ask(t, addr, text); got != unknown {
			t.Errorf("%s is answered by %q", name, got)
		}
	}
	if got := ask(t, addr, request(ockle.ClientSend, "ServerView")); len(got) != len("143:")+143 || !strings.HasPrefix(got, "143:") {
		t.Errorf("an unknown server: %q", got)
	}
	want := answer(t, ask(t, addr, request(ockle.ClientSend, "echo", ockle.Value{Key: "a", Text: "é"})))
	if want.Class != ockle.ServerSend || want.Name != "echo" || want.Values.Text("a") != "é" {
		t.Errorf("%+v", want)
	}
	// A request in pieces of one byte, with zeros before its size, and more behind it.
	whole := "000" + request(ockle.ClientSend, "echo", ockle.Value{Key: "a", Text: "é"})
	if got := answer(t, ask(t, addr, append(strings.Split(whole, ""), "and more")...)); got.Values.Text("a") != "é" {
		t.Errorf("in pieces: %+v", got)
	}
	if got := ask(t, addr, request(ockle.ClientSend, "restart")); got != "" {
		t.Errorf("restart is answered by %q", got)
	}
}

func TestEveryErrorIsFramedAndSaysWhy(t *testing.T) {
	addr := serve(t, &ockle.Server{Handler: ockle.HandlerFunc(echo)})
	for _, c := range []struct {
		name, text, code, says string
	}{
		{"a failure", request(ockle.ClientSend, "fail", ockle.Value{Key: "server", Text: "wéb"}), "not-found", `no server "wéb"`},
		{"another failure", request(ockle.ClientSend, "break"), "internal", "broken"},
		{"nothing", "0:", "invalid", "no element"},
		{"no count", "GET / HTTP/1.1\r\n\r\n", "invalid", "count of bytes"},
		{"a negative count", "-1:", "invalid", "count of bytes"},
		{"a huge count", "99999999999999999999:", "invalid", "too large"},
		{"malformed XML", "5:<a><b", "invalid", "a name is expected"},
		{"no UTF-8", "4:<\xff/>", "invalid", "UTF-8"},
		{"a bomb", "18:<!DOCTYPE a [...]>", "invalid", "document types"},
	} {
		m := answer(t, ask(t, addr, c.text))
		if m.Class != ockle.ServerError || m.Values.Text("code") != c.code || !strings.Contains(m.Name, c.says) || m.Values.Text("message") != m.Name {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
	// One that leaves early costs nobody anything.
	_ = dial(t, addr).Close()
	conn := dial(t, addr)
	_, _ = io.WriteString(conn, "100:<Mess")
	_ = conn.Close()
	if got := answer(t, ask(t, addr, request(ockle.ClientSend, "echo"))); got.Name != "echo" {
		t.Errorf("%+v", got)
	}
}

func TestClientsDoNotWaitForEachOther(t *testing.T) {
	free, begun := make(chan struct{}), make(chan struct{})
	addr := serve(t, &ockle.Server{Handler: ockle.HandlerFunc(func(_ context.Context, r ockle.Request) (ockle.Values, error) {
		if r.Command == "slow" {
			close(begun)
			<-free
		}
		return nil, nil
	})})
	slow := dial(t, addr)
	_, _ = io.WriteString(slow, request(ockle.ClientSend, "slow"))
	<-begun
	if got := answer(t, ask(t, addr, request(ockle.ClientSend, "quick"))); got.Name != "quick" {
		t.Errorf("%+v", got)
	}
	close(free)
	if got, err := io.ReadAll(slow); err != nil || answer(t, string(got)).Name != "slow" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAFloodKeepsNobodyOut(t *testing.T) {
	addr := serve(t, &ockle.Server{Handler: ockle.HandlerFunc(echo), Limits: ockle.Limits{Clients: 8, ReadTime: time.Hour}})
	var flood []net.Conn
	for range 300 {
		conn := dial(t, addr)
		_, _ = io.WriteString(conn, "100:<")
		flood = append(flood, conn)
	}
	c := ockle.Client{Addr: addr, Timeout: 30 * time.Second}
	for range 20 {
		if _, err := c.Call(t.Context(), "echo", nil); err != nil {
			t.Fatal(err)
		}
	}
	// The oldest had to go.
	if _, err := flood[0].Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the oldest is still there: %v", err)
	}
}

func TestMemoryOfUnfinishedRequestsIsBounded(t *testing.T) {
	addr := serve(t, &ockle.Server{Handler: ockle.HandlerFunc(echo), Limits: ockle.Limits{Memory: 64 << 10, ReadTime: time.Hour}})
	first := dial(t, addr)
	_, _ = io.WriteString(first, "50000:"+strings.Repeat(" ", 40000))
	second := dial(t, addr)
	go func() { _, _ = io.WriteString(second, "50000:"+strings.Repeat(" ", 40000)) }()
	if got, err := io.ReadAll(first); err == nil && len(got) > 0 {
		t.Errorf("the first is answered by %q", got)
	}
	if got := answer(t, ask(t, addr, request(ockle.ClientSend, "echo", ockle.Value{Key: "a", Text: strings.Repeat("x", 100<<10)}))); got.Name != "echo" {
		t.Error("one request that is larger than all may be together does not get in")
	}
}

func TestWhoIsServedKeepsItsSeat(t *testing.T) {
	free, begun := make(chan struct{}), make(chan struct{}, 2)
	addr := serve(t, &ockle.Server{Limits: ockle.Limits{Clients: 2}, Handler: ockle.HandlerFunc(func(context.Context, ockle.Request) (ockle.Values, error) {
		begun <- struct{}{}
		<-free
		return nil, nil
	})})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			c := ockle.Client{Addr: addr, Timeout: 30 * time.Second}
			if _, err := c.Call(t.Context(), "slow", nil); err != nil {
				t.Error(err)
			}
		})
	}
	<-begun
	<-begun
	c := ockle.Client{Addr: addr, Timeout: 30 * time.Second}
	_, err := c.Call(t.Context(), "more", nil)
	var told *ockle.Error
	if !errors.As(err, &told) || told.Code != ockle.CodeBusy {
		t.Errorf("the third is told %v", err)
	}
	close(free)
	wg.Wait()
}

// pipes is a listener in memory, for tests in which time does not pass by itself.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestSlowClientsAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := make(pipes)
		ctx, cancel := context.WithCancel(t.Context())
		s := ockle.Server{Handler: ockle.HandlerFunc(func(ctx context.Context, _ ockle.Request) (ockle.Values, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}), Limits: ockle.Limits{ReadTime: 3 * time.Second, WriteTime: 7 * time.Second, HandleTime: 5 * time.Second}}
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx, l) }()

		// A byte a second is not quick enough.
		from := time.Now()
		theirs, ours := net.Pipe()
		l <- ours
		go func() {
			for {
				if _, err := theirs.Write([]byte("0")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		got, err := io.ReadAll(theirs)
		if err != nil || answer(t, string(got)).Values.Text("code") != "timeout" || time.Since(from) != 3*time.Second {
			t.Errorf("after %v: %q, %v", time.Since(from), got, err)
		}

		// A handler that hangs is given up, and so is a client that then does not
		// take its answer within seven seconds.
		for wait, code := range map[time.Duration]string{11 * time.Second: "timeout", 13 * time.Second: ""} {
			theirs, ours := net.Pipe()
			l <- ours
			_, _ = io.WriteString(theirs, request(ockle.ClientSend, "hang"))
			time.Sleep(wait)
			got, err := io.ReadAll(theirs)
			if err != nil || code == "" && len(got) > 0 || code != "" && answer(t, string(got)).Values.Text("code") != code {
				t.Errorf("taken after %v: %q, %v", wait, got, err)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestServeEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := ockle.Server{Handler: ockle.HandlerFunc(func(ctx context.Context, _ ockle.Request) (ockle.Values, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	})}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	idle := dial(t, l.Addr().String())
	_, _ = io.WriteString(dial(t, l.Addr().String()), request(ockle.ClientSend, "x"))
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := idle.Read(make([]byte, 1)); err == nil {
		t.Error("a client outlives the server")
	}
	if err := s.Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed listener: %v", err)
	}
}

func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := ockle.Server{Handler: ockle.HandlerFunc(func(_ context.Context, r ockle.Request) (ockle.Values, error) {
		if r.Command != ockle.SetServer {
			return nil, ockle.ErrUnknownCommand
		}
		return ockle.Values{{Key: ockle.KeyStatus, Text: string(ockle.ForcedOn)}}, nil
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, l) }()

	client := ockle.Client{Addr: l.Addr().String()}
	state, err := client.SetServer(ctx, "web", true)
	fmt.Println(state, err)
	_, err = client.AutoControl(ctx)
	fmt.Println(errors.Is(err, ockle.ErrUnknownCommand))
	cancel()
	<-done
	// Output:
	// Forced on <nil>
	// true
}
