package sim

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/telnet"
)

// Escape is what [Terminal.Line] returns when the escape key is pressed.
const Escape = "\x1b"

// maxLine is how long a typed line may be, in bytes; a longer one ends the
// connection. It holds the worst list of 10,000 plugs.
const maxLine = 64 << 10

var (
	errClosed  = errors.New("the connection is closed")
	errTooLong = errors.New("the line is too long")
)

// Terminal is one connection as a menu sees it: lines come in, and text goes
// out in one write per answer, unless the unit has a fault. Its methods are for
// the goroutine that runs [Style].Serve.
type Terminal struct {
	unit *Unit
	raw  net.Conn
	rw   io.ReadWriteCloser // raw, or telnet on it

	in     [256]byte
	r, w   int  // unread part of in
	skipLF bool // the last byte was CR
	keys   bool // escape is a key, and what is typed is echoed
	// special are more keys that count at once at the start of a line.
	special string
	idle    time.Duration // after which silence ends the line; 0 is never
	number  int           // of the connection, from 1
	secured bool          // it came through SSH
	entered bool          // somebody is logged in, and holds the session
	line    []byte
	out     []byte

	hung  atomic.Bool
	once  sync.Once
	ended chan struct{}
	tasks sync.WaitGroup // of SSH
}

func newTerminal(u *Unit, conn net.Conn) *Terminal {
	return &Terminal{unit: u, raw: conn, rw: conn, ended: make(chan struct{})}
}

// run is the conversation. It leaves the line open, for [Terminal.finish].
func (t *Terminal) run() {
	if t.hang() != nil {
		return
	}
	if t.unit.ssh && t.secure(t.unit.makesLogin()) != nil {
		return // they were told
	}
	// The error is how the user left; there is nobody to tell.
	if t.unit.style.Serve(t) == nil {
		t.Flush() //nolint:errcheck // as above
	}
}

// finish hangs up, when the unit has forgotten the session already: who hears of the
// end may come back at once.
func (t *Terminal) finish() {
	t.close()
	t.rw.Close() // waits for what telnet still has to do
	t.tasks.Wait()
}

// close ends the connection. It may be called at any time from anywhere.
func (t *Terminal) close() {
	t.once.Do(func() {
		close(t.ended)
		t.raw.Close()
	})
}

// Unit is the power strip at this end.
func (t *Terminal) Unit() *Unit { return t.unit }

// Telnet starts telnet on the connection, with the offers that power strips
// make: ECHO, SUPPRESS-GO-AHEAD, and questions that most clients refuse.
func (t *Terminal) Telnet() {
	t.rw = telnet.NewServer(t.raw, telnet.Options{Ask: []telnet.Option{telnet.SuppressGoAhead, telnet.TerminalType}})
}

// Keys makes the terminal echo what is typed, and escape a key of its own.
func (t *Terminal) Keys() { t.keys = true }

// Print adds text to the answer.
func (t *Terminal) Print(texts ...string) {
	for _, s := range texts {
		t.out = append(t.out, s...)
	}
}

// Write adds text to the answer, and never fails before the answer is sent.
func (t *Terminal) Write(p []byte) (int, error) {
	t.out = append(t.out, p...)
	if len(t.out) > 1<<20 {
		return len(p), t.Flush()
	}
	return len(p), nil
}

// Line sends the answer and reads the next line, without its end. CR, LF and
// CR LF each end a line.
func (t *Terminal) Line() (string, error) { return t.read(t.keys) }

// Secret is Line without echo.
func (t *Terminal) Secret() (string, error) { return t.read(false) }

func (t *Terminal) read(echo bool) (string, error) {
	if err := t.Flush(); err != nil {
		return "", err
	}
	t.line = t.line[:0]
	for {
		b, err := t.next()
		if err != nil {
			return "", err
		}
		afterCR := t.skipLF
		t.skipLF = b == '\r'
		switch {
		case afterCR && (b == '\n' || b == 0):
		case b == '\r' || b == '\n':
			if echo {
				t.out = append(append(t.out, t.line...), "\r\n"...)
			}
			return t.typed(string(t.line))
		case t.keys && len(t.line) == 0 && (b == Escape[0] || strings.IndexByte(t.special, b) >= 0):
			return t.typed(string(b))
		case len(t.line) == maxLine:
			return "", errTooLong
		default:
			t.line = append(t.line, b)
		}
	}
}

