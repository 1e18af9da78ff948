// Package spd reads serial presence detect data: what a memory module says of itself
// (JEDEC standard 21-C, annexes K and L, for DDR3 and DDR4; JESD400-5 for DDR5). BMCs
// give them as the content of FRU devices. The package stands by itself, since modules can be
// read over other buses too. It knows what an inventory wants to know, not the timings. Start at Parse.
package spd

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrShort says that there are fewer bytes than the kind of memory needs.
	ErrShort = errors.New("the module's data are cut off")
	// ErrUnknown says that the bytes are of no kind of memory that is known here.
	ErrUnknown = errors.New("the module is of no known kind")
)

// Type is a kind of memory (byte 2).
type Type uint8

// The kinds that are known here.
const (
	DDR3    Type = 0x0b
	DDR4    Type = 0x0c
	LPDDR4  Type = 0x10
	LPDDR4X Type = 0x11
	DDR5    Type = 0x12
	LPDDR5  Type = 0x13
	LPDDR5X Type = 0x15
)

func (t Type) String() string {
	switch t {
	case DDR3:
		return "DDR3"
	case DDR4:
		return "DDR4"
	case LPDDR4:
		return "LPDDR4"
	case LPDDR4X:
		return "LPDDR4X"
	case DDR5:
		return "DDR5"
	case LPDDR5:
		return "LPDDR5"
	case LPDDR5X:
		return "LPDDR5X"
	}
	return fmt.Sprintf("memory type %02x", uint8(t))
}

// Module is a memory module.
type Module struct {
	Type     Type
	Form     string // such as "RDIMM"; "" if unknown
	MB       int    // capacity in units of 2^20 bytes; 0 if it cannot be told
	Speed    int    // millions of transfers a second as they are sold, such as 3200; 0 if it cannot be told
	Ranks    int    // in packages
	Stacked  int    // dies in a 3DS stack, or 1
	Width    int    // bits of each chip
	Bus      int    // bits of data of the module, without those of ECC
	ECC      bool
	Maker    string // of the module
	Location uint8  // where it was made, by the maker's own numbers
	Year     int    // 0: not told
	Week     int
	Serial   string // hexadecimal digits
	Part     string
	Warnings []string // what was wrong with the bytes
}

// Name puts the essentials into one line, such as "32 GB DDR4-3200 RDIMM, 2Rx8, ECC".
func (m Module) Name() string {
	s := m.Type.String()
	if m.Speed > 0 {
		s += fmt.Sprintf("-%d", m.Speed)
	}
	switch {
	case m.MB >= 1024 && m.MB%1024 == 0:
		s = fmt.Sprintf("%d GB %s", m.MB/1024, s)
	case m.MB > 0:
		s = fmt.Sprintf("%d MB %s", m.MB, s)
	}
	if m.Form != "" {
		s += " " + m.Form
	}
	if m.Ranks > 0 && m.Width > 0 {
		s += fmt.Sprintf(", %dRx%d", m.Ranks, m.Width)
	}
	if m.ECC {
		s += ", ECC"
	}
	return s
}

// Date gives the Monday of the week in which the module was made; false if it does not say.
func (m Module) Date() (time.Time, bool) {
	if m.Year == 0 || m.Week < 1 || m.Week > 53 {
		return time.Time{}, false
	}
	// The week with January 4th is the first (ISO 8601).
	d := time.Date(m.Year, 1, 4, 0, 0, 0, 0, time.UTC)
	back := (int(d.Weekday()) + 6) % 7
	return d.AddDate(0, 0, 7*(m.Week-1)-back), true
}

// Parse reads a module's bytes from the first on. A wrong checksum and missing
// manufacturing data become warnings.
func Parse(b []byte) (Module, error) {
	if len(b) < 128 {
		return Module{}, fmt.Errorf("%w: %d bytes", ErrShort, len(b))
	}
	m := Module{Type: Type(b[2]), Stacked: 1}
	switch m.Type {
	case DDR3:
		m.ddr3(b)
		m.made(b, 117, 128, 18, 122)
	case DDR4, LPDDR4, LPDDR4X:
		m.ddr4(b)
		m.made(b, 320, 329, 20, 325)
	case DDR5:
		if len(b) < 240 {
			return Module{}, fmt.Errorf("%w: %d bytes of %s", ErrShort, len(b), m.Type)
		}
		m.ddr5(b)
		m.made(b, 512, 521, 30, 517)
	case LPDDR5, LPDDR5X:
		m.made(b, 512, 521, 30, 517)
	default:
		return Module{}, fmt.Errorf("%w: memory type %02x", ErrUnknown, b[2])
	}
	return m, nil
}

