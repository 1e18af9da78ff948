package console_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/console"
	"millwright.dev/millwright/internal/console/journal"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// machine is what is at the other end of consoles.
type machine struct {
	t     *testing.T
	came  chan net.Conn // a console that was opened: the machine's end
	down  atomic.Bool   // none can be
	none  atomic.Bool   // there is none
	opens atomic.Int64
}

type wired struct{ net.Conn }

func (wired) Break() error { return driver.ErrNoBreak }

func (m *machine) open(context.Context, string) (driver.Console, error) {
	m.opens.Add(1)
	if m.none.Load() {
		return nil, &room.Error{Code: room.CodeRefused, Said: "it has no console"}
	}
	if m.down.Load() {
		return nil, errors.New("no route")
	}
	ours, theirs := net.Pipe()
	m.came <- theirs
	return wired{ours}, nil
}

// hall is a hub with a room of one node.
type hall struct {
	*machine
	*console.Hub
	dir string
}

func roomOf(t *testing.T, k room.Keeping, c room.Console) *room.Room {
	t.Helper()
	c.Keeping, c.Via = k, "tcp://x:1"
	r, problems := room.New(room.Draft{Nodes: []room.DraftNode{{Name: "n1", Console: &room.DraftConsole{Console: c, LogSaid: true}}}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return r
}

var usual = room.Keeping{Linger: 10 * time.Second, Size: 1 << 20, Keep: 3, Scrollback: 64 << 10}

func newHall(t *testing.T, k room.Keeping, c room.Console) *hall {
	t.Helper()
	h := &hall{machine: &machine{t: t, came: make(chan net.Conn, 100)}, dir: t.TempDir()}
	h.Hub = console.New(console.Options{Open: h.open, Folder: h.dir})
	h.Apply(roomOf(t, k, c))
	return h
}

func (h *hall) attach(t *testing.T, w console.Wish) *console.Seat {
	t.Helper()
	s, err := h.Attach("n1", w)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// until reads what a seat gets until a notice comes.
func until(t *testing.T, s *console.Seat, kind string, want func(console.Notice) bool) console.Notice {
	t.Helper()
	for {
		u, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if u.Notice != nil && u.Notice.Kind == kind && (want == nil || want(*u.Notice)) {
			return *u.Notice
		}
	}
}

func open(n console.Notice) bool { return n.State == console.Open }

// hear reads n bytes of a console, and what was missed.
func hear(t *testing.T, s *console.Seat, n int) (data []byte, lost int64) {
	t.Helper()
	for len(data)+int(lost) < n {
		u, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, u.Data...)
		lost += u.Lost
	}
	return data, lost
}

func noise(n int) []byte {
	random := rand.New(rand.NewPCG(3, 4))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(random.Uint32())
	}
	return p
}

func TestOneTypesAndManyWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, usual, room.Console{})
		defer h.Close()
		ann := h.attach(t, console.Wish{Who: "ann", From: "10.0.0.1", Write: true})
		until(t, ann, console.NoticeState, open)
		far := <-h.came
		eve := h.attach(t, console.Wish{Who: "eve"})
		if err := eve.Write(t.Context(), []byte("x")); room.CodeOf(err) != room.CodeRefused {
			t.Errorf("a watcher typed: %v", err)
		}
		if _, err := h.Attach("n1", console.Wish{Who: "bob", Write: true}); room.CodeOf(err) != room.CodeBusy || !strings.Contains(err.Error(), "ann from 10.0.0.1 types there since") {
			t.Errorf("%v", err)
		}
		if err := ann.Write(t.Context(), []byte("root\r")); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 5)
		if _, err := io.ReadFull(far, got); err != nil || string(got) != "root\r" {
			t.Errorf("%q, %v", got, err)
		}
		fmt.Fprint(far, "# ")
		for _, s := range []*console.Seat{ann, eve} {
			if data, _ := hear(t, s, 2); string(data) != "# " {
				t.Errorf("%q", data)
			}
		}
		bob := h.attach(t, console.Wish{Who: "bob", Write: true, TakeOver: true, Replay: -1})
		if bob.TookFrom() != "ann" || !bob.Writes() || ann.Writes() {
			t.Error("it was not taken over")
		}
		if n := until(t, ann, console.NoticeWriter, func(n console.Notice) bool { return !n.You }); n.By != "bob" {
			t.Errorf("%+v", n)
		}
		if data, _ := hear(t, bob, 2); string(data) != "# " {
			t.Errorf("what came last is %q", data)
		}
		if err := bob.Break(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := until(t, eve, console.NoticeDropped, nil); !strings.Contains(n.Said, driver.ErrNoBreak.Error()) {
			t.Errorf("%+v", n)
		}
		if list := h.List(); len(list) != 1 || len(list[0].Attached) != 3 || list[0].State != console.Open {
			t.Errorf("%+v", list)
		}
		bob.Close()
		bob.Close()
		if n := until(t, ann, console.NoticeWriter, nil); n.By != "" {
			t.Errorf("%+v", n)
		}
		if _, err := ann.Take(false); err != nil {
			t.Error(err)
		}
	})
}

