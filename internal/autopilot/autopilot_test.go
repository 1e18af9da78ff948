package autopilot_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/autopilot"
	"millwright.dev/millwright/internal/calendar"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/ups"
)

// world stands for all below the autopilot: nodes that are on or off, runs that last a
// while, a shelf that outlives daemons.
type world struct {
	mu     sync.Mutex
	room   *room.Room
	off    map[string]bool
	runs   map[string]*oneRun
	order  []string // what was begun, in order: "down a,b"
	lasts  time.Duration
	busy   []string // who holds the nodes
	cancel []string

	shelf   map[string]string
	events  []string
	refuse  error // of the desk
	full    error // of the shelf
	dies    bool  // the daemon dies before a run begins
	standby []ups.Standing
	answer  chan bool
	count   int
}

type oneRun struct {
	info run.Info
	over chan struct{}
}

func newWorld(t *testing.T, d room.Draft) *world {
	t.Helper()
	for _, n := range []string{"a", "b", "c"} {
		d.Nodes = append(d.Nodes, room.DraftNode{Name: n})
	}
	d.Battery.Margin = time.Minute
	r, problems := room.New(d)
	if problems != nil {
		t.Fatal(problems)
	}
	return &world{room: r, off: map[string]bool{}, runs: map[string]*oneRun{}, shelf: map[string]string{}, lasts: 10 * time.Second, answer: make(chan bool)}
}

func (w *world) common() autopilot.Common {
	return autopilot.Common{
		Room: func() *room.Room { return w.room }, Desk: w, Runs: w, Shelf: w,
		Tell: func(e event.Event) { w.tell(&e) },
		NewID: func() string {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.count++
			return fmt.Sprint("R", w.count)
		},
	}
}

func (w *world) battery() *autopilot.Battery {
	return autopilot.NewBattery(autopilot.BatteryOptions{
		Common: w.common(),
		UPSes: func() []ups.Standing {
			w.mu.Lock()
			defer w.mu.Unlock()
			return slices.Clone(w.standby)
		},
		Ask: func(ctx context.Context, _ string) (bool, error) {
			select {
			case yes := <-w.answer:
				return yes, nil
			case <-ctx.Done():
				return false, ctx.Err()
			}
		},
	})
}

func (w *world) tell(e *event.Event) {
	w.events = append(w.events, strings.TrimSpace(e.Op+" "+e.Outcome+" "+e.Detail))
}

func (w *world) Foresee(*room.Room, plan.Goal, []room.NodeID) (*plan.Forecast, error) {
	return &plan.Forecast{Total: 10 * time.Second, Sd: time.Second}, nil
}

func (w *world) Prepare(_ context.Context, o autopilot.Order) (autopilot.Prepared, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse != nil {
		return autopilot.Prepared{}, w.refuse
	}
	targets, err := w.room.Resolve(o.Targets)
	if o.Targets == "" {
		targets, err = room.Targets{Nodes: w.room.All()}, nil
	}
	if err != nil {
		return autopilot.Prepared{}, err
	}
	down := o.Goal == plan.Down
	ids := slices.DeleteFunc(slices.Clone(targets.Nodes), func(id room.NodeID) bool {
		return o.Goal != plan.Cycle && w.off[w.room.Nodes[id].Name] == down
	})
	begin := func(_ context.Context, how run.Conflict) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.dies {
			return errors.New("killed")
		}
		if how == run.Refuse && len(w.busy) > 0 {
			return &room.Error{Code: room.CodeBusy, Said: "run X is at work on them"}
		}
		text := w.room.Fold(ids)
		w.order = append(w.order, strings.TrimSpace(o.Goal.String()+" "+text+" "+string(how)))
		it := &oneRun{info: run.Info{ID: o.ID, State: run.Running}, over: make(chan struct{})}
		w.runs[o.ID] = it
		time.AfterFunc(w.lasts, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, id := range ids {
				w.off[w.room.Nodes[id].Name] = down
			}
			it.info.State, it.info.Outcomes = run.Done, &run.Outcomes{OK: text}
			close(it.over)
		})
		return nil
	}
	return autopilot.Prepared{Room: w.room, Plan: &plan.Plan{}, Switched: ids, Begin: begin}, nil
}

