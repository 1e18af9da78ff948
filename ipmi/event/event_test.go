package event_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"millwright.dev/millwright/ipmi/event"
)

// bad lists every state that is not ok, as "class/type: offsets letter, ...".
var bad = []string{
	"01: 0 1 6 7 warning, 2 3 8 9 critical, 4 5 10 11 failed",
	"04: 1 warning", "05: 1 warning", "06: 1 warning",
	"07: 1 4 warning, 2 5 critical, 3 6 failed",
	"0a: 4 6 8 critical",
	"0b: 1 5 critical, 2 3 4 6 7 warning",
	"6f/05: 0 1 2 3 4 5 6 critical", "6f/06: 0 1 2 3 4 5 critical",
	"6f/07: 0 1 2 3 4 5 6 failed, 10 warning, 11 failed, 12 warning",
	"6f/08: 1 2 3 4 5 critical, 6 warning",
	"6f/09: 2 4 7 warning, 5 failed, 6 critical",
	"6f/0c: 0 2 5 9 warning, 1 failed, 3 7 10 critical",
	"6f/0d: 1 5 8 critical, 2 warning, 6 failed",
	"6f/0f: 0 1 failed", "6f/10: 0 1 3 6 warning", "6f/12: 2 failed",
	"6f/13: 0 1 2 3 critical, 4 5 6 8 9 failed, 7 10 11 warning",
	"6f/14: 4 warning", "6f/19: 0 critical, 1 failed", "6f/1b: 1 critical", "6f/1d: 4 warning",
	"6f/1e: 1 2 3 4 failed", "6f/1f: 10 failed", "6f/20: 0 1 failed, 4 5 warning", "6f/21: 0 critical, 6 8 warning",
	"6f/23: 0 critical", "6f/27: 0 warning", "6f/28: 0 1 2 3 4 5 warning", "6f/29: 0 warning, 1 critical",
	"6f/2a: 2 warning, 3 critical", "6f/2b: 2 3 4 5 critical", "6f/2c: 7 warning",
}

func TestEveryBadStateAndNoOther(t *testing.T) {
	want := make(map[event.ID]string)
	for _, line := range bad {
		class, rest, _ := strings.Cut(line, ": ")
		var r, typ int
		if _, err := fmt.Sscanf(class+"/00", "%x/%x", &r, &typ); err != nil {
			t.Fatal(err)
		}
		for group := range strings.SplitSeq(rest, ", ") {
			words := strings.Fields(group)
			for _, w := range words[:len(words)-1] {
				var offset uint8
				if _, err := fmt.Sscan(w, &offset); err != nil {
					t.Fatal(err)
				}
				want[event.MakeID(event.SensorType(typ), event.ReadingType(r), offset)] = words[len(words)-1]
			}
		}
	}
	for r := range 256 {
		for typ := range 256 {
			if typ != 0 && r != int(event.SensorSpecific) {
				continue
			}
			for offset := range uint8(16) {
				s := event.StateOf(event.SensorType(typ), event.ReadingType(r), offset, true)
				expect := want[s.ID]
				if expect == "" {
					expect = "ok"
				}
				if s.Severity.String() != expect {
					t.Errorf("%02x/%02x offset %d %q is %s, want %s", r, typ, offset, s.Name, s.Severity, expect)
				}
				if s.Name == "" {
					t.Errorf("%02x/%02x offset %d has no name", r, typ, offset)
				}
			}
		}
	}
}

