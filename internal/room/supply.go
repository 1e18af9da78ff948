package room

import (
	"slices"
	"time"
)

// UPS is an uninterruptible power supply, as the daemon beside it shows it. Package ups
// watches it.
type UPS struct {
	Name    string
	Address string   // host, or host:port, of its daemon
	UPS     string   // what the daemon calls it; "" is as Name
	Feeds   []string // the feeds that hang on it

	Credential string // one of the room's, or ""
	// Secure wants TLS of the daemon; the others say how it is trusted then.
	Secure         bool
	CA, ServerName string
	Pins           []string // SHA-256 of certificates, in hex
	Insecure       bool     // whoever answers is believed

	Poll     time.Duration // how often it is asked
	Hold     time.Duration // how long the mains must be gone before that counts
	Settle   time.Duration // how long they must be back before that counts
	Patience time.Duration // how long answers may be missing before that counts
	Assumed  time.Duration // how long it lasts, if it does not say that itself
}

// Battery is what is done when nodes run on batteries. Without stages it is nothing.
type Battery struct {
	Stages []Stage // in the order in which they go down
	// Margin is what must be left of the battery when the last stage is down.
	Margin time.Duration
	// SingleFeed also takes nodes down that have a healthy feed left; TrustUnwatched
	// takes a feed without a UPS for a healthy one.
	SingleFeed, TrustUnwatched bool
	// BackAfter is how long the mains must have been there, and BackCharge how full the
	// battery must be, in percent, before stages come back.
	BackAfter  time.Duration
	BackCharge float64
	// Start and Back say who decides that stages go down and come back.
	Start, Back Consent
}

// Consent says who decides that something is done.
type Consent string

// Who can.
const (
	Auto   Consent = "auto"  // it is done by itself
	AskOne Consent = "ask"   // somebody is asked first
	Never  Consent = "never" // only who asks for it by hand
)

// Stage is a set of nodes that go down together on battery. Any one of what is set
// is enough for it to begin; it begins in any case when waiting longer would leave too
// little time.
type Stage struct {
	Name  string
	Nodes []NodeID // those of no earlier stage, sorted

	Immediately bool          // as soon as its nodes are on battery
	After       time.Duration // when they have been for so long; zero is never
	Charge      float64       // when the charge is below, in percent; zero is never
	Runtime     time.Duration // when less than this is left; zero is never
	Low         bool          // when the UPS says that its battery is low
}

// Schedule brings nodes up or down by the calendar.
type Schedule struct {
	Name    string
	Do      string   // "up", "down", "cycle", "restart"
	Nodes   []NodeID // sorted; nil is every node
	Enabled bool     // unless somebody said otherwise since
	When    any      // prepared; only package calendar knows its type
	Said    string   // when that is, for people
	// CatchUp is how late it may be for what was missed while nobody looked.
	CatchUp time.Duration
}

// DraftStage is a stage to be. Members holds names as a group's do.
type DraftStage struct {
	Stage
	Members []string
}

// DraftSchedule is a schedule to be. Members holds names as a group's do; nil is every node.
type DraftSchedule struct {
	Schedule
	Members []string
}

// Bounds of what a room has of each.
const (
	MaxUPSes     = 1000
	MaxStages    = 100
	MaxSchedules = 1000
)

// Schedule finds a schedule by its name.
func (r *Room) Schedule(name string) (*Schedule, bool) {
	for i := range r.Schedules {
		if r.Schedules[i].Name == name {
			return &r.Schedules[i], true
		}
	}
	return nil, false
}

// fresh says whether a name of a kind is good and was not there yet.
func (b *builder) fresh(kind, name string, item int, first map[string]int) bool {
	b.name(kind, name, item, false)
	if old, found := first[name]; found {
		b.duplicate(kind, name, item, old)
		return false
	}
	first[name] = item
	return true
}

// fewer complains of too many of a kind.
func (b *builder) fewer(n, most int, what string) bool {
	if n > most {
		b.bad(TooMuch, "room", "", -1, "", -1, "there are %d %s, the limit is %d", n, what, most)
	}
	return n <= most
}

// upses takes in the UPSes; the feeds and credentials are there by now.
func (b *builder) upses() {
	first := make(map[string]int, len(b.draft.UPSes))
	if !b.fewer(len(b.draft.UPSes), MaxUPSes, "UPSes") {
		return
	}
	for i := range b.draft.UPSes {
		u := b.draft.UPSes[i]
		if !b.fresh("ups", u.Name, i, first) {
			continue
		}
		b.credentialOf("ups", u.Name, i, u.Credential)
		for x, feed := range u.Feeds {
			if _, found := b.feedAt[feed]; !found {
				b.unknown("ups", u.Name, i, "feeds", x, feed, "there is no feed %q%s", nearest(b, feed, b.feedAt))
			}
		}
		b.room.UPSes = append(b.room.UPSes, u)
	}
}

// battery takes in the stages; a node goes down with the first that names it.
func (b *builder) battery() {
	b.room.Battery = b.draft.Battery
	b.room.Battery.Stages = nil
	first := make(map[string]int, len(b.draft.Stages))
	if !b.fewer(len(b.draft.Stages), MaxStages, "stages") {
		return
	}
	taken := make(map[NodeID]bool)
	for i := range b.draft.Stages {
		d := &b.draft.Stages[i]
		if !b.fresh("stage", d.Name, i, first) {
			continue
		}
		s := d.Stage
		all := b.resolve("stage", d.Name, i, "nodes", d.Members)
		s.Nodes = slices.DeleteFunc(slices.Clone(all), func(id NodeID) bool { return taken[id] })
		for _, id := range s.Nodes {
			taken[id] = true
		}
		if len(all) > 0 && len(s.Nodes) == 0 {
			b.bad(Empty, "stage", d.Name, i, "nodes", -1, "all its nodes stand in earlier stages")
		}
		b.room.Battery.Stages = append(b.room.Battery.Stages, s)
	}
}

// schedules takes in the schedules.
func (b *builder) schedules() {
	first := make(map[string]int, len(b.draft.Schedules))
	if !b.fewer(len(b.draft.Schedules), MaxSchedules, "schedules") {
		return
	}
	for i := range b.draft.Schedules {
		d := &b.draft.Schedules[i]
		if !b.fresh("schedule", d.Name, i, first) {
			continue
		}
		s := d.Schedule
		if d.Members != nil {
			s.Nodes = b.resolve("schedule", d.Name, i, "nodes", d.Members)
			if len(s.Nodes) == 0 {
				b.bad(Empty, "schedule", d.Name, i, "nodes", -1, "there are no nodes in it")
			}
		}
		b.room.Schedules = append(b.room.Schedules, s)
	}
}