func (w *world) Get(id string) (run.Info, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if it := w.runs[id]; it != nil {
		return it.info, nil
	}
	return run.Info{}, &room.Error{Code: room.CodeNotFound}
}

func (w *world) Holders(*room.Room, []room.NodeID) []string { return w.busy }

func (w *world) Cancel(id, _ string) error {
	w.cancel = append(w.cancel, id)
	return nil
}

func (w *world) Follow(ctx context.Context, id string, _ int) iter.Seq2[run.Update, error] {
	return func(func(run.Update, error) bool) {
		w.mu.Lock()
		it := w.runs[id]
		w.mu.Unlock()
		if it == nil {
			return
		}
		select {
		case <-it.over:
		case <-ctx.Done():
		}
	}
}

func (w *world) Read(_ context.Context, name string) (string, error) { return w.shelf[name], nil }

func (w *world) Write(_ context.Context, name, value string, e *event.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full != nil {
		return w.full
	}
	w.shelf[name] = value
	if e != nil {
		w.tell(e)
	}
	return nil
}

// power says how the only UPS stands from now on.
func (w *world) power(state ups.State, charge float64, left time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ups.Standing{Source: "u", State: state, Since: time.Now(), Contact: true, Charge: &charge, Runtime: &left}
	if state.Out() {
		s.Battery = time.Now()
	}
	w.standby = []ups.Standing{s}
}

// living runs something for a while, as a daemon does, and ends it.
func living(t *testing.T, run func(context.Context), lasts time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); run(ctx) }()
	time.Sleep(lasts) // in a bubble
	cancel()
	<-ended
}

func (w *world) did(t *testing.T, want ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.order, want) {
		t.Errorf("begun: %q, want %q", w.order, want)
	}
}

func (w *world) said(t *testing.T, want string, times int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, e := range w.events {
		if strings.Contains(e, want) {
			n++
		}
	}
	if n != times {
		t.Errorf("%q was told %d times, want %d:\n%s", want, n, times, strings.Join(w.events, "\n"))
	}
}

func twoStages(start room.Consent) room.Draft {
	stage := func(name string, nodes string, s room.Stage) room.DraftStage {
		s.Name = name
		return room.DraftStage{Stage: s, Members: []string{nodes}}
	}
	return room.Draft{Battery: room.Battery{BackAfter: time.Minute, Start: start}, Stages: []room.DraftStage{
		stage("first", "a", room.Stage{Immediately: true}), stage("second", "b", room.Stage{After: time.Minute}), stage("third", "c", room.Stage{}),
	}}
}

// One stage after the other, each by its own condition or at the last moment at which it
// fits; others' runs are taken over; and all is back when power has held for a minute.
func TestBattery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, twoStages(room.Auto))
		b := w.battery()
		w.power(ups.Online, 100, time.Hour)
		living(t, b.Run, time.Minute)
		w.did(t)
		w.power(ups.OnBattery, 90, 5*time.Minute)
		living(t, b.Run, 55*time.Second)
		w.did(t, "down a take-over")
		living(t, b.Run, 20*time.Second)
		w.did(t, "down a take-over", "down b take-over")
		w.power(ups.OnBattery, 50, 70*time.Second) // 12 s and the margin
		living(t, b.Run, 20*time.Second)
		w.did(t, "down a take-over", "down b take-over", "down c take-over")
		w.power(ups.Online, 60, 10*time.Minute)
		living(t, b.Run, 55*time.Second)
		if !b.Out() {
			t.Error("it is not back yet")
		}
		living(t, b.Run, time.Minute)
		w.did(t, "down a take-over", "down b take-over", "down c take-over", "up c when-free", "up b when-free", "up a when-free")
		if b.Out() || w.shelf["battery"] != "{}" {
			t.Errorf("something is left: %s", w.shelf["battery"])
		}
	})
}

