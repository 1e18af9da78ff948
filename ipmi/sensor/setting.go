package sensor

import (
	"context"
	"errors"
	"fmt"
	"math"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/sdr"
)

var (
	// ErrSoftware is the cause of errors about sensors whose owner is a program of the host.
	ErrSoftware = errors.New("its owner is a program, which cannot be asked")
	// ErrFixed is the cause of errors about thresholds that cannot be set.
	ErrFixed = errors.New("cannot be set")
	// ErrNoValues is the cause of errors about sensors that have no values.
	ErrNoValues = errors.New("the sensor has no values")
	// ErrNonLinear is the cause of errors about thresholds of sensors whose formula is another one
	// for each reading: nobody can tell which reading has a given value.
	ErrNonLinear = errors.New("the sensor is not linear")
)

// at completes a request for a sensor: to its owner, on its LUN.
func at(k sdr.Key, cmd uint8, data []byte) (ipmi.Request, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnSensor, Cmd: cmd, LUN: k.LUN, Data: data}
	switch {
	case k.Software():
		return r, ErrSoftware
	case k.Owner != sdr.BMC && k.Owner != 0: // 0 is nobody; some BMCs mean themselves
		r.Bridge = []ipmi.Hop{{Channel: k.Channel, Address: k.Owner}}
	}
	return r, nil
}

func ask[T any](ctx context.Context, d ipmi.Doer, what string, k sdr.Key, cmd uint8, data []byte, parse func([]byte) (T, error)) (T, error) {
	what = fmt.Sprintf("%s of sensor %02x", what, k.Number)
	r, err := at(k, cmd, data)
	if err != nil {
		var none T
		return none, fmt.Errorf("%s: %w", what, err)
	}
	return ipmi.Ask(ctx, d, what, r, parse)
}

func tell(ctx context.Context, d ipmi.Doer, what string, k sdr.Key, cmd uint8, data []byte) error {
	_, err := ask(ctx, d, what, k, cmd, data, func([]byte) (struct{}, error) { return struct{}{}, nil })
	return err
}

// GetRaw asks for a reading as the BMC has it.
func GetRaw(ctx context.Context, d ipmi.Doer, k sdr.Key) (Raw, error) {
	return ask(ctx, d, "read the value", k, CmdReading, []byte{k.Number}, ParseRaw)
}

// GetFactors asks a sensor that is not linear for the factors for one raw reading.
func GetFactors(ctx context.Context, d ipmi.Doer, k sdr.Key, reading uint8) (sdr.FactorsAt, error) {
	return ask(ctx, d, "read the factors", k, CmdFactors, []byte{k.Number, reading}, sdr.ParseFactorsAt)
}

// GetRawThresholds asks for thresholds as the BMC has them.
func GetRawThresholds(ctx context.Context, d ipmi.Doer, k sdr.Key) (RawThresholds, error) {
	return ask(ctx, d, "read the thresholds", k, CmdGetThresholds, []byte{k.Number}, ParseRawThresholds)
}

// Thresholds are values in the units of their sensor, in the order of the bits of
// [sdr.Levels]. Only those in Which mean something.
type Thresholds struct {
	Which sdr.Levels
	At    [sdr.LevelCount]float64
}

// GetThresholds asks for the thresholds of a sensor, as values.
func GetThresholds(ctx context.Context, d ipmi.Doer, sensor *sdr.Sensor) (Thresholds, error) {
	if !sensor.Analog() {
		return Thresholds{}, fmt.Errorf("thresholds of sensor %q: %w", sensor.Name, ErrNoValues)
	}
	raw, err := GetRawThresholds(ctx, d, sensor.Key)
	if err != nil {
		return Thresholds{}, err
	}
	var t Thresholds
	for i, v := range raw.At {
		if !raw.Which.Has(1 << i) {
			continue
		}
		formula := sensor.Formula()
		if formula.Linear.PerReading() {
			f, err := GetFactors(ctx, d, sensor.Key, v)
			if err != nil {
				return Thresholds{}, err
			}
			formula.Factors, formula.Linear = f.Factors, sdr.Linear
		}
		if t.At[i] = formula.Value(v); !math.IsNaN(t.At[i]) {
			t.Which |= 1 << i
		}
	}
	return t, nil
}

