package roomfile

import (
	"math"
	"strings"
	"time"

	"millwright.dev/millwright/internal/room"
)

// conductPart is how nodes are brought up and down: of one, or of all.
type conductPart struct {
	StartAttempts uint16        `yaml:"start-attempts" doc:"How often it is tried to bring a node up before it has failed for good; 0 is for ever." default:"3"`
	StopAttempts  uint16        `yaml:"stop-attempts" doc:"As start-attempts, for bringing it down." default:"3"`
	RetryAfter    time.Duration `yaml:"retry-after" doc:"The pause before the second attempt. Each further one is twice as long, up to retry-most." default:"5s"`
	RetryMost     time.Duration `yaml:"retry-most" doc:"The longest pause between two attempts." default:"5m"`
	StartWithin   time.Duration `yaml:"start-within" doc:"How long after power-on a node's checks may take to be ok." default:"5m"`
	Grace         time.Duration `yaml:"grace" doc:"How long a node may take to halt when its controls have asked it to." default:"2m"`
	AfterGrace    string        `yaml:"after-grace" doc:"What is done with a node that has not halted by then: hold leaves its power on and calls it failed, cut takes the power, ask asks people." enum:"hold,cut,ask" default:"hold"`
	Cords         uint16        `yaml:"cords" doc:"How many of its cords must be on for a node to be up; 0 is all of them." default:"0"`
	ForcedCounts  bool          `yaml:"forced-counts" doc:"Whether a node that was switched on by hand counts as up for those that need it." default:"yes"`
	Witness       time.Duration `yaml:"witness" doc:"How long after switching something else (the outlet's current, the service processor, a check) may take to agree that it happened; 0s asks nothing else." default:"30s"`
}

// limitPart bounds switching on.
type limitPart struct {
	AtOnce  uint16        `yaml:"at-once" doc:"Most nodes that are on their way up or down at the same time; 0 is no limit." default:"0"`
	Stagger time.Duration `yaml:"stagger" doc:"Least time between two that are switched on." default:"0s"`
}

// orderPart is the section `order:`.
type orderPart struct {
	Conduct conductPart          `yaml:",inline"`
	Limit   limitPart            `yaml:",inline"`
	Groups  map[string]limitPart `yaml:"groups" doc:"Such limits for the nodes of a group, by its name without @."`
}

// choicePart is an entry of a node's `needs-some:`.
type choicePart struct {
	Least uint16 `yaml:"least" doc:"How many of them must be up." default:"1"`
	Of    texts  `yaml:"of" doc:"The nodes: names, aliases, @groups." required:"true"`
}

func conductOf(p *conductPart) room.Conduct {
	return room.Conduct{
		StartAttempts: int(p.StartAttempts), StopAttempts: int(p.StopAttempts), RetryAfter: p.RetryAfter, RetryMost: p.RetryMost,
		StartWithin: p.StartWithin, Grace: p.Grace, AfterGrace: room.AfterGrace(p.AfterGrace), Cords: int(p.Cords),
		ForcedCounts: p.ForcedCounts, Witness: p.Witness,
	}
}

func conductFrom(c room.Conduct) conductPart {
	return conductPart{
		StartAttempts: uint16(c.StartAttempts), StopAttempts: uint16(c.StopAttempts), RetryAfter: c.RetryAfter, RetryMost: c.RetryMost,
		StartWithin: c.StartWithin, Grace: c.Grace, AfterGrace: string(c.AfterGrace), Cords: uint16(c.Cords),
		ForcedCounts: c.ForcedCounts, Witness: c.Witness,
	}
}

// takeOrder takes the section `order:`, before the nodes that stand upon it.
func (l *loader) takeOrder() {
	part := orderPart{Conduct: conductFrom(room.DefaultConduct())}
	for _, p := range l.parts {
		if p.conf != nil {
			continue
		}
		v := p.doc.get("order")
		if v == nil || !p.foreign && !l.onlyOnce(field{key: "order", at: v.at, value: v}) {
			continue
		}
		l.decode(v, &part)
		l.checkConduct(v, &part.Conduct)
		l.takeLimits(v, &part)
	}
	l.conduct = part.Conduct
	l.draft.Settings.Conduct = conductOf(&part.Conduct)
}

