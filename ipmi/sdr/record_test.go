package sdr_test

import (
	"encoding/hex"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/sdr"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t testing.TB, text string) sdr.Record {
	t.Helper()
	r, err := sdr.Parse(unhex(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Records put together by hand from the tables of section 43, one of each type.
const (
	fullTemp = "3412 51 01 33" + // record 1234, 51 bytes follow
		" 20 12 30 0381 7f 69 01 01" + // BMC, channel 1 LUN 2, number 30, logical processor 1, temperature with thresholds
		" 9572 4b70 3f1b" + // masks
		" 80 01 00" + // two's complement, degrees
		" 00 0183 ff40 04 f0" + // linear, M 513-1024, tolerance 3, B 511, accuracy 0, exp 1, R -1
		" 07 1e 50 05 7f 80" + // nominal, normal range, range
		" 5f 5a 55 f6 fb 05" + // UNR UC UNC LNR LC LNC
		" 02 03 0000 99" + // hysteresis, OEM
		" c8 435055312054656d" // "CPU1 Tem"
	compactDIMM = "0200 51 02 21 20 00 40 2001 67 40 0c 6f" +
		" ff07 0000 ff07 c0 00 00" +
		" 13 83 00 00 000000 07" + // three of them, lettered, entity counts, from D
		" c6 44494d4d2d20"
	eventOnly = "0300 51 03 0e 21 06 50 2201 12 6f 02 05 00 00 c2 4553"
	assoc     = "0400 51 08 0b 1701 80 0301 0304 0a01 0a01"
	relative  = "0500 51 09 1b 1701 2010 20 c070 0361 0000 0000 0000 0000 0000 0000 0000 00000000"
	generic   = "0600 51 10 0e 20 a1 2b 01 00 0d 01 2001 55 c3 535044"
	fru       = "0700 51 11 10 20 05 80 70 00 10 02 0a02 00 c5 5053552032"
	locator   = "0800 51 12 0f 24 07 21 29 000000 2001 00 c4 53617400"
	confirm   = "0900 51 13 1b 24 05 71 03 25 02 570100 3412 000102030405060708090a0b0c0d0e0f"
	channels  = "0a00 51 14 0b 91 84 00 00 00 00 00 0c ff 01 00"
	oem       = "0b00 51 c0 05 570100 aabb"
	reserved  = "0c00 51 0a 02 0102"
)

var allRecords = []string{fullTemp, compactDIMM, eventOnly, assoc, relative, generic, fru, locator, confirm, channels, oem, reserved}

func TestFullRecord(t *testing.T) {
	r := parse(t, fullTemp).(*sdr.Full)
	if r.RecordID() != 0x1234 || r.Key != (sdr.Key{Owner: 0x20, Channel: 1, LUN: 2, Number: 0x30}) {
		t.Errorf("got %04x, %+v", r.RecordID(), r.Key)
	}
	if r.Entity.String() != "processor 1" || !r.Entity.Logical || r.Name != "CPU1 Tem" || r.OEM != 0x99 {
		t.Errorf("got %v, %q, %x", r.Entity, r.Name, r.OEM)
	}
	want := sdr.Factors{M: -511, B: 511, RExp: -1, Tolerance: 3, AccuracyExp: 1}
	if r.Factors != want || r.Format != sdr.TwosComplement {
		t.Errorf("got %+v, format %d", r.Factors, r.Format)
	}
	if r.Masks.Compared() != sdr.AllLevels || r.Masks.Readable() != 0x3f || r.Masks.Settable() != 0x1b {
		t.Errorf("compared %x, readable %x, settable %x", r.Masks.Compared(), r.Masks.Readable(), r.Masks.Settable())
	}
	if r.Thresholds != [6]uint8{0x05, 0xfb, 0xf6, 0x55, 0x5a, 0x5f} || r.Max != 0x7f || r.Min != 0x80 || r.Positive != 2 || r.Negative != 3 {
		t.Errorf("got %+v", r)
	}
	if !r.HasNominal || !r.HasNormalMax || !r.HasNormalMin || r.Nominal != 0x1e || r.NormalMax != 0x50 || r.NormalMin != 5 {
		t.Errorf("got %+v", r)
	}
	if c := r.Capabilities; c.Ignore || !c.AutoRearm || c.Hysteresis != sdr.Settable || c.Thresholds != sdr.Settable || c.Events != 1 {
		t.Errorf("got %+v", c)
	}
	if masks := sdr.ThresholdMasks(r.Masks.Compared(), r.Masks.Readable(), r.Masks.Settable(), 0x295, 0x04b); masks != r.Masks {
		t.Errorf("made again: %+v, was %+v", masks, r.Masks)
	}
}

func TestOtherRecords(t *testing.T) {
	if r := parse(t, generic).(*sdr.Device); r.Address != 0xa0 || r.Channel != 9 || r.LUN != 1 || r.Bus != 3 || r.Span != 1 || r.Kind != 0x0d || r.Name != "SPD" {
		t.Errorf("generic: %+v", r)
	}
	if r := parse(t, fru).(*sdr.FRU); !r.Logical || r.Device != 5 || r.Channel != 7 || r.Entity.String() != "power supply 2" || r.Name != "PSU 2" {
		t.Errorf("FRU: %+v", r)
	}
	if r := parse(t, locator).(*sdr.Controller); r.Address != 0x24 || r.Channel != 7 || !r.Support.Has(mc.SupportSensor|mc.SupportFRU) || r.Name != "Sat" {
		t.Errorf("controller: %+v", r)
	}
	if r := parse(t, confirm).(*sdr.Confirmation); r.Maker != 343 || r.Product != 0x1234 || r.GUID[15] != 15 || r.Channel != 7 || r.Revision != 1 {
		t.Errorf("confirmation: %+v", r)
	}
	if r := parse(t, channels).(*sdr.Channels); r.Channels[0] != (sdr.Channel{Transmits: true, LUN: 1, Protocol: 1}) || r.Channels[7].Protocol != 12 || r.EventInterrupt != 1 {
		t.Errorf("channels: %+v", r)
	}
	if r := parse(t, oem).(*sdr.OEM); r.Maker != 343 || string(r.Data) != "\xaa\xbb" {
		t.Errorf("OEM: %+v", r)
	}
	if r := parse(t, assoc).(*sdr.Association); len(r.Contents()) != 5 || r.Contents()[3].String() != "processor 4" {
		t.Errorf("association: %v", r.Contents())
	}
	if r := parse(t, relative).(*sdr.DeviceRelative); r.Container.Address != 0x20 || r.Contained[0].Address != 0xc0 || r.Contained[0].Channel != 7 || !r.Presence {
		t.Errorf("device-relative: %+v", r)
	}
	if r := parse(t, reserved).(*sdr.Unknown); r.RecordType() != 0x0a || len(r.Body) != 2 {
		t.Errorf("reserved: %+v", r)
	}
}

func TestRecordsGoBackToTheSameBytes(t *testing.T) {
	for _, text := range allRecords {
		r := parse(t, text)
		again, err := sdr.Parse(r.Append(nil))
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%v: %+v became %+v, %v", r.RecordType(), r, again, err)
		}
		// Some have blanks and zeros that nobody keeps, such as those after a name.
		if r.RecordType() != sdr.TypeController && r.RecordType() != sdr.TypeDeviceRelative && hex.EncodeToString(r.Append(nil)) != hex.EncodeToString(unhex(t, text)) {
			t.Errorf("%v: % x became % x", r.RecordType(), unhex(t, text), r.Append(nil))
		}
	}
}

func TestRecordsThatAreCutOff(t *testing.T) {
	for _, text := range allRecords {
		b := unhex(t, text)
		for n := range b {
			if _, err := sdr.Parse(b[:n]); !errors.Is(err, ipmi.ErrShort) {
				t.Fatalf("%d bytes of % x: %v", n, b, err)
			}
			if n < 5 {
				continue
			}
			cut := append([]byte(nil), b[:n]...)
			cut[4] = byte(n - 5)
			_, _ = sdr.Parse(cut) // must not panic
		}
	}
	if _, err := sdr.Parse(unhex(t, "0100 77 01 00")); !errors.Is(err, sdr.ErrVersion) {
		t.Errorf("version 77: %v", err)
	}
}

func TestSharedRecordsAreSeveralSensors(t *testing.T) {
	sensors := sdr.Sensors([]sdr.Record{parse(t, fullTemp), parse(t, compactDIMM), parse(t, fru), parse(t, eventOnly)})
	var got []string
	for _, s := range sensors {
		got = append(got, s.Name+"|"+s.Entity.String())
	}
	want := []string{"CPU1 Tem|processor 1", "DIMM- D|memory device 1", "DIMM- E|memory device 2", "DIMM- F|memory device 3", "ES5|system firmware 1", "ES6|system firmware 1"}
	if strings.Join(got, ",") != strings.Join(want, ",") || !sensors[5].EventOnly || sensors[5].Number != 0x51 {
		t.Errorf("got %q", got)
	}
	if s := sdr.Find(sensors, sdr.Key{Owner: 0x20, Number: 0x42}); s == nil || s.Name != "DIMM- F" {
		t.Errorf("found %+v", s)
	}
	if s := sdr.Find(sensors, sdr.Key{Owner: 0x20, LUN: 2, Number: 0x30}); s == nil || s.Name != "CPU1 Tem" {
		t.Errorf("found %+v, channel aside", s)
	}
	if s := sdr.Find(sensors, sdr.Key{Owner: 0x22, Number: 0x40}); s != nil {
		t.Errorf("found %+v of another owner", s)
	}
}

func TestLettersGoOnAfterZ(t *testing.T) {
	r := &sdr.Compact{Name: "S", Sharing: sdr.Sharing{Letters: true, Count: 3, Offset: 25}}
	s := sdr.Sensors([]sdr.Record{r})
	if s[0].Name != "SZ" || s[1].Name != "SAA" || s[2].Name != "SAB" {
		t.Errorf("got %q %q %q", s[0].Name, s[1].Name, s[2].Name)
	}
}

func TestValues(t *testing.T) {
	for _, tt := range []struct {
		f    sdr.Formula
		raw  uint8
		want float64
	}{
		{sdr.Formula{Factors: sdr.Factors{M: 1}}, 200, 200},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Format: sdr.TwosComplement}, 0xff, -1},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Format: sdr.OnesComplement}, 0xfe, -1},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Format: sdr.OnesComplement}, 0xff, 0},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Format: sdr.OnesComplement}, 127, 127},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Format: sdr.OnesComplement}, 0x80, -127},
		{sdr.Formula{Factors: sdr.Factors{M: 63, RExp: -3}}, 0xc0, 12.096},
		{sdr.Formula{Factors: sdr.Factors{M: 1, RExp: -1}}, 126, 12.6},
		{sdr.Formula{Factors: sdr.Factors{M: 2, B: -5, BExp: 1}}, 10, -30},
		{sdr.Formula{Factors: sdr.Factors{M: 2, B: 5, BExp: -1, RExp: 2}}, 10, 2050},
		{sdr.Formula{Factors: sdr.Factors{M: 40}}, 100, 4000},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Linear: sdr.LogE}, 1, 0},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Linear: sdr.Log10}, 100, 2},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Linear: sdr.Log2}, 8, 3},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Linear: sdr.PowerE}, 1, math.E},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Linear: sdr.Power10}, 3, 1000},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Linear: sdr.Power2}, 10, 1024},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Linear: sdr.Reciprocal}, 4, 0.25},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Linear: sdr.Square}, 9, 81},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Linear: sdr.Cube}, 3, 27},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Linear: sdr.SquareRoot}, 81, 9},
		{sdr.Formula{Factors: sdr.Factors{M: 1}, Linear: sdr.CubeRoot}, 27, 3},
	} {
		if got := tt.f.Value(tt.raw); got != tt.want {
			t.Errorf("%+v of %d is %v, want %v", tt.f, tt.raw, got, tt.want)
		}
	}
	for _, f := range []sdr.Formula{{Format: sdr.NonNumeric}, {Factors: sdr.Factors{M: 1}, Linear: sdr.LogE}, {Factors: sdr.Factors{M: 1}, Linear: sdr.Reciprocal}} {
		if v := f.Value(0); !math.IsNaN(v) {
			t.Errorf("%+v of 0 is %v", f, v)
		}
	}
}

