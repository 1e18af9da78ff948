package wire

import (
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/autopilot"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/ups"
)

// UPS is how an uninterruptible power supply stands.
type UPS struct {
	Name     string    `json:"name" doc:"What the room calls it." example:"rack-a"`
	Feeds    []string  `json:"feeds" doc:"The feeds that hang on it." nullable:"false"`
	State    ups.State `json:"state" doc:"Where it takes its power from." enum:"unknown,online,on-battery,low,off"`
	Since    time.Time `json:"since,omitzero" doc:"Since when: when it was first seen, not when it counted."`
	Battery  time.Time `json:"battery,omitzero" doc:"Since when it is not online any more; absent while it is."`
	Settling bool      `json:"settling,omitempty" doc:"The mains are seen again, and only have to hold."`
	Contact  bool      `json:"contact" doc:"It answers."`
	Seen     time.Time `json:"seen,omitzero" doc:"When it last did."`
	Reckoned bool      `json:"reckoned,omitempty" doc:"It does not answer: charge and runtime are the last that were known, less the time that has passed."`
	Charge   *float64  `json:"charge,omitempty" doc:"Of its battery, in percent."`
	Load     *float64  `json:"load,omitempty" doc:"In percent of what it can carry."`
	Watts    *float64  `json:"watts,omitempty" doc:"What it gives."`
	Runtime  *float64  `json:"runtime_seconds,omitempty" doc:"How long its battery lasts."`
	Status   string    `json:"status,omitempty" doc:"Its own words." example:"OL CHRG"`
	Alarm    string    `json:"alarm,omitempty" doc:"What it warns of."`
	Model    string    `json:"model,omitempty" doc:"What it is."`
	Said     string    `json:"said" doc:"All of that in a sentence."`
}

// UPSOf puts a standing into words.
func UPSOf(s ups.Standing) UPS {
	return UPS{
		Name: s.Source, Feeds: append([]string{}, s.Feeds...), State: s.State, Since: s.Since, Battery: s.Battery, Settling: s.Settling,
		Contact: s.Contact, Seen: s.Seen, Reckoned: s.Reckoned, Charge: s.Charge, Load: s.Load, Watts: s.Watts, Runtime: seconds(s.Runtime),
		Status: s.Status, Alarm: s.Alarm, Model: s.Model, Said: s.Said,
	}
}

func seconds(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	s := d.Seconds()
	return &s
}

// UPSes is how the room's UPSes stand.
type UPSes struct {
	Items []UPS `json:"items" doc:"By name." nullable:"false"`
}

// Stage is how a stage of the battery stands.
type Stage struct {
	Name     string               `json:"name" doc:"Its name." example:"spare"`
	State    autopilot.StageState `json:"state" doc:"What was done with it." enum:"up,going down,down,coming back"`
	Nodes    string               `json:"nodes" doc:"Its nodes, as a folded host list."`
	Count    int                  `json:"count" doc:"How many nodes that is."`
	Taken    string               `json:"taken,omitempty" doc:"The nodes that it took down, as a folded host list: those come back."`
	Run      string               `json:"run,omitempty" doc:"The run under way for it."`
	Since    time.Time            `json:"since,omitzero" doc:"When it began to go down."`
	Hand     bool                 `json:"by_hand,omitempty" doc:"It went down by hand while no UPS was on battery, and comes back by hand."`
	Due      bool                 `json:"due,omitempty" doc:"It is to begin now."`
	Said     string               `json:"said,omitempty" doc:"What it waits for, or why it stands like this."`
	Expected float64              `json:"expected_seconds" doc:"How long it takes to go down."`
	Spread   float64              `json:"spread_seconds" doc:"How much longer that may take."`
	Ends     float64              `json:"ends_seconds,omitempty" doc:"On battery: until it is down if all up to it began now."`
	Left     *float64             `json:"left_seconds,omitempty" doc:"On battery: how long its first UPS lasts."`
	Fits     bool                 `json:"fits,omitempty" doc:"On battery: it is proved to be down in time."`
}

// Battery is how it stands with what goes down on battery.
type Battery struct {
	Out    bool         `json:"out" doc:"A UPS runs on its battery."`
	Said   string       `json:"said" doc:"How it stands, in a sentence." example:"no UPS is on battery"`
	Start  room.Consent `json:"start,omitempty" doc:"Who decides that stages go down." enum:"auto,ask,never"`
	Back   room.Consent `json:"back,omitempty" doc:"Who decides that they come back." enum:"auto,ask,never"`
	Stages []Stage      `json:"stages" doc:"In the order in which they go down." nullable:"false"`
}

// BatteryOf puts a status into words.
func BatteryOf(s autopilot.Status) Battery {
	out := Battery{Out: s.Out, Said: s.Said, Start: s.Start, Back: s.Back, Stages: make([]Stage, len(s.Stages))}
	for i, st := range s.Stages {
		out.Stages[i] = Stage{
			Name: st.Name, State: st.State, Nodes: hostlist.Fold(st.Nodes), Count: len(st.Nodes), Taken: hostlist.Fold(st.Taken), Run: st.Run,
			Since: st.Since, Hand: st.Hand, Due: st.Due, Said: st.Said, Expected: st.Expected.Seconds(), Spread: st.Spread.Seconds(),
			Ends: st.Ends.Seconds(), Left: seconds(st.Left), Fits: st.Fits,
		}
	}
	return out
}

