package rounds_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/composite"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/rounds"
	"millwright.dev/millwright/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// looker is a check that does what a test says.
type looker func(ctx context.Context, env check.Env) check.Result

func (l looker) Run(ctx context.Context, env check.Env) check.Result { return l(ctx, env) }

// says is a check that says one thing after the other for each node, and the last for ever.
func says(list ...check.Verdict) check.Check {
	var mu sync.Mutex
	runs := make(map[string]int)
	return looker(func(_ context.Context, env check.Env) check.Result {
		mu.Lock()
		defer mu.Unlock()
		n := runs[env.Node]
		runs[env.Node]++
		v := list[min(n, len(list)-1)]
		return check.Result{Verdict: v, Said: fmt.Sprintf("look %d is %s", n+1, v)}
	})
}

// pause takes its time.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// house makes a room of some nodes that have all the checks.
func house(t testing.TB, nodes int, checks ...room.Check) *room.Room {
	t.Helper()
	d := room.Draft{Name: "test"}
	var all []string
	for i := range nodes {
		all = append(all, fmt.Sprintf("n%d", i+1))
		d.Nodes = append(d.Nodes, room.DraftNode{Name: all[i]})
	}
	for _, c := range checks {
		if c.Credential != "" {
			d.Credentials = []room.Credential{{Name: c.Credential}}
		}
		d.Checks = append(d.Checks, room.DraftCheck{Check: c, Members: all})
	}
	r, problems := room.New(d)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return r
}

// book keeps what it is told.
type book struct {
	mu      sync.Mutex
	changes []rounds.Change
	events  []event.Event
	looks   []rounds.Report
}

func (b *book) AppendLater(e event.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
}

func (b *book) changed(c rounds.Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changes = append(b.changes, c)
}

func (b *book) heard(r rounds.Report) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks = append(b.looks, r)
}

// told gives the changes as text, and forgets them.
func (b *book) told() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var words []string
	for _, c := range b.changes {
		if !c.Silent {
			words = append(words, fmt.Sprintf("%s %s %s-%s", c.Node, c.Check, c.From, c.To))
		}
	}
	b.changes = nil
	return strings.Join(words, "; ")
}

// begin runs rounds until the test ends. It is for a synctest bubble.
func begin(t testing.TB, o rounds.Options, first *room.Room) (*rounds.Rounds, *book) {
	t.Helper()
	b := &book{}
	o.Events, o.Changed = b, b.changed
	r := rounds.New(o)
	r.Every(b.heard)
	r.Apply(first)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return r, b
}

func TestSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := house(t, 1000, room.Check{Name: "a", Every: time.Minute, Settings: says(check.OK)}, room.Check{Name: "b", Every: time.Minute, Settings: says(check.OK)})
		r, b := begin(t, rounds.Options{}, first)
		start := time.Now()
		time.Sleep(time.Minute)
		synctest.Wait()
		perSecond := make([]int, 62)
		at := make(map[string]time.Duration)
		for _, l := range b.looks {
			after := l.At.Sub(start)
			perSecond[after/time.Second]++
			at[l.Node+l.Check] = after
		}
		if len(at) != 2000 || len(b.looks) < 1990 || len(b.looks) > 2010 {
			t.Fatalf("%d looks of %d checks", len(b.looks), len(at))
		}
		for s, n := range perSecond[:60] {
			if n < 10 || n > 65 {
				t.Errorf("in second %d there are %d looks; 33 would be even", s, n)
			}
		}
		// They are due at the same times after a reload.
		b.looks = nil
		r.Apply(house(t, 1000, room.Check{Name: "a", Every: time.Minute, Settings: says(check.OK)}))
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, l := range b.looks {
			if d := l.At.Sub(start) - at[l.Node+l.Check] - time.Minute; d.Abs() > time.Second {
				t.Fatalf("%s is looked at %v later", l.Node, d)
			}
		}
		if len(b.looks) < 995 || len(b.looks) > 1005 {
			t.Errorf("%d looks after the reload", len(b.looks))
		}
	})
}

