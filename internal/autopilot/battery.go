package autopilot

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/ups"
)

// BatteryOptions are what a [Battery] stands on.
type BatteryOptions struct {
	Common
	// UPSes gives how the room's UPSes stand.
	UPSes func() []ups.Standing
	Ask   Ask // nil: who is to be asked never agrees
}

// Battery takes stages of nodes down while they run on batteries, in order and in time,
// and brings them back when the power is there for good. Its methods may be called
// from any goroutine.
type Battery struct {
	o    BatteryOptions
	poke chan struct{}
	wg   sync.WaitGroup // of those who wait for runs and answers

	writing sync.Mutex // held while what is kept is changed

	mu      sync.Mutex // guards what follows
	out     outage
	trouble map[string]trouble // by stage
	asked   [2]consent         // for going down, and for coming back
	cast    casting
}

// trouble is why a stage could not be begun, and when it is tried again.
type trouble struct {
	said string
	next time.Time
}

// consent is what people have answered.
type consent uint8

const (
	unasked consent = iota
	waiting
	agreed
	refused
)

// How often it is looked at how things stand: while something is out of the ordinary,
// and else; and how long after a stage could not be begun that is tried again.
const (
	lookOften  = time.Second
	lookSeldom = 15 * time.Second
	tryAgain   = 5 * time.Second
	planTime   = 30 * time.Second // how long reading the devices may take before a plan
)

// NewBattery makes one that does nothing yet; see [Battery.Load] and [Battery.Run].
func NewBattery(o BatteryOptions) *Battery {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Battery{o: o, poke: make(chan struct{}, 1), trouble: make(map[string]trouble)}
}

// Poke has it looked at once: a UPS has changed, or the room.
func (b *Battery) Poke() {
	select {
	case b.poke <- struct{}{}:
	default:
	}
}

// Run does what is due until ctx ends, and leaves nothing running.
func (b *Battery) Run(ctx context.Context) {
	defer b.wg.Wait()
	for id := range b.going() { // of the daemon before this one
		b.await(ctx, id)
	}
	for {
		wait := b.turn(ctx)
		select {
		case <-ctx.Done():
			return
		case <-b.poke:
		case <-time.After(wait):
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// going gives the runs that are under way for stages.
func (b *Battery) going() map[string]bool {
	ids := make(map[string]bool)
	for _, p := range b.kept().Stages {
		if p.Run != "" {
			ids[p.Run] = true
		}
	}
	return ids
}

// await has it looked at when a run has ended.
func (b *Battery) await(ctx context.Context, id string) {
	b.wg.Go(func() {
		for _, err := range b.o.Runs.Follow(ctx, id, 0) {
			if err != nil {
				break
			}
		}
		b.Poke()
	})
}

// Out says whether the room runs on batteries, or is not back from that: what the
// calendar wants up has to wait.
func (b *Battery) Out() bool {
	return emptying(b.o.UPSes()) || slices.ContainsFunc(stagesOf(b.kept()), func(p progress) bool { return !p.Hand })
}

func stagesOf(o outage) []progress {
	list := make([]progress, 0, len(o.Stages))
	for _, p := range o.Stages {
		list = append(list, p)
	}
	return list
}

func out(list []ups.Standing) bool {
	return slices.ContainsFunc(list, func(s ups.Standing) bool { return s.State.Out() })
}

// emptying says whether a battery is being emptied. A UPS that is switched off is not.
func emptying(list []ups.Standing) bool {
	return slices.ContainsFunc(list, func(s ups.Standing) bool { return s.State == ups.OnBattery || s.State == ups.Low })
}

// turn looks at how things stand, and begins what is due. It says when to look again.
func (b *Battery) turn(ctx context.Context) time.Duration {
	if err := b.settle(ctx); err != nil {
		b.o.Log.Error("what was done on battery cannot be written down", "why", err)
		return lookOften
	}
	kept, standings := b.kept(), b.o.UPSes()
	if !out(standings) && kept.quiet() {
		b.mu.Lock()
		b.asked = [2]consent{}
		clear(b.trouble)
		b.mu.Unlock()
		return lookSeldom
	}
	s := b.look(kept, standings)
	if b.down(ctx, s) || b.back(ctx, s) {
		return 0
	}
	return lookOften
}

// settle takes note of runs that have ended.
func (b *Battery) settle(ctx context.Context) error {
	for name, p := range b.kept().Stages {
		if p.Run == "" {
			continue
		}
		info, err := b.o.Runs.Get(p.Run)
		var why *room.Error
		switch {
		case errors.As(err, &why) && why.Code == room.CodeNotFound: // the daemon died before it could be begun
			err = b.change(ctx, nil, func(o *outage) { notBegun(o, name) })
		case err != nil:
		case !info.State.Final():
			continue
		default:
			err = b.ended(ctx, name, p, info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// notBegun puts a stage whose run was never begun back to how it stood.
func notBegun(o *outage, name string) {
	if was := o.Stages[name].Was; was != nil {
		o.Stages[name] = *was
		return
	}
	delete(o.Stages, name)
}

// ended takes note of one run that has ended.
func (b *Battery) ended(ctx context.Context, name string, p progress, info run.Info) error {
	said := "run " + info.ID + " " + string(info.State)
	if info.Said != "" {
		said += ": " + info.Said
	}
	outcome := map[run.State]string{run.Done: event.OK, run.Partial: event.Partial}[info.State]
	if outcome == "" {
		outcome = event.Failed
	}
	if p.Back {
		e := told("stage back", p.Taken, outcome, "stage "+name+": "+said)
		return b.change(ctx, e, func(o *outage) { delete(o.Stages, name) })
	}
	if info.Outcomes != nil {
		var more names
		for _, text := range []string{info.Outcomes.OK, info.Outcomes.Unverified} {
			var some names
			if some.UnmarshalText([]byte(text)) == nil {
				more = more.with(some)
			}
		}
		p.Taken = p.Taken.with(more)
	}
	p.Run, p.Down, p.Said, p.Was = "", true, said, nil
	e := told("stage down", p.Nodes, outcome, "stage "+name+": "+said)
	return b.change(ctx, e, func(o *outage) { o.Stages[name] = p })
}

// allowed says whether people have agreed, or need not be asked.
func (b *Battery) allowed(ctx context.Context, which int, who room.Consent, question string) bool {
	switch who {
	case room.Never:
		return false
	case room.AskOne:
	default:
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.asked[which] == unasked && b.o.Ask != nil {
		b.asked[which] = waiting
		b.wg.Go(func() {
			yes, err := b.o.Ask(ctx, question)
			answer := refused
			switch {
			case ctx.Err() != nil:
				answer = unasked
			case yes && err == nil:
				answer = agreed
			}
			b.mu.Lock()
			b.asked[which] = answer
			b.mu.Unlock()
			b.Poke()
		})
	}
	return b.asked[which] == agreed
}

// hampered notes that a stage could not be begun, and tells it when that is news.
func (b *Battery) hampered(name string, up bool, nodes []string, why error) {
	op := "stage " + goalOf(up).String()
	b.mu.Lock()
	news := b.trouble[name].said != why.Error()
	b.trouble[name] = trouble{why.Error(), time.Now().Add(tryAgain)}
	b.mu.Unlock()
	if news {
		b.o.Log.Error("a stage cannot be begun; it is tried again", "stage", name, "op", op, "why", why)
		b.o.Tell(*told(op, nodes, event.Refused, "stage "+name+": it could not be begun, and is tried again: "+why.Error()))
	}
}

// soon says whether a stage failed to begin a moment ago.
func (b *Battery) soon(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Now().Before(b.trouble[name].next)
}