// BatteryWish asks for stages to be taken down or brought back by hand.
type BatteryWish struct {
	Stages []string `json:"stages,omitempty" doc:"Which, by name; all if none is named." maxItems:"100"`
}

// BatteryWished answers that.
type BatteryWished struct {
	Stages []string `json:"stages" doc:"Those that begin, in this order, one after the other." nullable:"false"`
}

// BatteryTest asks what would be done on battery.
type BatteryTest struct {
	Runtime float64 `json:"runtime_seconds,omitempty" doc:"How long the batteries last; without it, as long as the UPSes say." minimum:"0" maximum:"864000" example:"720"`
}

// Rehearsal is what would be done on battery.
type Rehearsal struct {
	Runtime float64          `json:"runtime_seconds" doc:"How long the batteries last."`
	Fits    bool             `json:"fits" doc:"Every stage that begins is down in time, with the margin."`
	Guessed int              `json:"guessed" doc:"Steps of which nothing was recorded, so that their time is a guess."`
	Said    string           `json:"said" doc:"The proof in a sentence." example:"12m left, needs 5m20s ± 40s: fits, with 6m left in the end"`
	Stages  []RehearsedStage `json:"stages" doc:"In the order in which they begin." nullable:"false"`
}

// RehearsedStage is a stage of a rehearsal.
type RehearsedStage struct {
	Stage    string  `json:"stage" doc:"Its name."`
	Nodes    string  `json:"nodes" doc:"The nodes that would go down, as a folded host list."`
	Count    int     `json:"count" doc:"How many nodes that is."`
	Expected float64 `json:"expected_seconds" doc:"How long it takes."`
	Spread   float64 `json:"spread_seconds" doc:"How much longer that may take."`
	Begun    bool    `json:"begun" doc:"It begins before the batteries are empty."`
	Begins   float64 `json:"begins_seconds" doc:"How long after the mains went it begins."`
	Down     float64 `json:"down_seconds" doc:"And when it is down at the latest."`
	Fits     bool    `json:"fits" doc:"It is down in time, with the margin."`
	Why      string  `json:"why" doc:"Why it begins then, or does not."`
}

// RehearsalOf puts a rehearsal into words.
func RehearsalOf(r autopilot.Rehearsal) Rehearsal {
	out := Rehearsal{Runtime: r.Runtime.Seconds(), Fits: r.Fits, Guessed: r.Guessed, Said: r.Said, Stages: make([]RehearsedStage, len(r.Stages))}
	for i, s := range r.Stages {
		out.Stages[i] = RehearsedStage{
			Stage: s.Stage, Nodes: hostlist.Fold(s.Nodes), Count: len(s.Nodes), Expected: s.Expected.Seconds(), Spread: s.Spread.Seconds(),
			Begun: s.Begun, Begins: s.Begins.Seconds(), Down: s.Down.Seconds(), Fits: s.Fits, Why: s.Why,
		}
	}
	return out
}

// Schedule is how a schedule stands.
type Schedule struct {
	Name    string    `json:"name" doc:"Its name." example:"night"`
	Do      string    `json:"do" doc:"What is done." enum:"up,down,cycle,restart"`
	Nodes   string    `json:"nodes,omitempty" doc:"The nodes, as a folded host list; absent for all."`
	When    string    `json:"when" doc:"When it is due, in the words of the room's file." example:"weekdays at 22:00"`
	Enabled bool      `json:"enabled" doc:"It is carried out."`
	Next    time.Time `json:"next,omitzero" doc:"When it is due next, in its own time zone."`
	Note    string    `json:"note,omitempty" doc:"What is special about that."`
	Last    time.Time `json:"last,omitzero" doc:"When it was due last."`
	Run     string    `json:"run,omitempty" doc:"The run that was begun then."`
	Said    string    `json:"said,omitempty" doc:"Why none was."`
}

// ScheduleOf puts a schedule into words.
func ScheduleOf(e autopilot.Entry) Schedule {
	s := Schedule{
		Name: e.Schedule.Name, Do: e.Schedule.Do, When: e.Schedule.Said, Enabled: e.Enabled, Next: e.Next.At, Note: e.Next.Note,
		Last: e.At, Run: e.Run, Said: e.Said,
	}
	if e.Schedule.Nodes != nil {
		s.Nodes = e.Room.Fold(e.Schedule.Nodes)
	}
	return s
}

// Schedules are how the room's schedules stand.
type Schedules struct {
	Items []Schedule `json:"items" doc:"In the order of the room's files." nullable:"false"`
}

// Firing is one time at which a schedule is due.
type Firing struct {
	Schedule string    `json:"schedule" doc:"The schedule." example:"night"`
	Do       string    `json:"do" doc:"What is done." enum:"up,down,cycle,restart"`
	At       time.Time `json:"at" doc:"When, in the schedule's own time zone."`
	Note     string    `json:"note,omitempty" doc:"What is special: moved from a holiday, or a time that the clocks leave out."`
}

// Firings are times at which schedules are due.
type Firings struct {
	Items []Firing `json:"items" doc:"The soonest first." nullable:"false"`
}

// RunSchedule asks for what a schedule does to be done now.
type RunSchedule struct {
	Consent
}