// TestAtOnce holds that there are never too many looks, nor two of the same.
func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := make(map[string]bool), 0
		slow := looker(func(ctx context.Context, env check.Env) check.Result {
			mu.Lock()
			if running[env.Node] {
				t.Errorf("%s is looked at twice", env.Node)
			}
			running[env.Node] = true
			most = max(most, len(running))
			mu.Unlock()
			pause(ctx, 5*time.Second)
			mu.Lock()
			delete(running, env.Node)
			mu.Unlock()
			return check.Good("fine", 0)
		})
		r, b := begin(t, rounds.Options{AtOnce: 3}, house(t, 50, room.Check{Name: "slow", Every: time.Second, Settings: slow}))
		var asked sync.WaitGroup
		asked.Go(func() { r.Now(t.Context(), "n1") })
		time.Sleep(5*time.Minute + time.Millisecond)
		synctest.Wait()
		if most != 3 {
			t.Errorf("at most %d at once", most)
		}
		asked.Wait()
		if len(b.looks) < 170 {
			t.Errorf("only %d looks in 5 minutes", len(b.looks))
		}
	})
}

func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := begin(t, rounds.Options{}, house(t, 1, room.Check{
			Name: "web", Every: time.Minute, Retries: 2, RetryAfter: 5 * time.Second,
			Settings: says(check.OK, check.Bad, check.Bad, check.OK, check.Bad, check.Bad, check.Bad, check.Unknown, check.Unknown, check.Unknown, check.OK),
		}))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if told := b.told(); told != "n1 web ok-bad; n1 web bad-unknown; n1 web unknown-ok" {
			t.Error(told)
		}
		var verdicts []string
		for i, l := range b.looks[:11] {
			verdicts = append(verdicts, fmt.Sprintf("%s/%s/%d", l.Last.Verdict, l.Verdict, l.Attempt))
			if i == 2 || i == 5 || i == 6 {
				if d := l.At.Sub(b.looks[i-1].At); d < 4*time.Second || d > 6*time.Second {
					t.Errorf("retried after %v", d)
				}
			}
		}
		const want = "ok/ok/0 bad/ok/1 bad/ok/2 ok/ok/0 bad/ok/1 bad/ok/2 bad/bad/3 unknown/bad/1 unknown/bad/2 unknown/unknown/3 ok/ok/0"
		if got := strings.Join(verdicts, " "); got != want {
			t.Errorf("\n%s and not\n%s", got, want)
		}
		last := b.looks[len(b.looks)-1]
		if last.LastOK != last.At || last.Since != b.looks[10].At {
			t.Errorf("%+v", last)
		}
	})
}

func TestEventsAreFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := begin(t, rounds.Options{}, house(t, 40, room.Check{Name: "web", Settings: says(check.OK, check.Bad)}))
		for range 2 {
			for i := range 40 {
				r.Now(t.Context(), fmt.Sprintf("n%d", i+1))
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(b.events) != 1 {
			t.Fatalf("%d events", len(b.events))
		}
		e := b.events[0]
		if e.Kind != event.Check || e.Op != "web" || e.Targets != "n[1-40]" || e.Count != 40 || e.Outcome != "bad" || e.Detail != "n1: look 2 is bad, and 39 more" {
			t.Errorf("%+v", e)
		}
	})
}