// ddr3 reads annex K.
func (m *Module) ddr3(b []byte) {
	m.Form = form(b[3]&0x0f, "", "RDIMM", "UDIMM", "SO-DIMM", "Micro-DIMM", "Mini-RDIMM", "Mini-UDIMM", "Mini-CDIMM",
		"72b-SO-UDIMM", "72b-SO-RDIMM", "72b-SO-CDIMM", "LRDIMM", "16b-SO-DIMM", "32b-SO-DIMM")
	m.Ranks, m.Width = int(b[7]>>3&7)+1, 4<<(b[7]&7)
	m.Bus, m.ECC = 8<<(b[8]&7), b[8]>>3&3 == 1
	if density := b[4] & 0x0f; density <= 7 {
		m.MB = m.capacity(256<<density, m.Ranks)
	}
	if b[9]&0x0f != 0 && b[11] != 0 {
		fine := float64(b[9]>>4) / float64(b[9]&0x0f)
		ps := float64(b[12])*1000*float64(b[10])/float64(b[11]) + float64(int8(b[34]))*fine
		m.Speed = market(ps, 800, 1066, 1333, 1600, 1866, 2133)
	}
	covered := 126
	if b[0]&0x80 != 0 {
		covered = 117
	}
	m.check(b, covered, 126)
}

// ddr4 reads annex L, and annex M for the parts that LPDDR4 has in the same places.
func (m *Module) ddr4(b []byte) {
	m.Form = form(b[3]&0x0f, "", "RDIMM", "UDIMM", "SO-DIMM", "LRDIMM", "Mini-RDIMM", "Mini-UDIMM", "",
		"72b-SO-RDIMM", "72b-SO-UDIMM", "", "", "16b-SO-DIMM", "32b-SO-DIMM")
	m.Ranks, m.Width = int(b[12]>>3&7)+1, 4<<(b[12]&7)
	m.Bus, m.ECC = 8<<(b[13]&7), b[13]>>3&3 == 1
	density := megabits4(b[4] & 0x0f)
	switch {
	case m.Type != DDR4:
		m.Form = ""
		channels := 1 << (b[13] >> 5 & 3)
		perDie := 1 << (b[6] >> 2 & 3)
		m.Bus *= channels
		m.MB = m.capacity(density, m.Ranks) / perDie
	case b[12]&0x40 != 0: // even ranks are as byte 6 says, odd ones as byte 10 says
		even, odd := stack(b[6]), stack(b[10])
		m.Stacked = max(even, odd)
		m.MB = m.capacity(density, (m.Ranks+1)/2*even) + m.capacity(density>>(b[10]>>2&3), m.Ranks/2*odd)
	default:
		m.Stacked = stack(b[6])
		m.MB = m.capacity(density, m.Ranks*m.Stacked)
	}
	if b[17] == 0 { // 125 ps and 1 ps; nothing else is defined
		ps := float64(b[18])*125 + float64(int8(b[125]))
		if m.Type == DDR4 {
			m.Speed = market(ps, 1600, 1866, 2133, 2400, 2666, 2933, 3200)
		} else {
			m.Speed = market(ps, 1600, 2133, 2400, 2667, 3200, 3733, 4267)
		}
	}
	m.check(b, 126, 126)
}

// stack gives how many dies of a package are ranks of their own: those of a 3DS stack.
func stack(b byte) int {
	if b&0x80 == 0 || b&3 != 2 {
		return 1
	}
	return int(b>>4&7) + 1
}

func megabits4(code byte) int {
	sizes := [...]int{256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 12288, 24576, 3072, 6144, 18432}
	if int(code) < len(sizes) {
		return sizes[code]
	}
	return 0
}