func TestImprecision(t *testing.T) {
	f := sdr.Formula{Factors: sdr.Factors{M: 4, Tolerance: 2, Accuracy: 150, AccuracyExp: 1}}
	if got := f.Imprecision(10); got != 6 { // half a count, and two halves: 1.5 · 4
		t.Errorf("got %v", got)
	}
	f.Linear = sdr.Reciprocal // which turns up and down around
	f.M, f.Tolerance = 1, 0
	if got, want := f.Imprecision(2), (1/1.5-1/2.5)/2; math.Abs(got-want) > 1e-12 {
		t.Errorf("got %v, want %v", got, want)
	}
	if f.AccuracyPercent() != 15 {
		t.Errorf("accuracy %v", f.AccuracyPercent())
	}
	if got := (sdr.Formula{Factors: sdr.Factors{M: -5, B: 3, RExp: -1}}).Hysteresis(2); got != 1 {
		t.Errorf("hysteresis %v", got)
	}
}

func formulas(t *rapid.T) sdr.Formula {
	return sdr.Formula{
		Factors: sdr.Factors{
			M: int16(rapid.IntRange(1, 511).Draw(t, "M")), B: int16(rapid.IntRange(-512, 511).Draw(t, "B")),
			BExp: int8(rapid.IntRange(-8, 7).Draw(t, "BExp")), RExp: int8(rapid.IntRange(-8, 7).Draw(t, "RExp")),
		},
		Format: sdr.Format(rapid.IntRange(0, 2).Draw(t, "format")),
	}
}

func TestRawValuesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := formulas(t)
		if rapid.Bool().Draw(t, "falling") {
			f.M = -f.M
		}
		raw := rapid.Byte().Draw(t, "raw")
		back, err := f.Raw(f.Value(raw))
		if err != nil || f.Value(back) != f.Value(raw) {
			t.Fatalf("%d is %v, and that is %d (%v), %v", raw, f.Value(raw), back, f.Value(back), err)
		}
		// What lies between two is one of them.
		near := f.Value(raw) + 0.4*math.Abs(f.Value(1)-f.Value(0))
		if back, err := f.Raw(near); err != nil || f.Value(back) != f.Value(raw) {
			t.Fatalf("near %d: %d, %v", raw, back, err)
		}
	})
}

func TestValuesBeyondTheRange(t *testing.T) {
	f := sdr.Formula{Factors: sdr.Factors{M: 1, RExp: -1}}
	for _, v := range []float64{25.6, -0.1, 1e9, math.Inf(1), math.NaN()} {
		if raw, err := f.Raw(v); !errors.Is(err, sdr.ErrRange) {
			t.Errorf("%v: %d, %v", v, raw, err)
		}
	}
	if raw, err := f.Raw(25.54); raw != 255 || err != nil {
		t.Errorf("25.54: %d, %v", raw, err)
	}
}

func TestFactorsGoBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := sdr.FactorsAt{Next: rapid.Byte().Draw(t, "next"), Factors: formulas(t).Factors}
		f.Factors.Tolerance = uint8(rapid.IntRange(0, 63).Draw(t, "tolerance"))
		f.Factors.Accuracy = uint16(rapid.IntRange(0, 1023).Draw(t, "accuracy"))
		f.Factors.AccuracyExp = uint8(rapid.IntRange(0, 3).Draw(t, "exp"))
		if got, err := sdr.ParseFactorsAt(f.Append(nil)); err != nil || got != f {
			t.Fatalf("%+v became %+v, %v", f, got, err)
		}
	})
}

func TestLongNamesAreCut(t *testing.T) {
	for name, want := range map[string]string{
		"a name of many letters": "a name of many l",
		"Вентилятор 1":           "Вентилят",
		"":                       "",
	} {
		r := &sdr.FRU{Name: name}
		got, err := sdr.Parse(r.Append(nil))
		if err != nil || got.(*sdr.FRU).Name != want {
			t.Errorf("%q became %+v, %v", name, got, err)
		}
	}
}

// FuzzRecord holds that whatever is taken for a record means the same when it was written again.
func FuzzRecord(f *testing.F) {
	for _, text := range allRecords {
		f.Add(unhex(f, text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := sdr.Parse(b)
		if err != nil {
			return
		}
		for _, s := range sdr.Sensors([]sdr.Record{r}) {
			formula := s.Formula()
			_, _ = formula.Value(b[0]), formula.Imprecision(b[0])
			_ = s.TypeName() + s.Units.String() + event.StateOf(s.Type, s.Reading, b[0], true).Name
		}
		again, err := sdr.Parse(r.Append(nil))
		if err == nil { // once more: a name that is left with one letter gets a blank, for fields of one byte are reserved
			again, err = sdr.Parse(again.Append(nil))
		}
		if err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		third, err := sdr.Parse(again.Append(nil))
		if err != nil || !reflect.DeepEqual(again, third) {
			t.Fatalf("%+v became %+v, %v", again, third, err)
		}
	})
}

func TestCorpusHasEachType(t *testing.T) {
	files, err := filepath.Glob("testdata/fuzz/FuzzRecord/*")
	if err != nil || len(files) < len(allRecords) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err != nil || !strings.HasPrefix(string(b), "go test fuzz v1\n") {
			t.Errorf("%s: %v", f, err)
		}
	}
}