func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var list []check.Verdict
		for range 20 {
			list = append(list, check.OK, check.Bad)
		}
		r, b := begin(t, rounds.Options{}, house(t, 1, room.Check{Name: "web", Settings: says(append(list, check.OK)...)}))
		for range 70 {
			r.Now(t.Context(), "n1")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		var words []string
		last := check.Unknown
		for i, c := range b.changes {
			if last = c.To; !c.Silent {
				words = append(words, fmt.Sprintf("%s %v %v", c.To, c.Flapping, c.Settled))
			} else if i == 0 && c.To != check.OK || i > 0 && !c.Flapping {
				t.Errorf("%d is silent: %+v", i, c)
			}
		}
		if len(b.changes) != 42 || last != check.OK || len(b.events) == 0 {
			t.Errorf("%d changes, the last to %s; %d events", len(b.changes), last, len(b.events))
		}
		if got := strings.Join(words, "; "); got != "bad false false; ok false false; bad false false; ok false false; bad false false; ok true false; ok false true" {
			t.Error(got)
		}
		if l := r.Last("n1")[0]; l.Flapping || l.Verdict != check.OK {
			t.Errorf("%+v", l)
		}
	})
}

func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		counting := says(check.Bad, check.Bad, check.Unknown, check.Bad, check.Bad, check.OK)
		r, b := begin(t, rounds.Options{}, house(t, 1,
			room.Check{Name: "up", Starting: true, RetryAfter: 4 * time.Second, Retries: 5, Settings: looker(func(ctx context.Context, env check.Env) check.Result {
				at = append(at, time.Since(start))
				return counting.Run(ctx, env)
			})},
			room.Check{Name: "good", Starting: true, Settings: says(check.OK)},
			room.Check{Name: "other", Settings: says(check.Bad)},
		))
		list := r.Settle(t.Context(), "n1", start.Add(time.Minute))
		if len(list) != 2 || list[0].Verdict != check.OK || list[1].Verdict != check.OK || time.Since(start) != 11500*time.Millisecond {
			t.Errorf("after %v: %+v", time.Since(start), list)
		}
		if got := fmt.Sprint(at); got != "[0s 500ms 1.5s 3.5s 7.5s 11.5s]" {
			t.Error(got)
		}
		if told := b.told(); told != "" {
			t.Errorf("what is not yet up was told: %s", told)
		}
	})
}

func TestSettleEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := looker(func(ctx context.Context, _ check.Env) check.Result {
			<-ctx.Done()
			return check.Wrong("no answer in time")
		})
		r, b := begin(t, rounds.Options{}, house(t, 1,
			room.Check{Name: "up", Starting: true, Retries: 9, Settings: says(check.Bad)},
			room.Check{Name: "slow", Starting: true, Timeout: time.Hour, Settings: slow},
		))
		start := time.Now()
		list := r.Settle(t.Context(), "n1", start.Add(time.Minute))
		if d := time.Since(start); d != time.Minute || list[0].Verdict != check.Bad || list[1].Verdict != check.Unknown {
			t.Errorf("after %v: %+v", d, list)
		}
		if told := b.told(); told != "n1 up unknown-bad" {
			t.Error(told)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if list = r.Settle(ctx, "n1", start.Add(time.Hour)); time.Since(start) != time.Minute+time.Second || len(list) != 2 {
			t.Errorf("who asked has gone: %v", time.Since(start))
		}
	})
}

func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		slow := looker(func(ctx context.Context, _ check.Env) check.Result {
			looks++
			pause(ctx, 3*time.Second)
			return check.Good(fmt.Sprintf("look %d", looks), 0)
		})
		r, _ := begin(t, rounds.Options{Wanted: func(string) bool { return false }}, house(t, 2,
			room.Check{Name: "a", Settings: slow, Kind: "dummy", Every: time.Second},
			room.Check{Name: "b", Settings: says(check.OK)},
		))
		time.Sleep(time.Minute)
		if looks != 0 {
			t.Error("nodes are looked at that are not wanted")
		}
		var asked sync.WaitGroup
		for i, want := range []string{"look 1", "look 2", "look 2"} { // the first is on its way when the others come
			asked.Go(func() {
				list := r.Now(t.Context(), "n1", "a")
				if len(list) != 1 || list[0].Last.Said != want || list[0].Kind != "dummy" {
					t.Errorf("%d: %+v", i, list)
				}
			})
			time.Sleep(time.Second)
		}
		asked.Wait()
		if list := r.Now(t.Context(), "n2"); len(list) != 2 || list[0].Check != "a" || list[1].Check != "b" {
			t.Errorf("%+v", list)
		}
		if list := r.Now(t.Context(), "nobody"); len(list) != 0 {
			t.Errorf("%+v", list)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if list := r.Now(ctx, "n1"); list[0].Last.Said != "look 2" || list[1].Verdict != check.OK {
			t.Errorf("who asked has gone: %+v", list)
		}
		if all := r.All(); len(all) != 4 || all[0].Node != "n1" || all[3].Check != "b" {
			t.Errorf("%+v", all)
		}
	})
}