// TestWhoIsSlowSlowsNobody has one who does not read, while a megabyte and then ten come.
func TestWhoIsSlowSlowsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, usual, room.Console{})
		defer h.Close()
		quick, slow := h.attach(t, console.Wish{Who: "q"}), h.attach(t, console.Wish{Who: "s"})
		far := <-h.came
		all := noise(1 << 20)
		go far.Write(all)
		if got, lost := hear(t, quick, len(all)); lost != 0 || !bytes.Equal(got, all) {
			t.Errorf("%d of %d bytes, %d lost", len(got), len(all), lost)
		}
		if got, lost := hear(t, slow, len(all)); lost != 0 || !bytes.Equal(got, all) {
			t.Errorf("the slow one got %d of %d bytes, %d lost", len(got), len(all), lost)
		}
		const times = 10
		go func() {
			for range times {
				far.Write(all)
			}
		}()
		hear(t, quick, times*len(all))
		got, lost := hear(t, slow, times*len(all))
		if lost == 0 || int64(len(got))+lost != times<<20 || !bytes.HasSuffix(got, all) {
			t.Errorf("the slow one got %d bytes and lost %d", len(got), lost)
		}
	})
}

func TestLostAndFoundAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, usual, room.Console{})
		defer h.Close()
		s := h.attach(t, console.Wish{Who: "ann", Write: true})
		until(t, s, console.NoticeState, open)
		time.Sleep(time.Minute)
		(<-h.came).Close()
		n := until(t, s, console.NoticeState, nil)
		if n.State != console.Lost || !strings.Contains(n.Said, "hung up") {
			t.Errorf("%+v", n)
		}
		if err := s.Write(t.Context(), []byte("reboot\r")); room.CodeOf(err) != room.CodeDevice {
			t.Errorf("something was kept to be typed later: %v", err)
		}
		began := time.Now()
		until(t, s, console.NoticeState, open)
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
		h.down.Store(true)
		before := h.opens.Load()
		(<-h.came).Close()
		time.Sleep(10 * time.Minute)
		if tries := h.opens.Load() - before; tries < 8 || tries > 16 {
			t.Errorf("%d tries in ten minutes", tries)
		}
		h.down.Store(false)
		until(t, s, console.NoticeState, open)
	})
}

func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, usual, room.Console{})
		defer h.Close()
		h.attach(t, console.Wish{Who: "ann"}).Close()
		synctest.Wait()
		time.Sleep(9 * time.Second)
		if n := len(h.List()); n != 1 || h.opens.Load() != 1 {
			t.Errorf("%d consoles, opened %d times", n, h.opens.Load())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := len(h.List()); n != 0 {
			t.Errorf("it is still there: %v", h.List())
		}
		if _, err := (<-h.came).Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("it was not closed: %v", err)
		}
	})
}

