package sel

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi/event"
)

func TestRecordsBothWays(t *testing.T) {
	for _, tt := range []struct{ name, hex, text string }{
		{"threshold", "0100 02 00c2d360 2000 04 01 30 01 57 50 46", "Temperature Inlet: Upper Non-critical - going high; reading 40 °C; threshold 35 °C"},
		{"without the sensor's record", "0100 02 00c2d360 2000 04 01 31 01 57 50 46", "Temperature Sensor 49: Upper Non-critical - going high; reading raw 50; threshold raw 46"},
		{"ended", "0200 02 00c2d360 2000 04 01 30 81 57 50 46", "Temperature Inlet: Upper Non-critical - going high (deasserted); reading 40 °C; threshold 35 °C"},
		{"OEM with time", "0300 c1 00c2d360 571c00 010203040506", "OEM record c1 of maker 7255: 01 02 03 04 05 06"},
		{"OEM", "0400 e0 0102030405060708090a0b0c0d", "OEM record e0: 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d"},
		{"unknown", "0400 13 0102030405060708090a0b0c0d", "record of unknown type 13: 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d"},
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(tt.hex, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseRecord(b)
		if err != nil || !bytes.Equal(r.Append(nil), b) {
			t.Errorf("%s: % x was written as % x, %v", tt.name, b, r.Append(nil), err)
		}
		if got := Describe(r, inlet).Text(); !strings.EqualFold(got, tt.text) {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.text)
		}
	}
}

func inlet(owner, lun, number uint8) (Sensor, bool) {
	if owner != 0x20 || lun != 0 || number != 0x30 {
		return Sensor{}, false
	}
	return Sensor{
		Name: "Inlet", Entity: "Air inlet 1", Units: event.Units{Base: 1},
		Value: func(raw uint8) (float64, bool) { return float64(raw) / 2, true },
	}, true
}

// TestDetails holds the texts of data bytes 2 and 3 (table 42-3).
func TestDetails(t *testing.T) {
	for _, tt := range []struct {
		kind event.SensorType
		data [3]byte
		want string
	}{
		{event.PhysicalSecurity, [3]byte{0xc4, 2, 0xff}, "network controller 2"},
		{event.PowerSupply, [3]byte{0x36, 0xff, 3}, "power rating mismatch"},
		{event.Memory, [3]byte{0x30, 0xff, 5}, "memory module 5"},
		{event.FirmwareProgress, [3]byte{0xc0, 2, 0xff}, "no usable system memory"},
		{event.FirmwareProgress, [3]byte{0xc2, 0x13, 0xff}, "starting the OS boot process"},
		{event.FirmwareProgress, [3]byte{0xc2, 0x77, 0xff}, "code 77"},
		{event.LoggingDisabled, [3]byte{0xc0, 4, 0xff}, "memory module 4"},
		{event.LoggingDisabled, [3]byte{0xf1, 1, 0x12}, "events of reading type threshold, assertion of offset 2"},
		{event.LoggingDisabled, [3]byte{0xf1, 1, 0x20}, "events of reading type threshold, all of them"},
		{event.LoggingDisabled, [3]byte{0x35, 0xff, 75}, "75 % full"},
		{event.LoggingDisabled, [3]byte{0xf6, 1, 0x80}, "processor 1, as its maker counts"},
		{event.SystemEvent, [3]byte{0xc3, 0x30, 0xff}, "log cleared: machine check log"},
		{event.SystemEvent, [3]byte{0xc4, 0x05, 0xff}, "alert, reset"},
		{event.SystemEvent, [3]byte{0xc5, 0x00, 0xff}, "clock of the event log, before it was set"},
		{event.SystemEvent, [3]byte{0xc5, 0x81, 0xff}, "clock of the sensor record repository, after it was set"},
		{event.SystemBoot, [3]byte{0xf7, 4, 1}, "watchdog; channel 1"},
		{event.Slot, [3]byte{0xf0, 9, 3}, "PCI Express; slot 3"},
		{event.Watchdog2, [3]byte{0xc1, 0x24, 0xff}, "SMS/OS, NMI before"},
		{event.SubsystemHealth, [3]byte{0xc4, 0x21, 0xff}, "sensor 33"},
		{event.SubsystemHealth, [3]byte{0xf5, 0x80, 4}, "FRU 4"},
		{event.SubsystemHealth, [3]byte{0xf5, 0x0a, 0xa0}, "FRU device at address a0 on bus 2, LUN 1"},
		{event.SessionAudit, [3]byte{0xf1, 3, 0x21}, "user 3; timed out, channel 1"},
		{event.VersionChange, [3]byte{0xc7, 9, 0xff}, "system firmware"},
		{event.Fan, [3]byte{0xf1, 9, 8}, "data 2 is 09; data 3 is 08"},
		{event.Fan, [3]byte{0xa1, 9, 8}, "OEM code 09 in byte 2; OEM code 08 in byte 3"},
	} {
		e := Describe(Record{Type: TypeSystem, Event: Event{SensorType: tt.kind, Type: event.SensorSpecific, Data: tt.data}}, nil)
		if got := strings.Join(e.Details, "; "); got != tt.want {
			t.Errorf("%s % x: %q, want %q", tt.kind, tt.data, got, tt.want)
		}
	}
	e := Describe(Record{Type: TypeSystem, Event: Event{SensorType: event.FRUState, Type: event.SensorSpecific, Data: [3]byte{0xc4, 0x73, 0xff}}}, nil)
	if got := strings.Join(e.Details, "; "); !strings.HasPrefix(got, "extracted unexpectedly; before: ") || strings.HasSuffix(got, ": ") {
		t.Errorf("FRU state: %q", got)
	}
}

