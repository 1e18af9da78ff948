package calendar_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millwright.dev/millwright/internal/calendar"
)

// plain is a schedule as plain sets: what the text says, by which a minute on the
// wall can be looked up without any reckoning.
type plain struct {
	minutes, hours, dates, months, weekdays map[int]bool // nil for any
	both                                    bool
	holidays                                map[string]bool // dates
	shift                                   int
	skip                                    bool
}

func (p plain) named(wall time.Time) bool {
	in := func(set map[int]bool, n int) bool { return set == nil || set[n] }
	date, week := in(p.dates, wall.Day()), in(p.weekdays, int(wall.Weekday()))
	fits := date && week
	if p.dates != nil && p.weekdays != nil && !p.both {
		fits = date || week
	}
	return fits && in(p.months, int(wall.Month()))
}

// due says whether a minute on the wall is due: by its own day, or moved to it.
func (p plain) due(wall time.Time) bool {
	if !p.minutes[wall.Minute()] || !p.hours[wall.Hour()] {
		return false
	}
	holiday := func(t time.Time) bool { return p.holidays[t.Format(time.DateOnly)] }
	switch {
	case !p.skip:
		return p.named(wall)
	case holiday(wall):
		return false
	case p.named(wall):
		return true
	case p.shift == 0:
		return false
	}
	for d := wall.AddDate(0, 0, -p.shift); holiday(d); d = d.AddDate(0, 0, -p.shift) {
		if p.named(d) {
			return true
		}
	}
	return false
}

// scan walks along all minutes there are. Each minute that the clocks show for the
// first time, or jump over, is looked up.
func (p plain) scan(from time.Time, days int) (found []time.Time) {
	wallAt := func(t time.Time) int64 {
		_, offset := t.Zone()
		return (t.Unix() + int64(offset)) / 60
	}
	t := from.Add(-30 * time.Hour) // so that it is known what the clocks have shown
	shown := wallAt(t)
	for ; t.Before(from.AddDate(0, 0, days)); t = t.Add(time.Minute) {
		due := false
		for w := wallAt(t); shown < w; {
			shown++
			due = p.due(time.Unix(shown*60, 0).UTC()) || due
		}
		if due && t.After(from) {
			found = append(found, t)
		}
	}
	return found
}

// drawSet draws a field of cron, and what it means; nil for a star.
func drawSet(t *rapid.T, name string, low, high, most int) (string, map[int]bool) {
	if rapid.IntRange(0, 2).Draw(t, name+" star") == 0 && most > 2 {
		return "*", nil
	}
	set, parts := map[int]bool{}, []string{}
	for range rapid.IntRange(1, most).Draw(t, name+" parts") {
		a := rapid.IntRange(low, high).Draw(t, name)
		b := rapid.IntRange(a, high).Draw(t, name+" to")
		step := rapid.IntRange(1, high).Draw(t, name+" step")
		switch rapid.IntRange(0, 2).Draw(t, name+" form") {
		case 0:
			parts, set[a] = append(parts, fmt.Sprint(a)), true
			continue
		case 1:
			step = 1
			parts = append(parts, fmt.Sprintf("%d-%d", a, b))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d/%d", a, b, step))
		}
		for i := a; i <= b; i += step {
			set[i] = true
		}
	}
	return strings.Join(parts, ","), set
}

func draw(t *rapid.T) (calendar.Spec, plain, map[string]*calendar.Holidays, time.Time) {
	var p plain
	fields := make([]string, 5)
	fields[0], p.minutes = drawSet(t, "minute", 0, 59, 2)
	fields[1], p.hours = drawSet(t, "hour", 0, 23, 2)
	fields[2], p.dates = drawSet(t, "date", 1, 28, 3)
	fields[3], p.months = drawSet(t, "month", 1, 12, 4)
	fields[4], p.weekdays = drawSet(t, "weekday", 0, 6, 3)
	spec := calendar.Spec{
		Cron: strings.Join(fields, " "),
		// Clocks that go by one hour, by half an hour, at midnight, just behind it, and not at all.
		Zone: rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "America/St_Johns", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia", "UTC"}).Draw(t, "zone"),
	}
	from := time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 20*365*24*60).Draw(t, "from")) * time.Minute).In(zoneOf(t, spec.Zone))
	p.holidays = map[string]bool{}
	var days []string
	for range rapid.IntRange(0, 8).Draw(t, "holidays") {
		d := from.AddDate(0, 0, rapid.IntRange(-4, 12).Draw(t, "holiday")).Format(time.DateOnly)
		p.holidays[d], days = true, append(days, d)
	}
	h, err := calendar.ParseHolidays(calendar.HolidaySpec{Days: days})
	if err != nil {
		t.Fatal(err)
	}
	spec.Holidays, spec.OnHoliday = []string{"h"}, rapid.SampledFrom([]string{"skip", "before", "after", "run"}).Draw(t, "on holiday")
	p.skip = spec.OnHoliday != "run"
	p.shift = map[string]int{"before": -1, "after": 1}[spec.OnHoliday]
	return spec, p, map[string]*calendar.Holidays{"h": h}, from
}

