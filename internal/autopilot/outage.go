package autopilot

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/ups"
)

// outage is what was done on battery and is not undone yet. It is on the disk before
// anything is begun.
type outage struct {
	Stages map[string]progress `json:"stages,omitempty"`
	Wishes []wish              `json:"wishes,omitempty"`
}

// progress is what has become of a stage.
type progress struct {
	Begun time.Time     `json:"begun"`
	Needs time.Duration `json:"needs"` // how long it takes at worst, as foreseen when it began
	// Nodes are those that were to go down, Taken those that did: what was off
	// before stays off when power is back.
	Nodes names `json:"nodes"`
	Taken names `json:"taken"`
	Down  bool  `json:"down,omitempty"` // its run has ended
	// Hand: somebody wanted it while no UPS was on battery, so it comes back by hand.
	Hand bool   `json:"hand,omitempty"`
	Run  string `json:"run,omitempty"`  // the run under way
	Back bool   `json:"back,omitempty"` // which brings it back
	Said string `json:"said,omitempty"`
	// Was is how it stood before the run under way, for a run that never begins.
	Was *progress `json:"was,omitempty"`
}

// wish is a stage that somebody wants down or back, by hand.
type wish struct {
	Stage string `json:"stage"`
	Up    bool   `json:"up,omitempty"`
	By    string `json:"by"`
}

// names are a list of nodes, written as a host list.
type names []string

// MarshalText implements [encoding.TextMarshaler].
func (n names) MarshalText() ([]byte, error) { return []byte(hostlist.Fold(n)), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (n *names) UnmarshalText(text []byte) error {
	list, err := hostlist.Limits{Range: room.MaxNodes, Items: room.MaxNodes, Names: room.MaxNodes}.Parse(string(text))
	if err == nil && len(text) > 0 {
		*n = list.Names()
	}
	return err
}

// with gives both lists, each name once.
func (n names) with(more []string) names {
	all := slices.Concat(n, more)
	slices.SortFunc(all, hostlist.Compare)
	return slices.Compact(all)
}

// in gives those that a room has.
func (n names) in(r *room.Room) []room.NodeID {
	var ids []room.NodeID
	for _, name := range n {
		if id, found := r.Node(name); found {
			ids = append(ids, id)
		}
	}
	return ids
}

// active says whether a stage has a run under way: down, back, or either.
func (o *outage) active(down, back bool) bool {
	for _, p := range o.Stages {
		if p.Run != "" && (p.Back && back || !p.Back && down) {
			return true
		}
	}
	return false
}

// quiet says whether nothing is down, and nothing wanted.
func (o *outage) quiet() bool { return len(o.Stages) == 0 && len(o.Wishes) == 0 }

// upsProgress gives it as the policy wants it; with auto set, without what comes back
// only by hand.
func (o *outage) upsProgress(auto bool) map[string]ups.Progress {
	out := make(map[string]ups.Progress, len(o.Stages))
	for name, p := range o.Stages {
		if auto && p.Hand {
			continue
		}
		out[name] = ups.Progress{Begun: p.Begun, Nodes: p.Nodes, Down: p.Down, Back: p.Back}
	}
	return out
}

func (o *outage) unwish(stage string) {
	o.Wishes = slices.DeleteFunc(o.Wishes, func(w wish) bool { return w.Stage == stage })
}

// outageMark is the name under which it is kept.
const outageMark = "battery"

// Load takes over what a daemon before this one left. It is called once, before
// [Battery.Run].
func (b *Battery) Load(ctx context.Context) error {
	text, err := b.o.Shelf.Read(ctx, outageMark)
	if err != nil || text == "" {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := json.Unmarshal([]byte(text), &b.out); err != nil {
		return fmt.Errorf("read what was done on battery: %w", err)
	}
	if b.out.Stages == nil {
		b.out.Stages = make(map[string]progress)
	}
	return nil
}

// change changes what is kept, together with an event that tells of it.
func (b *Battery) change(ctx context.Context, e *event.Event, do func(*outage)) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	next := b.kept()
	do(&next)
	text, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("write what is done on battery: %w", err)
	}
	if err := b.o.Shelf.Write(ctx, outageMark, string(text), e); err != nil {
		return fmt.Errorf("write what is done on battery: %w", err)
	}
	b.mu.Lock()
	b.out = next
	b.mu.Unlock()
	return nil
}

// kept gives what is kept now.
func (b *Battery) kept() outage {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := outage{Stages: maps.Clone(b.out.Stages), Wishes: slices.Clone(b.out.Wishes)}
	if o.Stages == nil {
		o.Stages = make(map[string]progress)
	}
	return o
}

// told makes an event about a stage, or about the battery as a whole.
func told(op string, nodes []string, outcome, detail string) *event.Event {
	e := &event.Event{Kind: event.Battery, Actor: batteryActor, Door: "autopilot", Op: op, Outcome: outcome, Detail: detail, Count: len(nodes)}
	if text := hostlist.Fold(nodes); len(text) <= event.MaxTargets {
		e.Targets = text
	}
	return e
}

// batteryActor is who begins the runs.
const batteryActor = "battery"

// goalOf is which way a run goes.
func goalOf(up bool) plan.Goal {
	if up {
		return plan.Up
	}
	return plan.Down
}
