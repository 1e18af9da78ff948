package roomfile

import (
	"errors"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/calendar"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/transport"
)

// upsPart is an entry of the section `ups:`.
type upsPart struct {
	Address    string        `yaml:"address" doc:"Where the daemon of NUT (upsd) is that shows it: host or host:port; the port is 3493 unless it is said." required:"true"`
	UPS        string        `yaml:"ups" doc:"What that daemon calls it." default:"the entry's name"`
	Feeds      texts         `yaml:"feeds" doc:"The feeds that hang on it." required:"true"`
	Credential string        `yaml:"credential" doc:"One of the credentials, to log in at the daemon, which then counts us among those who hang on the UPS. Reading takes none."`
	TLS        string        `yaml:"tls" doc:"Whether the daemon is asked for TLS; insecure believes whoever answers." enum:"no,yes,insecure" default:"no"`
	CA         string        `yaml:"ca" doc:"A file with the certificate authorities of the daemon, instead of the system's."`
	Pin        texts         `yaml:"pin" doc:"The daemon's certificate, sha256:HEX, instead of an authority or beside one."`
	ServerName string        `yaml:"server-name" doc:"The name in the daemon's certificate, if it is not that of the address."`
	Poll       time.Duration `yaml:"poll" doc:"How often it is asked." default:"5s"`
	Hold       time.Duration `yaml:"hold" doc:"How long the mains must be gone before that counts, so that a flicker does not." default:"10s"`
	Settle     time.Duration `yaml:"settle" doc:"How long the mains must be back before that counts." default:"1m"`
	Patience   time.Duration `yaml:"patience" doc:"How long answers may be missing before it counts as lost." default:"15s"`
	Assumed    time.Duration `yaml:"assumed-runtime" doc:"How long it is taken to last on battery if it does not say that and is out of reach." default:"5m"`
}

// stagePart is an entry of the battery's `stages:`.
type stagePart struct {
	Name        string        `yaml:"name" doc:"Its name." required:"true"`
	Nodes       texts         `yaml:"nodes" doc:"What goes down: nodes, aliases, @groups. What stands in an earlier stage goes with that." required:"true"`
	Immediately bool          `yaml:"immediately" doc:"It begins as soon as its nodes are on battery." default:"no"`
	After       time.Duration `yaml:"after" doc:"It begins when they have been on battery for so long; 0s is never."`
	Charge      float64       `yaml:"charge" doc:"It begins when the battery has less charge, in percent; 0 is never."`
	Runtime     time.Duration `yaml:"runtime" doc:"It begins when the battery lasts for less; 0s is never."`
	Low         bool          `yaml:"low" doc:"It begins when the UPS says that its battery is low." default:"no"`
}

// batteryPart is the section `battery:`.
type batteryPart struct {
	Stages         []stagePart   `yaml:"stages" doc:"What goes down together, in the order in which it goes down; it comes back in the reverse order. A stage begins when one of its conditions is met or one behind it begins, and at the last moment at which it is proved to be down in time."`
	Margin         time.Duration `yaml:"margin" doc:"What must be left of the battery when the last stage is down." default:"1m"`
	SingleFeed     bool          `yaml:"single-feed" doc:"Whether nodes go down too that have another feed with power." default:"no"`
	TrustUnwatched bool          `yaml:"trust-unwatched" doc:"Whether a feed on which no UPS hangs is taken to have power when others run on battery. Unless that is said it is taken to have gone with the mains." default:"no"`
	BackAfter      time.Duration `yaml:"back-after" doc:"How long the mains must have been back before stages come back." default:"5m"`
	BackCharge     float64       `yaml:"back-charge" doc:"How much charge the battery must have again, in percent." default:"50"`
	Start          string        `yaml:"start" doc:"Who decides that stages go down: auto does it by itself, ask asks people, never leaves it to who does it by hand." enum:"auto,ask,never" default:"auto"`
	Back           string        `yaml:"back" doc:"Who decides that they come back, likewise." enum:"auto,ask,never" default:"auto"`
}

