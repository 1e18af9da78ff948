package script_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// plain is a specification of a device that answers each line with "ok".
const plain = `specification "plain" {
	timeout 10
	pingperiod 30
	script login   { send "hello %{password}\n"  expect "ok\n" }
	script ping    { send "ping\n"               expect "ok\n" }
	script on      { send "on %s\n"              expect "ok\n" }
	script off_ranged {
		send "off %s\n"
		foreachplug { expect "([^ ]+) ([^\n]+)\n" setresult $1 $2 success="^ok" success="^well" }
		expect "end\n"
	}
	script cycle   { send "cycle %s\n"  delay 60  expect "ok\n" }
	script reset_all { send "reset\n"   expect "ok\n" }
	script status_all {
		send "status\n"
		foreachplug { expect "([^ ]+) (on|off|odd)\n" setplugstate $1 $2 on="on" off="off" }
		expect "end\n"
	}
	script beacon_on { send "light %{lamp}\n"  expect "ok\n" }
}`

// peer is the other end of a line: it answers each line that it hears as a
// function says, which may take its time.
type peer struct {
	answer func(line string) string
	lines  sync.WaitGroup
	mu     sync.Mutex
	heard  []string
}

// dial implements [driver.Dial].
func (p *peer) dial(context.Context, transport.Address, transport.Credentials) (transport.Conn, error) {
	ours, theirs := net.Pipe()
	p.lines.Go(func() {
		defer theirs.Close()
		for lines := bufio.NewScanner(theirs); lines.Scan(); {
			p.mu.Lock()
			p.heard = append(p.heard, lines.Text())
			p.mu.Unlock()
			if said := p.answer(lines.Text()); said != "" {
				if _, err := theirs.Write([]byte(said)); err != nil {
					return
				}
			}
		}
	})
	return ours, nil
}

// since gives what was heard after the login.
func (p *peer) since() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.heard[min(1, len(p.heard)):], ", ")
}

// open opens a session with four plugs, a to d. The error is Open's.
func (p *peer) open(t *testing.T, log *slog.Logger) (driver.Session, error) {
	t.Helper()
	settings := script.New(script.Options{}).New().(*script.Settings)
	settings.Spec, settings.Address = "plain", "tcp://peer:23"
	traits, err := settings.Traits(shelf{parse(t, []byte(plain))})
	if err != nil {
		t.Fatal(err)
	}
	if traits.Timeout != 10*time.Second || traits.Ping != 30*time.Second {
		t.Errorf("timeout %v, ping %v; want those of the specification", traits.Timeout, traits.Ping)
	}
	env := driver.Env{
		Device: "dev", Dial: p.dial, Log: log, Reached: func() {}, Acted: func() {},
		Credential: secret.Resolved{Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}},
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		env.Plugs = append(env.Plugs, driver.Plug{Name: name, Used: true})
	}
	t.Cleanup(p.lines.Wait)
	session, err := settings.Open(t.Context(), env)
	if err == nil {
		t.Cleanup(func() { session.Close() })
	}
	return session, err
}

// sink keeps what was told, as one text in the order of telling.
type sink struct{ said []string }

func (s *sink) note(format string, args ...any) {
	s.said = append(s.said, fmt.Sprintf(format, args...))
}

func (s *sink) State(p int, st room.State, raw string) {
	s.note("%c is %v (%s)", 'a'+p, st, raw)
}
func (s *sink) Done(p int)                       { s.note("%c done", 'a'+p) }
func (s *sink) Failed(p int, said string)        { s.note("%c failed: %s", 'a'+p, said) }
func (s *sink) Unknown(p int, why *driver.Fault) { s.note("%c unknown, %v", 'a'+p, phases[why.Phase]) }
func (s *sink) Fault(f *driver.Fault)            { s.note("fault %v", phases[f.Phase]) }
func (s *sink) Trace(devspec.Trace)              {}
func (s *sink) String() string                   { return strings.Join(s.said, "; ") }

var phases = map[driver.Phase]string{
	driver.Connecting: "connecting", driver.LoggingIn: "logging in", driver.Acting: "acting",
	driver.Waiting: "waiting", driver.Lost: "lost",
}

