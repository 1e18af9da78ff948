package calendar

import (
	"cmp"
	"slices"
	"time"
)

// Schedule is a [Spec] that was understood. It does not change and may be used by
// many goroutines.
type Schedule struct {
	zone *time.Location
	rule rule

	holidays []*Holidays
	shift    int // -1 before, +1 after, 0 skip
	catchUp  time.Duration
}

// day is a date: days since 1970-01-01.
type day int

func dayOf(year int, month time.Month, dom int) day {
	return day(time.Date(year, month, dom, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

func (d day) midnight() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// weekday counts from Sunday, 0.
func (d day) weekday() int { return int(((d+4)%7 + 7) % 7) }

// monday is the first day of the week.
func (d day) monday() day { return d - day((d.weekday()+6)%7) }

// rule is which days, and which minutes of them.
type rule struct {
	times  []int  // minutes of the day, in order, each once
	months uint16 // bit 1 is January; 0 for all

	dates   uint32   // days of the month; bit 1 is the first
	ends    uint32   // days from its end; bit 1 is the last
	weekday [7]uint8 // from Sunday: bit 0 is each, bit 1 to 5 are the nth of the month, bit 6 is the last
	both    bool     // a date and a weekday must fit; else one of the two

	from, until day
	period      int // in days or, with weeks, in weeks; 0 for each
	weeks       bool
}

func (r *rule) datesSaid() bool    { return r.dates|r.ends != 0 }
func (r *rule) weekdaysSaid() bool { return r.weekday != [7]uint8{} }

// on says whether the rule names a day, holiday or not.
func (r *rule) on(d day) bool {
	if d < r.from || d > r.until {
		return false
	}
	switch {
	case r.period == 0:
	case r.weeks && int(d.monday()-r.from.monday())/7%r.period != 0:
		return false
	case !r.weeks && int(d-r.from)%r.period != 0:
		return false
	}
	year, month, dom := d.midnight().Date()
	if r.months != 0 && r.months&(1<<month) == 0 {
		return false
	}
	length := int(dayOf(year, month+1, 1) - dayOf(year, month, 1))
	date := r.dates&(1<<dom) != 0 || r.ends&(1<<(length-dom+1)) != 0
	w := r.weekday[d.weekday()]
	week := w&1 != 0 || w&(1<<((dom-1)/7+1)) != 0 || w&(1<<6) != 0 && dom+7 > length
	switch {
	case !r.datesSaid() && !r.weekdaysSaid():
		return true
	case !r.datesSaid():
		return week
	case !r.weekdaysSaid():
		return date
	case r.both:
		return date && week
	}
	return date || week
}

// What is searched: every combination of date and weekday comes within 40 years,
// also over 2100, which is no leap year.
const (
	horizon  = 41 * 366
	maxShift = 366 // days in a row that are holidays
)

func (s *Schedule) holiday(d day) bool {
	return slices.ContainsFunc(s.holidays, func(h *Holidays) bool { return h.on(d) })
}

// due says whether anything is due on a day, and, if it was moved there from
// another, from which.
func (s *Schedule) due(d day) (from day, ok bool) {
	if len(s.holidays) == 0 {
		return d, s.rule.on(d)
	}
	if s.shift == 0 {
		return d, s.rule.on(d) && !s.holiday(d)
	}
	named := s.rule.on(d)
	if !named && !s.holiday(d-day(s.shift)) || s.holiday(d) {
		return d, false
	}
	if named {
		return d, true
	}
	for i := 1; i <= maxShift; i++ {
		from = d - day(i*s.shift)
		if !s.holiday(from) {
			return d, false
		}
		if s.rule.on(from) {
			return from, true
		}
	}
	return d, false
}

// at is the first instant at which the clocks show at least this minute of a day.
func (s *Schedule) at(d day, minute int) time.Time {
	wall := d.midnight().Add(time.Duration(minute) * time.Minute)
	t := wall.Add(-26 * time.Hour).In(s.zone) // no clock is as far ahead
	for {
		_, offset := t.Zone()
		_, end := t.ZoneBounds()
		if !end.IsZero() && !end.After(t) { // on 31 December of leap years behind the last known change, ZoneBounds (Go 1.26) ends where it begins
			end = t.Add(24 * time.Hour)
		}
		got := wall.Add(-time.Duration(offset) * time.Second)
		switch {
		case !end.IsZero() && !got.Before(end):
			t = end
			continue
		case got.Before(t): // the clocks jumped over it
			got = t
		}
		return got.In(s.zone)
	}
}

// dayAt is the date that the clocks show.
func (s *Schedule) dayAt(t time.Time) day { return dayOf(t.In(s.zone).Date()) }

// Next gives the first time behind after at which it is due, in its own zone; ok
// is false if there is none within forty years.
func (s *Schedule) Next(after time.Time) (t time.Time, ok bool) {
	f, ok := s.next(after)
	return f.At, ok
}

// Firing is one time at which a schedule is due.
type Firing struct {
	At time.Time
	// Note says what is special: moved from a holiday, or a time that the clocks
	// leave out. Mostly empty.
	Note string
}

func (s *Schedule) next(after time.Time) (Firing, bool) {
	first := max(s.dayAt(after)-1, s.rule.from-maxShift) // the day before: its last times may be due only now
	for d := first; d <= min(first+horizon, s.rule.until+maxShift); d++ {
		from, ok := s.due(d)
		if !ok {
			continue
		}
		if i, _ := slices.BinarySearchFunc(s.rule.times, after, func(m int, t time.Time) int {
			if s.at(d, m).After(t) {
				return 1
			}
			return -1
		}); i < len(s.rule.times) {
			return s.firing(d, s.rule.times[i], from), true
		}
	}
	return Firing{}, false
}

func (s *Schedule) firing(d day, minute int, from day) Firing {
	f := Firing{At: s.at(d, minute)}
	if from != d {
		f.Note = "moved from " + from.midnight().Format("Mon 2 Jan") + ", a holiday"
	}
	if h, m, _ := f.At.Clock(); h*60+m != minute || s.dayAt(f.At) != d {
		note := time.Time{}.Add(time.Duration(minute)*time.Minute).Format("15:04") + " is left out by the clocks"
		f.Note = cmp.Or(f.Note+map[bool]string{true: "; "}[f.Note != ""]+note, note)
	}
	return f
}

// Preview gives the next n times, at most a thousand.
func (s *Schedule) Preview(from time.Time, n int) []Firing {
	var list []Firing
	for range min(n, maxFound) {
		f, ok := s.next(from)
		if !ok {
			break
		}
		list = append(list, f)
		from = f.At
	}
	return list
}

// Last gives the last time at or before t at which it was due; ok is false if there
// is none within forty years.
func (s *Schedule) Last(t time.Time) (_ time.Time, ok bool) {
	last := min(s.dayAt(t)+1, s.rule.until+maxShift) // the day after: clocks that jump over midnight
	for d := last; d >= max(last-horizon, s.rule.from-maxShift); d-- {
		if _, ok := s.due(d); !ok {
			continue
		}
		for _, minute := range slices.Backward(s.rule.times) {
			if at := s.at(d, minute); !at.After(t) {
				return at, true
			}
		}
	}
	return time.Time{}, false
}

// Missed is what was due while nobody looked.
type Missed struct {
	Count int       // how many were missed; a thousand stands for more
	Last  time.Time // the last of them
	Run   bool      // it is not too late to make up for it
}

// Missed says what was due behind last, the time until which everything is done,
// and not behind now. It is made up for once, if the last of them is less than
// CatchUp ago.
func (s *Schedule) Missed(last, now time.Time) Missed {
	at, ok := s.Last(now)
	if !ok || !at.After(last) {
		return Missed{}
	}
	m := Missed{Last: at, Run: now.Sub(at) < s.catchUp}
	for t := last; m.Count < maxFound; m.Count++ {
		if t, ok = s.Next(t); !ok || t.After(now) {
			break
		}
	}
	return m
}

// Zone is the time zone of the schedule.
func (s *Schedule) Zone() *time.Location { return s.zone }
