package tcp_test

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	"millwright.dev/millwright/internal/check/tcp"
)

// serve has a peer of the test's own behind a port.
func serve(t *testing.T, talk func(net.Conn)) int {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				talk(c)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func settings(port int, send, expect string) *tcp.Settings {
	s := tcp.New().New().(*tcp.Settings)
	s.Port, s.Send, s.Expect = port, send, expect
	return s
}

func TestPeers(t *testing.T) {
	echo := serve(t, func(c net.Conn) {
		var b [100]byte
		n, _ := c.Read(b[:])
		_, _ = c.Write(b[:n/2])
		_, _ = c.Write(b[n/2 : n])
		_, _ = c.Read(b[:])
	})
	flood := serve(t, func(c net.Conn) {
		for {
			if _, err := c.Write(bytes.Repeat([]byte("x"), 64<<10)); err != nil {
				return
			}
		}
	})
	short := serve(t, func(c net.Conn) { _, _ = c.Write([]byte("220 bye\r\n")) })
	closed := serve(t, func(net.Conn) {})
	for _, tt := range []struct {
		name string
		s    *tcp.Settings
		want check.Verdict
		says string
	}{
		{"connects", settings(echo, "", ""), check.OK, "connected to 127.0.0.1:"},
		{"sends only", settings(echo, "hello", ""), check.OK, "connected"},
		{"asks and hears", settings(echo, "hello {node}\r\n", `^hello {node}\r\n`), check.OK, `"hello n1"`},
		{"hears something else", settings(short, "", "^250"), check.Bad, `"220 bye"`},
		{"hears nothing", settings(closed, "", "^250"), check.Bad, "hung up"},
		{"is flooded", settings(flood, "", "y"), check.Bad, "first 4096 bytes"},
		{"nobody there", settings(1, "", ""), check.Bad, "connection refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checktest.Says(t, checktest.Look(t, tt.s, checktest.Env()), tt.want, tt.says)
		})
	}
}

// TestSilence holds that a peer which says nothing is bad when the time is up, and
// unknown when somebody has cut the check short.
func TestSilence(t *testing.T) {
	heard := make(chan struct{}, 2)
	port := serve(t, func(c net.Conn) {
		heard <- struct{}{}
		_, _ = c.Read(make([]byte, 1))
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	checktest.Says(t, checktest.LookFor(ctx, t, settings(port, "", "x"), checktest.Env()), check.Bad, "no answer in time")
	<-heard
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		<-heard
		cancel()
	}()
	checktest.Says(t, checktest.LookFor(ctx, t, settings(port, "", "x"), checktest.Env()), check.Unknown, "cut short")
}

func TestSettings(t *testing.T) {
	for _, s := range []*tcp.Settings{settings(0, "", ""), settings(70000, "", ""), settings(1, "", "("), {Port: 1}} {
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