func (l *loader) takeLimits(v *value, part *orderPart) {
	if part.Limit.AtOnce > 0 || part.Limit.Stagger > 0 {
		l.limits = append(l.limits, entrySource{at: v.at, value: v})
		l.draft.Limits = append(l.draft.Limits, room.DraftLimit{Limit: limitOf("", part.Limit)})
	}
	groups := v.get("groups")
	if groups == nil || groups.shape != mapping {
		return
	}
	for _, f := range groups.fields {
		name := strings.TrimPrefix(f.key, "@")
		l.limits = append(l.limits, entrySource{at: f.at, value: f.value})
		l.draft.Limits = append(l.draft.Limits, room.DraftLimit{Limit: limitOf(name, part.Groups[f.key]), Group: name})
	}
}

func limitOf(name string, p limitPart) room.Limit {
	return room.Limit{Name: name, AtOnce: int(p.AtOnce), Stagger: p.Stagger}
}

// checkConduct complains of what cannot be.
func (l *loader) checkConduct(v *value, c *conductPart) {
	for _, t := range []struct {
		key  string
		time time.Duration
		most time.Duration
	}{
		{"retry-after", c.RetryAfter, day},
		{"retry-most", c.RetryMost, day},
		{"start-within", c.StartWithin, day},
		{"grace", c.Grace, day},
		{"witness", c.Witness, time.Hour},
	} {
		if t.time < 0 || t.time > t.most {
			l.fail(at(v, t.key), "%s is at most %v, and not less than nothing", t.key, t.most)
		}
	}
}

// at gives the place of a key's value, or that of what it would stand in.
func at(v *value, key string) place {
	if f := v.get(key); f != nil {
		return f.at
	}
	return v.at
}

// conductFor gives a node's own conduct, nil where it has none.
func (l *loader) conductFor(e *nodeEntry) *room.Conduct {
	v := e.value.get("order")
	if v == nil || v.shape != mapping {
		return nil
	}
	part := l.conduct
	l.decodeQuietly(v, &part)
	l.checkConduct(v, &part)
	c := conductOf(&part)
	return &c
}

// decodeQuietly decodes what was decoded before, with other values to begin with.
func (l *loader) decodeQuietly(v *value, dst any) {
	fail := l.decoder.fail
	l.decoder.fail = func(place, string, ...any) {}
	defer func() { l.decoder.fail = fail }()
	l.decode(v, dst)
}

// order puts what an entry says of bringing nodes up and down into them.
func (l *loader) order(e *nodeEntry, n int) func(i int, d *room.DraftNode) {
	p := &e.part
	wants := l.members(e.value.get("wants"), p.Wants).names
	var choices []room.DraftChoice
	if any := e.value.get("needs-any"); any != nil {
		choices = append(choices, room.DraftChoice{Least: 1, Members: l.members(any, p.NeedsAny).names})
	}
	for i, c := range p.NeedsSome {
		v := e.value.get("needs-some").items[i]
		least := 1
		if v.get("least") != nil {
			least = int(c.Least)
		}
		choices = append(choices, room.DraftChoice{Least: least, Members: l.members(v.get("of"), c.Of).names})
	}
	for _, w := range []struct {
		key   string
		watts float64
	}{{"watts", p.Watts}, {"inrush", p.Inrush}} {
		if w.watts < 0 || math.IsNaN(w.watts) || w.watts > 1e7 {
			l.fail(at(e.value, w.key), "%s is between 0 and ten million", w.key)
		}
	}
	conduct, walk := l.conductFor(e), deviceEntry{}
	has := func(key string) bool { return e.value.get(key) != nil }
	return func(i int, d *room.DraftNode) {
		if has("wants") {
			d.Wants = wants
		}
		if has("needs-any") || has("needs-some") {
			d.Choices = choices
		}
		if has("controls") {
			d.Controls = p.Controls
		}
		if has("checks") {
			d.Checks = p.Checks
		}
		if has("priority") {
			d.Priority = int(p.Priority)
		}
		if has("address") {
			d.Address = p.Address
			if n > 1 {
				d.Address = walk.walkText(p.Address, i, n)
			}
		}
		if conduct != nil {
			d.Conduct = conduct
		}
		if has("watts") {
			d.Watts = p.Watts
		}
		if has("inrush") {
			d.Inrush = p.Inrush
		}
	}
}
