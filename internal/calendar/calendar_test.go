package calendar_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/calendar"
)

func zoneOf(t interface{ Fatal(...any) }, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func parse(t testing.TB, spec calendar.Spec, calendars map[string]*calendar.Holidays) *calendar.Schedule {
	t.Helper()
	s, err := calendar.Parse(spec, calendars)
	if err != nil {
		t.Fatalf("%+v: %v", spec, err)
	}
	return s
}

// german is a calendar of some of Germany's holidays, with weekends.
func german(t testing.TB) map[string]*calendar.Holidays {
	t.Helper()
	h, err := calendar.ParseHolidays(calendar.HolidaySpec{
		Days:     []string{"01-01", "easter-2", "easter+1", "05-01", "easter+39", "10-03", "12-25..12-26"},
		Weekdays: []string{"weekends"},
	})
	if err != nil {
		t.Fatal(err)
	}
	closed, err := calendar.ParseHolidays(calendar.HolidaySpec{Days: []string{"12-24..01-06", "2026-08-03..2026-08-14", "2026-11-02"}})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*calendar.Holidays{"german": h, "closed": closed}
}

const layout = "Mon 2006-01-02 15:04 MST"

func TestPreview(t *testing.T) {
	for _, c := range []struct {
		name string
		spec calendar.Spec
		from string // date, in the zone
		want []string
	}{
		{"each evening", calendar.Spec{At: []string{"22:00"}}, "2026-02-27", []string{"Fri 2026-02-27 22:00 CET", "Sat 2026-02-28 22:00 CET", "Sun 2026-03-01 22:00 CET"}},
		{"working days, twice", calendar.Spec{Days: []string{"mon-fri"}, At: []string{"18:30", "7:00"}}, "2026-02-27", []string{"Fri 2026-02-27 07:00 CET", "Fri 2026-02-27 18:30 CET", "Mon 2026-03-02 07:00 CET"}},
		{"around the week", calendar.Spec{Days: []string{"sat-mon"}, At: []string{"1:00"}}, "2026-02-27", []string{"Sat 2026-02-28 01:00 CET", "Sun 2026-03-01 01:00 CET", "Mon 2026-03-02 01:00 CET", "Sat 2026-03-07 01:00 CET"}},
		{"nth of the month", calendar.Spec{Days: []string{"first mon", "last friday", "5th sat"}, At: []string{"1:00"}}, "2026-01-01", []string{"Mon 2026-01-05 01:00 CET", "Fri 2026-01-30 01:00 CET", "Sat 2026-01-31 01:00 CET", "Mon 2026-02-02 01:00 CET", "Fri 2026-02-27 01:00 CET"}},
		{"days of the month", calendar.Spec{Days: []string{"1-2", "last", "last-2"}, Months: []string{"feb", "11-12"}, At: []string{"00:00"}}, "2028-01-01", []string{"Tue 2028-02-01 00:00 CET", "Wed 2028-02-02 00:00 CET", "Sun 2028-02-27 00:00 CET", "Tue 2028-02-29 00:00 CET", "Wed 2028-11-01 00:00 CET"}},
		{"every so often", calendar.Spec{Every: "90m", Between: "08:00-11:00"}, "2026-01-01", []string{"Thu 2026-01-01 08:00 CET", "Thu 2026-01-01 09:30 CET", "Thu 2026-01-01 11:00 CET", "Fri 2026-01-02 08:00 CET"}},
		{"every third day", calendar.Spec{Every: "3d", From: "2026-02-26", At: []string{"5:00"}}, "2020-01-01", []string{"Thu 2026-02-26 05:00 CET", "Sun 2026-03-01 05:00 CET", "Wed 2026-03-04 05:00 CET"}},
		{"every second week", calendar.Spec{Every: "2w", From: "2026-02-26", Days: []string{"mon", "thu"}, At: []string{"5:00"}}, "2020-01-01", []string{"Thu 2026-02-26 05:00 CET", "Mon 2026-03-09 05:00 CET", "Thu 2026-03-12 05:00 CET"}},
		{"until", calendar.Spec{At: []string{"5:00"}, From: "2026-02-26", Until: "2026-02-27"}, "2020-01-01", []string{"Thu 2026-02-26 05:00 CET", "Fri 2026-02-27 05:00 CET"}},
		{"29 February that is a Monday", calendar.Spec{Cron: "0 5 29 2 */7"}, "2026-01-01", []string{"Sun 2032-02-29 05:00 CET", "Sun 2060-02-29 05:00 CET"}},
		{"cron", calendar.Spec{Cron: "*/30 22-23 1,15 * *"}, "2026-01-02", []string{"Thu 2026-01-15 22:00 CET", "Thu 2026-01-15 22:30 CET", "Thu 2026-01-15 23:00 CET", "Thu 2026-01-15 23:30 CET", "Sun 2026-02-01 22:00 CET"}},
		{"cron: either day", calendar.Spec{Cron: "0 1 13 * FRI"}, "2026-02-08", []string{"Fri 2026-02-13 01:00 CET", "Fri 2026-02-20 01:00 CET", "Fri 2026-02-27 01:00 CET", "Fri 2026-03-06 01:00 CET", "Fri 2026-03-13 01:00 CET", "Fri 2026-03-20 01:00 CET", "Fri 2026-03-27 01:00 CET", "Fri 2026-04-03 01:00 CEST", "Fri 2026-04-10 01:00 CEST", "Mon 2026-04-13 01:00 CEST"}},
		{"cron: last and nth", calendar.Spec{Cron: "0 1 L * 5L,1#2"}, "2026-01-01", []string{"Mon 2026-01-12 01:00 CET", "Fri 2026-01-30 01:00 CET", "Sat 2026-01-31 01:00 CET", "Mon 2026-02-09 01:00 CET"}},
		{"cron: Sundays", calendar.Spec{Cron: "0 1 * * 5-7"}, "2026-01-01", []string{"Fri 2026-01-02 01:00 CET", "Sat 2026-01-03 01:00 CET", "Sun 2026-01-04 01:00 CET", "Fri 2026-01-09 01:00 CET"}},
		{"a nickname", calendar.Spec{Cron: "@weekly"}, "2026-01-01", []string{"Sun 2026-01-04 00:00 CET", "Sun 2026-01-11 00:00 CET"}},
		{"a time that is left out", calendar.Spec{At: []string{"02:30", "02:45", "03:00"}}, "2026-03-29", []string{"Sun 2026-03-29 03:00 CEST 02:30 is left out by the clocks", "Mon 2026-03-30 02:30 CEST"}},
		{"a time that comes twice", calendar.Spec{At: []string{"02:30"}}, "2026-10-24", []string{"Sat 2026-10-24 02:30 CEST", "Sun 2026-10-25 02:30 CEST", "Mon 2026-10-26 02:30 CET"}},
		{"midnight that is left out", calendar.Spec{At: []string{"00:15"}, Zone: "America/Sao_Paulo"}, "2018-11-03", []string{"Sat 2018-11-03 00:15 -03", "Sun 2018-11-04 01:00 -02 00:15 is left out by the clocks", "Mon 2018-11-05 00:15 -02"}},
		{"midnight that comes twice", calendar.Spec{At: []string{"00:00"}, Zone: "America/St_Johns"}, "2010-11-06", []string{"Sat 2010-11-06 00:00 NDT", "Sun 2010-11-07 00:00 NDT", "Mon 2010-11-08 00:00 NST"}},
		{"a day that is left out", calendar.Spec{At: []string{"12:00"}, Zone: "Pacific/Apia"}, "2011-12-29", []string{"Thu 2011-12-29 12:00 -10", "Sat 2011-12-31 00:00 +14 12:00 is left out by the clocks", "Sat 2011-12-31 12:00 +14"}},
		{"half an hour", calendar.Spec{At: []string{"02:10"}, Zone: "Australia/Lord_Howe"}, "2026-10-04", []string{"Sun 2026-10-04 02:30 +11 02:10 is left out by the clocks", "Mon 2026-10-05 02:10 +11"}},
		{"holidays are skipped", calendar.Spec{Days: []string{"weekdays"}, At: []string{"20:00"}, Holidays: []string{"german"}}, "2026-04-02", []string{"Thu 2026-04-02 20:00 CEST", "Tue 2026-04-07 20:00 CEST"}},
		{"before holidays", calendar.Spec{Days: []string{"mon", "fri"}, At: []string{"20:00"}, Holidays: []string{"german"}, OnHoliday: "before"}, "2026-04-01", []string{"Thu 2026-04-02 20:00 CEST moved from Fri 3 Apr, a holiday", "Fri 2026-04-10 20:00 CEST", "Mon 2026-04-13 20:00 CEST"}},
		{"after holidays", calendar.Spec{Days: []string{"sat"}, At: []string{"20:00"}, Holidays: []string{"german"}, OnHoliday: "after"}, "2026-04-01", []string{"Tue 2026-04-07 20:00 CEST moved from Sat 4 Apr, a holiday", "Mon 2026-04-13 20:00 CEST moved from Sat 11 Apr, a holiday"}},
		{"in spite of holidays", calendar.Spec{Days: []string{"weekdays"}, At: []string{"20:00"}, Holidays: []string{"german"}, OnHoliday: "run"}, "2026-04-03", []string{"Fri 2026-04-03 20:00 CEST", "Mon 2026-04-06 20:00 CEST"}},
		{"over the year's end", calendar.Spec{At: []string{"20:00"}, Holidays: []string{"closed"}}, "2026-12-23", []string{"Wed 2026-12-23 20:00 CET", "Thu 2027-01-07 20:00 CET"}},
		{"two calendars", calendar.Spec{Days: []string{"31", "1-3"}, Months: []string{"10-11"}, At: []string{"20:00"}, Holidays: []string{"closed", "german"}, OnHoliday: "after"}, "2026-10-29", []string{"Tue 2026-11-03 20:00 CET"}},
		{"the end of a leap year far away", calendar.Spec{At: []string{"23:30"}}, "2044-12-30", []string{"Fri 2044-12-30 23:30 CET", "Sat 2044-12-31 23:30 CET", "Sun 2045-01-01 23:30 CET"}},
		{"never again", calendar.Spec{At: []string{"5:00"}, Until: "2019-12-31"}, "2020-01-01", nil},
	} {
		if c.spec.Zone == "" {
			c.spec.Zone = "Europe/Berlin"
		}
		s := parse(t, c.spec, german(t))
		from, err := time.ParseInLocation(time.DateOnly, c.from, zoneOf(t, c.spec.Zone))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range s.Preview(from.Add(-time.Minute), len(c.want)) {
			got = append(got, strings.TrimSpace(f.At.Format(layout)+" "+f.Note))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestMissed(t *testing.T) {
	s := parse(t, calendar.Spec{At: []string{"06:00", "22:00"}, CatchUp: 2 * time.Hour, Zone: "UTC"}, nil)
	always := parse(t, calendar.Spec{Every: "1m", Zone: "UTC"}, nil)
	at := func(text string) time.Time {
		tm, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return tm
	}
	for _, c := range []struct {
		s         *calendar.Schedule
		last, now string
		want      string
	}{
		{s, "2026-01-01 05:00", "2026-01-01 05:59", "0 -"},
		{s, "2026-01-01 05:00", "2026-01-01 06:00", "1 06:00 run"},
		{s, "2026-01-01 06:00", "2026-01-01 06:00", "0 -"},
		{s, "2026-01-01 05:00", "2026-01-01 07:59", "1 06:00 run"},
		{s, "2026-01-01 05:00", "2026-01-01 08:00", "1 06:00"},
		{s, "2026-01-01 05:00", "2026-01-10 22:30", "20 22:00 run"},
		{s, "2026-01-10 05:00", "2026-01-01 22:30", "0 -"}, // the clock was put back
		{always, "2026-01-01 00:00", "2027-01-01 00:00", "1000 00:00"},
	} {
		m := c.s.Missed(at(c.last), at(c.now))
		got := fmt.Sprint(m.Count, " -")
		if !m.Last.IsZero() {
			got = fmt.Sprint(m.Count, m.Last.Format(" 15:04"))
		}
		if m.Run {
			got += " run"
		}
		if got != c.want {
			t.Errorf("from %s to %s: %s, want %s", c.last, c.now, got, c.want)
		}
	}
}

func TestFaults(t *testing.T) {
	long := make([]string, 1001)
	for _, c := range []struct {
		spec calendar.Spec
		want string
	}{
		{calendar.Spec{}, "at: say at which times, or every so often, or use cron"},
		{calendar.Spec{At: []string{"24:00", "7", "7:5", "-1:00"}, Days: []string{"", "monn", "0", "31-1", "first", "6th mon", "last-31"}}, `days, number 1: "" is no day: write it as mon-fri, 1-7, last, or first mon
days, number 2: "monn" is no day: write it as mon, mon-fri, 1, 1-7, last, or first mon
days, number 3: "0" is no number from 1 to 31
days, number 4: "31-1" ends before it begins
days, number 5: "first" is no day: write it as mon, mon-fri, 1, 1-7, last, or first mon
days, number 6: "6th mon" is no day: write it as first mon, 3rd friday or last sun
days, number 7: "last-31" is no day: write it as last, or last-2
at, number 1: "24:00" is no time of day: write it as 22:00, at most 23:59
at, number 2: "7" is no time of day: write it as 22:00, at most 23:59
at, number 3: "7:5" is no time of day: write it as 22:00, at most 23:59
at, number 4: "-1:00" is no time of day: write it as 22:00, at most 23:59`},
		{calendar.Spec{At: []string{"1:00"}, Zone: "Nowhere/None"}, `zone: there is no time zone "Nowhere/None": it is written as Europe/Berlin or UTC`},
		{calendar.Spec{At: []string{"1:00"}, Zone: "../../etc/passwd"}, `zone: there is no time zone "../../etc/passwd": it is written as Europe/Berlin or UTC`},
		{calendar.Spec{At: []string{"1:00"}, From: "1 May", Until: "2026-02-30"}, "from: \"1 May\" is no date: write it as 2026-12-31\nuntil: \"2026-02-30\" is no date: write it as 2026-12-31"},
		{calendar.Spec{At: []string{"1:00"}, From: "2026-05-02", Until: "2026-05-01"}, "until: 2026-05-01 is before 2026-05-02"},
		{calendar.Spec{At: []string{"1:00"}, Days: []string{"31"}, Months: []string{"feb"}}, "days: no day is ever like that"},
		{calendar.Spec{Cron: "0 0 30 2 *"}, "cron: no day is ever like that"},
		{calendar.Spec{Cron: "0 0 30 *"}, "cron: it has five fields: minute, hour, day of month, month, day of week; or is @hourly, @daily, @weekly, @monthly or @yearly"},
		{calendar.Spec{Cron: "60 1-0 */0 foo 5#6"}, `cron, number 1: "60" is no number from 0 to 59
cron, number 2: 1-0 ends before it begins
cron, number 3: the step "0" is no number from 1 to 31
cron, number 4: "foo" is no month: write it as jan, jan-mar or 1-3
cron, number 5: "5#6" is no number from 0 to 7`},
		{calendar.Spec{Cron: "@daily", At: []string{"1:00"}}, "cron: it stands alone: days, months, at, every and between say the same in other words"},
		{calendar.Spec{Every: "5m", At: []string{"1:00"}}, "every: 5m is within a day, and at names times of the day: say one of the two"},
		{calendar.Spec{Every: "5x"}, `every: "5x" is no period: write it as 15m, 2h, 3d or 2w`},
		{calendar.Spec{Every: "m"}, `every: "m" is no period: write it as 15m, 2h, 3d or 2w`},
		{calendar.Spec{Every: "25h"}, "every: 25h is too long: at most 24h"},
		{calendar.Spec{Every: "2d"}, "at: say at which times of these days"},
		{calendar.Spec{Every: "2d", At: []string{"1:00"}}, "from: say from which day on 2d is counted"},
		{calendar.Spec{Every: "5m", Between: "8:00-7:00"}, "between: it has to end later on the same day"},
		{calendar.Spec{At: []string{"1:00"}, Between: "8:00-9:00"}, "between: it bounds an every of less than a day"},
		{calendar.Spec{At: []string{"1:00"}, OnHoliday: "before"}, "on-holiday: name the calendars in holidays"},
		{calendar.Spec{At: []string{"1:00"}, Holidays: []string{"x"}, OnHoliday: "never"}, "on-holiday: \"never\": say skip, before, after or run\nholidays, number 1: there is no calendar \"x\""},
		{calendar.Spec{At: []string{"1:00"}, CatchUp: -1}, "catch-up: a duration cannot be below zero"},
		{calendar.Spec{At: []string{"1:00"}, Days: long}, "days: at most 1000"},
		{calendar.Spec{At: []string{strings.Repeat("1", 201)}}, "at, number 1: at most 200 bytes"},
	} {
		_, err := calendar.Parse(c.spec, nil)
		if err == nil || err.Error() != c.want {
			t.Errorf("%+v:\n%v\nwant\n%s", c.spec, err, c.want)
		}
		if fault := (*calendar.FieldError)(nil); !errors.As(err, &fault) {
			t.Errorf("%+v: no field: %v", c.spec, err)
		}
	}
}

func TestHolidays(t *testing.T) {
	h, err := calendar.ParseHolidays(calendar.HolidaySpec{Days: []string{"02-29", "easter", "easter+50", " 2026-07-01 .. 2026-07-03 "}, Weekdays: []string{"last fri"}})
	if err != nil {
		t.Fatal(err)
	}
	for date, want := range map[string]bool{
		"2028-02-29": true, "2027-03-01": false, "2026-07-02": true, "2026-07-04": false, "2027-07-02": false, "2026-07-31": true, "2026-07-24": false,
		// Easter Sundays, the earliest and the latest among them, and Whit Mondays.
		"2024-03-31": true, "2025-04-20": true, "2026-04-05": true, "1818-03-22": true, "2285-03-22": true, "2038-04-25": true, "1954-04-18": true, "1981-04-19": true, "2026-05-25": true, "2026-05-24": false,
	} {
		d, err := time.Parse(time.DateOnly, date)
		if err != nil || h.Holiday(d) != want {
			t.Errorf("%s: %v, %v", date, h.Holiday(d), err)
		}
	}
	for _, days := range []string{"", "13-01", "2026-13-01", "02-30", "12-01..2026-12-02", "2026-02-02..2026-02-01", "easter1", "easter+", "easter+999", "a..b"} {
		if _, err := calendar.ParseHolidays(calendar.HolidaySpec{Days: []string{days}}); err == nil || !strings.HasPrefix(err.Error(), "days, number 1: ") {
			t.Errorf("%q: %v", days, err)
		}
	}
	if _, err := calendar.ParseHolidays(calendar.HolidaySpec{Weekdays: []string{"1"}}); err == nil {
		t.Error("a date is a weekday")
	}
}

func BenchmarkNext(b *testing.B) {
	s := parse(b, calendar.Spec{Days: []string{"weekdays"}, At: []string{"22:00"}, Zone: "Europe/Berlin", Holidays: []string{"german"}, OnHoliday: "before"}, german(b))
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		if t, ok := s.Next(now); ok {
			now = t
		}
	}
}
