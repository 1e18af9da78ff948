package sensor_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/ipmi/sensor"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// message is one kind of message: it reads bytes and writes them again.
type message struct {
	name, bytes string // put together by hand from the tables of section 35
	least       int    // bytes that it must have
	again       func(b []byte) ([]byte, error)
}

type appender interface{ Append(b []byte) []byte }

func both[T appender](parse func([]byte) (T, error)) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		v, err := parse(b)
		if err != nil {
			return nil, err
		}
		return v.Append(nil), nil
	}
}

var messages = []message{
	{"number", "30", 1, both(sensor.ParseNumber)},
	{"reading", "41 c0 09 c0", 2, both(sensor.ParseRaw)},
	{"factors request", "30 41", 2, both(sensor.ParseFactorsRequest)},
	{"factors", "42 01 83 ff 40 04 f0", 7, both(sdr.ParseFactorsAt)},
	{"hysteresis", "02 03", 2, both(sensor.ParseHysteresis)},
	{"set hysteresis", "30 ff 02 03", 4, both(sensor.ParseHysteresisRequest)},
	{"thresholds", "3f 01 02 03 04 05 06", 7, both(sensor.ParseRawThresholds)},
	{"set thresholds", "30 3f 01 02 03 04 05 06", 8, both(sensor.ParseThresholdsRequest)},
	{"event state", "e0 01 02 03 04", 1, both(sensor.ParseEventState)},
	{"set events", "30 d0 01 02 03 04", 2, both(sensor.ParseEventsRequest)},
	{"re-arm", "30 80 01 02 03 04", 2, both(sensor.ParseRearmRequest)},
	{"re-arm all", "30 00", 2, both(sensor.ParseRearmRequest)},
	{"type", "01 6f", 2, both(sensor.ParseKind)},
	{"set type", "30 01 6f", 3, both(sensor.ParseKindRequest)},
	{"set reading", "30 65 41 01 02 03 04 57 41 50", 3, both(sensor.ParseSetReading)},
	{"event", "04 01 30 81 57 41 50", 5, both(sensor.ParseEvent)},
	{"event with its generator", "41 04 01 30 81 57 41 50", 5, both(sensor.ParseEvent)},
	{"receiver", "20 01", 2, both(sensor.ParseReceiver)},
}

func TestMessagesGoBothWays(t *testing.T) {
	for _, m := range messages {
		want := unhex(t, m.bytes)
		if got, err := m.again(want); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: % x became % x, %v", m.name, want, got, err)
		}
		for n := range want {
			if _, err := m.again(want[:n]); (n < m.least) != errors.Is(err, ipmi.ErrShort) {
				t.Errorf("%s of %d bytes: %v", m.name, n, err)
			}
		}
		if _, err := m.again(append(want, 1, 2, 3)); err != nil {
			t.Errorf("%s of a newer specification: %v", m.name, err)
		}
	}
}

func TestWhatTheBitsMean(t *testing.T) {
	raw, err := sensor.ParseRaw(unhex(t, "41 c0 09 c0"))
	if err != nil || raw.Reading != 0x41 || !raw.Events || !raw.Scanning || raw.Unavailable ||
		raw.Crossed() != sdr.LowerNonCritical|sdr.UpperNonCritical || raw.States != 0x4009 {
		t.Errorf("%+v, %v", raw, err)
	}
	r, err := sensor.ParseEventsRequest(unhex(t, "30 60 01 02"))
	if err != nil || r.Messages || !r.Scanning || r.Change != sensor.Disable || r.Asserted != 0x201 || r.Deasserted != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	s, err := sensor.ParseSetReading(unhex(t, "30 5d 41 01 02 03 04 57 41 50"))
	if err != nil || !s.WriteReading || s.WriteAsserts != sensor.Replace || s.WriteDeasserts != sensor.Clear || s.WriteData != 1 || s.Deasserted != 0x403 {
		t.Errorf("%+v, %v", s, err)
	}
	e, err := sensor.ParseEvent(unhex(t, "04 01 30 81 57 41 50"))
	if err != nil || e.Generator != 0 || e.Type != event.Temperature || e.Reading != event.Threshold || !e.Deasserted || event.ParseData(e.Data).Offset != 7 {
		t.Errorf("%+v, %v", e, err)
	}
}

// FuzzMessages holds that what was read means the same when it was written again.
func FuzzMessages(f *testing.F) {
	for i, m := range messages {
		f.Add(uint8(i), unhex(f, m.bytes))
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		m := messages[int(which)%len(messages)]
		first, err := m.again(b)
		if err != nil {
			return
		}
		if second, err := m.again(first); err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s: % x, then % x, then % x, %v", m.name, b, first, second, err)
		}
	})
}
