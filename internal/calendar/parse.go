package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Parse understands a schedule. The calendars are those that Holidays may name.
// The error joins one [*FieldError] for each fault. It reads the time zone from
// the system.
func Parse(spec Spec, calendars map[string]*Holidays) (*Schedule, error) {
	var f faults
	s := &Schedule{zone: zone(&f, spec.Zone), catchUp: max(0, spec.CatchUp)}
	s.rule = rule{from: dayOf(1, 1, 1), until: dayOf(9999, 12, 31)}
	if spec.From != "" {
		s.rule.from = date(&f, "from", spec.From, s.rule.from)
	}
	if spec.Until != "" {
		s.rule.until = date(&f, "until", spec.Until, s.rule.until)
	}
	if s.rule.until < s.rule.from {
		f.add("until", -1, "%s is before %s", spec.Until, spec.From)
	}
	if spec.CatchUp < 0 {
		f.add("catch-up", -1, "a duration cannot be below zero")
	}
	if spec.Cron != "" {
		s.rule.cron(&f, spec)
	} else {
		s.rule.words(&f, spec)
	}
	s.keep(&f, spec, calendars)
	if len(f) == 0 && !s.rule.ever() {
		f.add(map[bool]string{true: "cron", false: "days"}[spec.Cron != ""], -1, "no day is ever like that")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// ever says whether there is any day that the rule names, 31 February being none.
func (r *rule) ever() bool {
	first := max(r.from, dayOf(2000, 1, 1))
	if r.until < first {
		first = r.from
	}
	for d := first; d <= min(r.until, first+horizon); d++ {
		if r.on(d) {
			return true
		}
	}
	return false
}

func zone(f *faults, name string) *time.Location {
	if name == "" || name == "Local" {
		return time.Local
	}
	if len(name) > maxText {
		f.add("zone", -1, "at most %d bytes", maxText)
		return time.UTC
	}
	loc, err := time.LoadLocation(name)
	if err == nil {
		return loc
	}
	if _, e := time.LoadLocation("Europe/London"); e != nil {
		f.add("zone", -1, "%q is not known, because this system has no time zones: install tzdata", name)
	} else {
		f.add("zone", -1, "there is no time zone %q: it is written as Europe/Berlin or UTC", name)
	}
	return time.UTC
}

func date(f *faults, field, text string, otherwise day) day {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		f.add(field, -1, "%q is no date: write it as 2026-12-31", clip(text))
		return otherwise
	}
	return dayOf(t.Date())
}

// keep sees to the holidays.
func (s *Schedule) keep(f *faults, spec Spec, calendars map[string]*Holidays) {
	run := false
	switch spec.OnHoliday {
	case "", "skip":
	case "run":
		run = true
	case "before":
		s.shift = -1
	case "after":
		s.shift = 1
	default:
		f.add("on-holiday", -1, "%q: say skip, before, after or run", clip(spec.OnHoliday))
	}
	f.each("holidays", spec.Holidays, func(_ int, name string) error {
		h := calendars[name]
		if h == nil {
			return fmt.Errorf("there is no calendar %q", name)
		}
		if !run {
			s.holidays = append(s.holidays, h)
		}
		return nil
	})
	if spec.OnHoliday != "" && len(spec.Holidays) == 0 {
		f.add("on-holiday", -1, "name the calendars in holidays")
	}
}

// words reads the spelling in words.
func (r *rule) words(f *faults, spec Spec) {
	f.each("days", spec.Days, func(_ int, text string) error { return r.day(text) })
	f.each("months", spec.Months, func(_ int, text string) error {
		low, high, err := span(text, 1, 12, month)
		for m := low; err == nil; m = m%12 + 1 {
			r.months |= 1 << m
			if m == high {
				break
			}
		}
		return err
	})
	f.each("at", spec.At, func(_ int, text string) error {
		m, err := clock(text)
		r.times = append(r.times, m)
		return err
	})
	r.every(f, spec)
	slices.Sort(r.times)
	r.times = slices.Compact(r.times)
}

// every reads what is said of a period, and that there is a time at all.
func (r *rule) every(f *faults, spec Spec) {
	n, unit, err := period(spec.Every)
	short := unit == 'm' || unit == 'h'
	switch {
	case spec.Every == "" && len(spec.At) == 0:
		f.add("at", -1, "say at which times, or every so often, or use cron")
	case spec.Every == "":
	case err != nil:
		f.add("every", -1, "%v", err)
	case short && len(spec.At) > 0:
		f.add("every", -1, "%s is within a day, and at names times of the day: say one of the two", spec.Every)
	case !short && len(spec.At) == 0:
		f.add("at", -1, "say at which times of these days")
	case !short && spec.From == "":
		f.add("from", -1, "say from which day on %s is counted", spec.Every)
	case !short:
		r.period, r.weeks = n, unit == 'w'
		if r.weeks && !r.weekdaysSaid() && !r.datesSaid() {
			r.weekday[r.from.weekday()] = 1
		}
	}
	low, high := 0, 24*60-1
	if spec.Between != "" {
		if !short {
			f.add("between", -1, "it bounds an every of less than a day")
			return
		}
		if low, high, err = window(spec.Between); err != nil {
			f.add("between", -1, "%v", err)
			return
		}
	}
	if short && err == nil {
		for m := low; m <= high; m += n {
			r.times = append(r.times, m)
		}
	}
}

// period reads "15m", "2h", "3d" or "2w"; minutes and hours are given in minutes.
func period(text string) (n int, unit byte, err error) {
	if text == "" {
		return 0, 0, nil
	}
	number, unit := text[:len(text)-1], text[len(text)-1]
	n, err = strconv.Atoi(number)
	most := map[byte]int{'m': 24 * 60, 'h': 24, 'd': 366, 'w': 52}[unit]
	if err != nil || most == 0 || number[0] == '+' || n < 1 {
		return 0, 0, fmt.Errorf("%q is no period: write it as 15m, 2h, 3d or 2w", clip(text))
	}
	if n > most {
		return 0, 0, fmt.Errorf("%s is too long: at most %d%c", clip(text), most, unit)
	}
	if unit == 'h' {
		n *= 60
	}
	return n, unit, nil
}

func window(text string) (low, high int, err error) {
	a, b, ok := strings.Cut(text, "-")
	low, err = clock(strings.TrimSpace(a))
	high, err2 := clock(strings.TrimSpace(b))
	switch {
	case !ok:
		err = fmt.Errorf("%q: write it as 08:00-18:00", clip(text))
	case err == nil && err2 == nil && high < low:
		err = errors.New("it has to end later on the same day")
	}
	return low, high, errors.Join(err, err2)
}

// clock reads "22:00" as a minute of the day.
func clock(text string) (int, error) {
	h, m, ok := strings.Cut(text, ":")
	hour, err := number(h, 0, 23)
	minute, err2 := number(m, 0, 59)
	if !ok || err != nil || err2 != nil || len(m) != 2 || len(h) > 2 {
		return 0, fmt.Errorf("%q is no time of day: write it as 22:00, at most 23:59", clip(text))
	}
	return hour*60 + minute, nil
}

// day reads one of the days.
func (r *rule) day(text string) error {
	words := strings.Fields(strings.ToLower(text))
	switch {
	case len(words) == 2:
		n := ordinal(words[0])
		w, err := weekday(words[1])
		if n == 0 || err != nil {
			return fmt.Errorf("%q is no day: write it as first mon, 3rd friday or last sun", clip(text))
		}
		r.weekday[w] |= 1 << n
		return nil
	case len(words) != 1:
		return fmt.Errorf("%q is no day: write it as mon-fri, 1-7, last, or first mon", clip(text))
	}
	word := words[0]
	switch word {
	case "weekdays":
		word = "mon-fri"
	case "weekends":
		word = "sat-sun"
	}
	if rest, ok := strings.CutPrefix(word, "last"); ok {
		back := 0
		if rest != "" {
			n, err := number(strings.TrimPrefix(rest, "-"), 1, 30)
			if err != nil || rest[0] != '-' {
				return fmt.Errorf("%q is no day: write it as last, or last-2", clip(text))
			}
			back = n
		}
		r.ends |= 1 << (back + 1)
		return nil
	}
	if '0' <= word[0] && word[0] <= '9' {
		low, high, err := span(word, 1, 31, nil)
		if err == nil && high < low {
			err = fmt.Errorf("%q ends before it begins", clip(text))
		}
		for d := low; err == nil && d <= high; d++ {
			r.dates |= 1 << d
		}
		return err
	}
	low, high, err := span(word, 0, 6, weekday)
	for w := low; err == nil; w = (w + 1) % 7 {
		r.weekday[w] |= 1
		if w == high {
			break
		}
	}
	return err
}

// span reads "a" or "a-b", each a number or a name.
func span(text string, least, most int, name func(string) (int, error)) (low, high int, err error) {
	one := func(word string) (int, error) {
		word = strings.ToLower(strings.TrimSpace(word))
		if name != nil && (word == "" || word[0] < '0' || word[0] > '9') {
			return name(word)
		}
		return number(word, least, most)
	}
	a, b, ok := strings.Cut(text, "-")
	if low, err = one(a); err != nil || !ok {
		return low, low, err
	}
	high, err = one(b)
	return low, high, err
}

func number(text string, least, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || text[0] == '+' || text[0] == '-' || n < least || n > most {
		return 0, fmt.Errorf("%q is no number from %d to %d", clip(text), least, most)
	}
	return n, nil
}

// ordinal is 1 to 5, 6 for the last, 0 for none.
func ordinal(word string) int {
	for n, names := range [][]string{{"first", "1st"}, {"second", "2nd"}, {"third", "3rd"}, {"fourth", "4th"}, {"fifth", "5th"}, {"last"}} {
		if slices.Contains(names, word) {
			return n + 1
		}
	}
	return 0
}

func weekday(word string) (int, error) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if named(word, d.String()) {
			return int(d), nil
		}
	}
	return 0, fmt.Errorf("%q is no day: write it as mon, mon-fri, 1, 1-7, last, or first mon", clip(word))
}

func month(word string) (int, error) {
	for m := time.January; m <= time.December; m++ {
		if named(word, m.String()) {
			return int(m), nil
		}
	}
	return 0, fmt.Errorf("%q is no month: write it as jan, jan-mar or 1-3", clip(word))
}

// named says whether a word is a name or its first three letters.
func named(word, name string) bool {
	word = strings.ToLower(word)
	name = strings.ToLower(name)
	return word == name || word == name[:3]
}

func clip(text string) string {
	const most = 60
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}
