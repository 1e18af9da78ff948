package driver

import "context"

// Meter is what a session can be whose device measures. The fleet calls it like
// Do: from the one goroutine that owns the session, between batches.
type Meter interface {
	// Measure reads what the device measures and tells it, value by value. A value
	// that cannot be had is left out. An error that is a *Fault means, as with Do,
	// that the session is of no more use; any other that the device would not say.
	Measure(ctx context.Context, tell func(Reading)) error
}

// Describer is what a session can be whose device says what it is. It keeps to
// what is said of [Meter].
type Describer interface {
	Describe(ctx context.Context) (Description, error)
}

// Reading is one value that a device measured.
type Reading struct {
	// Plug is the place in Env.Plugs of the plug that it is of, or NoPlug.
	Plug int
	// Part names what it is of beside plugs: "bank 1", "phase L2", "inlet",
	// "sensor intake". It is empty for a plug, and for the device as a whole.
	Part     string
	Quantity Quantity
	Value    float64 // in the quantity's unit
}

// NoPlug stands where a reading is not of a plug.
const NoPlug = -1

// Quantity is what was measured. Each has one unit, so that nobody has to ask.
type Quantity string

// The quantities.
const (
	Current       Quantity = "current"
	Voltage       Quantity = "voltage"
	Power         Quantity = "power"
	ApparentPower Quantity = "apparent_power"
	PowerFactor   Quantity = "power_factor"
	Energy        Quantity = "energy"
	Frequency     Quantity = "frequency"
	Temperature   Quantity = "temperature"
	Humidity      Quantity = "humidity"
	Speed         Quantity = "speed" // of a fan
	CPU           Quantity = "cpu"   // how busy the processors are
)

// Unit gives the unit that values of the quantity are in, as people write it;
// empty for a plain number.
func (q Quantity) Unit() string {
	switch q {
	case Current:
		return "A"
	case Voltage:
		return "V"
	case Power:
		return "W"
	case ApparentPower:
		return "VA"
	case Energy:
		return "Wh"
	case Frequency:
		return "Hz"
	case Temperature:
		return "°C"
	case Humidity, CPU:
		return "%"
	case Speed:
		return "rpm"
	}
	return ""
}

// Description is what a device says of itself. What it does not say is empty.
type Description struct {
	Product  string
	Firmware string
	Serial   string
	Name     string         // as somebody has named it on the device itself
	Labels   map[int]string // the device's own labels, by place in Env.Plugs
}
