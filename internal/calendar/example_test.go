package calendar_test

import (
	"fmt"
	"strings"
	"time"

	"millwright.dev/millwright/internal/calendar"
)

// The lab goes down on working days; before a holiday on the last day that is none.
func ExampleSchedule_Preview() {
	holidays, err := calendar.ParseHolidays(calendar.HolidaySpec{Days: []string{"easter-2", "easter+1"}, Weekdays: []string{"weekends"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := calendar.Parse(calendar.Spec{
		Days: []string{"fri"}, At: []string{"20:00"}, Zone: "Europe/Berlin",
		Holidays: []string{"public"}, OnHoliday: "before",
	}, map[string]*calendar.Holidays{"public": holidays})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range s.Preview(time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC), 3) {
		fmt.Println(strings.TrimSpace(f.At.Format("Mon 2 Jan 15:04 MST ") + f.Note))
	}
	// Output:
	// Fri 27 Mar 20:00 CET
	// Thu 2 Apr 20:00 CEST moved from Fri 3 Apr, a holiday
	// Fri 10 Apr 20:00 CEST
}
