package line_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/line"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

const (
	patience = 5 * time.Second
	password = "long-and-odd-word"
)

// device is the other end: it is told each line and says what it answers, whole.
// "" is nothing, and "-" hangs up.
type device struct {
	answer func(heard string) string
	conn   net.Conn
	heard  []string // to be looked at when all is quiet
	acted  int
}

func (d *device) serve() {
	defer d.conn.Close()
	for in := bufio.NewScanner(d.conn); in.Scan(); {
		d.heard = append(d.heard, in.Text())
		said := d.answer(in.Text())
		text, hangUp := strings.CutSuffix(said, "-")
		if _, err := io.WriteString(d.conn, text); err != nil || hangUp {
			return
		}
	}
}

// open opens a line to the device, whose plugs are a, b and c.
func (d *device) open(t *testing.T, config line.Config, login func(*line.Talk) error) (*line.Line, error) {
	t.Helper()
	config.Patience = patience
	env := driver.Env{
		Device: "dev", Log: slog.New(slog.DiscardHandler), Reached: func() {}, Acted: func() { d.acted++ },
		Plugs:      []driver.Plug{{Name: "a"}, {Name: "b"}, {Name: "c"}},
		Credential: secret.Resolved{Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}},
		Dial: func(context.Context, transport.Address, transport.Credentials) (transport.Conn, error) {
			ours, theirs := net.Pipe()
			d.conn = theirs
			if d.answer != nil {
				go d.serve()
			}
			return ours, nil
		},
	}
	l, err := line.Open(t.Context(), env, transport.Address{}, config, login)
	if err == nil {
		t.Cleanup(func() { _ = l.Close() })
	}
	t.Cleanup(func() { d.conn.Close() })
	return l, err
}

// sink writes down what it hears, a line for each.
type sink struct{ told []string }

func (s *sink) add(format string, args ...any) { s.told = append(s.told, fmt.Sprintf(format, args...)) }

func (s *sink) State(plug int, state room.State, raw string) { s.add("%d %v %s", plug, state, raw) }
func (s *sink) Done(plug int)                                { s.add("%d done", plug) }
func (s *sink) Failed(plug int, said string)                 { s.add("%d failed: %s", plug, said) }
func (s *sink) Unknown(plug int, why *driver.Fault)          { s.add("%d unknown: %s", plug, phase(why)) }
func (s *sink) Fault(f *driver.Fault)                        { s.add("fault: %s", phase(f)) }
func (s *sink) Trace(t devspec.Trace)                        { s.add("%s", t.Format("dev")) }

// phase gives an error's phase in one word.
func phase(err error) string {
	var f *driver.Fault
	if !errors.As(err, &f) {
		return fmt.Sprint(err)
	}
	return map[driver.Phase]string{
		driver.Connecting: "connecting", driver.LoggingIn: "login", driver.Acting: "acting",
		driver.Waiting: "waiting", driver.Lost: "lost",
	}[f.Phase]
}

func hello(t *line.Talk) error {
	_, err := t.Ask("hello")
	return err
}

// ok says the plug's name and wants ok.
func ok(t *line.Talk, plug string) error {
	said, err := t.Ask(plug)
	if err != nil || said == "ok" {
		return err
	}
	if strings.HasPrefix(said, "no") {
		return line.Refused(said)
	}
	return line.Odd(said)
}