// schedulePart is an entry of the section `schedules:`.
type schedulePart struct {
	Do        string        `yaml:"do" doc:"What is done." enum:"up,down,cycle,restart" required:"true"`
	Nodes     texts         `yaml:"nodes" doc:"The nodes: nodes, aliases, @groups. All, if nothing is said."`
	Enabled   bool          `yaml:"enabled" doc:"Whether it is carried out. The command line can say otherwise while the daemon runs." default:"yes"`
	Cron      string        `yaml:"cron" doc:"When, as the five fields of cron, or @daily and the like, instead of days, months, at, every and between."`
	Days      texts         `yaml:"days" doc:"On these days: mon-fri, weekdays, weekends; 1, 1-7, last, last-2 of the month; first mon, 3rd friday, last sun. Each day, if nothing is said."`
	Months    texts         `yaml:"months" doc:"In these months: jan, jan-mar, 1-3. Each month, if nothing is said."`
	At        texts         `yaml:"at" doc:"At these times of day: 22:00."`
	Every     string        `yaml:"every" doc:"Again and again: 15m or 2h from midnight on or within between, 3d or 2w with at, counted from from."`
	Between   string        `yaml:"between" doc:"The part of the day for every: 08:00-18:00, both included."`
	From      string        `yaml:"from" doc:"The first day: 2026-03-01."`
	Until     string        `yaml:"until" doc:"The last day."`
	Zone      string        `yaml:"zone" doc:"The time zone: Europe/Berlin." default:"the system's"`
	Holidays  texts         `yaml:"holidays" doc:"Calendars whose days are holidays for it."`
	OnHoliday string        `yaml:"on-holiday" doc:"What becomes of a day that is a holiday: it is left out, moved before or after to the nearest day that is none, or run all the same." enum:"skip,before,after,run" default:"skip"`
	CatchUp   time.Duration `yaml:"catch-up" doc:"How late it may be for what was missed while the daemon was not there; 0s is never. Of several that were missed one is made up for." default:"0s"`
}

// calendarPart is an entry of the section `calendars:`.
type calendarPart struct {
	Days     texts `yaml:"days" doc:"Dates (2026-12-24), days of each year (12-25), ranges of either (12-24..01-06), or days counted from Easter Sunday (easter, easter-2, easter+39)."`
	Weekdays texts `yaml:"weekdays" doc:"Days of each week: sat-sun."`
}

// Bounds of the times of a UPS, and of the battery's.
const (
	leastPoll   = 100 * time.Millisecond
	mostMinutes = day
)

// ups takes one entry of `ups:`.
func (l *loader) ups(f field) {
	l.plainName(f, "ups")
	part := upsPart{
		TLS: "no", Poll: 5 * time.Second, Hold: 10 * time.Second, Settle: time.Minute, Patience: 15 * time.Second, Assumed: 5 * time.Minute,
	}
	l.decode(f.value, &part)
	u := room.UPS{
		Name: f.key, Address: part.Address, UPS: part.UPS, Feeds: part.Feeds, Credential: part.Credential,
		Secure: part.TLS != "no", Insecure: part.TLS == "insecure", CA: part.CA, ServerName: part.ServerName,
		Poll: part.Poll, Hold: part.Hold, Settle: part.Settle, Patience: part.Patience, Assumed: part.Assumed,
	}
	for i, pin := range part.Pin {
		digits, err := transport.ParsePin(pin)
		if err != nil {
			l.fail(f.value.get("pin").item(i), "%s", err)
		}
		u.Pins = append(u.Pins, digits)
	}
	if strings.ContainsAny(part.Address, " /\t\r\n") {
		l.fail(at(f.value, "address"), "%q is no address such as host or host:3493", part.Address)
	}
	for _, key := range []string{"ca", "pin", "server-name"} {
		switch has := f.value.get(key) != nil; {
		case has && part.TLS == "no":
			l.fail(at(f.value, key), "%s is for tls: yes", key)
		case has && part.TLS == "insecure" && key != "server-name":
			l.fail(at(f.value, key), "insecure trusts anybody: it cannot stand beside %s", key)
		}
	}
	if part.Poll < leastPoll || part.Poll > time.Hour {
		l.fail(at(f.value, "poll"), "a UPS is asked every %v at most, and once an hour at least", leastPoll)
	}
	l.within(f.value, []limited{{"hold", part.Hold}, {"settle", part.Settle}, {"patience", part.Patience}, {"assumed-runtime", part.Assumed}})
	l.draft.UPSes = append(l.draft.UPSes, u)
	l.upses = append(l.upses, entrySource{at: f.at, value: f.value})
}

// limited is a time that is more than nothing and at most a day.
type limited struct {
	key  string
	time time.Duration
}

func (l *loader) within(v *value, times []limited) {
	for _, t := range times {
		if t.time <= 0 || t.time > mostMinutes {
			l.fail(at(v, t.key), "%s is more than nothing and at most %v", t.key, mostMinutes)
		}
	}
}

// battery takes the section `battery:`.
func (l *loader) battery(v *value) {
	part := batteryPart{Margin: time.Minute, BackAfter: 5 * time.Minute, BackCharge: 50, Start: "auto", Back: "auto"}
	l.decode(v, &part)
	l.draft.Battery = room.Battery{
		Margin: part.Margin, SingleFeed: part.SingleFeed, TrustUnwatched: part.TrustUnwatched,
		BackAfter: part.BackAfter, BackCharge: part.BackCharge, Start: room.Consent(part.Start), Back: room.Consent(part.Back),
	}
	if part.Margin > mostMinutes || part.BackAfter > mostMinutes {
		l.fail(v.at, "margin and back-after are at most %v", mostMinutes)
	}
	l.percent(v, "back-charge", part.BackCharge)
	stages := v.get("stages")
	if stages == nil || stages.shape != list {
		l.fail(v.at, "stages are missing: a list of what goes down, in order")
		return
	}
	for i := range part.Stages {
		l.stage(stages.items[i], &part.Stages[i])
	}
}

