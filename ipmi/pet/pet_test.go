package pet

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/sel"
)

// sample is a trap put together by the specification: 2024-05-06 07:08:09 at UTC+2, a fan
// below its lower critical threshold.
const sample = "44454c4c 3600 1037 8051 b4c04f4b344a" + "0005" + "318da559" + "0078" +
	"20 20 10 20 30 1d 01" + "52 19 1e 0000000000" + "19" + "000002a2" + "0100" + "c1"

func octets(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(sample, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTrap(t *testing.T) {
	const specific = 0x040102
	b := octets(t)
	trap, err := Parse(specific, b)
	if err != nil || trap.Specific() != specific || !bytes.Equal(trap.Append(nil), b) {
		t.Fatalf("%06x\n% x, not\n% x: %v", trap.Specific(), trap.Append(nil), b, err)
	}
	want := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC).Add(-2 * time.Hour)
	if at, utc := trap.Time(); !utc || !at.Equal(want) {
		t.Errorf("at %v, want %v", at, want)
	}
	lookup := func(owner, lun, number uint8) (sel.Sensor, bool) {
		return sel.Sensor{
			Name: "Fan 1", Units: event.Units{Base: 18},
			Value: func(raw uint8) (float64, bool) { return float64(raw) * 100, true },
		}, owner == 0x20 && number == 0x30
	}
	e := trap.Describe(lookup)
	if e.Severity != event.Critical || e.Entity != trap.Entity.String()+" 1" || trap.Maker != 674 || trap.System != 256 {
		t.Errorf("%+v", e)
	}
	if got := e.Text(); !strings.HasPrefix(got, "Fan Fan 1: ") || !strings.Contains(got, "reading 2500 RPM; threshold 3000 RPM") {
		t.Error(got)
	}
	if got := Source(trap.EventSource); got != "IPMI" {
		t.Error(got)
	}
}

func TestTrapsThatSayLittle(t *testing.T) {
	b := bytes.Repeat([]byte{0xff}, Size)
	copy(b[18:], []byte{0, 0, 0, 0, 0xff, 0xff})
	b[26] = 0
	trap, err := Parse(0x086f81, b)
	if err != nil {
		t.Fatal(err)
	}
	e := trap.Describe(nil)
	if !e.When.Time.IsZero() || !trap.Deassert || e.State.ID != event.MakeID(event.PowerSupply, event.SensorSpecific, 1) || e.Source != "" {
		t.Errorf("%+v", e)
	}
	if _, err := Parse(0, b[:45]); !errors.Is(err, ipmi.ErrShort) {
		t.Error(err)
	}
}

func TestFromEvent(t *testing.T) {
	e := sel.Event{Generator: 0x20, Revision: 4, SensorType: event.Fan, Sensor: 7, Type: event.Threshold, Data: [3]byte{0x52, 1, 2}}
	trap := FromEvent(e)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	trap.SetTime(at)
	again, err := Parse(trap.Specific(), trap.Append(nil))
	if err != nil || again.Event() != e {
		t.Errorf("%+v, %v", again.Event(), err)
	}
	if got, _ := again.Time(); !got.Equal(at) || again.Severity != SeverityCritical {
		t.Error(got, again.Severity)
	}
}

type doer func(ipmi.Request) ([]byte, error)

func (d doer) Do(_ context.Context, r ipmi.Request) ([]byte, error) { return d(r) }

func TestAcknowledge(t *testing.T) {
	trap, err := Parse(0x040102, octets(t))
	if err != nil {
		t.Fatal(err)
	}
	err = Acknowledge(t.Context(), doer(func(r ipmi.Request) ([]byte, error) {
		want := "0500" + "59a58d31" + "20" + "20" + "30" + "52191e"
		if a, err := ParseAck(r.Data); err != nil || a != trap.Ack() || hex.EncodeToString(r.Data) != want || r.NetFn != ipmi.NetFnSensor || r.Cmd != 0x17 {
			t.Errorf("%+v %v, % x", a, err, r.Data)
		}
		return nil, nil
	}), trap.Ack())
	if err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(uint32(0x040102), octets(f))
	f.Fuzz(func(t *testing.T, specific uint32, b []byte) {
		trap, err := Parse(specific, b)
		if err != nil {
			return
		}
		if trap.Describe(nil).Text() == "" {
			t.Fatal("no text")
		}
		if !bytes.Equal(trap.Append(nil), b) {
			t.Fatalf("% x is written as % x", b, trap.Append(nil))
		}
		if _, err := ParseAck(b); err != nil {
			t.Fatal(err)
		}
	})
}