func TestWhatIsBadWhenItEnds(t *testing.T) {
	for _, tt := range []struct {
		typ    event.SensorType
		r      event.ReadingType
		offset uint8
		want   event.Severity
	}{
		{event.Fan, event.Prediction, 0, event.Warning},
		{event.Fan, event.Limit, 0, event.Warning},
		{event.Fan, event.Performance, 0, event.Warning},
		{event.Fan, event.Performance, 1, event.OK},
		{event.PowerSupply, event.Redundancy, 0, event.Critical},
		{event.LAN, event.SensorSpecific, 1, event.Warning},
		{event.Temperature, event.Threshold, 9, event.OK},
	} {
		if got := event.StateOf(tt.typ, tt.r, tt.offset, false); got.Severity != tt.want || !got.Deasserted {
			t.Errorf("%v/%v offset %d deasserted: %v, want %v", tt.typ, tt.r, tt.offset, got.Severity, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		got  fmt.Stringer
		want string
	}{
		{event.StateOf(event.Temperature, event.Threshold, 9, true), "Upper Critical - going high"},
		{event.StateOf(event.Processor, event.SensorSpecific, 7, true), "Processor Presence detected"},
		{event.StateOf(event.ACPIState, event.SensorSpecific, 13, true), "state 13"},
		{event.StateOf(event.ACPIState, event.SensorSpecific, 14, true), "Unknown"},
		{event.StateOf(event.Watchdog2, event.SensorSpecific, 8, true), "Timer interrupt"},
		{event.StateOf(event.Fan, 0x70, 2, true), "OEM state 2 (reading type 70)"},
		{event.StateOf(0xc1, event.SensorSpecific, 2, true), "OEM state 2 (sensor type c1)"},
		{event.StateOf(event.PowerSupply, event.Redundancy, 0, false), "Fully Redundant (deasserted)"},
		{event.FRUState, "FRU State"},
		{event.SensorType(0x2d), "sensor type 2d"},
		{event.SensorType(0xc5), "OEM type c5"},
		{event.SensorSpecific, "sensor-specific"},
		{event.Entity(0x37), "air inlet"},
		{event.Entity(0x28), "battery"},
		{event.Entity(0x90), "chassis-specific entity 90"},
		{event.Unit(92), "g"},
		{event.Unit(65), "K"},
		{event.Unit(58), "ppm"},
		{event.Unit(91), "fatal errors"},
		{event.Unit(93), "unit 93"},
		{event.Units{Base: event.Celsius}, "°C"},
		{event.Units{Percent: true}, "%"},
		{event.Units{Base: event.Watts, Modify: event.Multiply, Modifier: event.Hours}, "W·h"},
		{event.Units{Base: 37, Rate: 4}, "L/min"},
	} {
		if tt.got.String() != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	if got := (event.Units{Base: 37, Rate: 4}).Name(); got != "litres per minute" {
		t.Errorf("spelled: %q", got)
	}
	if got := event.OtherUnits.NameWith(event.Units{Base: event.Watts}); got != "Power" {
		t.Errorf("a sensor of watts is called %q", got)
	}
	if got := event.OtherUnits.NameWith(event.Units{Base: event.Watts, Modify: event.Multiply, Modifier: event.Hours}); got != "Energy" {
		t.Errorf("a sensor of watt hours is called %q", got)
	}
}

func TestAssertedReachesAllFifteen(t *testing.T) {
	states := event.Asserted(event.ACPIState, event.SensorSpecific, 1<<0|1<<14|1<<15)
	if len(states) != 2 || states[0].ID.Offset() != 0 || states[1].Name != "Unknown" {
		t.Errorf("got %v", states)
	}
	if event.Worst(event.Asserted(event.Memory, event.SensorSpecific, 0xffff)) != event.Failed {
		t.Error("an uncorrectable error is not the worst")
	}
}

func TestDataBytesGoBothWays(t *testing.T) {
	for b := range 256 {
		want := [3]byte{byte(b), 0xff, 0xff}
		if b&0xc0 != 0 {
			want[1] = 0x12
		}
		if b&0x30 != 0 {
			want[2] = 0x34
		}
		if got := event.ParseData(want).Bytes(); got != want {
			t.Errorf("% x became % x", want, got)
		}
	}
	for b := range 64 {
		want := [3]byte{byte(b), 4, 5}
		if b>>1&3 == 3 {
			continue // reserved
		}
		if got := event.ParseUnits(want).Bytes(); got != want {
			t.Errorf("units % x became % x", want, got)
		}
	}
}

func TestWhatDataBytesMean(t *testing.T) {
	d := event.ParseData([3]byte{0x59, 0x60, 0x5a})
	reading, ok := d.Reading(event.Threshold)
	limit, ok2 := d.Limit(event.Threshold)
	if !ok || !ok2 || reading != 0x60 || limit != 0x5a || d.Offset != 9 {
		t.Errorf("got %+v", d)
	}
	if _, ok := d.Reading(event.SensorSpecific); ok {
		t.Error("a discrete event has no reading")
	}
	d = event.ParseData([3]byte{0x61, 0x20, 0x5a})
	want := "before: Presence detected, severity: Transition to Critical from less severe, OEM code 5a in byte 3"
	if got := strings.Join(d.Extra(event.PowerSupply, event.SensorSpecific), ", "); got != want {
		t.Errorf("got %s", got)
	}
}

func TestSeverityInJSON(t *testing.T) {
	text, err := json.Marshal(event.Critical)
	var back event.Severity
	if err2 := json.Unmarshal(text, &back); err != nil || err2 != nil || string(text) != `"critical"` || back != event.Critical {
		t.Errorf("%s, %v, %v, %v", text, back, err, err2)
	}
	if json.Unmarshal([]byte(`"awful"`), &back) == nil {
		t.Error("took a word that is none")
	}
}