// Key sends the answer and reads one key, which is echoed with the line.
func (t *Terminal) Key() (string, error) {
	if err := t.Flush(); err != nil {
		return "", err
	}
	for {
		b, err := t.next()
		if err != nil {
			return "", err
		}
		afterCR := t.skipLF
		t.skipLF = b == '\r'
		if afterCR && (b == '\n' || b == 0) {
			continue
		}
		if t.keys && b >= ' ' {
			t.out = append(t.out, b)
		}
		return t.typed(string(b))
	}
}

// typed counts a line, and is where a device that hangs stops answering.
func (t *Terminal) typed(line string) (string, error) {
	t.unit.commands.Add(1)
	return line, t.hang()
}

func (t *Terminal) next() (byte, error) {
	if t.r == t.w {
		if t.idle > 0 {
			if err := t.raw.SetReadDeadline(time.Now().Add(t.idle)); err != nil {
				return 0, err
			}
		}
		n, err := t.rw.Read(t.in[:])
		if n == 0 && err != nil {
			return 0, err
		}
		t.r, t.w = 0, n
		if n == 0 {
			return t.next()
		}
	}
	b := t.in[t.r]
	t.r++
	return b, nil
}

// hang returns nil at once if the unit does not hang; else it reads and says
// nothing until the connection ends.
func (t *Terminal) hang() error {
	for {
		if _, hangs := t.unit.shows(Hang); !hangs {
			return nil
		}
		// Healing closes those that hang. It might have looked before we said
		// so, hence the second look.
		t.hung.Store(true)
		if _, hangs := t.unit.shows(Hang); !hangs {
			t.hung.Store(false)
			continue
		}
		_, err := io.Copy(io.Discard, t.rw)
		if err == nil {
			err = io.EOF
		}
		return err
	}
}

// Pause keeps the line, as a device that is busy does. It sends nothing.
func (t *Terminal) Pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-t.ended:
		return errClosed
	}
}

// Settle keeps the line until no relay of the unit moves any more.
func (t *Terminal) Settle() error {
	t.unit.room.mu.Lock()
	rest := t.unit.atRest
	t.unit.room.mu.Unlock()
	if rest == nil {
		return nil
	}
	select {
	case <-rest:
		return nil
	case <-t.ended:
		return errClosed
	}
}

// Flush sends the answer.
func (t *Terminal) Flush() error {
	if len(t.out) == 0 {
		return nil
	}
	answer := t.out
	t.out = t.out[:0]
	if t.unit.faults.Load() == nil {
		_, err := t.rw.Write(answer)
		return err
	}
	return t.sendWithFaults(answer)
}

func (t *Terminal) sendWithFaults(answer []byte) error {
	if f, slow := t.unit.shows(Slow); slow {
		if err := t.Pause(f.Delay); err != nil {
			return err
		}
	}
	if err := t.hang(); err != nil {
		return err
	}
	if _, garbage := t.unit.shows(Garbage); garbage {
		noise := rand.New(rand.NewPCG(uint64(len(answer)), uint64(t.unit.commands.Load()))) //nolint:gosec // noise
		for i := range answer {
			answer[i] = byte(noise.Uint32())
		}
	}
	if _, drop := t.unit.shows(Drop); drop {
		if _, err := t.rw.Write(answer[:len(answer)/2]); err != nil {
			return err
		}
		t.close()
		return errClosed
	}
	if f, trickle := t.unit.shows(Trickle); trickle {
		return t.sendPieces(answer, f.Delay, 1)
	}
	if _, half := t.unit.shows(Half); half {
		scale := 1 + len(answer)/1000
		return t.sendPieces(answer, time.Millisecond, scale, 3*scale, 2*scale, 17*scale, 5*scale)
	}
	_, err := t.rw.Write(answer)
	return err
}

// sendPieces writes in pieces of the given sizes, over and over, with a pause
// after each.
func (t *Terminal) sendPieces(answer []byte, pause time.Duration, sizes ...int) error {
	for i := 0; len(answer) > 0; i++ {
		n := min(sizes[i%len(sizes)], len(answer))
		if _, err := t.rw.Write(answer[:n]); err != nil {
			return err
		}
		answer = answer[n:]
		if err := t.Pause(pause); err != nil {
			return err
		}
	}
	return nil
}

// Accepts checks a login against the unit's, or the make's where the unit has
// none, and counts it.
func (t *Terminal) Accepts(given, makes Login) bool {
	want := t.unit.login
	if want.User == "" {
		want.User = makes.User
	}
	if want.Password == "" {
		want.Password = makes.Password
	}
	_, bad := t.unit.shows(BadLogin)
	if bad || given != want {
		return false
	}
	t.CountLogin()
	return true
}

// CountLogin is for makes that let everybody in.
func (t *Terminal) CountLogin() { t.unit.logins.Add(1) }
