package action_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// sink writes down what it hears; faults and reasons by their phases.
type sink struct{ told []string }

func (s *sink) add(format string, args ...any) { s.told = append(s.told, fmt.Sprintf(format, args...)) }

func (s *sink) State(plug int, state room.State, raw string) { s.add("%d %v %s", plug, state, raw) }
func (s *sink) Done(plug int)                                { s.add("%d done", plug) }
func (s *sink) Failed(plug int, said string)                 { s.add("%d failed %s", plug, said) }
func (s *sink) Unknown(plug int, why *driver.Fault)          { s.add("%d unknown %s", plug, phase(why)) }
func (s *sink) Fault(f *driver.Fault)                        { s.add("fault %s", phase(f)) }
func (s *sink) Trace(t devspec.Trace)                        { s.add("trace %s", t.Text) }

func phase(err error) string {
	var f *driver.Fault
	if !errors.As(err, &f) {
		return fmt.Sprint(err)
	}
	return map[driver.Phase]string{driver.Acting: "acting", driver.Waiting: "waiting", driver.Lost: "lost", driver.LoggingIn: "login"}[f.Phase]
}

const patience = 5 * time.Second

func device(acted *int) action.Device {
	return action.Device{
		Env:     driver.Env{Device: "dev", Acted: func() { *acted++ }},
		Timeout: patience, Mask: secret.NewMasker(secret.NewValue("hush-hush")),
	}
}

// The second of three plugs comes to harm: what is told of it and of the third, by
// what the device is, and what Do returns.
func TestHarm(t *testing.T) {
	odd := func(a *action.Action) error { a.Begin(); return action.Odd("??") }
	asks := func(a *action.Action) error { a.Sent = true; return errors.New("strange") }
	lost := func(a *action.Action) error { a.Begin(); return a.Lost(io.ErrUnexpectedEOF) }
	waits := func(a *action.Action) error { a.Begin(); return a.Wait(time.Hour) }
	for name, c := range map[string]struct {
		op      room.Op
		kind    func(*action.Device)
		do      func(*action.Action) error
		want    string // of the second and the third
		abreast string // the same, side by side; empty is want
		err     string // of Each; side by side, only a line that broke is one
	}{
		"refused":          {do: func(*action.Action) error { return action.Refused("no hush-hush") }, want: "1 failed no ****; 2 done"},
		"odd":              {do: odd, want: "fault acting; 1 unknown acting; fault waiting; 2 unknown waiting", abreast: "fault acting; 1 unknown acting; 2 done", err: "acting"},
		"odd, in step":     {do: odd, kind: func(d *action.Device) { d.InStep = true }, want: "fault acting; 1 unknown acting; 2 done"},
		"odd, no line":     {do: odd, kind: func(d *action.Device) { d.NoLine = true }, want: "fault acting; 1 unknown acting; fault waiting; 2 unknown waiting", abreast: "fault acting; 1 unknown acting; 2 done"},
		"asked, not told":  {do: asks, want: "fault acting; 1 unknown waiting; fault waiting; 2 unknown waiting", abreast: "fault acting; 1 unknown waiting; 2 done", err: "acting"},
		"lost, repeatable": {do: lost, want: "", abreast: "2 done", err: "lost"},
		"lost":             {op: room.Cycle, do: lost, want: "1 unknown lost; fault waiting; 2 unknown waiting", abreast: "1 unknown lost; 2 done", err: "lost"},
		"lost, not begun":  {op: room.Cycle, do: func(a *action.Action) error { return a.Lost(io.EOF) }, want: "fault waiting; 1 unknown waiting; fault waiting; 2 unknown waiting", abreast: "fault waiting; 1 unknown waiting; 2 done", err: "lost"},
		"too long":         {do: waits, want: "fault acting; 1 unknown acting; fault waiting; 2 unknown waiting", err: "acting"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if c.op == 0 {
					c.op = room.On
				}
				acted := 0
				d := device(&acted)
				if c.kind != nil {
					c.kind(&d)
				}
				do := func(a *action.Action, plug int) error {
					if plug == 1 {
						return c.do(a)
					}
					return nil
				}
				b := driver.Batch{Op: c.op, Plugs: []int{0, 1, 2}}
				s := &sink{}
				err := d.Each(t.Context(), b, s, do)
				if got := strings.Join(s.told[1:], "; "); got != c.want || err == nil && c.err != "" || err != nil && phase(err) != c.err {
					t.Errorf("one by one: %s, %v; want %s, %s", got, err, c.want, c.err)
				}
				want, s := c.want, &sink{}
				if c.abreast != "" {
					want = c.abreast
				}
				err = d.Abreast(t.Context(), b, s, 1, func(a *action.Action, plug int) (room.State, string, error) {
					return room.StateUnknown, "", do(a, plug)
				})
				slices.Sort(s.told)
				wanted := append(strings.Split(want, "; "), "0 done")
				slices.Sort(wanted)
				if !slices.Equal(s.told, wanted) || (phase(err) == "lost") != (c.err == "lost") {
					t.Errorf("side by side: %q, %v; want %q", s.told, err, wanted)
				}
			})
		})
	}
}

