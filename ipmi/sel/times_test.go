package sel

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millwright.dev/millwright/ipmi/event"
)

// now is our clock in these tests.
const now = 1_800_000_000

func stamped(s Stamp) Record {
	return Record{Type: TypeSystem, Time: s, Event: Event{Generator: 0x20, Revision: 4, SensorType: event.Fan, Type: event.Threshold}}
}

func half(s Stamp, data2 byte) Record {
	r := stamped(s)
	r.Event.SensorType, r.Event.Type, r.Event.Data = event.SystemEvent, event.SensorSpecific, [3]byte{0xc5, data2, 0xff}
	return r
}

// stamp reads "N-300" or "140".
func stamp(t *testing.T, s string) Stamp {
	t.Helper()
	var n int64
	base := int64(0)
	if rest, ok := strings.CutPrefix(s, "N"); ok {
		base, s = now, rest
	}
	if s != "" {
		if _, err := fmt.Sscanf(s, "%d", &n); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
	}
	return Stamp(base + n)
}

// logOf reads entries such as "N-300", "B140" and "A(N-1000)".
func logOf(t *testing.T, clock, entries string) Log {
	t.Helper()
	l := Log{BMC: stamp(t, clock), Host: time.Unix(now, 0)}
	for _, e := range strings.Fields(entries) {
		time := strings.Trim(e, "AB()")
		switch e[0] {
		case 'B':
			l.Records = append(l.Records, half(stamp(t, time), 0x00))
		case 'A':
			l.Records = append(l.Records, half(stamp(t, time), 0x80))
		default:
			l.Records = append(l.Records, stamped(stamp(t, time)))
		}
	}
	return l
}

// told puts results into the words of the table: a quality before each time, - for
// halves that were used up.
func told(times []When) string {
	var out []string
	for _, w := range times {
		at := fmt.Sprintf("N%+d", w.Time.Unix()-now)
		switch {
		case w.Spent:
			out = append(out, "-")
		case w.Quality == TimeUnknown:
			out = append(out, "none")
		case w.Quality == AsRecorded:
			out = append(out, "="+at)
		default:
			out = append(out, at)
		}
	}
	return strings.Join(out, " ")
}

func TestTimes(t *testing.T) {
	for _, tt := range []struct{ name, clock, entries, want string }{
		{"nothing wrong", "N", "N-300 N-200 N-100", "N-300 N-200 N-100"},
		{"an hour slow", "N-3600", "N-3900 N-3700", "N-300 N-100"},
		{"a day fast", "N+86400", "N+86000 N+86300", "N-400 N-100"},
		{"never set", "5000", "10 1000 4990", "N-4990 N-4000 N-10"},
		{"not set since a start", "5000", "N-90000 N-80000 10 4000", "=N-90000 =N-80000 N-4990 N-1000"},
		{"set after a start", "N", "100 130 B140 A(N-1000) N-900 N-10", "N-1040 N-1010 - - N-900 N-10"},
		{"set forward", "N", "N-9000 N-8000 B(N-7900) A(N-4300) N-4000", "N-5400 N-4400 - - N-4000"},
		{"set back", "N", "N-1000 B(N-900) A(N-4500) N-4000 N-100", "N-4600 - - N-4000 N-100"},
		{"two starts", "N", "50 B60 A(N-90000) N-89000 40 B55 A(N-5000) N-4000", "N-90010 - - N-89000 N-5015 - - N-4000"},
		{"a start that nobody set the clock in", "N", "N-9000 20 30 N-100", "N-9000 none none N-100"},
		{"set back without notice", "N", "N-500 N-5000 N-4000 N-100", "=N-500 N-5000 N-4000 N-100"},
		{"the same on a slow clock", "N-3600", "N-4000 N-9000 N-8000 N-3700", "=N-4000 N-5400 N-4400 N-100"},
		{"two starts, neither set", "9000", "100 5000 300 8000", "none none N-8700 N-1000"},
		{"a good notice before the corruption", "N", "100 B120 A(N-7000) N-6900 N-200 N-6000 N-50", "none none =N-7000 =N-6900 =N-200 N-6000 N-50"},
		{"an impossible notice", "N", "N-9000 B(N-8000) A(N-100) N-5000 N-10", "=N-9000 =N-8000 =N-100 N-5000 N-10"},
		{"half a notice", "N", "N-5000 A(N-4000) N-3000", "N-5000 - N-3000"},
		{"set forward twice", "N", "N-20000 B(N-19000) A(N-12000) B(N-11900) A(N-5000) N-4000", "N-6100 - - - - N-4000"},
		// Beyond the usual.
		{"an entry between the halves", "N", "N-9000 B(N-8000) N-7000 A(N-4300) N-4000", "N-9000 - N-7000 - N-4000"},
		{"a start of which another start's time says nothing", "5000", "10 B20 A30 N-90000 100 4000", "none - - =N-90000 N-4900 N-1000"},
		{"before a start, later than after it", "N", "N-1000 40 B55 A(N-5000) N-4000", "=N-1000 N-5015 - - N-4000"},
		{"an empty log", "N", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := told(logOf(t, tt.clock, tt.entries).Times()); got != tt.want {
				t.Errorf("%s, at %s:\n got %s\nwant %s", tt.entries, tt.clock, got, tt.want)
			}
		})
	}
}

