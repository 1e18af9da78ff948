package autopilot

import (
	"context"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/transport"
	"millwright.dev/millwright/internal/ups"
)

// Sources gives what is to be watched of a room. Files of certificates are as the room
// names them.
func Sources(r *room.Room) []ups.Source {
	list := make([]ups.Source, len(r.UPSes))
	for i := range r.UPSes {
		u := &r.UPSes[i]
		list[i] = ups.Source{
			Name: u.Name, Address: u.Address, UPS: u.UPS, Feeds: u.Feeds, Credential: u.Credential,
			Poll: u.Poll, Hold: u.Hold, Settle: u.Settle, Patience: u.Patience, Assumed: u.Assumed,
		}
		if u.Secure {
			list[i].TLS = &transport.TLSOptions{CA: u.CA, Pins: u.Pins, Insecure: u.Insecure, ServerName: u.ServerName}
		}
	}
	return list
}

// StageState is how it stands with a stage.
type StageState string

// The states of stages.
const (
	StageUp     StageState = "up" // nothing was done with it
	StageGoing  StageState = "going down"
	StageDown   StageState = "down"
	StageComing StageState = "coming back"
)

// Stage is how a stage stands.
type Stage struct {
	Name  string
	State StageState
	Nodes []string
	Taken []string // that it took down
	Run   string   // the run under way
	Since time.Time
	Hand  bool // it comes back by hand
	Due   bool // it is to begin now
	Said  string

	Expected, Spread time.Duration // how long it takes to go down, and how much longer it may take
	Ends             time.Duration // until it is down if all up to it began now
	Left             *time.Duration
	Fits             bool
}

// Status is how it stands with the battery.
type Status struct {
	Out         bool // a UPS runs on its battery
	Said        string
	Start, Back room.Consent
	Stages      []Stage // in the order in which they go down
}

// Status tells how it stands. No device is asked.
func (b *Battery) Status() Status {
	kept, standings := b.kept(), b.o.UPSes()
	s := b.look(kept, standings)
	d := s.policy.Decide(s.situation)
	auto := s.situation
	auto.Progress = kept.upsProgress(true)
	back := s.policy.Return(auto)
	said := d.Said
	if !emptying(standings) && len(back.Verdicts) > 0 {
		said += "; " + back.Said
	}
	st := Status{Out: emptying(standings), Said: said, Start: s.room.Battery.Start, Back: s.room.Battery.Back}
	for i, p := range s.policy.Stages {
		f, v, k := s.situation.Forecast[p.Name], d.Verdicts[i], kept.Stages[p.Name]
		one := Stage{
			Name: p.Name, State: StageUp, Nodes: p.Nodes, Taken: k.Taken, Run: k.Run, Since: k.Begun, Hand: k.Hand, Due: v.Due,
			Expected: f.Expected, Spread: f.Spread, Ends: v.Ends, Left: v.Left, Fits: v.Fits,
		}
		switch {
		case k.Run != "" && k.Back:
			one.State, one.Said = StageComing, k.Said
		case k.Run != "":
			one.State, one.Said = StageGoing, k.Said
		case k.Down:
			one.State, one.Said = StageDown, k.Said
			if j := slices.IndexFunc(back.Verdicts, func(v ups.Verdict) bool { return v.Stage == p.Name }); j >= 0 {
				one.Said = back.Verdicts[j].Why
			}
		case st.Out:
			one.Said = v.Said
		}
		b.mu.Lock()
		if t := b.trouble[p.Name]; t.said != "" {
			one.Said = "it could not be begun, and is tried again: " + t.said
		}
		b.mu.Unlock()
		st.Stages = append(st.Stages, one)
	}
	return st
}

// Wish has stages taken down, or brought back, as somebody wants it: all that are
// not (or are) down if none is named. It gives their names, in the order in which they go.
func (b *Battery) Wish(ctx context.Context, up bool, stages []string, by string) ([]string, error) {
	op := "battery " + goalOf(up).String()
	r, kept := b.o.Room(), b.kept()
	policy := policyOf(r)
	all := make([]string, 0, len(policy.Stages))
	for _, st := range policy.Stages {
		all = append(all, st.Name)
	}
	for name := range kept.Stages {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	if up {
		slices.Reverse(all)
	}
	for _, name := range stages {
		if !slices.Contains(all, name) {
			return nil, &room.Error{Code: room.CodeNotFound, Op: op, Subject: name, Said: "the room has no such stage"}
		}
	}
	if up && emptying(b.o.UPSes()) {
		return nil, &room.Error{Code: room.CodeRefused, Op: op, Said: "the room runs on batteries, and would be taken down again; bring single nodes up with millwright up"}
	}
	wanted := slices.DeleteFunc(all, func(name string) bool {
		_, begun := kept.Stages[name]
		return begun != up || len(stages) > 0 && !slices.Contains(stages, name)
	})
	if len(wanted) == 0 {
		return nil, &room.Error{Code: room.CodeRefused, Op: op, Said: map[bool]string{true: "no such stage is down", false: "they are down, or on their way"}[up]}
	}
	e := &event.Event{Kind: event.Battery, Actor: by, Op: op, Outcome: event.OK, Detail: "asked for stages, in this order: " + strings.Join(wanted, ", ")}
	err := b.change(ctx, e, func(o *outage) {
		for _, name := range wanted {
			o.unwish(name)
			o.Wishes = append(o.Wishes, wish{Stage: name, Up: up, By: by})
		}
	})
	if err != nil {
		return nil, &room.Error{Code: room.CodeInternal, Op: op, Said: "nothing was done, because it could not be written down first", Err: err}
	}
	b.Poke()
	return wanted, nil
}
