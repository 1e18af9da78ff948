package sel

import (
	"time"

	"millwright.dev/millwright/ipmi/event"
)

// Quality says how much a time is worth.
type Quality uint8

// The qualities.
const (
	TimeUnknown Quality = iota // no time can be told
	AsRecorded                 // as the BMC's clock had it, which the log shows to be unreliable, or which could not be compared with ours
	Corrected                  // by our clock
)

func (q Quality) String() string {
	switch q {
	case AsRecorded:
		return "as recorded"
	case Corrected:
		return "corrected"
	}
	return "unknown"
}

// MarshalText lets qualities be words in JSON.
func (q Quality) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// When is the time of an entry.
type When struct {
	Time    time.Time // in UTC, to the second; zero if unknown
	Quality Quality

	// Spent is set for the two halves of a notice that the BMC's clock was set, where
	// it has been used to correct the times of older entries: it has nothing else to tell.
	// A half without its other half is spent too.
	Spent bool
}

// Times works out when the records happened, one answer for each.
//
// A BMC's clock may be wrong, may be set at any time, and counts from 0 after a start until
// it is set. What the log proves is used: the clocks at reading, and pairs of events that say
// by how much the clock was set (sensor type 12, offset 5: the first half has the
// old time, the second the new). Reading from the newest record back, times can only
// fall; where they rise with no such notice, the clock was set behind our back and by an unknown
// step, so nothing older is corrected: what looks like a date is given as recorded, and
// what counts from a start has no time.
func (l Log) Times() []When {
	out := make([]When, len(l.Records))
	t := timeline{trusted: true, preInit: l.BMC < PreInit}
	if l.BMC != NoStamp && !l.Host.IsZero() {
		t.of(t.preInit).set(l.Host.Unix() - int64(l.BMC))
	}
	for i := len(l.Records) - 1; i >= 0; i-- {
		r := l.Records[i]
		switch half := setHalf(r); {
		case !r.Timed() || r.Time == NoStamp:
			// Nothing to tell, and it is no boundary for what is older.
		case !t.trusted || half == noHalf:
			out[i] = t.entry(r.Time)
		case half == secondHalf && i > 0 && setHalf(l.Records[i-1]) == firstHalf:
			if t.step(l.Records[i-1].Time, r.Time) {
				out[i].Spent, out[i-1].Spent = true, true
				i--
			} else {
				out[i] = t.entry(r.Time)
			}
		default:
			out[i].Spent = true
		}
	}
	return out
}

// The two halves of a notice that the clock was set.
type halves uint8

const (
	noHalf     halves = iota
	firstHalf         // with the time of before
	secondHalf        // with the new time
)

// setHalf says which half of a notice a record is (table 42-3, sensor type 12, offset 5).
func setHalf(r Record) halves {
	e := r.Event
	if r.Type != TypeSystem || e.SensorType != event.SystemEvent || e.Type != event.SensorSpecific || e.Offset() != clockSet {
		return noHalf
	}
	switch data := event.ParseData(e.Data); {
	case data.Means2 == event.Nothing && data.Byte2 == 0xff:
		return noHalf // it does not say which
	case data.Byte2&0x80 == 0:
		return firstHalf
	}
	return secondHalf
}

// clockSet is the offset of these notices.
const clockSet = 5

// offset is what to add to a stamp to get seconds since 1970 by our clock, or that sum.
type offset struct {
	seconds int64
	known   bool
}

func (o *offset) set(seconds int64) { *o = offset{seconds, true} }

// timeline is how far the walk from the newest record back has come.
type timeline struct {
	wall, boot offset // for dates, and for times since a start of the BMC
	preInit    bool   // the records walked through count from a start
	trusted    bool   // nothing has shown the times to be out of order
	last       Stamp  // of the next newer record of the same stretch
	hasLast    bool
	next       offset // the time by our clock of the next newer record that has one
}

func (t *timeline) of(preInit bool) *offset {
	if preInit {
		return &t.boot
	}
	return &t.wall
}

// late says whether a record has a later time than the next newer one of its stretch. From
// there back nothing is trusted.
func (t *timeline) late(s Stamp) bool {
	if t.hasLast && s > t.last {
		t.trusted = false
		return true
	}
	t.last, t.hasLast = s, true
	return false
}

// contradicts says whether a time by our clock is later than the next newer one, of whatever
// stretch. From there back nothing is trusted.
func (t *timeline) contradicts(seconds int64) bool {
	if t.next.known && seconds > t.next.seconds {
		t.trusted = false
		return true
	}
	t.next.set(seconds)
	return false
}

// step walks back over a notice that the clock was set from old to fresh. False: it contradicts
// what is newer.
func (t *timeline) step(old, fresh Stamp) bool {
	freshBoot, oldBoot := fresh < PreInit, old < PreInit
	if freshBoot == t.preInit && t.late(fresh) {
		return false
	}
	from := *t.of(freshBoot)
	if freshBoot && !t.preInit {
		from = offset{} // what is known of a newer start says nothing about this one
	}
	if from.known && t.contradicts(int64(fresh)+from.seconds) {
		return false
	}
	if old == NoStamp {
		t.wall, t.boot, t.hasLast = offset{}, offset{}, false
		return true
	}
	by := int64(fresh) - int64(old)
	t.of(oldBoot).seconds, t.of(oldBoot).known = from.seconds+by, from.known
	t.preInit, t.last, t.hasLast = oldBoot, old, true
	return true
}

// entry walks back over an ordinary record and gives its time.
func (t *timeline) entry(s Stamp) When {
	verbatim := When{Time: s.Time(), Quality: AsRecorded}
	if s < PreInit {
		verbatim = When{}
		if !t.preInit {
			return verbatim // of some start that nobody tells the time of
		}
	} else if t.preInit {
		// An earlier start of the BMC, with its clock set.
		t.preInit, t.hasLast = false, false
	}
	if !t.trusted || t.late(s) {
		return verbatim
	}
	o := *t.of(s < PreInit)
	if !o.known || t.contradicts(int64(s)+o.seconds) {
		return verbatim
	}
	return When{Time: time.Unix(int64(s)+o.seconds, 0).UTC(), Quality: Corrected}
}