// TestTheLogHasEverything sends bursts with nobody attached, and reads the log.
func TestTheLogHasEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := usual
		k.Log, k.Raw, k.Size, k.Keep = true, true, 100<<10, 30
		h := newHall(t, k, room.Console{})
		far := <-h.came
		all := noise(1<<20 + 16<<10)
		far.Write(all[:16<<10])
		far.Write(all[16<<10:])
		synctest.Wait()
		var log bytes.Buffer
		if err := h.ReadLog("n1", journal.Span{}, &log); err != nil || !bytes.Equal(log.Bytes(), all) {
			t.Errorf("%v, %d bytes", err, log.Len())
		}
		h.Close()
		if found, _ := filepath.Glob(filepath.Join(h.dir, "n1.log*")); len(found) < 10 {
			t.Errorf("%v", found)
		}
	})
}

func TestLogTellsWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := usual
		k.Log = true
		h := newHall(t, k, room.Console{})
		far := <-h.came
		fmt.Fprint(far, "Booting\r\nlogin: ")
		synctest.Wait()
		far.Close()
		synctest.Wait()
		h.Close()
		text, err := os.ReadFile(filepath.Join(h.dir, "n1.log"))
		for _, want := range []string{"* open", "| Booting\n", "| login: \n", "* lost: "} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%v: there is no %q in\n%s", err, want, text)
			}
		}
	})
}

func TestTheRoomChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, usual, room.Console{})
		defer h.Close()
		s := h.attach(t, console.Wish{Who: "ann", Write: true})
		until(t, s, console.NoticeState, open)
		h.Apply(roomOf(t, usual, room.Console{ReadOnly: true, Credential: ""}))
		if s.Writes() {
			t.Error("she types at a console that is read-only now")
		}
		if _, err := h.Attach("n1", console.Wish{Who: "bob", Write: true}); room.CodeOf(err) != room.CodeRefused {
			t.Error(err)
		}
		other, _ := room.New(room.Draft{Nodes: []room.DraftNode{{Name: "n2"}}})
		h.Apply(other)
		if n := until(t, s, console.NoticeClosed, nil); n.Said == "" {
			t.Error("it is not said why")
		}
		if _, err := s.Next(t.Context()); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		if _, err := h.Attach("n1", console.Wish{}); room.CodeOf(err) != room.CodeNotFound {
			t.Error(err)
		}
		h.Apply(roomOf(t, usual, room.Console{}))
		again := h.attach(t, console.Wish{Who: "ann"})
		until(t, again, console.NoticeState, open)
		s.Close()
		again.Close()
	})
}

func TestSeatsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, usual, room.Console{})
		defer h.Close()
		var seats []*console.Seat
		for {
			s, err := h.Attach("n1", console.Wish{Who: "ann"})
			if err != nil {
				if room.CodeOf(err) != room.CodeBusy || len(seats) != 64 {
					t.Errorf("%d seats, %v", len(seats), err)
				}
				break
			}
			seats = append(seats, s)
		}
		for _, s := range seats {
			s.Close()
		}
		h.attach(t, console.Wish{Who: "ann"}).Close()
	})
}

// TestAConsoleThatTakesNothing has somebody type into a console that does not read.
func TestAConsoleThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, usual, room.Console{})
		defer h.Close()
		s := h.attach(t, console.Wish{Who: "ann", Write: true})
		until(t, s, console.NoticeState, open)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Write(ctx, make([]byte, 1<<20)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		other := h.attach(t, console.Wish{Who: "bob"})
		far := <-h.came
		go far.Write([]byte("still here"))
		if data, _ := hear(t, other, 10); string(data) != "still here" {
			t.Errorf("%q", data)
		}
	})
}

// TestANodeWithoutAConsole: who attaches is told so, and not held.
func TestANodeWithoutAConsole(t *testing.T) {
	h := newHall(t, usual, room.Console{})
	defer h.Close()
	h.none.Store(true)
	s := h.attach(t, console.Wish{Who: "ann", Write: true})
	defer s.Close()
	for {
		u, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n := u.Notice; n != nil && n.Kind == console.NoticeClosed {
			if !strings.Contains(n.Said, "it has no console") || h.opens.Load() != 1 {
				t.Errorf("%q, after %d tries", n.Said, h.opens.Load())
			}
			return
		}
	}
}
