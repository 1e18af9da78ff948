package autopilot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"millwright.dev/millwright/internal/calendar"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
)

// TimetableOptions are what a [Timetable] stands on.
type TimetableOptions struct {
	Common
	// Out says whether the room runs on batteries; what would bring nodes up then is
	// left out. Nil is never.
	Out func() bool
}

// Timetable begins runs by the calendar. Its methods may be called from any goroutine.
type Timetable struct {
	o    TimetableOptions
	poke chan struct{}
	wg   sync.WaitGroup // of runs that are being begun

	writing sync.Mutex // held while what is kept is changed

	mu   sync.Mutex // guards kept
	kept map[string]firing
}

// firing is what has become of a schedule so far.
type firing struct {
	// Seen is the time until which everything that was due is done, or was left out.
	Seen time.Time `json:"seen"`
	// Enabled is what somebody has said since, instead of the room's file.
	Enabled *bool `json:"enabled,omitempty"`
	// At is when it was due last, Run what was begun then, and Open that this daemon
	// or the one before it has not come to begin it.
	At   time.Time `json:"at,omitzero"`
	Run  string    `json:"run,omitempty"`
	Open bool      `json:"open,omitempty"`
	Said string    `json:"said,omitempty"` // what became of it, if it was not begun
}

// on says whether a schedule is carried out.
func (f firing) on(s *room.Schedule) bool {
	if f.Enabled != nil {
		return *f.Enabled
	}
	return s.Enabled
}

// What counts as punctual, how often the clock is looked at in any case, and how far it
// must have been put back for that to be seen.
const (
	punctual  = time.Minute
	lookClock = 30 * time.Second
	putBack   = time.Hour
)

// NewTimetable makes one that does nothing yet; see [Timetable.Load] and [Timetable.Run].
func NewTimetable(o TimetableOptions) *Timetable {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Timetable{o: o, poke: make(chan struct{}, 1), kept: make(map[string]firing)}
}

const timetableMark = "schedules"

