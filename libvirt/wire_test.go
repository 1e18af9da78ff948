package libvirt

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// server plays a daemon at the other end of a pipe: it opens what is asked for, and
// answers all else by answer; nil is no answer.
func server(line net.Conn, answer func(h header, args []byte) [][]byte) {
	defer line.Close()
	for {
		h, args, err := readMessage(line)
		if err != nil {
			return
		}
		var out [][]byte
		switch {
		case h.kind == typeCall && h.procedure == procAuthList:
			out = [][]byte{replyTo(h, statusOK, appendUint(appendUint(nil, 1), authNone))}
		case h.kind == typeCall && (h.procedure == procOpen || h.procedure == procRegister):
			out = [][]byte{replyTo(h, statusOK, appendUint(nil, 0))}
		default:
			out = answer(h, args)
		}
		for _, b := range out {
			if _, err := line.Write(b); err != nil {
				return
			}
		}
	}
}

func replyTo(h header, status uint32, payload []byte) []byte {
	return appendMessage(nil, header{h.program, h.version, h.procedure, typeReply, h.serial, status}, payload)
}

func piece(h header, status uint32, payload []byte) []byte {
	return appendMessage(nil, header{h.program, h.version, h.procedure, typeStream, h.serial, status}, payload)
}

// with opens a connection to a server that answers so.
func with(t testing.TB, o Options, answer func(h header, args []byte) [][]byte) *Conn {
	t.Helper()
	near, far := net.Pipe()
	go server(far, answer)
	c, err := New(t.Context(), near, "test:///default", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// A daemon that says nothing any more is left after five questions; one that answers stays.
func TestKeepAlive(t *testing.T) {
	for _, answers := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := with(t, Options{KeepAlive: time.Second}, func(h header, _ []byte) [][]byte {
				if !answers || h.program != programKeepAlive || h.procedure != procPing {
					return nil
				}
				return [][]byte{appendMessage(nil, header{programKeepAlive, programVersion, procPong, typeMessage, 0, statusOK}, nil)}
			})
			start := time.Now()
			select {
			case <-c.Done():
			case <-time.After(time.Minute):
			}
			if took := time.Since(start); answers != (c.Err() == nil) || !answers && (!errors.Is(c.Err(), ErrSilent) || took > 7*time.Second) {
				t.Errorf("it answers: %t; %v after %v", answers, c.Err(), took)
			}
		})
	}
}

