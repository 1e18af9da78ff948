package spd

import (
	"errors"
	"strings"
	"testing"
)

// bytesOf makes data of a size with some bytes set, a good checksum, and manufacturing data at an offset.
func bytesOf(size, covered, sum, made, part int, set map[int]byte) []byte {
	b := make([]byte, size)
	for at, v := range set {
		b[at] = v
	}
	c := crc(b[:covered])
	b[sum], b[sum+1] = byte(c), byte(c>>8)
	copy(b[made:], []byte{0x80, 0xce, 0x01, 0x24, 0x31})
	copy(b[part:], "M393A4K40CB2-CTD    ")
	return b
}

func ddr3(set map[int]byte) []byte {
	set[2], set[0], set[9], set[10], set[11] = 0x0b, 0x92, 0x11, 1, 8
	b := bytesOf(256, 117, 126, 117, 128, set)
	copy(b[122:], []byte{0x12, 0x34, 0x56, 0x78})
	return b
}

func ddr4(set map[int]byte) []byte {
	set[2] = 0x0c
	b := bytesOf(512, 126, 126, 320, 329, set)
	copy(b[325:], []byte{0x12, 0x34, 0x56, 0x78})
	return b
}

func ddr5(set map[int]byte) []byte {
	set[2] = 0x12
	b := bytesOf(1024, 510, 510, 512, 521, set)
	copy(b[517:], []byte{0x12, 0x34, 0x56, 0x78})
	return b
}

func TestModules(t *testing.T) {
	for _, tt := range []struct {
		b    []byte
		want string
	}{
		{ddr3(map[int]byte{3: 2, 4: 4, 7: 9, 8: 3, 12: 10}), "8 GB DDR3-1600 UDIMM, 2Rx8"},
		{ddr3(map[int]byte{3: 1, 4: 4, 7: 0x18, 8: 0x0b, 12: 9, 34: 0xca}), "32 GB DDR3-1866 RDIMM, 4Rx4, ECC"},
		{ddr3(map[int]byte{3: 3, 4: 1, 7: 2, 8: 3, 12: 15}), "256 MB DDR3-1066 SO-DIMM, 1Rx16"},
		{ddr4(map[int]byte{3: 1, 4: 0x85, 12: 8, 13: 0x0b, 18: 6}), "32 GB DDR4-2666 RDIMM, 2Rx4, ECC"},
		{ddr4(map[int]byte{3: 4, 4: 0x85, 6: 0x92, 12: 8, 13: 0x0b, 18: 6}), "64 GB DDR4-2666 LRDIMM, 2Rx4, ECC"},
		{ddr4(map[int]byte{3: 1, 4: 0x85, 6: 0xb2, 12: 8, 13: 0x0b, 18: 5}), "128 GB DDR4-3200 RDIMM, 2Rx4, ECC"},
		{ddr4(map[int]byte{3: 4, 4: 0x85, 6: 0x91, 12: 0x18, 13: 0x0b, 18: 7, 125: 0xc2}), "64 GB DDR4-2400 LRDIMM, 4Rx4, ECC"}, // two dies, but no stack
		{ddr4(map[int]byte{3: 2, 4: 0x86, 12: 2, 13: 3, 18: 6, 125: 0xbc}), "8 GB DDR4-2933 UDIMM, 1Rx16"},
		{ddr4(map[int]byte{3: 2, 4: 0x85, 12: 9, 13: 3, 18: 8, 125: 0xc1}), "16 GB DDR4-2133 UDIMM, 2Rx8"},
		{ddr5(map[int]byte{3: 2, 4: 4, 6: 0x20, 20: 0xa0, 21: 1, 235: 0x22}), "16 GB DDR5-4800 UDIMM, 1Rx8"},
		{ddr5(map[int]byte{3: 1, 4: 4, 20: 0x65, 21: 1, 234: 8, 235: 0x32}), "64 GB DDR5-5600 RDIMM, 2Rx4, ECC"},
		{ddr5(map[int]byte{3: 1, 4: 0x44, 20: 0x80, 21: 1, 234: 8, 235: 0x32}), "128 GB DDR5-5200 RDIMM, 2Rx4, ECC"},
		{ddr5(map[int]byte{3: 3, 4: 5, 6: 0x20, 20: 0x38, 21: 1, 235: 0x22}), "24 GB DDR5-6400 SO-DIMM, 1Rx8"},
	} {
		m, err := Parse(tt.b)
		if err != nil || m.Name() != tt.want || len(m.Warnings) > 0 {
			t.Errorf("%s, %v, %q; want %s", m.Name(), err, m.Warnings, tt.want)
		}
		if m.Maker != "Samsung" || m.Serial != "12345678" || !strings.HasPrefix(m.Part, "M393A4K40CB2-CTD") {
			t.Errorf("%s: %+v", tt.want, m)
		}
		if d, ok := m.Date(); !ok || d.Format("2006-01-02") != "2024-07-29" {
			t.Errorf("%s: made %v", tt.want, d)
		}
	}
}

func TestLPDDR(t *testing.T) {
	b := ddr4(map[int]byte{4: 6, 6: 4, 12: 2, 13: 0x41, 18: 4, 125: 0xe1})
	b[2] = 0x11
	m, err := Parse(b)
	if err != nil || m.Type != LPDDR4X || m.MB != 4096 || m.Bus != 64 || m.Maker != "Samsung" {
		t.Errorf("%+v, %v", m, err)
	}
	b = ddr5(map[int]byte{})
	b[2] = 0x13
	if m, err := Parse(b); err != nil || m.Name() != "LPDDR5" || m.Maker != "Samsung" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestMakers(t *testing.T) {
	for _, tt := range []struct {
		bank, code byte
		want       string
	}{
		{0x80, 0x2c, "Micron"},
		{0x80, 0xad, "SK hynix"},
		{0x01, 0x98, "Kingston"},
		{0x85, 0x9b, "Crucial"},
		{0x02, 0x2c, "JEDEC bank 3 code 0x2c"},
		{0x00, 0x85, "JEDEC bank 1 code 0x85"},
		{0, 0, ""},
		{0xff, 0xff, ""},
	} {
		if got := Maker(tt.bank, tt.code); got != tt.want {
			t.Errorf("%02x %02x is %q, want %q", tt.bank, tt.code, got, tt.want)
		}
	}
}

func TestDamage(t *testing.T) {
	b := ddr4(map[int]byte{3: 1, 4: 0x85, 12: 8, 13: 0x0b, 18: 6})
	b[40]++
	if m, err := Parse(b); err != nil || len(m.Warnings) != 1 || m.MB != 32768 {
		t.Errorf("a wrong checksum: %+v, %v", m, err)
	}
	b[40]--
	if m, err := Parse(b[:256]); err != nil || len(m.Warnings) != 1 || m.MB != 32768 || m.Maker != "" {
		t.Errorf("half of it: %+v, %v", m, err)
	}
	if _, err := Parse(b[:100]); !errors.Is(err, ErrShort) {
		t.Error(err)
	}
	b[2] = 7
	if _, err := Parse(b); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(ddr3(map[int]byte{3: 2, 4: 4, 7: 9, 8: 3, 12: 10}))
	f.Add(ddr4(map[int]byte{4: 0x85, 6: 0xb2, 10: 0x96, 12: 0x48, 13: 0x0b, 18: 5}))
	f.Add(ddr5(map[int]byte{4: 4, 8: 4, 234: 0x48, 235: 0x32}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		m.Date()
		if m.Name() == "" || m.MB < 0 || m.Speed < 0 || m.Speed > 50000 {
			t.Fatalf("%+v", m)
		}
	})
}