// A stage that takes longer than was foreseen does not hold up the next, and is not cut
// short for it; runs of others are.
func TestBatteryOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, twoStages(room.Auto))
		w.lasts, w.busy = 100*time.Second, []string{"R1", "X"}
		w.power(ups.OnBattery, 90, time.Hour)
		b := w.battery()
		living(t, b.Run, 70*time.Second)
		w.did(t, "down a take-over", "down b when-free")
		if !slices.Equal(w.cancel, []string{"X"}) {
			t.Errorf("cancelled: %q", w.cancel)
		}
		w.power(ups.Online, 90, time.Hour) // while both still go down
		living(t, b.Run, 10*time.Minute)
		w.did(t, "down a take-over", "down b when-free", "up b when-free", "up a when-free")
	})
}

// A daemon that died between writing down that a stage begins and beginning it begins it
// once when it is back; one that died in the middle does not begin it again.
func TestBatteryDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, twoStages(room.Auto))
		w.power(ups.OnBattery, 90, 5*time.Minute)
		w.dies = true
		first := w.battery()
		ctx, cancel := context.WithCancel(t.Context())
		kept := make(chan string, 1)
		go func() { // the shelf as it is at the moment of death
			time.Sleep(time.Millisecond)
			w.mu.Lock()
			kept <- w.shelf["battery"]
			w.mu.Unlock()
		}()
		go func() { time.Sleep(time.Second); cancel() }()
		first.Run(ctx)
		if text := <-kept; strings.Contains(text, `"first"`) {
			t.Errorf("it was not begun, and %s is noted", text)
		}
		w.dies = false
		w.shelf["battery"] = `{"stages":{"first":{"begun":"2000-01-01T00:00:00Z","nodes":"a","taken":"a","run":"GONE"}}}`
		second := w.battery()
		if err := second.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		living(t, second.Run, 5*time.Second) // its run takes ten
		w.did(t, "down a take-over")
		third := w.battery()
		if err := third.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		living(t, third.Run, 30*time.Second)
		w.did(t, "down a take-over")
		w.said(t, "stage down ok stage first", 1)
	})
}

// What cannot be begun is tried again and told once; what cannot be written down is not
// begun.
func TestBatteryHampered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, twoStages(room.Auto))
		w.power(ups.OnBattery, 90, 5*time.Minute)
		w.refuse = &room.Error{Code: room.CodeRefused, Said: "a hook says no"}
		b := w.battery()
		living(t, b.Run, 30*time.Second)
		w.did(t)
		w.said(t, "a hook says no", 1)
		if st := b.Status(); !strings.Contains(st.Stages[0].Said, "a hook says no") {
			t.Errorf("%+v", st.Stages[0])
		}
		w.refuse, w.full = nil, errors.New("no space left on device")
		living(t, b.Run, 10*time.Second)
		w.did(t)
		w.full = nil
		living(t, b.Run, 10*time.Second)
		w.did(t, "down a take-over")
	})
}

// With start: ask nothing goes down until somebody agrees; with never only by hand.
func TestBatteryAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, twoStages(room.AskOne))
		w.power(ups.OnBattery, 90, 5*time.Minute)
		b := w.battery()
		living(t, b.Run, 29*time.Second)
		w.did(t)
		go func() { w.answer <- true }()
		living(t, b.Run, 5*time.Second)
		w.did(t, "down a take-over")
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, twoStages(room.Never))
		w.power(ups.OnBattery, 90, time.Minute)
		b := w.battery()
		living(t, b.Run, time.Minute)
		w.did(t)
		if _, err := b.Wish(t.Context(), false, []string{"second"}, "ann"); err != nil {
			t.Fatal(err)
		}
		living(t, b.Run, time.Minute)
		w.did(t, "down b take-over")
	})
}