// A daemon's own questions are answered, also while calls are under way.
func TestPong(t *testing.T) {
	pongs := make(chan header, 1)
	ping := appendMessage(nil, header{programKeepAlive, programVersion, procPing, typeMessage, 0, statusOK}, nil)
	c := with(t, Options{KeepAlive: -1}, func(h header, _ []byte) [][]byte {
		if h.program == programKeepAlive {
			pongs <- h
			return nil
		}
		return [][]byte{ping}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		if h := <-pongs; h.procedure != procPong || h.kind != typeMessage {
			t.Errorf("%+v", h)
		}
		cancel()
	}()
	if _, err := c.Domains(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Calls that are not answered hold up no more than their own number, and end with
// their contexts.
func TestCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		c := with(t, Options{KeepAlive: -1, Calls: 3}, func(header, []byte) [][]byte {
			calls.Add(1)
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wrong := make(chan error)
		for range 10 {
			go func() {
				_, err := c.Domains(ctx)
				wrong <- err
			}()
		}
		for range 10 {
			if err := <-wrong; !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		if n := calls.Load(); n != 3 {
			t.Errorf("%d calls went out", n)
		}
	})
}

// What a hostile or broken daemon answers becomes an error.
func TestHostile(t *testing.T) {
	long := binary.BigEndian.AppendUint32(nil, maxMessage+1)
	for name, c := range map[string]struct {
		answer func(h header, args []byte) [][]byte
		want   string
		over   bool // the connection is
	}{
		"too long":           {func(header, []byte) [][]byte { return [][]byte{long} }, "malformed", true},
		"too short":          {func(header, []byte) [][]byte { return [][]byte{{0, 0, 0, 4}} }, "malformed", true},
		"cut off":            {func(h header, _ []byte) [][]byte { return [][]byte{replyTo(h, statusOK, []byte{0, 0})} }, "malformed", false},
		"many":               {func(h header, _ []byte) [][]byte { return [][]byte{replyTo(h, statusOK, appendUint(nil, 1<<31))} }, "malformed", false},
		"fewer than it says": {func(h header, _ []byte) [][]byte { return [][]byte{replyTo(h, statusOK, appendUint(nil, 60000))} }, "malformed", false},
		"long name": {func(h header, _ []byte) [][]byte {
			return [][]byte{replyTo(h, statusOK, appendUint(appendUint(nil, 1), 1<<30))}
		}, "malformed", false},
		"odd error": {func(h header, _ []byte) [][]byte { return [][]byte{replyTo(h, statusError, []byte{1})} }, "cannot be read", false},
		"error": {func(h header, _ []byte) [][]byte {
			return [][]byte{replyTo(h, statusError, appendOptional([]byte{0, 0, 0, 42, 0, 0, 0, 10}, "not here"))}
		}, "not here", false},
	} {
		t.Run(name, func(t *testing.T) {
			conn := with(t, Options{}, c.answer)
			if _, err := conn.Domains(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) || (conn.Err() != nil) != c.over {
				t.Errorf("%v, over: %v; want %s", err, conn.Err(), c.want)
			}
		})
	}
}

// A daemon that asks for SASL is told apart from one that does not.
func TestAuthentication(t *testing.T) {
	for ways, want := range map[[2]uint32]string{{1, 1}: "SASL", {2, 1}: "", {1, 0}: ""} {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			for {
				h, _, err := readMessage(far)
				if err != nil {
					return
				}
				payload := appendUint(nil, 0)
				if h.procedure == procAuthList {
					payload = appendUint(appendUint(appendUint(nil, 2), ways[0]), ways[1])
				}
				if _, err := far.Write(replyTo(h, statusOK, payload)); err != nil {
					return
				}
			}
		}()
		c, err := New(t.Context(), near, "test:///default", Options{})
		if err == nil {
			c.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v; want %q", ways, err, want)
		}
	}
}

// How streams end: with the machine, with an error, because nobody reads, with Close.
func TestStreamEnds(t *testing.T) {
	open := func(t *testing.T, then func(h header) [][]byte) (*Conn, *Stream) {
		t.Helper()
		c := with(t, Options{KeepAlive: -1}, func(h header, _ []byte) [][]byte {
			if h.kind != typeCall || h.procedure != procOpenConsole {
				return nil
			}
			return append([][]byte{replyTo(h, statusOK, nil), piece(h, statusContinue, []byte("last words"))}, then(h)...)
		})
		s, err := c.OpenConsole(t.Context(), Domain{Name: "x"}, "", false)
		if err != nil {
			t.Fatal(err)
		}
		return c, s
	}
	said := appendOptional([]byte{0, 0, 0, 38, 0, 0, 0, 0}, "broken")
	for name, c := range map[string]struct {
		then func(h header) [][]byte
		want string // "" for io.EOF
	}{
		"empty piece": {func(h header) [][]byte { return [][]byte{piece(h, statusContinue, nil)} }, ""},
		"finished":    {func(h header) [][]byte { return [][]byte{piece(h, statusOK, nil)} }, ""},
		"error":       {func(h header) [][]byte { return [][]byte{piece(h, statusError, said)} }, "broken"},
		"too much":    {func(h header) [][]byte { return [][]byte{piece(h, statusContinue, make([]byte, backlog))} }, ErrOverrun.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			_, s := open(t, c.then)
			<-s.closed
			b, err := io.ReadAll(s)
			if string(b) != "last words" || c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%q, %v; want %q", b, err, c.want)
			}
			if _, err := s.Write([]byte("x")); err == nil {
				t.Error("it takes keys")
			}
		})
	}
	t.Run("closed", func(t *testing.T) {
		_, s := open(t, func(header) [][]byte { return nil })
		b := make([]byte, len("last words"))
		if _, err := io.ReadFull(s, b); err != nil || string(b) != "last words" {
			t.Errorf("%q, %v", b, err)
		}
		time.AfterFunc(time.Millisecond, func() { s.Close() })
		if b, err := io.ReadAll(s); err == nil || len(b) > 0 {
			t.Errorf("%q, %v", b, err)
		}
	})
	t.Run("connection closed", func(t *testing.T) {
		c, s := open(t, func(header) [][]byte { return nil })
		if _, err := io.ReadFull(s, make([]byte, len("last words"))); err != nil {
			t.Error(err)
		}
		time.AfterFunc(time.Millisecond, func() { c.Close() })
		if _, err := io.ReadAll(s); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

// FuzzServer has a daemon say anything: nothing panics, hangs, or is believed for long.
func FuzzServer(f *testing.F) {
	h := header{programRemote, programVersion, procListAllDomains, typeReply, 3, statusOK}
	f.Add(appendMessage(nil, h, appendDomain(appendUint(nil, 1), Domain{Name: "a"})))
	h.kind, h.procedure, h.serial = typeMessage, procEventLifecycle, 0
	f.Add(appendMessage(nil, h, appendUint(appendUint(appendDomain(appendUint(nil, 1), Domain{Name: "a"}), 5), 1)))
	h.kind, h.procedure, h.serial, h.status = typeStream, procOpenConsole, 3, statusContinue
	f.Add(appendMessage(replyTo(header{programRemote, programVersion, procOpenConsole, typeCall, 3, 0}, statusOK, nil), h, []byte("x")))
	h.status = statusError
	f.Add(appendMessage(nil, h, appendOptional(make([]byte, 8), "no")))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, said []byte) {
		near, far := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			said := said
			server(far, func(header, []byte) [][]byte {
				if said == nil {
					far.Close()
				}
				out := said
				said = nil
				go func() { _, _ = io.Copy(io.Discard, far) }()
				return [][]byte{out, {0}}
			})
		}()
		c, err := New(t.Context(), near, "x", Options{KeepAlive: -1, Notify: func(e Event) { _ = e.Kind.String() + e.Why() }})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(5*time.Millisecond, func() { far.Close() })
		if s, err := c.OpenConsole(t.Context(), Domain{}, "", true); err == nil {
			_, _ = io.ReadAll(s)
		}
		_, _ = c.Domains(t.Context())
		_, _ = c.Boot(t.Context(), Domain{})
		c.Close()
		<-done
	})
}
