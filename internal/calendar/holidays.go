package calendar

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// HolidaySpec is a calendar of holidays as people write it.
type HolidaySpec struct {
	// Days are dates ("2026-12-24"), days of each year ("12-25"), ranges of either
	// ("2026-12-24..2027-01-06", "12-24..01-06"), or days counted from Easter Sunday
	// of the western churches ("easter", "easter-2", "easter+39").
	Days []string
	// Weekdays are days of each week ("sat-sun"): so that "before" and "after" find
	// a working day.
	Weekdays []string
}

// Holidays is a [HolidaySpec] that was understood. It does not change.
type Holidays struct {
	weekdays rule
	hasWeek  bool
	spans    []interval // of dates
	yearly   []interval // of days of the year, as month*32+day; may go over the year's end
	easter   []int
}

type interval struct{ first, last day }

// ParseHolidays understands a calendar. The error joins one [*FieldError] for each fault.
func ParseHolidays(spec HolidaySpec) (*Holidays, error) {
	var f faults
	h := &Holidays{weekdays: rule{from: dayOf(1, 1, 1), until: dayOf(9999, 12, 31)}, hasWeek: len(spec.Weekdays) > 0}
	f.each("days", spec.Days, func(_ int, text string) error { return h.add(strings.ToLower(strings.TrimSpace(text))) })
	f.each("weekdays", spec.Weekdays, func(_ int, text string) error { return h.weekdays.day(text) })
	if h.weekdays.datesSaid() {
		f.add("weekdays", -1, "a day of the month stands in days")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *Holidays) add(text string) error {
	if rest, ok := strings.CutPrefix(text, "easter"); ok {
		n := 0
		if rest != "" {
			var err error
			if n, err = strconv.Atoi(rest); err != nil || rest[0] != '+' && rest[0] != '-' || n < -100 || n > 250 {
				return fmt.Errorf("%q: write it as easter-2 or easter+39", clip(text))
			}
		}
		h.easter = append(h.easter, n)
		return nil
	}
	a, b, ranged := strings.Cut(text, "..")
	if !ranged {
		b = a
	}
	first, yearly, ok := holiday(a)
	last, yearly2, ok2 := holiday(b)
	switch {
	case !ok || !ok2 || yearly != yearly2:
		return fmt.Errorf("%q is no day: write it as 2026-12-25, 12-25, 2026-12-24..2027-01-06, 12-24..01-06 or easter+1", clip(text))
	case yearly:
		h.yearly = append(h.yearly, interval{first, last})
	case last < first:
		return fmt.Errorf("%q ends before it begins", clip(text))
	default:
		h.spans = append(h.spans, interval{first, last})
	}
	return nil
}

// holiday reads a date, or a day of each year, which is given as month*32+day.
func holiday(text string) (d day, yearly, ok bool) {
	text = strings.TrimSpace(text)
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return dayOf(t.Date()), false, true
	}
	t, err := time.Parse("2006-01-02", "2000-"+text) // a leap year: 02-29 is a day
	if err != nil {
		return 0, false, false
	}
	return day(int(t.Month())*32 + t.Day()), true, true
}

// on says whether a day is a holiday.
func (h *Holidays) on(d day) bool {
	if h.hasWeek && h.weekdays.on(d) {
		return true
	}
	for _, s := range h.spans {
		if s.first <= d && d <= s.last {
			return true
		}
	}
	if len(h.yearly)+len(h.easter) == 0 {
		return false
	}
	year, month, dom := d.midnight().Date()
	of := day(int(month)*32 + dom)
	for _, s := range h.yearly {
		if in, over := s.first <= of && of <= s.last, s.last < s.first; in || over && (of >= s.first || of <= s.last) {
			return true
		}
	}
	if len(h.easter) == 0 {
		return false
	}
	sunday := easter(year)
	for _, n := range h.easter {
		if d == sunday+day(n) {
			return true
		}
	}
	return false
}

// easter is Easter Sunday by the Gregorian calendar: the Sunday behind the first
// full moon, as the church reckons it, on or behind 21 March.
func easter(year int) day {
	golden := year % 19
	century := year / 100
	epact := (century - century/4 - (8*century+13)/25 + 19*golden + 15) % 30
	moon := epact - (epact/28)*(1-(29/(epact+1))*((21-golden)/11))
	full := dayOf(year, time.March, 21) + day(moon)
	return full + day(7-full.weekday())
}

// Holiday says whether the date that a time has, in its own zone, is a holiday.
func (h *Holidays) Holiday(t time.Time) bool { return h.on(dayOf(t.Date())) }