func TestSources(t *testing.T) {
	for g, want := range map[Generator]string{
		0x20: "BMC", 0x01: "BIOS", 0x41: "system management software", 0x81: "remote console",
		NewGenerator(0xc0, 1, 6): "controller c0, LUN 1, channel 6",
	} {
		if g.String() != want {
			t.Errorf("%04x is %q, want %q", uint16(g), g, want)
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	l := Log{BMC: now - 3600, Host: time.Unix(now, 0).UTC(), Records: filled(3, 1).records}
	l.Records = append(l.Records, Record{ID: 9, Type: 0xe5, OEM: [13]byte{1, 2}})
	var text bytes.Buffer
	if err := Save(&text, l); err != nil {
		t.Fatal(err)
	}
	got, err := Load(&text)
	if err != nil || got.BMC != l.BMC || !got.Host.Equal(l.Host) || len(got.Records) != 4 || got.Records[3] != l.Records[3] {
		t.Errorf("%+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"0102": "line 1", "# well\n\nzz": "line 3", "clock 12": "line 1", "clock x y": "line 1", "clock 10 noon": "line 1",
	} {
		if _, err := Load(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMessagesBothWays(t *testing.T) {
	for _, tt := range []struct {
		hex  string
		back func([]byte) ([]byte, error)
	}{
		{"5103000002010000000200000083", back(ParseInfo)},
		{"510300ffff01000000ffffffff0f", back(ParseInfo)},
		{"e80310006400640001", back(ParseAllocation)},
		{"0700", back(ParseNumber)},
		{"07000300" + "00ff", back(ParseGetRequest)},
		{"ffff0102030405", back(ParseGetAnswer)},
		{"070003000801aabb", back(ParsePartialAdd)},
		{"07000300", back(ParseDeleteRequest)},
		{"0700434c52aa", back(ParseClearRequest)},
		{"0700434c5200", back(ParseClearRequest)},
		{"01", back(ParseClearAnswer)},
		{"00c2d360", back(ParseStamp)},
		{"c4ff", back(ParseUTCOffset)},
		{"ff07", back(ParseUTCOffset)},
	} {
		b, err := hex.DecodeString(tt.hex)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tt.back(b); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s became %x, %v", tt.hex, got, err)
		}
		for n := range b {
			_, _ = tt.back(b[:n]) // no panic
		}
	}
	if _, err := ParseClearRequest([]byte("\x00\x00CLX\xaa")); err == nil {
		t.Error("CLX clears the log")
	}
}

func back[T interface{ Append([]byte) []byte }](parse func([]byte) (T, error)) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		v, err := parse(b)
		if err != nil {
			return nil, err
		}
		return v.Append(nil), nil
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(stamped(now).Append(nil))
	f.Add(Record{Type: 0xe0}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRecord(b)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Append(nil), b[:Size]) {
			t.Fatalf("% x was written as % x", b[:Size], r.Append(nil))
		}
		if Describe(r, inlet).Text() == "" {
			t.Fatal("no text")
		}
		_ = Log{Records: []Record{r, r}, BMC: now, Host: time.Unix(now, 0)}.Entries(nil)
	})
}

func FuzzLoad(f *testing.F) {
	f.Add("# text\nclock 60d3c200 2026-01-02T03:04:05Z\n010002 00c2d360200004013001575046 # words\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Load(strings.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := Save(&again, l); err != nil {
			t.Fatal(err)
		}
		m, err := Load(&again)
		if err != nil || len(m.Records) != len(l.Records) {
			t.Fatalf("%q does not read back: %v", text, err)
		}
	})
}