// Looking at each minute, one after the other, finds the same times as Next, and as Last.
func TestAgainstAScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const days = 8
		spec, p, calendars, from := draw(t)
		s, err := calendar.Parse(spec, calendars)
		if err != nil {
			t.Fatalf("%+v: %v", spec, err)
		}
		want := p.scan(from, days)
		var got []time.Time
		end := from.AddDate(0, 0, days)
		for at, ok := s.Next(from); ok && at.Before(end); at, ok = s.Next(at) {
			got = append(got, at)
		}
		if !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Fatalf("%+v from %s:\n%s\nwant\n%s", spec, from, brief(got), brief(want))
		}
		for i, at := range got {
			for _, ask := range []time.Time{at, at.Add(59 * time.Second)} {
				if last, ok := s.Last(ask); !ok || !last.Equal(at) {
					t.Fatalf("%+v: the last up to %s is %s, want %s", spec, ask, last, at)
				}
			}
			if m := s.Missed(from, at); m.Count != min(i+1, 1000) || !m.Last.Equal(at) {
				t.Fatalf("%+v: missed until %s: %+v", spec, at, m)
			}
			if i > 5 {
				break
			}
		}
	})
}

func brief(list []time.Time) string {
	var b strings.Builder
	for i, t := range list {
		if i == 20 {
			fmt.Fprintf(&b, "... %d\n", len(list))
			break
		}
		b.WriteString(t.Format(layout) + "\n")
	}
	return b.String()
}

// The spelling in words and that of cron mean the same.
func TestWordsAndCronAgree(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for cron, spec := range map[string]calendar.Spec{
		"0 22 * * *":        {At: []string{"22:00"}},
		"30 6 * 1-3,12 1-5": {At: []string{"6:30"}, Days: []string{"weekdays"}, Months: []string{"dec-mar"}},
		"*/15 8-9 * * *":    {Every: "15m", Between: "08:00-09:59"},
		"0 */2 * * *":       {Every: "2h"},
		"0 1 1,15 * *":      {At: []string{"01:00"}, Days: []string{"1", "15"}},
		"0 1 L * *":         {At: []string{"01:00"}, Days: []string{"last"}},
		"0 1 * * 1#1,5L":    {At: []string{"01:00"}, Days: []string{"first monday", "last fri"}},
		"0 1 13 * FRI":      {At: []string{"01:00"}, Days: []string{"13", "fri"}},
	} {
		spec.Zone = "Europe/Berlin"
		a := parse(t, spec, nil).Preview(from, 500)
		b := parse(t, calendar.Spec{Cron: cron, Zone: "Europe/Berlin"}, nil).Preview(from, 500)
		if len(a) != 500 || !slices.EqualFunc(a, b, func(x, y calendar.Firing) bool { return x.At.Equal(y.At) }) {
			t.Errorf("%s is not %+v", cron, spec)
		}
	}
}

// Whatever is written, it is understood or refused, and what is understood comes in order.
func FuzzParse(f *testing.F) {
	f.Add("", "mon-fri", "jan", "22:00", "", "", "2026-01-01", "", "12-24..01-06", "before")
	f.Add("*/5 1-3 L * 5#2", "", "", "", "", "", "", "2030-12-31", "easter-2", "after")
	f.Add("", "last-2", "", "", "15m", "08:00-18:00", "", "", "2026-02-03", "skip")
	f.Add("", "first mon", "1-3", "1:00", "2w", "", "9999-12-30", "", "", "")
	f.Add("@daily", "", "", "", "", "", "0001-01-01", "0001-01-02", "0001-01-01..9999-12-31", "after")
	f.Fuzz(func(t *testing.T, cron, days, months, at, every, between, from, until, holiday, on string) {
		list := func(text string) []string {
			if text == "" {
				return nil
			}
			return strings.Split(text, ",")
		}
		spec := calendar.Spec{Cron: cron, Days: list(days), Months: list(months), At: list(at), Every: every, Between: between, From: from, Until: until, Zone: "Europe/Berlin"}
		calendars := map[string]*calendar.Holidays{}
		if h, err := calendar.ParseHolidays(calendar.HolidaySpec{Days: list(holiday)}); err == nil {
			calendars["h"] = h
			spec.Holidays, spec.OnHoliday = []string{"h"}, on
		}
		s, err := calendar.Parse(spec, calendars)
		if err != nil {
			return
		}
		now := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
		for _, f := range s.Preview(now, 5) {
			if !f.At.After(now) {
				t.Fatalf("%+v: %s is not behind %s", spec, f.At, now)
			}
			if last, ok := s.Last(f.At); !ok || !last.Equal(f.At) {
				t.Fatalf("%+v: the last up to %s is %s", spec, f.At, last)
			}
			now = f.At
		}
		s.Missed(now.AddDate(-1, 0, 0), now)
	})
}