// bubble runs a test on a peer in a bubble, after the login.
func bubble(t *testing.T, answer func(string) string, body func(*testing.T, *peer, driver.Session)) {
	synctest.Test(t, func(t *testing.T) {
		p := &peer{answer: answer}
		session, err := p.open(t, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		body(t, p, session)
	})
}

func TestBatches(t *testing.T) {
	slow := func(d time.Duration) func(string) string {
		return func(line string) string {
			if !strings.HasPrefix(line, "hello") {
				time.Sleep(d)
			}
			return "ok\n"
		}
	}
	silentFrom := func(first string) func(string) string {
		return func(line string) string {
			if line == first {
				return ""
			}
			return "ok\n"
		}
	}
	says := func(text string) func(string) string {
		return func(line string) string {
			if strings.HasPrefix(line, "hello") {
				return "ok\n"
			}
			return text
		}
	}
	for _, c := range []struct {
		name    string
		answer  func(string) string
		op      room.Op
		plugs   []int
		ago     time.Duration // the batch was first in the queue so long ago
		took    time.Duration // from now
		told    string
		heard   string
		phase   driver.Phase // of Do's error; 0 for none
		saysToo string       // in Do's error
	}{
		{
			name: "single scripts run in order, each with its own clock", answer: slow(6 * time.Second),
			op: room.On, plugs: []int{0, 2, 3}, took: 18 * time.Second,
			told: "a done; c done; d done", heard: "on a, on c, on d",
		},
		{
			name: "the clock of the first runs from the batch's start", answer: slow(6 * time.Second),
			op: room.On, plugs: []int{0, 1}, ago: 5 * time.Second, took: 5 * time.Second,
			told: "fault acting; a unknown, acting; fault waiting; b unknown, waiting", heard: "on a",
			phase: driver.Acting, saysToo: `expected "ok`,
		},
		{
			name: "no time left", answer: slow(0), op: room.On, plugs: []int{0}, ago: 10 * time.Second,
			told: "fault acting; a unknown, acting", phase: driver.Acting,
		},
		{
			name: "a silent plug aborts those after it", answer: silentFrom("on b"),
			op: room.On, plugs: []int{0, 1, 2, 3}, took: 10 * time.Second,
			told:  "a done; fault acting; b unknown, acting; fault waiting; c unknown, waiting; fault waiting; d unknown, waiting",
			heard: "on a, on b", phase: driver.Acting, saysToo: "script on:",
		},
		{
			name: "a delay counts too", answer: slow(0), op: room.Cycle, plugs: []int{0}, took: 10 * time.Second,
			told: "fault acting; a unknown, acting", heard: "cycle a", phase: driver.Acting,
		},
		{
			name: "results of each plug, in the device's words", answer: says("a ok\nb breaker is open\rsince May\nc well\nz ok\nd ok\nend\n"),
			op: room.Off, plugs: []int{0, 1, 2},
			told: "a done; b failed: breaker is open; c done", heard: "off a,b,c",
		},
		{
			name: "a plug without a result was done", answer: says("a ok\nc well\nx ok\nz ok\nend\n"), op: room.Off, plugs: []int{0, 1, 2},
			told: "a done; c done; b done", heard: "off a,b,c",
		},
		{
			name: "a result twice is believed once", answer: says("a bad\na ok\nb ok\nb bad\nend\n"), op: room.Off, plugs: []int{0, 1},
			told: "a failed: bad; b done", heard: "off a,b",
		},
		{
			name: "results before a timeout stay", answer: says("a ok\nb bad\n"), op: room.Off, plugs: []int{0, 1, 2}, took: 10 * time.Second,
			told: "a done; b failed: bad; fault acting; c unknown, acting", heard: "off a,b,c", phase: driver.Acting,
		},
		{
			name: "only for all", answer: slow(0), op: room.Reset, plugs: []int{1},
			told: `b failed: reset with specification "plain": the device can only do this for all of its plugs, and each of them must belong to a node`,
		},
		{
			name: "for all", answer: slow(0), op: room.Reset, plugs: []int{0, 1, 2, 3},
			told: "a done; b done; c done; d done", heard: "reset",
		},
		{
			name: "a state that is neither", answer: says("a on\nb odd\nc off\nd off\nend\n"), op: room.Status, plugs: []int{1, 2},
			told: "b is unknown (odd); c is off (off)", heard: "status",
		},
		{
			name: "states before a timeout stay", answer: says("a on\nb off\n"), op: room.Status, plugs: []int{0, 2}, took: 10 * time.Second,
			told: "a is on (on); fault acting; c unknown, acting", heard: "status", phase: driver.Acting,
		},
		{
			name: "a plug that was not spoken of is unknown", answer: says("a on\nx off\ny on\nz on\nend\n"), op: room.Status, plugs: []int{0, 1},
			told: "a is on (on); b is unknown ()", heard: "status",
		},
		{
			name: "a secret that nobody gave is no broken line", answer: slow(0), op: room.BeaconOn, plugs: []int{0},
			told: "fault acting; a unknown, acting", phase: driver.Acting, saysToo: `no secret "lamp"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, c.answer, func(t *testing.T, p *peer, session driver.Session) {
				var told sink
				now := time.Now()
				err := session.Do(t.Context(), driver.Batch{Op: c.op, Plugs: c.plugs, Whole: len(c.plugs) == 4, Start: now.Add(-c.ago)}, &told)
				if took := time.Since(now); took != c.took {
					t.Errorf("it took %v, want %v", took, c.took)
				}
				session.Close()
				synctest.Wait()
				if told.String() != c.told {
					t.Errorf("told  %s\nwant  %s", told.String(), c.told)
				}
				if got := p.since(); got != c.heard {
					t.Errorf("the device heard %q, want %q", got, c.heard)
				}
				var f *driver.Fault
				errors.As(err, &f)
				switch {
				case c.phase == 0 && err != nil:
					t.Errorf("Do: %v", err)
				case c.phase != 0 && (f == nil || f.Phase != c.phase || !strings.Contains(err.Error(), c.saysToo)):
					t.Errorf("Do: %v; want phase %v and %q", err, phases[c.phase], c.saysToo)
				}
			})
		})
	}
}

// TestCancelBetweenScripts leaves a session that is of use.
func TestCancelBetweenScripts(t *testing.T) {
	var cancel context.CancelFunc
	answer := func(line string) string {
		if line == "on b" {
			defer cancel() // by the time the answer is read, the context has ended
		}
		return "ok\n"
	}
	synctest.Test(t, func(t *testing.T) {
		var ctx context.Context
		ctx, cancel = context.WithCancel(t.Context())
		p := &peer{answer: answer}
		session, err := p.open(t, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		var told sink
		err = session.Do(ctx, driver.Batch{Op: room.On, Plugs: []int{0, 1, 2, 3}, Whole: true}, &told)
		if got, ended := told.String(), "fault waiting; c unknown, waiting; fault waiting; d unknown, waiting"; !strings.HasPrefix(got, "a done; ") || !strings.HasSuffix(got, ended) {
			t.Errorf("told %s", got)
		}
		if strings.Contains(p.since(), "on c") {
			t.Errorf("the device heard %q", p.since())
		}
		if err != nil {
			return // it was caught in the middle of b
		}
		told = sink{}
		if err := session.Do(t.Context(), driver.Batch{Op: room.On, Plugs: []int{2}}, &told); err != nil || told.String() != "c done" {
			t.Errorf("after a cancel: %v, told %s", err, told.String())
		}
	})
}

func TestLoginTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		// It echoes what it is sent, the password too, and then says nothing.
		p := &peer{answer: func(line string) string { return line + "\n" }}
		start := time.Now()
		_, err := p.open(t, slog.New(slog.NewTextHandler(&log, nil)))
		var f *driver.Fault
		if !errors.As(err, &f) || f.Phase != driver.LoggingIn || time.Since(start) != 10*time.Second {
			t.Errorf("after %v: %v; want a fault of logging in after the specification's 10s", time.Since(start), err)
		}
		if text := fmt.Sprintf("%v %s", err, log.String()); strings.Contains(text, password) || !strings.Contains(text, "hello ****") {
			t.Errorf("the error shows the password, or nothing: %s", text)
		}
	})
}

func TestPing(t *testing.T) {
	deaf := false
	bubble(t, func(string) string {
		if deaf {
			return ""
		}
		return "ok\n"
	}, func(t *testing.T, p *peer, session driver.Session) {
		pinger := session.(driver.Pinger)
		if err := pinger.Ping(t.Context()); err != nil || p.since() != "ping" {
			t.Errorf("ping: %v; the device heard %q", err, p.since())
		}
		synctest.Wait()
		deaf = true
		start := time.Now()
		var f *driver.Fault
		if err := pinger.Ping(t.Context()); !errors.As(err, &f) || f.Phase != driver.Acting || time.Since(start) != 10*time.Second {
			t.Errorf("ping of a deaf device: %v after %v", err, time.Since(start))
		}
	})
}

func TestSettingsThatAreWrong(t *testing.T) {
	for _, c := range []struct {
		address string
		shelf   driver.Shelf
		field   string
	}{
		{"tcp://peer:23", noShelf{}, "spec"},
		{"peer:23", shelf{parse(t, []byte(plain))}, "address"},
	} {
		settings := &script.Settings{Spec: "plain", Address: c.address}
		_, err := settings.Traits(c.shelf)
		var field *driver.FieldError
		if !errors.As(err, &field) || field.Field != c.field {
			t.Errorf("%s: got %v, want an error of the field %s", c.address, err, c.field)
		}
	}
}

type noShelf struct{}

func (noShelf) Specification(string) (*devspec.Spec, bool) { return nil, false }

var _ driver.Sink = (*sink)(nil)
