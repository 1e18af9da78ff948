package calendar

import (
	"errors"
	"fmt"
	"time"
)

// Spec is a schedule as people write it: either Cron, or some of Days, Months,
// At, Every and Between.
type Spec struct {
	// Cron has five fields: minute, hour, day of month, month, day of week; or is
	// @hourly, @daily, @weekly, @monthly, @yearly. Lists, ranges, steps and names
	// are understood, and L (last day), 5L (last Friday), 5#2 (second Friday). As
	// with cron, a day of month and a day of week mean either, unless one of the
	// two fields begins with a star.
	Cron string
	// Days are days of the week ("mon", "mon-fri", "weekdays", "weekends"), of the
	// month ("1", "1-7", "last", "last-2"), or of both ("first mon", "3rd friday",
	// "last sun"). Any of them is enough; without any it is each day.
	Days []string
	// Months are "jan", "jan-mar" or "1-3"; without any it is each month.
	Months []string
	// At are times of day: "22:00".
	At []string
	// Every is "15m" or "2h" from midnight on, or within Between, anew each day;
	// or "3d" or "2w" with At, counted from From. Weeks begin on Mondays.
	Every string
	// Between bounds an Every of less than a day: "08:00-18:00", both included.
	Between string
	// From and Until are the first and the last day: "2026-03-01". A holiday may
	// move what is due beyond them.
	From, Until string
	// Zone is the name of a time zone, "Europe/Berlin"; by default the system's.
	Zone string

	// Holidays are the names of calendars, and OnHoliday what becomes of what is due
	// on a day of one: "skip" (the default), "before" or "after" (the nearest day
	// that is none, at the same time), or "run" (all the same).
	Holidays  []string
	OnHoliday string

	// CatchUp is how late it may be for what was missed while nobody looked; 0 for
	// never. However many were missed, one is made up for.
	CatchUp time.Duration
}

// Bounds of what is taken.
const (
	maxItems = 1000 // members of one list
	maxText  = 200  // bytes of one text
	maxFound = 1000 // times of one preview
)

// FieldError is one fault in a [Spec] or a [Holidays].
type FieldError struct {
	Field string // as in the room's files: "days", "on-holiday"
	Index int    // in a list, from 0; -1 elsewhere
	Msg   string
}

func (e *FieldError) Error() string {
	if e.Index >= 0 {
		return fmt.Sprintf("%s, number %d: %s", e.Field, e.Index+1, e.Msg)
	}
	return e.Field + ": " + e.Msg
}

// faults collects errors, so that all are told at once.
type faults []error

func (f *faults) add(field string, index int, format string, args ...any) {
	*f = append(*f, &FieldError{Field: field, Index: index, Msg: fmt.Sprintf(format, args...)})
}

func (f faults) err() error { return errors.Join(f...) }

// each gives the members of a list that are worth reading.
func (f *faults) each(field string, list []string, read func(i int, text string) error) {
	if len(list) > maxItems {
		f.add(field, -1, "at most %d", maxItems)
		return
	}
	for i, text := range list {
		if len(text) > maxText {
			f.add(field, i, "at most %d bytes", maxText)
			continue
		}
		if err := read(i, text); err != nil {
			f.add(field, i, "%v", err)
		}
	}
}
