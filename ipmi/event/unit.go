package event

import "fmt"

// Unit is a unit of measurement (table 43-15).
type Unit uint8

// Units that programs look for.
const (
	Unspec       Unit = 0
	Celsius      Unit = 1
	Fahrenheit   Unit = 2
	Kelvin       Unit = 3
	Volts        Unit = 4
	Amperes      Unit = 5
	Watts        Unit = 6
	Joules       Unit = 7
	VoltAmperes  Unit = 9
	CFM          Unit = 17
	RPM          Unit = 18
	Hertz        Unit = 19
	Microseconds Unit = 20
	Seconds      Unit = 22
	Hours        Unit = 24
	Weeks        Unit = 26
)

// units has name and symbol of each; without a symbol the name serves.
var units = [...][2]string{
	{"unspecified", ""},
	{"degrees Celsius", "°C"},
	{"degrees Fahrenheit", "°F"},
	{"kelvin", "K"},
	{"volts", "V"},
	{"amperes", "A"},
	{"watts", "W"},
	{"joules", "J"},
	{"coulombs", "C"},
	{"volt-amperes", "VA"},
	{"nits", "nt"},
	{"lumens", "lm"},
	{"lux", "lx"},
	{"candelas", "cd"},
	{"kilopascals", "kPa"},
	{"pounds per square inch", "psi"},
	{"newtons", "N"},
	{"cubic feet per minute", "CFM"},
	{"revolutions per minute", "RPM"},
	{"hertz", "Hz"},
	{"microseconds", "µs"},
	{"milliseconds", "ms"},
	{"seconds", "s"},
	{"minutes", "min"},
	{"hours", "h"},
	{"days", "d"},
	{"weeks", "wk"},
	{"mils", "mil"},
	{"inches", "in"},
	{"feet", "ft"},
	{"cubic inches", "in³"},
	{"cubic feet", "ft³"},
	{"millimetres", "mm"},
	{"centimetres", "cm"},
	{"metres", "m"},
	{"cubic centimetres", "cm³"},
	{"cubic metres", "m³"},
	{"litres", "L"},
	{"fluid ounces", "fl oz"},
	{"radians", "rad"},
	{"steradians", "sr"},
	{"revolutions", "rev"},
	{"cycles", ""},
	{"gravities", "g₀"},
	{"ounces", "oz"},
	{"pounds", "lb"},
	{"foot-pounds", "ft·lb"},
	{"ounce-inches", "oz·in"},
	{"gauss", "G"},
	{"gilberts", "Gb"},
	{"henries", "H"},
	{"millihenries", "mH"},
	{"farads", "F"},
	{"microfarads", "µF"},
	{"ohms", "Ω"},
	{"siemens", "S"},
	{"moles", "mol"},
	{"becquerels", "Bq"},
	{"parts per million", "ppm"},
	{"reserved", ""},
	{"decibels", "dB"},
	{"decibels (A-weighted)", "dBA"},
	{"decibels (C-weighted)", "dBC"},
	{"grays", "Gy"},
	{"sieverts", "Sv"},
	{"kelvin of colour temperature", "K"},
	{"bits", "bit"},
	{"kilobits", "kbit"},
	{"megabits", "Mbit"},
	{"gigabits", "Gbit"},
	{"bytes", "B"},
	{"kilobytes", "kB"},
	{"megabytes", "MB"},
	{"gigabytes", "GB"},
	{"words", ""},
	{"double words", ""},
	{"quad words", ""},
	{"memory lines", ""},
	{"hits", ""},
	{"misses", ""},
	{"retries", ""},
	{"resets", ""},
	{"overruns", ""},
	{"underruns", ""},
	{"collisions", ""},
	{"packets", ""},
	{"messages", ""},
	{"characters", ""},
	{"errors", ""},
	{"correctable errors", ""},
	{"uncorrectable errors", ""},
	{"fatal errors", ""},
	{"grams", "g"},
}

// Name spells the unit out.
func (u Unit) Name() string {
	if int(u) < len(units) {
		return units[u][0]
	}
	return fmt.Sprintf("unit %d", uint8(u))
}

// String gives the symbol; nothing for unspecified.
func (u Unit) String() string {
	if int(u) < len(units) && (units[u][1] != "" || u == Unspec) {
		return units[u][1]
	}
	return u.Name()
}

// Modify says what the modifier unit does with the base unit.
type Modify uint8

// The ways of table 43-1, byte 21.
const (
	NoModifier Modify = iota
	Divide            // base / modifier
	Multiply          // base × modifier
)

// Rate is the time that a value is per (table 43-1, byte 21).
type Rate uint8

func (r Rate) name() string {
	return [...]string{"", "microsecond", "millisecond", "second", "minute", "hour", "day", ""}[r&7]
}

func (r Rate) symbol() string {
	return [...]string{"", "µs", "ms", "s", "min", "h", "d", ""}[r&7]
}

// Units is what a sensor measures in.
type Units struct {
	Percent  bool
	Base     Unit
	Modify   Modify
	Modifier Unit
	Rate     Rate // 0 none, 1 µs, 2 ms, 3 s, 4 min, 5 hour, 6 day
}

// ParseUnits reads the three bytes of a sensor record (43.1, bytes 21 to 23 of a
// full record). The top two bits of the first, the number format, are not of the units.
func ParseUnits(b [3]byte) Units {
	return Units{
		Percent: b[0]&1 != 0, Modify: Modify(b[0] >> 1 & 3), Rate: Rate(b[0] >> 3 & 7),
		Base: Unit(b[1]), Modifier: Unit(b[2]),
	}
}

// Bytes gives the three bytes of a sensor record, with the number format bits clear.
func (u Units) Bytes() [3]byte {
	b := [3]byte{uint8(u.Rate&7)<<3 | uint8(u.Modify&3)<<1, uint8(u.Base), uint8(u.Modifier)}
	if u.Percent {
		b[0] |= 1
	}
	return b
}

// String gives symbols: "°C", "% W", "kWh" style products as "W·h", rates as "L/min".
func (u Units) String() string {
	return u.join(u.Base.String(), u.Modifier.String(), u.Rate.symbol(), "%", "/", "·")
}

// Name spells the units out: "watts × hours", "litres per minute".
func (u Units) Name() string {
	base := u.Base.Name()
	if u.Base == Unspec && u.Percent {
		base = ""
	}
	return u.join(base, u.Modifier.Name(), u.Rate.name(), "percent", " per ", " × ")
}

func (u Units) join(text, modifier, rate, percent, per, times string) string {
	switch u.Modify {
	case Divide:
		text += per + modifier
	case Multiply:
		text += times + modifier
	}
	if rate != "" {
		text += per + rate
	}
	if !u.Percent {
		return text
	}
	if text == "" {
		return percent
	}
	return percent + " " + text
}
