package fru

import (
	"encoding/hex"
	"fmt"
	"strings"

	"millwright.dev/millwright/ipmi"
)

// PowerSupply is what a power supply can do (section 18.1). FF in a byte, FFFF in two: not told.
type PowerSupply struct {
	Capacity       uint16    // watts, 12 bits
	PeakVA         uint16    // volt-amperes
	Inrush         uint8     // amperes
	InrushInterval uint8     // milliseconds
	Input          [2][2]int // two ranges of input voltage, lowest and highest, in millivolts
	Frequency      [2]uint8  // lowest and highest of the input, hertz
	Dropout        uint8     // milliseconds of lost input that it bridges
	Flags          uint8     // bit 0 predictive failure, 1 power factor correction, 2 switches its range by itself, 3 hot swap, 4 tachometer
	HoldUp         uint8     // seconds that it gives its peak power, 0 to 15
	Peak           uint16    // watts, 12 bits
	Combined       [2]uint8  // two outputs that have to share: 0 12 V, 1 -12 V, 2 5 V, 3 3.3 V
	CombinedWatts  uint16    // that these may give together
	Tachometer     uint8     // rotations per second below which a failure is predicted
}

// ParsePowerSupply reads the data of a record of type [TypePowerSupply].
func ParsePowerSupply(b []byte) (PowerSupply, error) {
	if err := ipmi.Short("power supply record", b, 24); err != nil {
		return PowerSupply{}, err
	}
	var p PowerSupply
	p.Capacity, p.PeakVA, p.Inrush, p.InrushInterval = le16(b)&0xfff, le16(b[2:]), b[4], b[5]
	for n := range p.Input {
		p.Input[n] = [2]int{int(le16(b[6+4*n:])) * 10, int(le16(b[8+4*n:])) * 10}
	}
	p.Frequency, p.Dropout, p.Flags = [2]uint8{b[14], b[15]}, b[16], b[17]
	p.HoldUp, p.Peak = b[19]>>4, le16(b[18:])&0xfff
	p.Combined, p.CombinedWatts, p.Tachometer = [2]uint8{b[20] >> 4, b[20] & 0x0f}, le16(b[21:]), b[23]
	return p, nil
}

// Record makes a record of it.
func (p PowerSupply) Record() Record {
	b := append16(append16(nil, p.Capacity&0xfff), p.PeakVA)
	b = append(b, p.Inrush, p.InrushInterval)
	for _, r := range p.Input {
		b = append16(append16(b, uint16(r[0]/10)), uint16(r[1]/10))
	}
	b = append(b, p.Frequency[0], p.Frequency[1], p.Dropout, p.Flags)
	b = append16(b, uint16(p.HoldUp&15)<<12|p.Peak&0xfff)
	b = append16(append(b, p.Combined[0]<<4|p.Combined[1]&15), p.CombinedWatts)
	return Record{TypePowerSupply, append(b, p.Tachometer)}
}

func (p PowerSupply) String() string {
	s := fmt.Sprintf("power supply of %d W", p.Capacity)
	for _, r := range p.Input {
		if r[1] > 0 && r[1] < 0xffff*10 {
			s += fmt.Sprintf(", input %g to %g V", float64(r[0])/1000, float64(r[1])/1000)
		}
	}
	if p.Flags&8 != 0 {
		s += ", hot swap"
	}
	return s
}

// DC is one voltage that a unit gives or takes (sections 18.2 to 18.3a). Of an output,
// Low and High are how far its voltage may be off; of a load, what it needs.
type DC struct {
	Type      uint8 // of the record: output or load, extended or not
	Output    uint8 // its number, 0 to 15
	Standby   bool  // of outputs: it stays when the unit is off
	Coarse    bool  // of extended records: currents are written in 100 mA, not 10 mA
	Nominal   int   // millivolts
	Low, High int   // millivolts
	Ripple    uint16
	Min, Max  int // milliamperes
}

// unit gives what currents are counted in, in milliamperes.
func (d DC) unit() int {
	switch {
	case d.Type != TypeExtendedDCOutput && d.Type != TypeExtendedDCLoad:
		return 1
	case d.Coarse:
		return 100
	}
	return 10
}

// ParseDC reads the data of a record of one of the four types.
func ParseDC(kind uint8, b []byte) (DC, error) {
	if err := ipmi.Short("DC record", b, 13); err != nil {
		return DC{}, err
	}
	d := DC{Type: kind, Output: b[0] & 0x0f, Standby: b[0]&0x80 != 0, Coarse: b[0]&0x10 != 0}
	d.Nominal, d.Low, d.High = volts(b[1:]), volts(b[3:]), volts(b[5:])
	d.Ripple = le16(b[7:])
	d.Min, d.Max = int(le16(b[9:]))*d.unit(), int(le16(b[11:]))*d.unit()
	return d, nil
}