// TestHangs holds that a check which does not end blocks nothing but itself.
func TestHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		hangs := looker(func(_ context.Context, env check.Env) check.Result {
			if env.Node == "n1" {
				<-free
			}
			return check.Good("fine", 0)
		})
		r, b := begin(t, rounds.Options{AtOnce: 1}, house(t, 2, room.Check{Name: "web", Every: 10 * time.Second, Timeout: 3 * time.Second, Settings: hangs}))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		mine, other := r.Last("n1")[0], r.Last("n2")[0]
		if mine.Verdict != check.Unknown || !mine.Hangs || !strings.Contains(mine.Last.Said, "hangs") {
			t.Errorf("%+v", mine)
		}
		if other.Verdict != check.OK || other.Hangs || time.Since(other.At) > 20*time.Second {
			t.Errorf("%+v", other)
		}
		if list := r.Now(t.Context(), "n1"); !list[0].Hangs {
			t.Errorf("%+v", list)
		}
		close(free)
		b.told()
		time.Sleep(30 * time.Second)
		if mine = r.Last("n1")[0]; mine.Verdict != check.OK || mine.Hangs {
			t.Errorf("it has ended: %+v", mine)
		}
	})
}

// TestCloseLeavesWhatHangs holds that the daemon can end.
func TestCloseLeavesWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		r := rounds.New(rounds.Options{})
		r.Apply(house(t, 1, room.Check{Name: "web", Timeout: time.Hour, Settings: looker(func(context.Context, check.Env) check.Result {
			<-free
			return check.Good("fine", 0)
		})}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r.Now(ctx, "n1")
		start := time.Now()
		r.Close()
		if d := time.Since(start); d > time.Minute {
			t.Error(d)
		}
		if list := r.Now(t.Context(), "n1"); list[0].Verdict != check.Unknown {
			t.Errorf("%+v", list)
		}
		close(free)
		synctest.Wait()
		r.Close()
	})
}

// TestHostile holds that a check can neither flood nor break the daemon, nor tell secrets.
func TestHostile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resolve := func(_ context.Context, _ *room.Room, name string) (secret.Resolved, error) {
			if name == "none" {
				return secret.Resolved{}, errors.New("no such file")
			}
			return secret.Resolved{User: "ann", Values: map[string]secret.Value{secret.Password: secret.NewValue("s3cret")}}, nil
		}
		tell := looker(func(_ context.Context, env check.Env) check.Result {
			return check.Good("it said "+env.Credential.Get(secret.Password).Reveal(), 0)
		})
		r, b := begin(t, rounds.Options{Credential: resolve}, house(t, 1,
			room.Check{Name: "flood", Settings: looker(func(context.Context, check.Env) check.Result {
				return check.Result{Verdict: 99, Said: strings.Repeat("flood\n", 1<<20), Values: make([]check.Value, 1<<16)}
			})},
			room.Check{Name: "panic", Settings: looker(func(context.Context, check.Env) check.Result { panic("broken") })},
			room.Check{Name: "tells", Credential: "key", Settings: tell},
		))
		list := r.Now(t.Context(), "n1")
		if f := list[0]; f.Verdict != check.Unknown || len(f.Last.Said) > check.MaxSaid || len(f.Last.Values) > check.MaxValues {
			t.Errorf("%d bytes, %d values", len(f.Last.Said), len(f.Last.Values))
		}
		if p := list[1]; p.Verdict != check.Unknown || !strings.Contains(p.Last.Said, "broke") {
			t.Errorf("%+v", p)
		}
		if s := list[2]; s.Verdict != check.OK || strings.Contains(s.Last.Said, "s3cret") {
			t.Errorf("%+v", s)
		}
		r.Apply(house(t, 1, room.Check{Name: "tells", Credential: "none", Settings: tell}))
		if s := r.Now(t.Context(), "n1")[0]; s.Last.Verdict != check.Unknown || !strings.Contains(s.Last.Said, "no such file") {
			t.Errorf("%+v", s)
		}
		_ = b
	})
}

