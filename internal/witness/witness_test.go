package witness_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/rounds"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/witness"
)

// hands are devices: an outlet that gives so many watts, and a service processor.
type hands struct {
	watts     float64
	processor room.State // unknown: it cannot be reached
	asked     bool
}

func (h *hands) Measure(_ context.Context, _ *room.Room, devices []room.DeviceID, tell func(fleet.Measured)) {
	for _, d := range devices {
		tell(fleet.Measured{Device: d, Readings: []driver.Reading{{Plug: 0, Quantity: driver.Power, Value: h.watts}, {Plug: 1, Quantity: driver.Power, Value: h.watts}}})
	}
}

func (h *hands) ReadPlug(context.Context, *room.Room, room.Cord, room.Op) (room.State, error) {
	h.asked = true
	if h.processor == room.StateUnknown {
		return h.processor, errors.New("no answer")
	}
	return h.processor, nil
}

func (h *hands) MayMeasure(*room.Room, room.DeviceID) bool { return h.watts >= 0 }

func hall(t *testing.T) *room.Room {
	t.Helper()
	r, problems := room.New(room.Draft{
		Devices: []room.DraftDevice{{Device: room.Device{Name: "pdu"}}, {Device: room.Device{Name: "bmc"}}},
		Nodes: []room.DraftNode{
			{Name: "plain", Cords: []room.DraftCord{{Device: "pdu", Plug: "1"}}, BMC: room.DraftCord{Device: "bmc", Plug: "1"}},
			{Name: "self", BMC: room.DraftCord{Device: "bmc", Plug: "2"}},
		},
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return r
}

func TestLook(t *testing.T) {
	r := hall(t)
	const none = -1 // watts: nothing measures
	for _, c := range []struct {
		name      string
		want      room.State
		watts     float64
		processor room.State
		starts    bool
		is        run.Testimony
		asks      bool // the service processor
	}{
		{"it draws what it usually does", room.StateOn, 90, room.StateUnknown, false, run.Agrees, false},
		{"its processor boots, and is not heard yet", room.StateOn, 9, room.StateUnknown, false, run.Agrees, true},
		{"it has power and does not run", room.StateOn, 9, room.StateOff, false, run.Disagrees, true},
		{"it has power, and a control will start it", room.StateOn, 9, room.StateOff, true, run.Agrees, true},
		{"nothing is drawn", room.StateOn, 0, room.StateUnknown, false, run.Disagrees, false},
		{"nothing is drawn before a control starts it", room.StateOn, 0, room.StateUnknown, true, run.Silent, true},
		{"nothing measures, and its processor says off", room.StateOn, none, room.StateOff, false, run.Disagrees, true},
		{"nothing measures, and a control will start it", room.StateOn, none, room.StateOff, true, run.Silent, true},
		{"nothing is drawn: its processor has no power", room.StateOff, 0, room.StateUnknown, false, run.Agrees, false},
		{"it still draws", room.StateOff, 100, room.StateUnknown, false, run.Disagrees, false},
		{"nothing measures, and its processor says on", room.StateOff, none, room.StateOn, false, run.Disagrees, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &hands{watts: c.watts, processor: c.processor}
			w := witness.New(witness.Options{
				Fleet: h, Watts: func(*room.Room, room.NodeID) (float64, bool) { return 100, true },
				Starts: func(*room.Room, room.NodeID) bool { return c.starts },
			})
			list := w.Look(t.Context(), r, []room.NodeID{0}, c.want)
			if len(list) != 1 || list[0].Testimony != c.is || h.asked != c.asks {
				t.Errorf("%+v, its processor asked: %v", list, h.asked)
			}
		})
	}
}

// TestStandby is of a machine that its own service processor switches: off it draws what
// that needs, which differs from one machine to another.
func TestStandby(t *testing.T) {
	r := hall(t)
	for watts, is := range map[float64]run.Testimony{4: run.Agrees, 18: run.Silent, 80: run.Disagrees} {
		w := witness.New(witness.Options{
			Fleet: &hands{watts: watts}, Watts: func(*room.Room, room.NodeID) (float64, bool) { return 100, true },
		})
		if list := w.Look(t.Context(), r, []room.NodeID{1}, room.StateOff); len(list) != 1 || list[0].Testimony != is {
			t.Errorf("%v W: %+v", watts, list)
		}
	}
	for watts, proved := range map[float64]bool{5: true, 30: false, 80: false} {
		w := witness.New(witness.Options{
			Fleet: &hands{watts: watts}, Watts: func(*room.Room, room.NodeID) (float64, bool) { return 100, true },
		})
		if is, said := w.Halted(t.Context(), r, 1); is != proved || is && !strings.Contains(said, "5 W") {
			t.Errorf("%v W: %v, %s", watts, is, said)
		}
	}
}

// dead are outlets without meters, and a service processor that never answers.
type dead struct{ hands }

func (*dead) ReadPlug(ctx context.Context, _ *room.Room, _ room.Cord, _ room.Op) (room.State, error) {
	<-ctx.Done()
	return room.StateUnknown, ctx.Err()
}

// TestDeadProcessor is of a service processor on the outlet that was just cut.
func TestDeadProcessor(t *testing.T) {
	r := hall(t)
	for want, most := range map[room.State]time.Duration{room.StateOff: 2 * time.Second, room.StateOn: 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			list := witness.New(witness.Options{Fleet: &dead{hands{watts: -1}}}).Look(t.Context(), r, []room.NodeID{0}, want)
			if took := time.Since(began); len(list) != 1 || list[0].Testimony != run.Silent || took != most {
				t.Errorf("%s: %+v after %v", want, list, took)
			}
		})
	}
}

