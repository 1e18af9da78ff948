package sim_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/sim"
)

// user is somebody at the other end of a unit's line.
type user struct {
	t    *testing.T
	conn net.Conn
	said chan string // closed when the unit hangs up
	got  string      // received, but not yet looked at
}

// dial connects in memory. All that the unit says is received at once, as a
// net.Pipe has no buffer of its own.
func dial(t *testing.T, room *sim.Room, pdu string) *user {
	t.Helper()
	conn, err := room.Dial(t.Context(), "tcp", pdu)
	if err != nil {
		t.Fatal(err)
	}
	u := &user{t: t, conn: conn, said: make(chan string, 1<<16)}
	go func() {
		defer close(u.said)
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if n > 0 {
				u.said <- string(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		u.rest()
	})
	return u
}

func (u *user) send(text string) {
	u.t.Helper()
	if _, err := io.WriteString(u.conn, text); err != nil {
		u.t.Fatalf("typing %q: %v", text, err)
	}
}

// until receives up to a text and returns what came before it.
func (u *user) until(want string) string {
	u.t.Helper()
	for {
		if before, after, found := strings.Cut(u.got, want); found {
			u.got = after
			return before
		}
		text, more := <-u.said
		if !more {
			u.t.Fatalf("hung up while waiting for %q, after %q", want, u.got)
		}
		u.got += text
	}
}

// rest receives until the unit hangs up.
func (u *user) rest() string {
	for text := range u.said {
		u.got += text
	}
	return u.got
}

// login waits for the first prompt of the make "vpc" and logs in.
func (u *user) login() {
	u.t.Helper()
	u.until("0 vpc> ")
	u.ask("login", "0 OK\n")
}

// ask types a line, if there is one, and wants this answer and nothing else but
// the prompt before it.
func (u *user) ask(line, want string) {
	u.t.Helper()
	if line != "" {
		u.send(line + "\n")
	}
	before := u.until(want)
	if _, after, found := strings.Cut(before, "vpc> "); found {
		before = after
	}
	if before != "" {
		u.t.Errorf("%q: got %q before %q", line, before, want)
	}
}