func scheduled(t *testing.T, do string, catchUp time.Duration, spec calendar.Spec) *world {
	t.Helper()
	spec.CatchUp, spec.Zone = catchUp, "UTC"
	when, err := calendar.Parse(spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	return newWorld(t, room.Draft{Schedules: []room.DraftSchedule{{
		Schedule: room.Schedule{Name: "night", Do: do, Enabled: true, When: when, CatchUp: catchUp}, Members: []string{"a", "b"},
	}}})
}

func (w *world) timetable(t *testing.T, out func() bool) *autopilot.Timetable {
	t.Helper()
	tt := autopilot.NewTimetable(autopilot.TimetableOptions{Common: w.common(), Out: out})
	if err := tt.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return tt
}

var daily = calendar.Spec{At: []string{"22:00"}} // a bubble begins at midnight UTC

// A schedule is begun when it is due, once, also over restarts; what was missed is made up
// for within its time, once, and else told.
func TestTimetable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := scheduled(t, "down", time.Hour, daily)
		living(t, w.timetable(t, nil).Run, 22*time.Hour-time.Second)
		w.did(t)
		tt := w.timetable(t, nil)
		living(t, tt.Run, 2*time.Second)
		w.did(t, "down a,b")
		if e := tt.List()[0]; e.Run == "" || e.At.Hour() != 22 || e.Next.At.Day() != 2 {
			t.Errorf("%+v", e)
		}
		living(t, w.timetable(t, nil).Run, time.Hour)
		w.did(t, "down a,b")

		clear(w.off)
		time.Sleep(48*time.Hour - 30*time.Minute) // two were missed, the last half an hour ago
		living(t, w.timetable(t, nil).Run, time.Minute)
		w.did(t, "down a,b", "down a,b")
		w.said(t, "made up for now", 1)
		time.Sleep(25 * time.Hour)
		living(t, w.timetable(t, nil).Run, time.Minute)
		w.did(t, "down a,b", "down a,b")
		w.said(t, "missed while the daemon was not there", 1)
	})
}

// Schedules do not push in, and bring nothing up on battery; both is told.
func TestTimetableLeavesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := scheduled(t, "cycle", 0, daily)
		w.busy = []string{"X"}
		out := false
		tt := w.timetable(t, func() bool { return out })
		living(t, tt.Run, 23*time.Hour)
		w.said(t, "schedules do not wait", 1)
		if e := tt.List()[0]; e.Run != "" || !strings.Contains(e.Said, "run X") {
			t.Errorf("%+v", e)
		}
		w.busy, out = nil, true
		living(t, tt.Run, 24*time.Hour)
		w.said(t, "runs on batteries", 1)
		out = false
		if err := tt.Enable(t.Context(), "night", false, "ann"); err != nil {
			t.Fatal(err)
		}
		living(t, w.timetable(t, nil).Run, 24*time.Hour)
		w.did(t)
		again := w.timetable(t, nil)
		if err := again.Enable(t.Context(), "night", true, "ann"); err != nil {
			t.Fatal(err)
		}
		living(t, again.Run, 24*time.Hour)
		w.did(t, "cycle a,b")
	})
}

// A daemon that died between writing down that a schedule is due and beginning it begins
// it when it is back at once, and not when it is too late.
func TestTimetableDies(t *testing.T) {
	for _, test := range []struct {
		late time.Duration
		want []string
	}{{30 * time.Second, []string{"down a,b"}}, {time.Hour, nil}} {
		synctest.Test(t, func(t *testing.T) {
			w := scheduled(t, "down", 0, daily)
			at := time.Now().UTC().Add(-test.late).Format(time.RFC3339)
			w.shelf["schedules"] = fmt.Sprintf(`{"night":{"seen":%q,"at":%q,"run":"GONE","open":true}}`, at, at)
			living(t, w.timetable(t, nil).Run, time.Minute)
			living(t, w.timetable(t, nil).Run, time.Minute)
			w.did(t, test.want...)
		})
	}
}

// A clock that was far ahead and is put back does not keep a schedule from being due.
func TestTimetableClockPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := scheduled(t, "down", 0, daily)
		w.shelf["schedules"] = `{"night":{"seen":"2030-01-01T00:00:00Z"}}`
		living(t, w.timetable(t, nil).Run, 23*time.Hour)
		w.did(t, "down a,b")
		w.said(t, "put back", 1)
	})
}