// Load takes over what a daemon before this one left. It is called once, before
// [Timetable.Run].
func (t *Timetable) Load(ctx context.Context) error {
	text, err := t.o.Shelf.Read(ctx, timetableMark)
	if err != nil || text == "" {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := json.Unmarshal([]byte(text), &t.kept); err != nil {
		return fmt.Errorf("read what became of schedules: %w", err)
	}
	return nil
}

// Poke has it looked at once: the room has changed.
func (t *Timetable) Poke() {
	select {
	case t.poke <- struct{}{}:
	default:
	}
}

// Run begins what is due until ctx ends, and leaves nothing running.
func (t *Timetable) Run(ctx context.Context) {
	defer t.wg.Wait()
	t.goOn(ctx)
	for {
		// The wall clock is looked at anew each time: it can be put forward and back.
		wait := t.turn(ctx, time.Now().Round(0))
		select {
		case <-ctx.Done():
			return
		case <-t.poke:
		case <-time.After(wait):
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// goOn begins what the last daemon was about to begin when it died, unless it is too late.
func (t *Timetable) goOn(ctx context.Context) {
	r := t.o.Room()
	for name, f := range t.all() {
		if !f.Open {
			continue
		}
		s, there := r.Schedule(name)
		if _, err := t.o.Runs.Get(f.Run); err == nil { // it did begin
			t.note(ctx, name, nil, func(f *firing) { f.Open = false })
			continue
		}
		if !there || time.Since(f.At) > max(punctual, s.CatchUp) {
			t.leaveOut(ctx, name, f.At, "the daemon died before it could be begun")
			continue
		}
		t.begin(ctx, s, f.Run, f.At)
	}
}

// turn begins what is due, and says how long nothing else is.
func (t *Timetable) turn(ctx context.Context, now time.Time) time.Duration {
	wait := lookClock
	r := t.o.Room()
	for i := range r.Schedules {
		s := &r.Schedules[i]
		when, is := s.When.(*calendar.Schedule)
		if !is {
			continue
		}
		t.look(ctx, s, when, now)
		if next, ok := when.Next(now); ok {
			wait = min(wait, max(next.Sub(now), 0))
		}
	}
	return wait
}

// look begins one schedule if it is due.
func (t *Timetable) look(ctx context.Context, s *room.Schedule, when *calendar.Schedule, now time.Time) {
	f, known := t.get(s.Name)
	switch {
	case !known:
		t.note(ctx, s.Name, nil, func(f *firing) { f.Seen = now })
		return
	case !f.on(s): // what was due while it was not wanted is not made up for
		t.set(s.Name, func(f *firing) { f.Seen = now })
		return
	case f.Seen.After(now.Add(putBack)):
		t.note(ctx, s.Name, scheduleEvent(s.Name, "", "", "the clock was put back; what is due from now on counts"), func(f *firing) { f.Seen = now })
		return
	}
	m := when.Missed(f.Seen, now)
	switch {
	case m.Count == 0:
	case now.Sub(m.Last) < punctual || m.Run:
		t.due(ctx, s, m.Last, now)
	default:
		t.leaveOut(ctx, s.Name, m.Last, fmt.Sprintf("missed while the daemon was not there, or its clock was wrong (%d times)", m.Count))
	}
}

// due begins a schedule, or says why it is left out.
func (t *Timetable) due(ctx context.Context, s *room.Schedule, at, now time.Time) {
	if s.Do != plan.Down.String() && t.o.Out != nil && t.o.Out() {
		t.leaveOut(ctx, s.Name, at, "the room runs on batteries, or is not back from that")
		return
	}
	detail := "due at " + at.Format("2006-01-02 15:04 MST")
	if now.Sub(at) >= punctual {
		detail += ", made up for now"
	}
	id := t.o.NewID()
	ok := t.note(ctx, s.Name, scheduleEvent(s.Name, s.Do, "begun", detail), func(f *firing) {
		f.Seen, f.At, f.Run, f.Open, f.Said = at, at, id, true, ""
	})
	if ok {
		t.begin(ctx, s, id, at)
	}
}

// begin begins a schedule's run. It is written down already that it is about to.
func (t *Timetable) begin(ctx context.Context, s *room.Schedule, id string, at time.Time) {
	t.wg.Go(func() {
		err := t.submit(ctx, s, id)
		if ctx.Err() != nil {
			return // the next daemon sees to it
		}
		if err == nil {
			t.note(ctx, s.Name, nil, func(f *firing) { f.Open = false })
			return
		}
		why := err.Error()
		var refused *room.Error
		if errors.As(err, &refused) && refused.Code == room.CodeBusy {
			why = "others are at work on its nodes, and schedules do not wait: " + why
		}
		t.leaveOut(ctx, s.Name, at, why)
	})
}

func (t *Timetable) submit(ctx context.Context, s *room.Schedule, id string) error {
	goal, known := plan.ParseGoal(s.Do)
	if !known {
		return fmt.Errorf("nothing is called %q", s.Do)
	}
	r := t.o.Room()
	now, there := r.Schedule(s.Name)
	if !there {
		return errors.New("the room has it no more")
	}
	targets := ""
	if now.Nodes != nil {
		targets = r.Fold(now.Nodes)
	}
	planning, cancel := context.WithTimeout(ctx, planTime)
	defer cancel()
	p, err := t.o.Desk.Prepare(planning, Order{
		ID: id, Actor: "schedule " + s.Name, Goal: goal, Targets: targets, Reason: "schedule " + s.Name + ": " + s.Said,
	})
	if err != nil {
		return err
	}
	return p.Begin(ctx, run.Refuse)
}

// leaveOut notes that a schedule was due and is not carried out.
func (t *Timetable) leaveOut(ctx context.Context, name string, at time.Time, why string) {
	t.o.Log.Warn("a schedule is left out", "schedule", name, "due", at, "why", why)
	e := scheduleEvent(name, "left out", event.Refused, "due at "+at.Format("2006-01-02 15:04 MST")+": "+why)
	t.note(ctx, name, e, func(f *firing) {
		if f.Seen.Before(at) {
			f.Seen = at
		}
		f.At, f.Run, f.Open, f.Said = at, "", false, why
	})
}

func scheduleEvent(name, op, outcome, detail string) *event.Event {
	return &event.Event{Kind: event.Schedule, Actor: "schedule " + name, Op: op, Outcome: outcome, Detail: "schedule " + name + ": " + detail}
}

// note changes what is kept of a schedule, with an event; it says whether that is on
// the disk. What is not there is not done.
func (t *Timetable) note(ctx context.Context, name string, e *event.Event, do func(*firing)) bool {
	if err := t.write(ctx, name, e, do); err != nil {
		t.o.Log.Error("what became of a schedule cannot be written down", "schedule", name, "why", err)
		return false
	}
	return true
}

func (t *Timetable) write(ctx context.Context, name string, e *event.Event, do func(*firing)) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	next := t.all()
	f := next[name]
	do(&f)
	next[name] = f
	r := t.o.Room()
	maps.DeleteFunc(next, func(name string, _ firing) bool { _, there := r.Schedule(name); return !there })
	text, err := json.Marshal(next)
	if err == nil {
		err = t.o.Shelf.Write(ctx, timetableMark, string(text), e)
	}
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.kept = next
	t.mu.Unlock()
	return nil
}

func (t *Timetable) all() map[string]firing {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.kept)
}

func (t *Timetable) get(name string) (firing, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, known := t.kept[name]
	return f, known
}

// set changes what is known of a schedule, without writing it down.
func (t *Timetable) set(name string, do func(*firing)) {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.kept[name]
	do(&f)
	t.kept[name] = f
}

// Entry is how a schedule stands.
type Entry struct {
	Schedule *room.Schedule
	Room     *room.Room
	Enabled  bool
	Next     calendar.Firing // At is zero if it is not due any more, or not enabled
	At       time.Time       // when it was due last
	Run      string          // what was begun then
	Said     string          // why nothing was begun
}

// List tells how the schedules stand, in the order of the room.
func (t *Timetable) List() []Entry {
	r := t.o.Room()
	list := make([]Entry, len(r.Schedules))
	for i := range r.Schedules {
		s := &r.Schedules[i]
		f, _ := t.get(s.Name)
		list[i] = Entry{Schedule: s, Room: r, Enabled: f.on(s), At: f.At, Run: f.Run, Said: f.Said}
		if when, is := s.When.(*calendar.Schedule); is && list[i].Enabled {
			if next := when.Preview(time.Now(), 1); len(next) > 0 {
				list[i].Next = next[0]
			}
		}
	}
	return list
}

// Enable has a schedule carried out from now on, or not, whatever the room's file says.
func (t *Timetable) Enable(ctx context.Context, name string, on bool, by string) error {
	s, there := t.o.Room().Schedule(name)
	if !there {
		return noSchedule(name)
	}
	op := map[bool]string{true: "enable", false: "disable"}[on]
	e := scheduleEvent(name, op, event.OK, op+"d")
	e.Actor = by
	err := t.write(ctx, name, e, func(f *firing) {
		if f.Seen = time.Now().Round(0); on == s.Enabled {
			f.Enabled = nil
			return
		}
		f.Enabled = &on
	})
	if err != nil {
		return &room.Error{Code: room.CodeInternal, Op: op, Subject: name, Said: "it could not be written down", Err: err}
	}
	t.Poke()
	return nil
}

// Preview gives the next times at which a schedule is due, whether it is enabled or not.
func (t *Timetable) Preview(name string, n int) ([]calendar.Firing, error) {
	s, there := t.o.Room().Schedule(name)
	if !there {
		return nil, noSchedule(name)
	}
	when, is := s.When.(*calendar.Schedule)
	if !is {
		return nil, nil
	}
	return when.Preview(time.Now(), n), nil
}

func noSchedule(name string) error {
	return &room.Error{Code: room.CodeNotFound, Op: "schedules", Subject: name, Said: "the room has no such schedule"}
}