// ping is a check that pings whom it says.
type ping string

func (p ping) Pinged() string { return string(p) }

// heard are checks that have seen one thing.
type heard struct{ report rounds.Report }

func (*heard) Last(string) []rounds.Report { return nil }

func (h *heard) Now(context.Context, string, ...string) []rounds.Report {
	return []rounds.Report{h.report}
}

// TestPing is of a node that nothing but a ping can tell of.
func TestPing(t *testing.T) {
	lost := func(v check.Verdict, percent float64) check.Result {
		return check.Result{Verdict: v, Values: []check.Value{{Quantity: check.Loss, Value: percent}}}
	}
	const late = time.Hour
	for _, c := range []struct {
		name   string
		whom   ping
		last   check.Result
		ago    time.Duration // when it was looked
		off    run.Testimony
		halted bool
	}{
		{"it answers", "{address}", lost(check.OK, 0), 0, run.Disagrees, false},
		{"it does not", "{node}.ilo", lost(check.Bad, 100), 0, run.Agrees, true},
		{"it cannot be reached", "{address}", check.Wrong("no route"), 0, run.Agrees, true},
		{"its own name was given", "n1", lost(check.Bad, 100), 0, run.Agrees, true},
		{"its own address was given", "192.0.2.1", lost(check.OK, 0), 0, run.Disagrees, false},
		{"it answers too seldom or too late", "{address}", lost(check.Bad, 66), 0, run.Disagrees, false},
		{"nobody knows", "{address}", check.Unclear("no right"), 0, run.Silent, false},
		{"it was looked too long ago", "{address}", lost(check.Bad, 100), late, run.Silent, false},
		{"its gateway answers", "192.0.2.254", lost(check.OK, 0), 0, run.Silent, false},
		{"its gateway does not", "192.0.2.254", lost(check.Bad, 100), 0, run.Silent, false},
		{"it is only measured", "", lost(check.OK, 0), 0, run.Silent, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, problems := room.New(room.Draft{
				Devices: []room.DraftDevice{{Device: room.Device{Name: "pdu"}}},
				Checks:  []room.DraftCheck{{Check: room.Check{Name: "seen", Kind: "icmp", Settings: c.whom}}},
				Nodes: []room.DraftNode{{
					Name: "n1", Address: "192.0.2.1", Checks: []string{"seen"},
					Cords: []room.DraftCord{{Device: "pdu", Plug: "1"}},
				}},
			})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			at := time.Now().Add(time.Minute - c.ago)
			w := witness.New(witness.Options{
				Fleet: &hands{watts: -1}, Checks: &heard{rounds.Report{Last: c.last, At: at, LastOK: at.Add(-late)}},
			})
			is := run.Silent
			if list := w.Look(t.Context(), r, []room.NodeID{0}, room.StateOff); len(list) == 1 {
				is = list[0].Testimony
			}
			if halted, said := w.Halted(t.Context(), r, 0); is != c.off || halted != c.halted {
				t.Errorf("off: %v, halted: %v, %s", is, halted, said)
			}
		})
	}
}
