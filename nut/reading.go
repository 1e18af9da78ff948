package nut

import (
	"math"
	"strconv"
	"strings"
)

// Flag is one thing that ups.status can say. Flags are bits.
type Flag uint32

// The flags, with the protocol's word for each.
const (
	Online         Flag = 1 << iota // OL: fed by the mains
	OnBattery                       // OB: the mains are gone
	LowBattery                      // LB: the battery will soon be empty
	HighBattery                     // HB
	ReplaceBattery                  // RB
	Charging                        // CHRG
	Discharging                     // DISCHRG
	Bypass                          // BYPASS: the load hangs on the mains, unprotected
	Calibrating                     // CAL: discharging on purpose, to measure the battery
	Off                             // OFF: gives no power to the load
	Overloaded                      // OVER
	Trimming                        // TRIM: lowers too high a voltage
	Boosting                        // BOOST: raises too low a voltage
	ForcedShutdown                  // FSD: whoever is in charge has ordered the shutdown
	AlarmRaised                     // ALARM: see ups.alarm
)

// flagWords gives the words in the order of their bits.
func flagWords() []string {
	return []string{"OL", "OB", "LB", "HB", "RB", "CHRG", "DISCHRG", "BYPASS", "CAL", "OFF", "OVER", "TRIM", "BOOST", "FSD", "ALARM"}
}

// Status is what ups.status says. The zero Status says nothing: not known.
type Status struct {
	Flags Flag
	Other []string // words that this package does not know, as they came
}

// ParseStatus reads the words of a ups.status.
func ParseStatus(text string) Status {
	var s Status
	words := flagWords()
next:
	for word := range strings.FieldsSeq(text) {
		for i, w := range words {
			if word == w {
				s.Flags |= 1 << i
				continue next
			}
		}
		s.Other = append(s.Other, word)
	}
	return s
}

// Has says whether all of these flags are there.
func (s Status) Has(f Flag) bool { return s.Flags&f == f }

// Known says whether the status tells where the power comes from, or that there
// is none.
func (s Status) Known() bool { return s.Flags&(Online|OnBattery|Bypass|Off|ForcedShutdown) != 0 }

// String gives the words, those we know first.
func (s Status) String() string {
	var words []string
	for i, w := range flagWords() {
		if s.Flags&(1<<i) != 0 {
			words = append(words, w)
		}
	}
	return strings.Join(append(words, s.Other...), " ")
}

// Number is a measured value that may be unknown. The zero Number is unknown.
type Number struct {
	Value float64
	Known bool
}

// Pointer gives the value, or nil where it is unknown.
func (n Number) Pointer() *float64 {
	if !n.Known {
		return nil
	}
	return &n.Value
}

// Vars are the variables of a UPS by their names, such as "battery.charge".
type Vars map[string]string

// Number reads a variable that must lie from low to high; what is missing, no
// number or out of these bounds is unknown.
func (v Vars) Number(name string, low, high float64) Number {
	n, err := strconv.ParseFloat(strings.TrimSpace(v[name]), 64)
	if err != nil || math.IsNaN(n) || n < low || n > high {
		return Number{}
	}
	return Number{Value: n, Known: true}
}

// Reading is what the usual variables of a UPS say.
type Reading struct {
	Status Status

	Charge      Number // battery.charge, percent
	LowCharge   Number // battery.charge.low: from here on the UPS says LB
	Runtime     Number // battery.runtime, seconds
	LowRuntime  Number // battery.runtime.low, seconds
	BatteryVolt Number // battery.voltage

	Load     Number // ups.load, percent of what it can carry; may be above 100
	Watts    Number // ups.realpower
	VA       Number // ups.power
	Celsius  Number // ups.temperature
	InVolt   Number // input.voltage
	InHertz  Number // input.frequency
	OutVolt  Number // output.voltage
	OutAmps  Number // output.current
	OutHertz Number // output.frequency

	Alarm, Maker, Model, Serial string // ups.alarm, ups.mfr, ups.model, ups.serial
}

// Reading reads the usual variables.
func (v Vars) Reading() Reading {
	const long, much = 100 * 24 * 3600, 1e9 // seconds of a hundred days; more than there is of anything
	return Reading{
		Status:      ParseStatus(v["ups.status"]),
		Charge:      v.Number("battery.charge", 0, 100),
		LowCharge:   v.Number("battery.charge.low", 0, 100),
		Runtime:     v.Number("battery.runtime", 0, long),
		LowRuntime:  v.Number("battery.runtime.low", 0, long),
		BatteryVolt: v.Number("battery.voltage", 0, much),
		Load:        v.Number("ups.load", 0, 1000),
		Watts:       v.Number("ups.realpower", 0, much),
		VA:          v.Number("ups.power", 0, much),
		Celsius:     v.Number("ups.temperature", -273.15, 1000),
		InVolt:      v.Number("input.voltage", 0, much),
		InHertz:     v.Number("input.frequency", 0, 1000),
		OutVolt:     v.Number("output.voltage", 0, much),
		OutAmps:     v.Number("output.current", 0, much),
		OutHertz:    v.Number("output.frequency", 0, 1000),
		Alarm:       v["ups.alarm"], Maker: v["ups.mfr"], Model: v["ups.model"], Serial: v["ups.serial"],
	}
}
