package service_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/redfish/service"
)

// pipes is a listener of connections in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if conn, more := <-p; more {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// serveOn serves a service with nothing in it.
func serveOn(t *testing.T, l net.Listener) {
	t.Helper()
	s := service.New(service.Options{Backend: service.NewMemory("root", "secret"), PlainLoopback: true})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l, nil) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.Close()
	})
}

const getRoot = "GET /redfish/v1/ HTTP/1.1\r\nHost: x\r\n"

func TestWhoTakesOrSendsNothingIsLeft(t *testing.T) {
	for name, text := range map[string]string{
		"takes nothing":                 getRoot + "\r\n",
		"sends the body never":          getRoot + "Content-Length: 1000\r\n\r\n",
		"sends a body that nobody asks": "POST /redfish/v1/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := make(pipes, 1)
				serveOn(t, l)
				ours, theirs := net.Pipe()
				defer ours.Close()
				l <- theirs
				if _, err := io.WriteString(ours, text); err != nil {
					t.Fatal(err)
				}
				if name != "takes nothing" {
					go func() { _, _ = io.Copy(io.Discard, ours) }()
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				_ = ours.SetDeadline(time.Now().Add(time.Second))
				if _, err := ours.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
					t.Errorf("it is waited for after a minute: %v", err)
				}
			})
		})
	}
}

func TestIdleConnectionsKeepNobodyOut(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l)
	for range 600 { // more than there are seats for
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.WriteString(conn, getRoot+"\r\n"); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
}
