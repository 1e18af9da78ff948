package ups

import (
	"fmt"
	"strings"
	"time"

	"millwright.dev/millwright/nut"
)

// tracker turns what is seen of one UPS into what counts. It knows no clock: each
// call says what time it is. Times never go back.
type tracker struct {
	source Source

	state   State     // what counts
	since   time.Time // when that began
	battery time.Time // since when the mains are gone, as it counts

	raw     State     // what was last seen; empty before the first time
	turned  time.Time // since when what is seen is out, or is not
	seen    time.Time
	reading nut.Reading
	forced  bool // the daemon has ordered everybody down

	missed  time.Time // since when answers are missing; zero while they come
	lost    bool      // they have been missing for too long
	trouble string    // why they are missing, or what else is wrong
}

func newTracker(s Source, now time.Time) *tracker {
	return &tracker{source: s, state: Unknown, since: now, lost: true, trouble: "not asked yet"}
}

// stateOf is what a status says of the mains. A UPS that empties its battery to
// measure it has the mains, and goes back to them by itself.
func stateOf(s nut.Status) State {
	switch {
	case s.Has(nut.ForcedShutdown), s.Has(nut.OnBattery|nut.LowBattery) && !s.Has(nut.Calibrating):
		return Low
	case s.Has(nut.OnBattery) && !s.Has(nut.Calibrating):
		return OnBattery
	case s.Has(nut.Off):
		return Off
	case s.Known():
		return Online
	}
	return Unknown
}

// see takes an answer.
func (t *tracker) see(now time.Time, r nut.Reading, trouble string) {
	raw := stateOf(r.Status)
	if raw == Unknown {
		t.miss(now, fmt.Sprintf("it does not say where its power comes from (status %q)", r.Status))
		return
	}
	if t.raw == "" || raw.Out() != t.raw.Out() || t.lost && !raw.Out() { // while it was lost the mains need not have held
		t.turned = now
	}
	t.raw, t.reading, t.seen, t.forced = raw, r, now, r.Status.Has(nut.ForcedShutdown)
	t.missed, t.lost, t.trouble = time.Time{}, false, trouble
	t.count(now)
}

// miss notes that there was no answer.
func (t *tracker) miss(now time.Time, why string) {
	if t.missed.IsZero() {
		t.missed = now
	}
	t.trouble = why
	t.count(now)
}

// count makes what has held long enough count.
func (t *tracker) count(now time.Time) {
	if !t.missed.IsZero() && now.Sub(t.missed) >= t.source.Patience {
		t.lost = true
	}
	switch {
	case t.raw == "":
	case t.raw.Out():
		t.countOut(now)
	case t.lost && !t.state.Out():
		t.become(Unknown, t.missed)
	case t.lost: // it had begun to settle; nobody knows whether it went on
	case !t.state.Out(), t.seen.Sub(t.turned) >= t.source.Settle:
		t.become(Online, t.turned)
	}
	if _, runtime, reckoned := t.left(now); reckoned && t.state == OnBattery && *runtime == 0 {
		t.become(Low, now)
	}
}

func (t *tracker) countOut(now time.Time) {
	switch {
	case t.state == Low && t.raw == OnBattery: // it was low: it does not get better on battery
	case t.state.Out():
		t.become(t.raw, t.seen)
	case t.forced || now.Sub(t.turned) >= t.source.Hold:
		t.become(t.raw, t.turned)
	}
}

func (t *tracker) become(s State, since time.Time) {
	if t.state == s {
		return
	}
	if s.Out() && !t.state.Out() {
		t.battery = since
	}
	if !s.Out() {
		t.battery = time.Time{}
	}
	t.state, t.since = s, since
}

// due is when something will count without a further answer; zero for never.
func (t *tracker) due() time.Time {
	if t.raw.Out() && !t.state.Out() {
		return t.turned.Add(t.source.Hold)
	}
	return time.Time{}
}