// TestOthers is about checks that stand on others.
func TestOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stands := func(s composite.Settings) check.Check {
			c, err := s.Prepare()
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		looks := 0
		a := looker(func(context.Context, check.Env) check.Result { looks++; return check.Good("fine", 0) })
		first := house(t, 1,
			room.Check{Name: "both", Every: time.Minute, Settings: stands(composite.Settings{All: []string{"a", "b", "both2"}})},
			room.Check{Name: "both2", Settings: stands(composite.Settings{Any: []string{"a", "missing"}})},
			room.Check{Name: "a", Every: time.Hour, Settings: a},
			room.Check{Name: "b", Settings: says(check.OK, check.Bad)},
			room.Check{Name: "loop", Settings: stands(composite.Settings{Not: "loop2"})},
			room.Check{Name: "loop2", Settings: stands(composite.Settings{Not: "loop"})},
		)
		r, _ := begin(t, rounds.Options{AtOnce: 1}, first)
		time.Sleep(70 * time.Second)
		synctest.Wait()
		if both := r.Last("n1")[0]; both.Verdict != check.OK || looks != 1 {
			t.Errorf("%d looks: %+v", looks, both)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if both := r.Last("n1")[0]; both.Verdict != check.Bad || looks != 1 || !strings.Contains(both.Last.Said, "b (look 2 is bad)") {
			t.Errorf("%d looks: %+v", looks, both)
		}
		if r.Now(t.Context(), "n1", "both"); looks != 2 {
			t.Errorf("%d looks: those of before it was asked are not fresh", looks)
		}
		if l := r.Now(t.Context(), "n1", "loop", "loop2"); l[0].Verdict != check.Unknown || !strings.Contains(l[0].Last.Said, "stands on itself") {
			t.Errorf("%+v", l)
		}
	})
}

// TestReload holds that what is known stays, and what is gone is gone.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := begin(t, rounds.Options{}, house(t, 2, room.Check{Name: "web", Settings: says(check.Bad)}, room.Check{Name: "old", Settings: says(check.Bad)}))
		r.Now(t.Context(), "n1")
		before := r.Last("n1")[0]
		slow := looker(func(ctx context.Context, _ check.Env) check.Result {
			pause(ctx, time.Minute)
			return check.Good("late", 0)
		})
		r.Apply(house(t, 1, room.Check{Name: "web", Settings: slow, Timeout: time.Hour}))
		if list := r.Last("n1"); len(list) != 1 || list[0].Verdict != check.Bad || list[0].At != before.At {
			t.Errorf("%+v", list)
		}
		b.told()
		b.looks = nil
		var asked sync.WaitGroup
		asked.Go(func() { r.Now(t.Context(), "n1") })
		time.Sleep(time.Second)
		r.Apply(house(t, 1))
		asked.Wait()
		if len(b.looks) != 0 || b.told() != "" || len(r.All()) != 0 {
			t.Errorf("what is gone was heard: %+v", b.looks)
		}
		r.Apply(house(t, 1, room.Check{Name: "web", Settings: says(check.OK)}))
		r.Now(t.Context(), "n1")
		if r.Forget("n1"); !r.Last("n1")[0].At.IsZero() {
			t.Error("what is to be forgotten is remembered")
		}
	})
}
