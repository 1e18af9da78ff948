package field

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSDRNames(t *testing.T) {
	for _, tt := range []struct{ bytes, text string }{
		{"\xc5Fan 1tail", "Fan 1"},
		{"\x83\x29\xdc\xa6tail", "IPMI"}, // the example of the FRU definition, chapter 13
		{"\x43\x12\x3a\xbctail", "123 -."},
		{"\x42\xde\xf5tail", ":,_5"},
		{"\x04\x16\x04\x3d\x00tail", "Ж="},
		{"\xc4CPU\x00tail", "CPU"},
		{"\xc3\xb0C\xfftail", "°C"},
		{"\xc0tail", ""},
	} {
		got, rest, err := ParseSDR([]byte(tt.bytes))
		if got != tt.text || string(rest) != "tail" || err != nil {
			t.Errorf("ParseSDR(%q) = %q, %q, %v; want %q", tt.bytes, got, rest, err, tt.text)
		}
	}
}

func TestCutOffFieldsGiveWhatIsThere(t *testing.T) {
	if got, _, err := ParseSDR([]byte("\xc9Fan")); got != "Fan" || !errors.Is(err, ErrShort) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, _, err := ParseSDR(nil); !errors.Is(err, ErrShort) {
		t.Errorf("nothing: %v", err)
	}
	if f, _, end, err := ParseFRU([]byte("\xc9Fan")); f.Text(0) != "Fan" || end || !errors.Is(err, ErrShort) {
		t.Errorf("got %v, %v", f, err)
	}
}

func TestFRUFields(t *testing.T) {
	for _, tt := range []struct {
		bytes    string
		language uint8
		text     string
	}{
		{"\xc4Acme", 25, "Acme"},
		{"\xc4Acme", 0, "Acme"},
		{"\xc4A\x00\x16\x04", 38, "AЖ"},
		{"\x83\x29\xdc\xa6", 38, "IPMI"},
		{"\x02\xca\xfe", 25, "cafe"},
		{"\xc7Acme\x10\x03\xff", 25, "Acme"},
		{"\x41\x5a", 25, "5"},
	} {
		f, rest, end, err := ParseFRU([]byte(tt.bytes))
		if f.Text(tt.language) != tt.text || len(rest) != 0 || end || err != nil {
			t.Errorf("%q: %q, %v", tt.bytes, f.Text(tt.language), err)
		}
	}
	if _, rest, end, err := ParseFRU([]byte{0xc1, 0}); !end || err != nil || len(rest) != 1 {
		t.Errorf("C1 did not end the area: %v %v %v", rest, end, err)
	}
}

func TestOneLetterDoesNotEndTheArea(t *testing.T) {
	f, err := NewFRU(25, "A")
	if err != nil {
		t.Fatal(err)
	}
	b := AppendFRU(nil, f)
	if g, _, end, err := ParseFRU(b); end || err != nil || g.Text(25) != "A" {
		t.Errorf("% x: %v %v %v", b, g, end, err)
	}
}

func TestRefusals(t *testing.T) {
	if _, err := NewFRU(25, "Ж"); !errors.Is(err, ErrCharacter) {
		t.Errorf("Cyrillic in an English area: %v", err)
	}
	if _, err := NewFRU(25, strings.Repeat("x", 64)); !errors.Is(err, ErrLong) {
		t.Errorf("64 bytes: %v", err)
	}
	if _, err := AppendSDR(nil, strings.Repeat("x", 31)); !errors.Is(err, ErrLong) {
		t.Errorf("31 bytes: %v", err)
	}
	if _, err := EncodeFRU(BCDPlus, 25, "12a"); !errors.Is(err, ErrCharacter) {
		t.Errorf("a letter as BCD: %v", err)
	}
	if _, err := EncodeFRU(Packed, 25, "small"); !errors.Is(err, ErrCharacter) {
		t.Errorf("small letters as packed ASCII: %v", err)
	}
}

// TestThereAndBack holds that what is written reads the same.
func TestThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]Type{Binary, BCDPlus, Packed, Text}).Draw(t, "type")
		alphabet := map[Type]string{
			Binary: "aЖ☃z🐧", BCDPlus: "0123456789-.:,_", Packed: "AZ09_!/", Text: "aZ09é°",
		}[kind]
		text := rapid.StringOfN(rapid.SampledFrom([]rune(alphabet)), 0, 6, -1).Draw(t, "text")
		b, err := AppendSDRAs(nil, kind, text)
		if err != nil {
			t.Fatal(err)
		}
		if got, rest, err := ParseSDR(b); got != text || len(rest) != 0 || err != nil {
			t.Fatalf("%s %q: % x reads %q, %v", kind, text, b, got, err)
		}
		b, err = AppendSDR(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := ParseSDR(b); got != text {
			t.Fatalf("%q reads %q", text, got)
		}
	})
}

func FuzzFields(f *testing.F) {
	f.Add([]byte("\xc5Fan 1"), uint8(25))
	f.Add([]byte("\x83\x29\xdc\xa6\xc1"), uint8(0))
	f.Add([]byte("\x04\x16\xd8\x3d\x00"), uint8(38))
	f.Fuzz(func(t *testing.T, b []byte, language uint8) {
		if _, rest, err := ParseSDR(b); err == nil && len(rest) >= len(b) {
			t.Fatal("nothing was taken")
		}
		g, rest, end, err := ParseFRU(b)
		_ = g.Text(language)
		if err != nil || end {
			return
		}
		if again := AppendFRU(nil, g); !bytes.Equal(again, b[:len(b)-len(rest)]) {
			t.Fatalf("% x was written as % x", b[:len(b)-len(rest)], again)
		}
	})
}