// SetThresholds sets those thresholds that are in t.Which, each to the nearest that the
// sensor can have. Thresholds that its record says cannot be set are [ErrFixed], values beyond
// its range [sdr.ErrRange]; then nothing is set.
func SetThresholds(ctx context.Context, d ipmi.Doer, sensor *sdr.Sensor, t Thresholds) error {
	formula := sensor.Formula()
	switch {
	case formula.Format == sdr.NonNumeric:
		return fmt.Errorf("thresholds of sensor %q: %w", sensor.Name, ErrNoValues)
	case formula.Linear.PerReading():
		return fmt.Errorf("thresholds of sensor %q: %w", sensor.Name, ErrNonLinear)
	}
	r := ThresholdsRequest{Number: sensor.Number, RawThresholds: RawThresholds{Which: t.Which & sdr.AllLevels}}
	for i, v := range t.At {
		level := sdr.Levels(1 << i)
		if !t.Which.Has(level) {
			continue
		}
		if !sensor.Masks.Settable().Has(level) {
			return fmt.Errorf("threshold %q of sensor %q: %w", level.Name(), sensor.Name, ErrFixed)
		}
		var err error
		if r.At[i], err = formula.Raw(v); err != nil {
			return fmt.Errorf("threshold %q of sensor %q: %w", level.Name(), sensor.Name, err)
		}
	}
	return tell(ctx, d, "set the thresholds", sensor.Key, CmdSetThresholds, r.Append(nil))
}

// GetHysteresis asks for a sensor's hysteresis in counts; see [sdr.Formula.Hysteresis].
func GetHysteresis(ctx context.Context, d ipmi.Doer, k sdr.Key) (Hysteresis, error) {
	return ask(ctx, d, "read the hysteresis", k, CmdGetHysteresis, []byte{k.Number, 0xff}, ParseHysteresis)
}

// SetHysteresis sets a sensor's hysteresis in counts.
func SetHysteresis(ctx context.Context, d ipmi.Doer, k sdr.Key, h Hysteresis) error {
	r := HysteresisRequest{Number: k.Number, Hysteresis: h}
	return tell(ctx, d, "set the hysteresis", k, CmdSetHysteresis, r.Append(nil))
}

// GetEvents asks which events a sensor sends.
func GetEvents(ctx context.Context, d ipmi.Doer, k sdr.Key) (EventState, error) {
	return ask(ctx, d, "read the event enables", k, CmdGetEvents, []byte{k.Number}, ParseEventState)
}

// SetEvents sets which events a sensor sends, and whether it is scanned. Its Number becomes that of k.
func SetEvents(ctx context.Context, d ipmi.Doer, k sdr.Key, r EventsRequest) error {
	r.Number = k.Number
	return tell(ctx, d, "set the event enables", k, CmdSetEvents, r.Append(nil))
}

// GetEventStatus asks which events of a sensor have happened.
func GetEventStatus(ctx context.Context, d ipmi.Doer, k sdr.Key) (EventState, error) {
	return ask(ctx, d, "read the event status", k, CmdEventStatus, []byte{k.Number}, ParseEventState)
}

// Rearm clears events of a sensor, so that they are sent again. Its Number becomes that of k.
func Rearm(ctx context.Context, d ipmi.Doer, k sdr.Key, r RearmRequest) error {
	r.Number = k.Number
	return tell(ctx, d, "re-arm the events", k, CmdRearm, r.Append(nil))
}

// GetKind asks for the type of a sensor, which some controllers know better than their records.
func GetKind(ctx context.Context, d ipmi.Doer, k sdr.Key) (Kind, error) {
	return ask(ctx, d, "read the type", k, CmdGetType, []byte{k.Number}, ParseKind)
}

// SetKind sets the type of a sensor.
func SetKind(ctx context.Context, d ipmi.Doer, k sdr.Key, t event.SensorType, r event.ReadingType) error {
	q := KindRequest{Number: k.Number, Kind: Kind{Type: t, Reading: r}}
	return tell(ctx, d, "set the type", k, CmdSetType, q.Append(nil))
}
