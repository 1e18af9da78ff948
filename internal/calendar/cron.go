package calendar

import (
	"errors"
	"fmt"
	"strings"
)

// cron reads the spelling of crontab(5).
func (r *rule) cron(f *faults, spec Spec) {
	if len(spec.Days)+len(spec.Months)+len(spec.At) > 0 || spec.Every != "" || spec.Between != "" {
		f.add("cron", -1, "it stands alone: days, months, at, every and between say the same in other words")
	}
	text := spec.Cron
	switch strings.ToLower(text) {
	case "@hourly":
		text = "0 * * * *"
	case "@daily", "@midnight":
		text = "0 0 * * *"
	case "@weekly":
		text = "0 0 * * 0"
	case "@monthly":
		text = "0 0 1 * *"
	case "@yearly", "@annually":
		text = "0 0 1 1 *"
	}
	fields := strings.Fields(text)
	if len(fields) != 5 || len(text) > maxText {
		f.add("cron", -1, "it has five fields: minute, hour, day of month, month, day of week; or is @hourly, @daily, @weekly, @monthly or @yearly")
		return
	}
	var minutes, hours, months, dates, weekdays uint64
	read := func(field int, into *uint64, least, most int, name func(string) (int, error), special func(string) bool) {
		for part := range strings.SplitSeq(fields[field], ",") {
			if special != nil && special(strings.ToUpper(part)) {
				continue
			}
			bits, err := cronPart(part, least, most, name)
			if err != nil {
				f.add("cron", field, "%v", err)
				return
			}
			*into |= bits
		}
	}
	read(0, &minutes, 0, 59, nil, nil)
	read(1, &hours, 0, 23, nil, nil)
	read(2, &dates, 1, 31, nil, r.cronEnd)
	read(3, &months, 1, 12, month, nil)
	read(4, &weekdays, 0, 7, weekday, r.cronNth)
	for h := range 24 {
		for m := range 60 {
			if hours&(1<<h) != 0 && minutes&(1<<m) != 0 {
				r.times = append(r.times, h*60+m)
			}
		}
	}
	r.months = uint16(months)
	r.both = fields[2][0] == '*' || fields[4][0] == '*'
	if fields[2] != "*" {
		r.dates = uint32(dates)
	}
	for d := range 8 {
		if fields[4] != "*" && weekdays&(1<<d) != 0 {
			r.weekday[d%7] |= 1
		}
	}
}

// cronEnd takes "L", the last day of the month.
func (r *rule) cronEnd(part string) bool {
	if part != "L" {
		return false
	}
	r.ends |= 1 << 1
	return true
}

// cronNth takes "5L", the last Friday, and "5#2", the second.
func (r *rule) cronNth(part string) bool {
	name, nth, ok := strings.Cut(part, "#")
	n := 6
	var err error
	if ok {
		n, err = number(nth, 1, 5)
	} else if name, ok = strings.CutSuffix(part, "L"); !ok {
		return false
	}
	w, _, err2 := span(name, 0, 7, weekday)
	if err != nil || err2 != nil || strings.Contains(name, "-") {
		return false
	}
	r.weekday[w%7] |= 1 << n
	return true
}

// cronPart reads "*", "a", "a-b", each perhaps with "/step", as bits.
func cronPart(part string, least, most int, name func(string) (int, error)) (bits uint64, err error) {
	body, step, stepped := strings.Cut(part, "/")
	every := 1
	if stepped {
		if every, err = number(step, 1, most); err != nil {
			return 0, fmt.Errorf("the step %w", err)
		}
	}
	low, high := least, most
	if body != "*" {
		if low, high, err = span(body, least, most, name); err != nil {
			return 0, err
		}
		if stepped && !strings.Contains(body, "-") {
			high = most
		}
	}
	if most == 7 && high == 0 && low > 0 {
		high = 7 // fri-sun
	}
	if high < low {
		return 0, errors.New(clip(part) + " ends before it begins")
	}
	for i := low; i <= high; i += every {
		bits |= 1 << i
	}
	return bits, nil
}
