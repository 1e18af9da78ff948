package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/telnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve accepts connections on loopback until the test ends, and hands each to
// talk in a goroutine that the test waits for.
func serve(t *testing.T, address string, talk func(net.Conn)) (host string, port int) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	t.Cleanup(func() { _ = l.Close() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer func() { _ = c.Close() }()
				talk(c)
			})
		}
	})
	addr := l.Addr().(*net.TCPAddr)
	return addr.IP.String(), addr.Port
}

// echo sends back what comes.
func echo(c net.Conn) { _, _ = io.Copy(c, c) }

func mustDial(t *testing.T, d *Dialer, a Address, cred Credentials) Conn {
	t.Helper()
	c, err := d.Dial(t.Context(), a, cred)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// exchange writes send and reads exactly want.
func exchange(t *testing.T, c Conn, send, want string) {
	t.Helper()
	if _, err := io.WriteString(c, send); err != nil {
		t.Fatalf("write %q: %v", send, err)
	}
	buf := make([]byte, len(want))
	if n, err := io.ReadFull(c, buf); err != nil || string(buf) != want {
		t.Fatalf("wrote %q, read %q, %v; want %q", send, buf[:n], err, want)
	}
}

// closeEndsRead checks that Close makes a Read in progress return.
func closeEndsRead(t *testing.T, c Conn) {
	t.Helper()
	ended := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	}()
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("Read after Close gave no error")
	}
}

// logBuffer is a slog destination that may be read while it is written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func TestTCP(t *testing.T) {
	for _, network := range []string{"127.0.0.1:0", "[::1]:0"} {
		host, port := serve(t, network, echo)
		c := mustDial(t, &Dialer{}, Address{Scheme: TCP, Host: host, Port: port}, Credentials{})
		exchange(t, c, "raw \xff\xfd\x03 bytes", "raw \xff\xfd\x03 bytes")
		if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Error(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read past its deadline: %v", err)
		}
		_ = c.SetReadDeadline(time.Time{})
		closeEndsRead(t, c)
	}
}

func TestEachDialAsksForTheName(t *testing.T) {
	var asked []string
	d := &Dialer{DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
		asked = append(asked, network+" "+address)
		return nil, errors.New("no route")
	}}
	a := Address{Scheme: TCP, Host: "fe80::1%eth0", Port: 23}
	for range 2 {
		_, err := d.Dial(t.Context(), a, Credentials{})
		if err == nil || err.Error() != "connect to tcp://[fe80::1%eth0]:23: no route" {
			t.Errorf("Dial: %v", err)
		}
	}
	if len(asked) != 2 || asked[0] != "tcp [fe80::1%eth0]:23" {
		t.Errorf("asked for %q", asked)
	}
}

func TestDialEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Dialer{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, errors.New("operation was canceled")
		}}
		start := time.Now()
		_, err := d.Dial(t.Context(), Address{Scheme: TCP, Host: "pdu", Port: 1}, Credentials{})
		if err == nil || !strings.Contains(err.Error(), "no connection within 30s") || time.Since(start) != DefaultTimeout {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// A server that accepts and then says nothing must not hold a handshake beyond
// the caller's patience.
func TestCancelledHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, url := range []string{"tls://pdu:1", "ssh://me@pdu?insecure=yes"} {
			server, client := net.Pipe()
			d := &Dialer{DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil }}
			a, _ := ParseURL(url)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			go func() { _, _ = io.Copy(io.Discard, server) }()
			_, err := d.Dial(ctx, a, Credentials{})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", url, err)
			}
			cancel()
			if _, err := client.Write([]byte("x")); err == nil {
				t.Errorf("%s: the connection was left open", url)
			}
			_ = server.Close()
		}
	})
}

func TestTelnet(t *testing.T) {
	host, port := serve(t, "127.0.0.1:0", func(c net.Conn) {
		s := telnet.NewServer(c, telnet.Options{Ask: []telnet.Option{telnet.Linemode}})
		_, _ = io.WriteString(s, "login: ")
		_, _ = io.Copy(s, s)
	})
	for _, tc := range []struct {
		query  string
		logged bool
	}{{"", false}, {"?powerman=yes", true}, {"?powerman=yes&quiet=yes", false}} {
		var logs logBuffer
		a, err := ParseURL("telnet://" + net.JoinHostPort(host, "1") + tc.query)
		if err != nil {
			t.Fatal(err)
		}
		a.Port = port
		c := mustDial(t, (&Dialer{}).WithLog(logs.logger().With("device", "pdu1")), a, Credentials{})
		exchange(t, c, "", "login: ")
		exchange(t, c, "admin\r", "admin\r")
		closeEndsRead(t, c)
		if got := strings.Contains(logs.String(), `device=pdu1 address=telnet://127.0.0.1`) && strings.Contains(logs.String(), `request="DO LINEMODE"`); got != tc.logged {
			t.Errorf("%q: logged %v: %s", tc.query, got, logs.String())
		}
	}
}

func TestUnknownScheme(t *testing.T) {
	if _, err := (&Dialer{}).Dial(t.Context(), Address{Scheme: "x"}, Credentials{}); err == nil {
		t.Error("no error")
	}
}