func volts(b []byte) int { return int(int16(le16(b))) * 10 }

// Record makes a record of it.
func (d DC) Record() Record {
	first := d.Output & 0x0f
	if d.Standby {
		first |= 0x80
	}
	if d.Coarse {
		first |= 0x10
	}
	b := []byte{first}
	for _, v := range []int{d.Nominal, d.Low, d.High} {
		b = append16(b, uint16(int16(v/10)))
	}
	b = append16(b, d.Ripple)
	return Record{d.Type, append16(append16(b, uint16(d.Min/d.unit())), uint16(d.Max/d.unit()))}
}

func (d DC) String() string {
	what := "output"
	if d.Type == TypeDCLoad || d.Type == TypeExtendedDCLoad {
		what = "load"
	}
	return fmt.Sprintf("%s %d: %g V, %g to %g A", what, d.Output, float64(d.Nominal)/1000, float64(d.Min)/1000, float64(d.Max)/1000)
}

// ManagementAccess is one way to reach or name the system or the component (section 18.4).
type ManagementAccess struct {
	Kind uint8 // 1 to 3: the system's URL, name, address to ping; 4 to 6: the component's; 7: the system's unique id
	Data []byte
}

// ParseManagementAccess reads the data of a record of type [TypeManagementAccess].
func ParseManagementAccess(b []byte) (ManagementAccess, error) {
	if err := ipmi.Short("management access record", b, 1); err != nil {
		return ManagementAccess{}, err
	}
	return ManagementAccess{b[0], b[1:]}, nil
}

// Record makes a record of it.
func (m ManagementAccess) Record() Record {
	return Record{TypeManagementAccess, append([]byte{m.Kind}, m.Data...)}
}

func (m ManagementAccess) String() string {
	names := [...]string{
		"unknown", "system management URL", "system name", "system address", "component management URL",
		"component name", "component address", "system unique id",
	}
	if m.Kind == 0 || int(m.Kind) >= len(names) || m.Kind == 7 {
		return names[int(m.Kind)%len(names)] + ": " + hex.EncodeToString(m.Data)
	}
	return names[m.Kind] + ": " + strings.TrimRight(strings.ToValidUTF8(string(m.Data), "?"), "\x00 ")
}

// Compatibility says what other units this one may stand for (sections 18.5 and 18.6).
type Compatibility struct {
	Type   uint8  // of the record: base or extended
	Maker  uint32 // whose codes these are: the IANA enterprise number
	Entity uint8
	Base   uint8
	Start  uint8  // the first code
	Mask   []byte // which codes after it, a bit each
}

// ParseCompatibility reads the data of a record of one of the two types.
func ParseCompatibility(kind uint8, b []byte) (Compatibility, error) {
	if err := ipmi.Short("compatibility record", b, 6); err != nil {
		return Compatibility{}, err
	}
	return Compatibility{kind, le24(b), b[3], b[4], b[5], b[6:]}, nil
}

// Record makes a record of it.
func (c Compatibility) Record() Record {
	b := append(append24(nil, c.Maker), c.Entity, c.Base, c.Start)
	return Record{c.Type, append(b, c.Mask...)}
}

func (c Compatibility) String() string {
	return fmt.Sprintf("compatible with code base %02x of maker %d for entity %02x, from code %02x: % x", c.Base, c.Maker, c.Entity, c.Start, c.Mask)
}

// OEM is a maker's own record (section 18.7).
type OEM struct {
	Type  uint8
	Maker uint32 // the IANA enterprise number
	Data  []byte
}

// ParseOEM reads the data of a record of a type from [TypeOEM] on.
func ParseOEM(kind uint8, b []byte) (OEM, error) {
	if err := ipmi.Short("OEM record", b, 3); err != nil {
		return OEM{}, err
	}
	return OEM{kind, le24(b), b[3:]}, nil
}

// Record makes a record of it.
func (o OEM) Record() Record { return Record{o.Type, append(append24(nil, o.Maker), o.Data...)} }

func (o OEM) String() string {
	return fmt.Sprintf("record %02x of maker %d: % x", o.Type, o.Maker, o.Data)
}

func le16(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }

func le24(b []byte) uint32 { return uint32(le16(b)) | uint32(b[2])<<16 }

func append16(b []byte, v uint16) []byte { return append(b, byte(v), byte(v>>8)) }

func append24(b []byte, v uint32) []byte { return append(b, byte(v), byte(v>>8), byte(v>>16)) }