// Each action of a batch has all its time; and a line that broke when nobody wanted the
// work any more is told, because the fleet repeats nothing then.
func TestEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		acted, s := 0, &sink{}
		d := device(&acted)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b := driver.Batch{Op: room.On, Plugs: []int{0, 1, 2, 3}, Start: time.Now()}
		err := d.Each(ctx, b, s, func(a *action.Action, plug int) error {
			if a.Begin(); plug == 2 {
				cancel()
				return a.Fault(driver.Lost, io.EOF)
			}
			return a.Wait(patience - time.Second)
		})
		if got := strings.Join(s.told, "; "); got != "0 done; 1 done; 2 unknown lost; fault waiting; 3 unknown waiting" || phase(err) != "lost" || acted != 2 {
			t.Errorf("%s, %v, %d actions", got, err, acted)
		}
	})
}

// Who is cancelled in the middle of a cycle has the power back at once, and has it.
func TestCycle(t *testing.T) {
	for name, c := range map[string]struct {
		cancel, took time.Duration
		gone         bool
		back         error
		want         string
	}{
		"all well":   {took: time.Minute, want: "0 done"},
		"cancelled":  {cancel: time.Second, took: time.Second, want: "0 done"},
		"line dead":  {gone: true, want: "0 done"},
		"no way on":  {took: time.Minute, back: action.Refused("no"), want: "fault acting; 0 unknown acting"},
		"not on yet": {took: time.Minute, back: &driver.Fault{Phase: driver.Waiting, Err: io.EOF}, want: "fault acting; 0 unknown acting"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				acted := 0
				d := device(&acted)
				if c.gone {
					gone := make(chan struct{})
					close(gone)
					d.Gone = gone
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.cancel > 0 {
					time.AfterFunc(c.cancel, cancel)
				}
				start, s := time.Now(), &sink{}
				err := d.Each(ctx, driver.Batch{Op: room.Cycle, Plugs: []int{0}}, s, func(a *action.Action, _ int) error {
					a.Begin()
					return a.Cycle(time.Minute, func() error { return nil }, func() error {
						if left, _ := a.Context().Deadline(); time.Until(left) != patience || a.Context().Err() != nil {
							t.Errorf("%v left for the way back", time.Until(left))
						}
						return c.back
					})
				})
				if got := strings.Join(s.told, "; "); got != c.want || (err != nil) != (c.back != nil) || time.Since(start) != c.took {
					t.Errorf("%s, %v after %v; want %s after %v", got, err, time.Since(start), c.want, c.took)
				}
			})
		})
	}
}

// A read side by side, with traces; and a batch whose time was over before it began.
func TestAbreast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		acted := 0
		d := device(&acted)
		look := func(a *action.Action, plug int) (room.State, string, error) {
			a.Trace(devspec.TraceSend, "hush-hush")
			return room.StateOn, fmt.Sprint(plug), a.Wait(time.Second)
		}
		b := driver.Batch{Op: room.Status, Plugs: []int{0}, Trace: true}
		s, start := &sink{}, time.Now()
		if err := d.Abreast(t.Context(), b, s, 8, look); err != nil || strings.Join(s.told, "; ") != "trace ****; 0 on 0" || acted != 1 {
			t.Errorf("%q, %v, %d actions", s.told, err, acted)
		}
		b.Plugs, s.told = []int{0, 1, 2, 3}, nil
		if err := d.Abreast(t.Context(), b, s, 4, look); err != nil || len(s.told) != 8 || time.Since(start) != 2*time.Second {
			t.Errorf("%q, %v, after %v", s.told, err, time.Since(start))
		}
		b.Start, s.told = time.Now().Add(-patience), nil
		if err := d.Abreast(t.Context(), b, s, 4, look); err != nil || strings.Join(s.told, "; ") != "fault waiting; 0 unknown waiting; 1 unknown waiting; 2 unknown waiting; 3 unknown waiting" {
			t.Errorf("late: %q, %v", s.told, err)
		}
	})
}

// What is said aside, and when logging in.
func TestAside(t *testing.T) {
	acted := 0
	d := device(&acted)
	says := func(err error) func(*action.Action) error { return func(*action.Action) error { return err } }
	if got := phase(d.Aside(t.Context(), says(action.Refused("no")))); got != "acting" {
		t.Errorf("out of step: %s", got)
	}
	d.InStep = true
	for want, err := range map[string]error{
		"dev: no ****": action.Refused("no hush-hush"), "dev: who knows": action.Unsure("who knows"), "acting": io.EOF, "<nil>": nil,
	} {
		if got := phase(d.Aside(t.Context(), says(err))); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
	d.NoLine, d.Mask = true, secret.NewMasker(secret.NewValue(`hush"hush`))
	if got := phase(d.Aside(t.Context(), says(io.EOF))); got != "dev: EOF" {
		t.Errorf("no line: %s", got)
	}
	err := d.Login(t.Context(), says(action.Odd(`hush"hush`)))
	if phase(err) != "login" || !strings.HasSuffix(err.Error(), `it says "****"`) || acted != 3 {
		t.Errorf("login: %v, %d actions", err, acted)
	}
}

func TestClean(t *testing.T) {
	if got := action.Clean(nil, " a\x1b\nb\xff"+strings.Repeat("x", 20), 10); got != "a  b?xxxxx…" || action.Clean(nil, "\u009b2J", 10) != " 2J" {
		t.Errorf("%q", got)
	}
}