func TestTimesWithoutAClock(t *testing.T) {
	l := logOf(t, "N", "50 N-300 N-100")
	l.BMC = NoStamp
	if got, want := told(l.Times()), "none =N-300 =N-100"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	l = logOf(t, "N", "N-300 N-100")
	l.Records = append(l.Records, stamped(NoStamp), Record{Type: TypeOEMUntimed})
	if got, want := told(l.Times()), "N-300 N-100 none none"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// history draws what a well-behaved BMC logs: its clock is set from time to time, always with
// notice, and counts from 0 after a start until then. It gives true times too; 0 for notices.
func history(t *rapid.T, starts bool) (Log, []int64) {
	n := rapid.IntRange(1, 30).Draw(t, "entries")
	truth := int64(now - 10_000_000)
	ahead := rapid.Int64Range(-1_000_000, 1_000_000).Draw(t, "ahead") // of the clock
	boot := false
	var l Log
	var times []int64
	for range n {
		truth += rapid.Int64Range(0, 1000).Draw(t, "pause")
		switch what := rapid.IntRange(0, 6).Draw(t, "what"); {
		case what == 0: // set
			old := Stamp(truth + ahead)
			ahead = rapid.Int64Range(-1_000_000, 1_000_000).Draw(t, "ahead")
			l.Records = append(l.Records, half(old, 0), half(Stamp(truth+ahead), 0x80))
			times, boot = append(times, 0, 0), false
		case what == 1 && starts && !boot: // a second start before the clock is set leaves the first without a time
			ahead, boot = -truth, true
			fallthrough
		default:
			l.Records = append(l.Records, stamped(Stamp(truth+ahead)))
			times = append(times, truth)
		}
	}
	l.BMC, l.Host = Stamp(truth+ahead), time.Unix(truth, 0)
	return l, times
}

// TestTimesAreTrue holds that where every step of the clock was notified, times that are
// said to be corrected are the true ones, and that order is kept.
func TestTimesAreTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, truth := history(t, false) // the clock's error before a start cannot be known
		for i, w := range l.Times() {
			if truth[i] == 0 && !w.Spent {
				t.Fatalf("record %d is half a notice and was kept", i)
			}
			if truth[i] != 0 && (w.Quality != Corrected || w.Time.Unix() != truth[i]) {
				t.Fatalf("record %d: %s %v, want %v", i, w.Quality, w.Time, time.Unix(truth[i], 0).UTC())
			}
		}
	})
}

// TestTimesAfterAStartAreTrue holds the same for what came after the last start.
func TestTimesAfterAStartAreTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, truth := history(t, true)
		times := l.Times()
		for i := len(times) - 1; i >= 0; i-- {
			if truth[i] != 0 && (times[i].Quality != Corrected || times[i].Time.Unix() != truth[i]) {
				t.Fatalf("record %d: %s %v, want %v", i, times[i].Quality, times[i].Time, time.Unix(truth[i], 0).UTC())
			}
			if l.Records[i].Time == 0 {
				return
			}
		}
	})
}

// TestNothingIsInvented holds that whatever is in a log, corrected times of records are in
// order, and that nothing older than a contradiction is corrected.
func TestNothingIsInvented(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, _ := history(t, true)
		at := rapid.IntRange(0, len(l.Records)-1).Draw(t, "at")
		if l.Records[at].Time >= PreInit && setHalf(l.Records[at]) == noHalf {
			// The clock is set back behind our back: this record is later than all that follows.
			l.Records[at].Time = now + 100_000_000
		}
		times := l.Times()
		bad, newer := -1, time.Unix(1<<40, 0)
		for i := len(times) - 1; i >= 0; i-- {
			w, r := times[i], l.Records[i]
			if w.Quality == Corrected {
				if w.Time.After(newer) {
					t.Fatalf("record %d: %v is later than a newer record", i, w.Time)
				}
				newer = w.Time
			}
			if w.Quality == AsRecorded && w.Time != r.Time.Time() {
				t.Fatalf("record %d: as recorded, and changed", i)
			}
			if w.Quality == TimeUnknown && !w.Time.IsZero() {
				t.Fatalf("record %d: unknown, and has a time", i)
			}
			if bad >= 0 && (w.Quality == Corrected || w.Spent) {
				t.Fatalf("record %d is corrected beyond the contradiction at %d", i, bad)
			}
			next := i + 1
			if i == at && r.Time == now+100_000_000 && next < len(times) && setHalf(l.Records[next]) == noHalf &&
				l.Records[next].Time.Wall() && times[next].Quality == Corrected {
				bad = i
				if w.Quality == Corrected {
					t.Fatalf("record %d contradicts the next and is corrected", i)
				}
			}
		}
	})
}
