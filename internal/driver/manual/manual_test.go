package manual_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/manual"
	"millwright.dev/millwright/internal/room"
)

// person does what is asked, and can be told not to.
type person struct {
	mu     sync.Mutex
	on     map[string]bool
	moves  map[string]int
	locked map[string]bool
	lazy   map[string]bool
	asleep bool
}

var wish = regexp.MustCompile(`^Please (switch .*?) (\S+) of dut\. Rack 7\.$`)

func (p *person) ask(ctx context.Context, question string) (driver.Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asleep {
		p.mu.Unlock()
		<-ctx.Done()
		p.mu.Lock()
		return driver.Answer{}, ctx.Err()
	}
	m := wish.FindStringSubmatch(question)
	if m == nil {
		return driver.Answer{}, errors.New("what? " + question)
	}
	names, err := hostlist.Expand(m[2])
	if err != nil {
		return driver.Answer{}, err
	}
	for _, name := range names {
		if p.locked[name] {
			return driver.Answer{By: "alice", Said: "the cage is locked"}, nil
		}
	}
	for _, name := range names {
		if p.lazy[name] {
			continue
		}
		if strings.Contains(m[1], "off and on") && p.on[name] {
			p.moves[name] += 2
		} else if want := !strings.HasSuffix(m[1], "off"); want != p.on[name] {
			p.on[name] = want
			p.moves[name]++
		}
	}
	return driver.Answer{Yes: true, By: "alice"}, nil
}

func (p *person) locks(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Subject{InMemory: true, New: func(*testing.T) drivertest.Rig {
		p := &person{on: map[string]bool{}, moves: map[string]int{}, lazy: map[string]bool{}}
		s := manual.New().New().(*manual.Settings)
		s.Where, s.Plugs = "Rack 7.", []string{"v[1-5]"}
		return drivertest.Rig{
			Settings: s, Plugs: []string{"v1", "v2", "v3", "v4", "v5"}, Ask: p.ask,
			Truth: drivertest.Truth{
				On:    func(plug string) (on bool) { p.locks(func() { on = p.on[plug] }); return on },
				Set:   func(plug string, on bool) { p.locks(func() { p.on[plug] = on }) },
				Moves: func(plug string) (n int) { p.locks(func() { n = p.moves[plug] }); return n },
			},
			Faults: drivertest.Faults{
				Stick: func(plug string) { p.locks(func() { p.lazy[plug] = true }) },
			},
		}
	}})
}

// What becomes of a question for two plugs.
func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*person)
		want  string // of both
	}{
		{"a no is one for all, in the person's words", func(p *person) { p.locked = map[string]bool{"v2": true} }, "failed: alice: the cage is locked"},
		{"nobody answers", func(p *person) { p.asleep = true }, "unknown: nobody has answered within 1h0m0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &person{on: map[string]bool{}, moves: map[string]int{}}
				tt.spoil(p)
				s := manual.New().New().(*manual.Settings)
				s.Where = "Rack 7."
				open, err := s.Open(t.Context(), driver.Env{Device: "dut", Plugs: []driver.Plug{{Name: "v1"}, {Name: "v2"}}, Ask: p.ask, Reached: func() {}, Acted: func() {}})
				if err != nil {
					t.Fatal(err)
				}
				got := sink{}
				if err := open.Do(t.Context(), driver.Batch{Op: room.On, Plugs: []int{0, 1}}, got); err != nil {
					t.Fatal(err)
				}
				if got[0] != tt.want || got[1] != tt.want {
					t.Errorf("got %q and %q, want %q", got[0], got[1], tt.want)
				}
			})
		})
	}
}

// sink keeps what failed, and expects nothing else.
type sink map[int]string

func (s sink) Failed(p int, said string)           { s[p] = "failed: " + said }
func (s sink) Done(p int)                          { s[p] = "done" }
func (s sink) State(p int, _ room.State, _ string) { s[p] = "state" }
func (s sink) Unknown(p int, why *driver.Fault)    { s[p] = "unknown: " + why.Why() }
func (s sink) Fault(*driver.Fault)                 {}
func (s sink) Trace(devspec.Trace)                 {}
