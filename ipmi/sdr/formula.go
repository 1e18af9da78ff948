package sdr

import (
	"errors"
	"fmt"
	"math"

	"millwright.dev/millwright/ipmi"
)

// Format says what number a raw byte is (table 43-1, byte 21).
type Format uint8

// The formats.
const (
	Unsigned Format = iota
	OnesComplement
	TwosComplement
	NonNumeric // the sensor has no number
)

// Number gives the signed number that a raw byte is; 0 for [NonNumeric].
func (f Format) Number(raw uint8) int {
	switch {
	case f == NonNumeric:
		return 0
	case f == OnesComplement && raw >= 0x80:
		return int(raw) - 255
	case f == TwosComplement:
		return int(int8(raw))
	}
	return int(raw)
}

// Linearization is the function that follows the linear formula (section 36.3).
type Linearization uint8

// The functions.
const (
	Linear Linearization = iota
	LogE
	Log10
	Log2
	PowerE
	Power10
	Power2
	Reciprocal
	Square
	Cube
	SquareRoot
	CubeRoot
	// NonLinear and all from there to 7F have factors for each reading, which the
	// BMC is asked for (Get Sensor Reading Factors).
	NonLinear Linearization = 0x70
)

// PerReading says that the factors depend on the reading.
func (l Linearization) PerReading() bool { return l > CubeRoot }

func (l Linearization) apply(x float64) float64 {
	switch l {
	case LogE:
		return math.Log(x)
	case Log10:
		return math.Log10(x)
	case Log2:
		return math.Log2(x)
	case PowerE:
		return math.Exp(x)
	case Power10:
		return math.Pow(10, x)
	case Power2:
		return math.Exp2(x)
	case Reciprocal:
		return 1 / x
	case Square:
		return x * x
	case Cube:
		return x * x * x
	case SquareRoot:
		return math.Sqrt(x)
	case CubeRoot:
		return math.Cbrt(x)
	}
	return x
}

// Factors are the numbers of the linear formula (section 36.3): value = (M·x + B·10^BExp) · 10^RExp.
type Factors struct {
	M           int16 // -512 to 511
	B           int16 // -512 to 511
	BExp        int8  // -8 to 7
	RExp        int8  // -8 to 7
	Tolerance   uint8 // ± half counts, 0 to 63
	Accuracy    uint16
	AccuracyExp uint8 // accuracy is ± Accuracy · 10^AccuracyExp hundredths of a percent
}

// signed widens the two's complement number in the low bits of v.
func signed(v uint16, bits uint) int16 {
	return int16(v<<(16-bits)) >> (16 - bits)
}

// parseFactors reads bytes 25 to 30 of a full record; b has six bytes.
func parseFactors(b []byte) Factors {
	return Factors{
		M: signed(uint16(b[0])|uint16(b[1]>>6)<<8, 10), Tolerance: b[1] & 0x3f,
		B: signed(uint16(b[2])|uint16(b[3]>>6)<<8, 10), Accuracy: uint16(b[3]&0x3f) | uint16(b[4]>>4)<<6,
		AccuracyExp: b[4] >> 2 & 3,
		RExp:        int8(signed(uint16(b[5]>>4), 4)), BExp: int8(signed(uint16(b[5]&0x0f), 4)),
	}
}

func (f Factors) append(b []byte) []byte {
	m, off := uint16(f.M), uint16(f.B)
	return append(b, byte(m), byte(m>>8&3)<<6|f.Tolerance&0x3f, byte(off), byte(off>>8&3)<<6|byte(f.Accuracy&0x3f),
		byte(f.Accuracy>>6&0x0f)<<4|f.AccuracyExp&3<<2, byte(f.RExp)<<4|byte(f.BExp)&0x0f)
}

// FactorsAt is the answer of Get Sensor Reading Factors (section 35.5).
type FactorsAt struct {
	Next    uint8 // the next raw reading with other factors
	Factors Factors
}