// TestEach: what is told of three plugs when something happens at one of them.
func TestEach(t *testing.T) {
	for name, c := range map[string]struct {
		op      room.Op
		answers map[string]string // by plug; ok is understood
		talks   string            // what it says unasked, before the batch
		hangsUp bool              // before the batch
		late    bool              // the time is up before the batch
		cancel  time.Duration     // the batch's context, after this; below zero: before
		want    []string
		err     string
		heard   []string // of plugs
		took    time.Duration
	}{
		"all well":                   {op: room.Cycle, want: []string{"0 done", "1 done", "2 done"}, heard: []string{"a", "b", "c"}},
		"refused":                    {op: room.On, answers: map[string]string{"b": "no \x1b[2Jway\r\n"}, want: []string{"0 done", "1 failed: no  [2Jway", "2 done"}, heard: []string{"a", "b", "c"}},
		"secret refused":             {op: room.On, answers: map[string]string{"a": "no " + password + "\r\n"}, want: []string{"0 failed: no ****", "1 done", "2 done"}, heard: []string{"a", "b", "c"}},
		"odd":                        {op: room.On, answers: map[string]string{"a": "what\r\n"}, want: []string{"fault: acting", "0 unknown: acting", "fault: waiting", "1 unknown: waiting", "fault: waiting", "2 unknown: waiting"}, err: "acting", heard: []string{"a"}},
		"silent":                     {op: room.On, answers: map[string]string{"b": ""}, want: []string{"0 done", "fault: acting", "1 unknown: acting", "fault: waiting", "2 unknown: waiting"}, err: "acting", heard: []string{"a", "b"}, took: patience},
		"half a line":                {op: room.Cycle, answers: map[string]string{"b": "ok-"}, want: []string{"0 done", "1 unknown: lost", "fault: waiting", "2 unknown: waiting"}, err: "lost", heard: []string{"a", "b"}},
		"lost, repeatable":           {op: room.On, answers: map[string]string{"b": "-"}, want: []string{"0 done"}, err: "lost", heard: []string{"a", "b"}},
		"hung up before":             {op: room.Cycle, hangsUp: true, want: []string{"fault: waiting", "0 unknown: waiting", "fault: waiting", "1 unknown: waiting", "fault: waiting", "2 unknown: waiting"}, err: "lost"},
		"hung up before, repeatable": {op: room.Off, hangsUp: true, err: "lost"},
		"an old answer":              {op: room.Cycle, talks: "ok\r\n", want: []string{"fault: waiting", "0 unknown: waiting", "fault: waiting", "1 unknown: waiting", "fault: waiting", "2 unknown: waiting"}, err: "lost"},
		"a flood":                    {op: room.On, talks: strings.Repeat("x\r\n", 65), err: "lost"},
		"a long line":                {op: room.On, talks: strings.Repeat("x", 1025), err: "lost"},
		"no time left":               {op: room.On, late: true, want: []string{"fault: waiting", "0 unknown: waiting", "fault: waiting", "1 unknown: waiting", "fault: waiting", "2 unknown: waiting"}},
		"cancelled before":           {op: room.On, cancel: -1, want: []string{"fault: waiting", "0 unknown: waiting", "fault: waiting", "1 unknown: waiting", "fault: waiting", "2 unknown: waiting"}},
		"cancelled in the middle":    {op: room.On, answers: map[string]string{"a": ""}, cancel: time.Second, want: []string{"fault: acting", "0 unknown: acting", "fault: waiting", "1 unknown: waiting", "fault: waiting", "2 unknown: waiting"}, err: "acting", heard: []string{"a"}, took: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &device{answer: func(heard string) string {
					if said, given := c.answers[heard]; given {
						return said
					}
					return "ok\r\n"
				}}
				l, err := d.open(t, line.Config{}, hello)
				if err != nil {
					t.Fatal(err)
				}
				if c.hangsUp {
					d.conn.Close()
				}
				go func() { _, _ = io.WriteString(d.conn, c.talks) }()
				synctest.Wait()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				switch {
				case c.cancel < 0:
					cancel()
				case c.cancel > 0:
					time.AfterFunc(c.cancel, cancel)
				}
				b := driver.Batch{Op: c.op, Plugs: []int{0, 1, 2}, Start: time.Now()}
				if c.late {
					b.Start = b.Start.Add(-2 * patience)
				}
				start, s := time.Now(), &sink{}
				err = l.Each(ctx, b, s, ok)
				if took := time.Since(start); took != c.took {
					t.Errorf("it took %v, want %v", took, c.took)
				}
				if got := phase(err); err == nil && c.err != "" || err != nil && got != c.err {
					t.Errorf("error %v (%s), want %q", err, got, c.err)
				}
				if !slices.Equal(s.told, c.want) {
					t.Errorf("told\n%s\nwant\n%s", strings.Join(s.told, "\n"), strings.Join(c.want, "\n"))
				}
				synctest.Wait()
				if heard := d.heard[1:]; !slices.Equal(heard, c.heard) {
					t.Errorf("the device heard %q, want %q", heard, c.heard)
				}
			})
		})
	}
}

