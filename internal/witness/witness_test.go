package witness_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
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