func (l *loader) percent(v *value, key string, number float64) {
	if number < 0 || number > 100 {
		l.fail(at(v, key), "%s is between 0 and 100 percent", key)
	}
}

func (l *loader) stage(v *value, p *stagePart) {
	source := entrySource{at: v.at, value: v}
	source.members = l.members(v.get("nodes"), p.Nodes)
	if why := badName(p.Name); why != "" && p.Name != "" {
		l.fail(at(v, "name"), "%q cannot be the name of a stage: %s", p.Name, why)
	}
	if v.get("nodes") != nil && len(source.members.names) == 0 {
		l.fail(at(v, "nodes"), "no node is named")
	}
	l.percent(v, "charge", p.Charge)
	l.draft.Stages = append(l.draft.Stages, room.DraftStage{Members: source.members.names, Stage: room.Stage{
		Name: p.Name, Immediately: p.Immediately, After: p.After, Charge: p.Charge, Runtime: p.Runtime, Low: p.Low,
	}})
	l.stages = append(l.stages, source)
}

// takeCalendars takes the sections `calendars:`, before the schedules that name them.
func (l *loader) takeCalendars() {
	for _, p := range l.parts {
		if p.conf != nil {
			continue
		}
		if v := p.doc.get("calendars"); v != nil {
			l.entries(v, l.calendar)
		}
	}
}

func (l *loader) calendar(f field) {
	l.plainName(f, "calendar")
	var part calendarPart
	l.decode(f.value, &part)
	h, err := calendar.ParseHolidays(calendar.HolidaySpec{Days: part.Days, Weekdays: part.Weekdays})
	l.fieldErrors(f, err)
	if _, there := l.calendars[f.key]; there {
		l.fail(f.at, "calendar %s is defined twice", f.key)
	}
	if h == nil {
		h = new(calendar.Holidays) // it is known by name, whatever is wrong in it
	}
	l.calendars[f.key] = h
}

// fieldErrors puts the faults of a calendar or a schedule to their places.
func (l *loader) fieldErrors(f field, err error) {
	if err == nil {
		return
	}
	faults := []error{err}
	if joined, is := err.(interface{ Unwrap() []error }); is {
		faults = joined.Unwrap()
	}
	for _, fault := range faults {
		var wrong *calendar.FieldError
		if !errors.As(fault, &wrong) {
			l.fail(f.at, "%s", fault)
			continue
		}
		where := f.at
		if v := f.value.get(wrong.Field); v != nil {
			where = v.at
			if wrong.Index >= 0 {
				where = v.item(wrong.Index)
			}
		}
		l.fail(where, "%s: %s", wrong.Field, wrong.Msg)
	}
}

// schedule takes one entry of `schedules:`.
func (l *loader) schedule(f field) {
	l.plainName(f, "schedule")
	part := schedulePart{Enabled: true}
	l.decode(f.value, &part)
	spec := calendar.Spec{
		Cron: part.Cron, Days: part.Days, Months: part.Months, At: part.At, Every: part.Every, Between: part.Between,
		From: part.From, Until: part.Until, Zone: part.Zone, Holidays: part.Holidays, OnHoliday: part.OnHoliday, CatchUp: part.CatchUp,
	}
	when, err := calendar.Parse(spec, l.calendars)
	l.fieldErrors(f, err)
	d := room.DraftSchedule{Schedule: room.Schedule{
		Name: f.key, Do: part.Do, Enabled: part.Enabled, When: when, Said: sayWhen(&part), CatchUp: part.CatchUp,
	}}
	source := entrySource{at: f.at, value: f.value}
	if nodes := f.value.get("nodes"); nodes != nil {
		source.members = l.members(nodes, part.Nodes)
		if d.Members = source.members.names; len(d.Members) == 0 {
			l.fail(nodes.at, "no node is named; leave nodes: out to mean all")
		}
	}
	l.draft.Schedules = append(l.draft.Schedules, d)
	l.schedules = append(l.schedules, source)
}

// sayWhen says when a schedule is due, in the words it was written in.
func sayWhen(p *schedulePart) string {
	var words []string
	for _, w := range []struct{ key, text string }{
		{"cron", p.Cron},
		{"", strings.Join(p.Days, ", ")},
		{"in", strings.Join(p.Months, ", ")},
		{"at", strings.Join(p.At, ", ")},
		{"every", p.Every},
		{"between", p.Between},
		{"from", p.From},
		{"until", p.Until},
		{"", p.Zone},
	} {
		if w.text != "" {
			words = append(words, strings.TrimSpace(w.key+" "+w.text))
		}
	}
	if len(p.Holidays) > 0 {
		words = append(words, map[string]string{"": "not on", "skip": "not on", "before": "before", "after": "after", "run": "also on"}[p.OnHoliday]+" "+strings.Join(p.Holidays, ", "))
	}
	return strings.Join(slices.Compact(words), " ")
}
