package ipal_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/ipal"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

const password = "long-and-odd-word"

// unit is a simulated iPal.
type unit struct {
	energisedIsOff bool

	mu       sync.Mutex
	on       [8]bool
	moves    [8]int
	stuck    [8]bool
	broken   [8]bool // cable error
	password string
	refuse   bool
	hang     bool
	garbage  bool
	cut      bool
	pieces   bool
	talking  bool
}

func (u *unit) dial(ctx context.Context, _ transport.Address, _ transport.Credentials) (transport.Conn, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.refuse {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	if u.talking { // one seat: the next gets a connection and no answer
		theirs.Close()
		return ours, nil
	}
	u.talking = true
	go u.serve(theirs)
	return ours, nil
}

func (u *unit) serve(c net.Conn) {
	defer func() {
		u.mu.Lock()
		u.talking = false
		u.mu.Unlock()
		c.Close()
	}()
	var frame []byte
	buf := make([]byte, 64)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		frame = append(frame, buf[:n]...)
		parts := bytes.SplitN(frame, []byte("\x1b"), 3)
		if len(parts) < 3 || len(parts[2]) == 0 || strings.IndexByte("EDO", parts[2][len(parts[2])-1]) < 0 {
			continue
		}
		frame = nil
		if !u.answer(c, string(parts[1]), string(parts[2])) {
			return
		}
	}
}

// answer obeys one frame. It reports false to hang up.
func (u *unit) answer(c net.Conn, word, letters string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.hang {
		return true
	}
	if word != u.password {
		return false
	}
	if n, err := strconv.Atoi(letters[:len(letters)-1]); err == nil && !u.stuck[n-1] && !u.broken[n-1] {
		if want := (letters[len(letters)-1] == 'E') != u.energisedIsOff; want != u.on[n-1] {
			u.on[n-1] = want
			u.moves[n-1]++
		}
	}
	said := make([]byte, 8)
	for i := range said {
		switch said[i] = '0'; {
		case u.broken[i]:
			said[i] = '6'
		case u.on[i]:
			said[i] = '1'
		}
	}
	if u.garbage {
		said = []byte("\xff???????")
	}
	if u.cut {
		u.cut = false
		said = said[:3]
		_, _ = c.Write(said)
		return false
	}
	pieces := u.pieces
	u.mu.Unlock()
	defer u.mu.Lock()
	for ; pieces && len(said) > 3; said = said[3:] {
		if _, err := c.Write(said[:3]); err != nil {
			return false
		}
		time.Sleep(50 * time.Millisecond) // in a bubble
	}
	_, err := c.Write(said)
	return err == nil
}

func (u *unit) set(f func()) func() {
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		f()
	}
}

func at(plug string) int {
	n, _ := strconv.Atoi(plug)
	return n - 1
}

func rig(t *testing.T, energised string) drivertest.Rig {
	u := &unit{password: password, energisedIsOff: energised == "off"}
	s := ipal.New().New().(*ipal.Settings)
	s.Address, s.Energised = "tcp://unit:9100", energised
	return drivertest.Rig{
		Settings: s, Plugs: []string{"1", "2", "3", "4", "5", "6", "7", "8"}, Dial: u.dial,
		Credential: secret.Resolved{Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}},
		Truth: drivertest.Truth{
			On:    func(plug string) (on bool) { u.set(func() { on = u.on[at(plug)] })(); return on },
			Set:   func(plug string, on bool) { u.set(func() { u.on[at(plug)] = on })() },
			Moves: func(plug string) (n int) { u.set(func() { n = u.moves[at(plug)] })(); return n },
		},
		Faults: drivertest.Faults{
			Refuse: u.set(func() { u.refuse = true }), BadPassword: u.set(func() { u.password = "other" }),
			Hang: u.set(func() { u.hang = true }), Garbage: u.set(func() { u.garbage = true }), Cut: u.set(func() { u.cut = true }),
			Pieces: u.set(func() { u.pieces = true }),
			Reject: func(plug string) { u.set(func() { u.broken[at(plug)] = true })() },
			Stick:  func(plug string) { u.set(func() { u.stuck[at(plug)] = true })() },
		},
	}
}

// That outlets are told apart by the right byte of the answer, the last one too,
// is what "status is the truth" looks at for each of the eight.
func TestDriver(t *testing.T) {
	for _, energised := range []string{"on", "off"} {
		t.Run("energised is "+energised, func(t *testing.T) {
			drivertest.Run(t, drivertest.Subject{
				InMemory: true,
				New:      func(t *testing.T) drivertest.Rig { return rig(t, energised) },
			})
		})
	}
}

// A unit whose one seat is taken lets us connect and says nothing.
func TestSomebodyElseIsTalking(t *testing.T) {
	synctest.Test(t, somebodyElseIsTalking)
}

func somebodyElseIsTalking(t *testing.T) {
	r := rig(t, "on")
	busy, err := r.Dial(t.Context(), transport.Address{}, transport.Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	if _, err := r.Settings.Traits(nil); err != nil {
		t.Fatal(err)
	}
	_, err = r.Settings.Open(t.Context(), driver.Env{Device: "d", Dial: r.Dial, Credential: r.Credential, Reached: func() {}, Acted: func() {}})
	var f *driver.Fault
	if !errors.As(err, &f) || f.Phase != driver.LoggingIn || !strings.Contains(err.Error(), "somebody else") {
		t.Error(err)
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for field, spoil := range map[string]func(*ipal.Settings){
		"address":   func(s *ipal.Settings) { s.Address = "unit" },
		"outlets":   func(s *ipal.Settings) { s.Outlets = 9 },
		"energised": func(s *ipal.Settings) { s.Energised = "maybe" },
		"timeout":   func(s *ipal.Settings) { s.Timeout = 0 },
	} {
		s := ipal.New().New().(*ipal.Settings)
		s.Address = "tcp://unit:9100"
		spoil(s)
		_, err := s.Traits(nil)
		var wrong *driver.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// Whatever a unit answers, nothing breaks, and only eight states are believed.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("01010101"))
	f.Add([]byte{0, 1, 0, 1, 4, 5, 6, 0})
	f.Add([]byte("no"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		dial := func(context.Context, transport.Address, transport.Credentials) (transport.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				_, _ = theirs.Read(make([]byte, 64))
				_, _ = theirs.Write(answer)
				_, _ = io.Copy(io.Discard, theirs)
			}()
			return ours, nil
		}
		s := ipal.New().New().(*ipal.Settings)
		s.Address, s.Timeout = "tcp://unit:9100", 50*time.Millisecond
		if _, err := s.Traits(nil); err != nil {
			t.Fatal(err)
		}
		open, err := s.Open(t.Context(), driver.Env{Device: "d", Dial: dial, Reached: func() {}, Acted: func() {}})
		if err == nil {
			open.Close()
		}
		if err == nil && len(answer) < 8 {
			t.Errorf("%q was taken for an answer", answer)
		}
	})
}