// ddr5 reads JESD400-5.
func (m *Module) ddr5(b []byte) {
	m.Form = form(b[3]&0x0f, "", "RDIMM", "UDIMM", "SO-DIMM", "LRDIMM", "CUDIMM", "CSO-DIMM", "MRDIMM", "CAMM2", "", "DDIMM")
	m.Ranks, m.Width = int(b[234]>>3&7)+1, 4<<(b[6]>>5)
	channels := 1 << (b[235] >> 5 & 3)
	m.Bus = channels * 8 << (b[235] & 7)
	m.ECC = b[235]>>3&3 != 0
	dies, density := dies5(b[4]), megabits5(b[4]&0x1f)
	if b[4]>>5 >= 2 {
		m.Stacked = dies
	}
	if b[234]&0x40 != 0 { // even ranks are of the first kind of chip, odd ones of the second
		second := Module{Bus: m.Bus, Width: 4 << (b[10] >> 5)}
		m.MB = m.capacity(density, (m.Ranks+1)/2*dies) + second.capacity(megabits5(b[8]&0x1f), m.Ranks/2*dies5(b[8]))
	} else {
		m.MB = m.capacity(density, m.Ranks*dies)
	}
	m.Speed = market(float64(int(b[20])|int(b[21])<<8), 3200, 3600, 4000, 4400, 4800, 5200, 5600, 6000, 6400, 6800, 7200, 7600, 8000, 8400, 8800)
	m.check(b, 510, 510)
}

func dies5(b byte) int {
	dies := [...]int{1, 2, 2, 4, 8, 16, 1, 1}
	return dies[b>>5]
}

func megabits5(code byte) int {
	sizes := [...]int{0, 4, 8, 12, 16, 24, 32, 48, 64}
	if int(code) < len(sizes) {
		return sizes[code] * 1024
	}
	return 0
}

// capacity gives 2^20 bytes of chips of so many megabits in ranks that fill the bus.
func (m *Module) capacity(megabits, ranks int) int {
	return megabits / 8 * m.Bus / m.Width * ranks
}

// market gives the number by which memory with this clock is sold: the next lower of the list,
// where the clock's rounding to picoseconds is forgiven. Beyond the list it is what it is.
func market(ps float64, sold ...int) int {
	if ps < 50 {
		return 0
	}
	rate, speed := 2e6/ps, 0
	for _, s := range sold {
		if rate*1.004 >= float64(s) {
			speed = s
		}
	}
	if top := sold[len(sold)-1]; rate > float64(top)*1.02 || speed == 0 {
		return int(rate + 0.5)
	}
	return speed
}

func form(n byte, names ...string) string {
	if int(n) < len(names) {
		return names[n]
	}
	return ""
}

// check compares the checksum at a place with that of the first covered bytes.
func (m *Module) check(b []byte, covered, at int) {
	if len(b) < at+2 {
		m.Warnings = append(m.Warnings, "the data end before their checksum")
		return
	}
	if crc(b[:covered]) != uint16(b[at])|uint16(b[at+1])<<8 {
		m.Warnings = append(m.Warnings, "the checksum is wrong")
	}
}

// crc is the CRC-16 of XMODEM, with which all these data are checked.
func crc(b []byte) uint16 {
	var c uint16
	for _, v := range b {
		c ^= uint16(v) << 8
		for range 8 {
			if c&0x8000 != 0 {
				c = c<<1 ^ 0x1021
			} else {
				c <<= 1
			}
		}
	}
	return c
}

// made reads who made the module, where and when: maker, location, year and week from at on.
func (m *Module) made(b []byte, at, part, partLength, serial int) {
	if len(b) < part+partLength {
		m.Warnings = append(m.Warnings, "the data end before the maker's name")
		return
	}
	m.Maker = Maker(b[at], b[at+1])
	m.Location = b[at+2]
	year, ok := bcd(b[at+3])
	week, ok2 := bcd(b[at+4])
	if ok && ok2 && week >= 1 && week <= 53 {
		m.Year, m.Week = 2000+year, week
	}
	m.Serial = hex.EncodeToString(b[serial : serial+4])
	m.Part = strings.TrimRight(printable(b[part:part+partLength]), " ")
}

func bcd(b byte) (int, bool) { return int(b>>4)*10 + int(b&15), b>>4 <= 9 && b&15 <= 9 }

func printable(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		switch {
		case c == 0 || c == 0xff:
			s.WriteByte(' ')
		case c < ' ' || c > '~':
			s.WriteByte('?')
		default:
			s.WriteByte(c)
		}
	}
	return s.String()
}