// TestOnce: one action for all, with an answer of several lines and a trace.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{answer: func(heard string) string { return "on\nof " + password + "\n.\n" }}
		l, err := d.open(t, line.Config{End: "\n"}, func(t *line.Talk) error {
			return errors.Join(t.Say("hello"), hear(t, 3))
		})
		if err != nil {
			t.Fatal(err)
		}
		s := &sink{}
		b := driver.Batch{Op: room.Status, Plugs: []int{0, 2}, Trace: true}
		if err := l.Once(t.Context(), b, s, func(t *line.Talk) error {
			if err := errors.Join(t.Say("all "+password), hear(t, 3)); err != nil {
				return err
			}
			s.State(0, room.StateOn, "")
			s.State(2, room.StateOff, "")
			return nil
		}); err != nil {
			t.Error(err)
		}
		want := []string{
			`send(dev): 'all ****\n'`, `recv(dev): 'on\n'`, `recv(dev): 'of ****\n'`, `recv(dev): '.\n'`,
			"0 on ", "2 off ",
		}
		if !slices.Equal(s.told, want) {
			t.Errorf("told %q, want %q", s.told, want)
		}
		s.told = nil
		if err := l.Once(t.Context(), b, s, func(*line.Talk) error { return line.Refused("") }); err != nil {
			t.Error(err)
		}
		_ = l.Cannot(driver.Batch{Op: room.Reset, Plugs: []int{1}}, s)
		want = []string{"0 failed: it says no, and not why", "2 failed: it says no, and not why", "1 failed: the device cannot reset"}
		if !slices.Equal(s.told, want) {
			t.Errorf("told %q, want %q", s.told, want)
		}
		if d.acted != 3 { // logging in, the read, and the refusal
			t.Errorf("%d actions, want 3", d.acted)
		}
	})
}

// hear hears so many lines.
func hear(t *line.Talk, lines int) error {
	for range lines {
		if _, err := t.Hear(); err != nil {
			return err
		}
	}
	return nil
}

// TestOpen: what is said when we are not let in.
func TestOpen(t *testing.T) {
	ask := func(text string) func(*line.Talk) error {
		return func(t *line.Talk) error {
			said, err := t.Ask(text)
			if err != nil {
				return err
			}
			return line.Refused(said)
		}
	}
	for name, c := range map[string]struct {
		answer string
		login  func(*line.Talk) error
		want   string
		took   time.Duration
	}{
		"refused":           {"wrong: " + password + "\r\n", ask(password), "dev: could not log in: wrong: ****", 0},
		"odd":               {"\x00\xff\r\n", func(t *line.Talk) error { return line.Odd("\x00\xff") }, `dev: could not log in: it says "\x00\xff"`, 0},
		"odd and secret":    {"ok\r\n", func(*line.Talk) error { return line.Odd(strings.Repeat("x", 50) + password) }, `dev: could not log in: it says "` + strings.Repeat("x", 50) + `****"`, 0},
		"hangs up":          {"-", hello, "dev: could not log in: it hung up", 0},
		"says nothing":      {"", hello, "dev: could not log in: no answer in time", patience},
		"a line in a line":  {"ok\r\n", ask("x\r\nreset"), "dev: could not log in: a line with a line end inside is not sent", 0},
		"no greeting":       {"", func(t *line.Talk) error { return hear(t, 1) }, "dev: could not log in: no answer in time", patience},
		"a word of our own": {"", func(*line.Talk) error { return errors.New("no password is given") }, "dev: could not log in: no password is given", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &device{answer: func(string) string { return c.answer }}
				start := time.Now()
				_, err := d.open(t, line.Config{}, c.login)
				if err == nil || phase(err) != "login" || err.Error() != c.want {
					t.Errorf("error %q, want %q", err, c.want)
				}
				if took := time.Since(start); took != c.took {
					t.Errorf("it took %v, want %v", took, c.took)
				}
				if d.acted != 0 {
					t.Error("Acted was called, and nothing was")
				}
			})
		})
	}
}

// TestTakesNothing: a device that does not even read is left when the time is over.
func TestTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := new(device).open(t, line.Config{}, hello)
		if took := time.Since(start); took != patience || err == nil {
			t.Errorf("error %v after %v", err, took)
		}
	})
}

// TestAside: a ping, and what it says when the device hangs or has gone.
func TestAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := "ok\r\n"
		d := &device{answer: func(string) string { return said }}
		l, err := d.open(t, line.Config{}, hello)
		if err != nil {
			t.Fatal(err)
		}
		ping := func(t *line.Talk) error { return ok(t, "ping") }
		for _, c := range []struct{ said, want string }{{"ok\r\n", ""}, {"no\r\n", "acting"}, {"what\r\n", "acting"}, {"", "acting"}, {"-", "lost"}, {"-", "lost"}} {
			synctest.Wait()
			said = c.said
			err := l.Aside(t.Context(), ping)
			if err == nil && c.want != "" || err != nil && phase(err) != c.want {
				t.Errorf("a device that says %q: %v, want %q", c.said, err, c.want)
			}
		}
		<-l.Done()
		if d.acted != 3 { // logging in, the ping that was answered, and the one refused
			t.Errorf("%d actions, want 3", d.acted)
		}
	})
}