// left gives charge and runtime: as the UPS says, or, where it is out of reach on
// battery, as little as there can be left.
func (t *tracker) left(now time.Time) (charge *float64, runtime *time.Duration, reckoned bool) {
	charge = t.reading.Charge.Pointer()
	if r := t.reading.Runtime; r.Known {
		d := time.Duration(r.Value * float64(time.Second))
		runtime = &d
	}
	if !t.lost || !t.state.Out() {
		return charge, runtime, false
	}
	if runtime == nil {
		d := max(0, t.source.Assumed-t.seen.Sub(t.battery))
		runtime = &d
	}
	had := *runtime
	left := max(0, had-now.Sub(t.seen))
	if charge != nil {
		c := 0.0
		if had > 0 {
			c = *charge * float64(left) / float64(had)
		}
		charge = &c
	}
	return charge, &left, true
}

// standing says how the UPS stands.
func (t *tracker) standing(now time.Time) Standing {
	s := Standing{
		Source: t.source.Name, Feeds: t.source.Feeds, State: t.state, Since: t.since, Battery: t.battery,
		Settling: t.state.Out() && t.raw == Online && !t.lost, Contact: !t.lost, Seen: t.seen,
		Load: t.reading.Load.Pointer(), Watts: t.reading.Watts.Pointer(),
		Status: clip(t.reading.Status.String()), Alarm: clip(t.reading.Alarm), Model: clip(t.reading.Model), Reading: t.reading,
	}
	s.Charge, s.Runtime, s.Reckoned = t.left(now)
	s.Said = t.say(s, now)
	return s
}

func (t *tracker) say(s Standing, now time.Time) string {
	parts := []string{string(s.State)}
	switch {
	case s.State == Unknown && t.raw == "":
		parts = []string{"not reached yet"}
	case s.State == Unknown:
		parts = []string{"not known"}
	case s.Settling:
		parts = []string{"the mains are back, but have not held for " + length(t.source.Settle) + " yet"}
	case s.State == Online && t.raw.Out():
		parts = []string{"the mains seem to be gone, but not for " + length(t.source.Hold) + " yet"}
	case s.State == Off:
		parts = []string{"gives no power for " + length(now.Sub(s.Since))}
	case !s.Battery.IsZero():
		parts = []string{strings.ReplaceAll(string(s.State), "-", " ") + ", without mains for " + length(now.Sub(s.Battery))}
	}
	about := ""
	if s.Reckoned {
		about = "at worst "
	}
	if s.Charge != nil && s.State != Unknown {
		parts = append(parts, fmt.Sprintf("%s%.0f %% charge", about, *s.Charge))
	}
	if s.Runtime != nil && s.State.Out() {
		parts = append(parts, about+length(*s.Runtime)+" left")
	}
	flags := t.reading.Status
	for _, f := range []struct {
		flag nut.Flag
		text string
	}{
		{nut.Bypass, "on bypass: what hangs on it is not protected"},
		{nut.Overloaded, "overloaded"},
		{nut.ReplaceBattery, "its battery needs to be replaced"},
		{nut.Calibrating, "measuring its battery"},
		{nut.ForcedShutdown, "its daemon has ordered the shutdown"},
	} {
		if flags.Has(f.flag) && !t.lost {
			parts = append(parts, f.text)
		}
	}
	if t.lost && !t.seen.IsZero() {
		parts = append(parts, "no answer for "+length(now.Sub(t.seen)))
	}
	if t.trouble != "" {
		parts = append(parts, clip(t.trouble))
	}
	return t.source.Name + ": " + strings.Join(parts, ", ")
}

// length writes a duration for people: "2m10s", "5m", "0s".
func length(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// clip bounds what is repeated of a UPS's own words.
func clip(text string) string {
	const most = 300
	if len(text) > most {
		text = text[:most] + "..."
	}
	return strings.ToValidUTF8(text, "?")
}