// ParseFactorsAt reads the answer of Get Sensor Reading Factors.
func ParseFactorsAt(b []byte) (FactorsAt, error) {
	if err := ipmi.Short("sensor reading factors", b, 7); err != nil {
		return FactorsAt{}, err
	}
	return FactorsAt{Next: b[0], Factors: parseFactors(b[1:7])}, nil
}

// Append adds the answer to b.
func (f FactorsAt) Append(b []byte) []byte { return f.Factors.append(append(b, f.Next)) }

// linear works out the formula of x. The sum is a whole number as far as it can be, so
// that rounding happens once and 126 · 0.1 is 12.6.
func (f Factors) linear(x float64) float64 {
	shift := min(0, int(f.BExp))
	sum := float64(f.M)*x*pow10(-shift) + float64(f.B)*pow10(int(f.BExp)-shift)
	if e := int(f.RExp) + shift; e < 0 {
		return sum / pow10(-e)
	} else {
		return sum * pow10(e)
	}
}

// pow10 is exact for the exponents that there are, 0 to 16.
func pow10(e int) float64 { return math.Pow(10, float64(e)) }

// Formula makes values of raw readings and back.
type Formula struct {
	Factors
	Format Format
	Linear Linearization
}

// ErrRange is the cause of errors about values that a sensor cannot have.
var ErrRange = errors.New("beyond the sensor's range")

// Value gives the value of a raw reading. It is not a number where the formula has no
// value there (the logarithm of 0), and for [NonNumeric].
func (f Formula) Value(raw uint8) float64 {
	if f.Format == NonNumeric {
		return math.NaN()
	}
	return f.at(float64(f.Format.Number(raw)))
}

func (f Formula) at(x float64) float64 {
	v := f.Linear.apply(f.linear(x))
	if math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}

// Imprecision gives how far the true value may be from the value of a raw reading, up or
// down: half a count of digitising and the tolerance (section 36.4). 0 where there is no value.
func (f Formula) Imprecision(raw uint8) float64 {
	if f.Format == NonNumeric {
		return 0
	}
	x, half := float64(f.Format.Number(raw)), 0.5+float64(f.Tolerance)/2
	spread := math.Abs(f.at(x+half)-f.at(x-half)) / 2
	if math.IsNaN(spread) {
		return 0
	}
	return spread
}

// AccuracyPercent gives the sensor's accuracy, ± percent of the value (section 36.4).
func (f Factors) AccuracyPercent() float64 {
	return float64(f.Accuracy) * pow10(int(f.AccuracyExp)) / 100
}

// Hysteresis gives the value of a hysteresis of so many counts, where the formula is linear.
func (f Formula) Hysteresis(counts uint8) float64 {
	if f.Format == NonNumeric || f.Linear != Linear {
		return math.NaN()
	}
	return math.Abs(f.linear(float64(counts)) - f.linear(0))
}

// Raw gives the raw reading whose value is nearest. A value beyond the sensor's range by more
// than half a step is [ErrRange].
func (f Formula) Raw(value float64) (uint8, error) {
	best, distance, found := uint8(0), math.Inf(1), false
	low, high, step := math.Inf(1), math.Inf(-1), 0.0
	for i := range 256 {
		v := f.Value(uint8(i))
		if math.IsNaN(v) {
			continue
		}
		low, high = min(low, v), max(high, v)
		if d := math.Abs(v - value); d < distance {
			best, distance, found = uint8(i), d, true
			step = Formula{Factors: Factors{M: f.M, B: f.B, BExp: f.BExp, RExp: f.RExp}, Format: f.Format, Linear: f.Linear}.Imprecision(uint8(i))
		}
	}
	switch {
	case !found || math.IsNaN(value):
		return 0, fmt.Errorf("%v: %w", value, ErrRange)
	case (value < low || value > high) && distance > step*(1+1e-9):
		return best, fmt.Errorf("%v is not within %v and %v: %w", value, low, high, ErrRange)
	}
	return best, nil
}
