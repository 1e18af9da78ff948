package sensor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/sdr"
)

// Reading is what a sensor says.
type Reading struct {
	Sensor *sdr.Sensor `json:"-"`
	Name   string      `json:"name"`
	Type   string      `json:"type"`
	Entity string      `json:"entity"`

	// Value is nil for sensors that have none or none now. Imprecision is how far the true
	// value may be from it, up or down.
	Value       *float64 `json:"value,omitempty"`
	Imprecision float64  `json:"imprecision,omitempty"`
	Units       string   `json:"units,omitempty"`

	// States are the discrete states that the sensor is in, or the thresholds that it is beyond.
	States []event.State  `json:"states,omitempty"`
	Health event.Severity `json:"health"`

	// Unavailable means that there is no reading now; Note says why.
	Unavailable bool   `json:"unavailable,omitempty"`
	Note        string `json:"note,omitempty"`

	Raw Raw `json:"-"`
}

// Health is the worst of all readings.
func Health(readings []Reading) event.Severity {
	worst := event.OK
	for _, r := range readings {
		worst = max(worst, r.Health)
	}
	return worst
}

// Options say how sensors are scanned. The zero value is good.
type Options struct {
	// Parallel is how many requests are on their way at once; 0 is 8. The session may hold
	// them back for a BMC that does not like it.
	Parallel int
	// Tell, if not nil, gets each reading as it comes, one at a time.
	Tell func(Reading)
}

// Scan reads all sensors that can be read and gives their readings in the order of
// the sensors. Those that belong to a controller behind the BMC are asked there. A sensor that the BMC has
// no reading for, or will not tell, has a note; an error means that the BMC itself
// stopped answering, and comes with the readings until then.
func Scan(ctx context.Context, d ipmi.Doer, sensors []sdr.Sensor, o Options) ([]Reading, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &scan{ctx: ctx, d: d, tell: o.Tell, silent: make(map[hop]error)}
	for i := range sensors {
		if !sensors[i].EventOnly {
			s.todo = append(s.todo, &sensors[i])
		}
	}
	s.out = make([]*Reading, len(s.todo))
	width := o.Parallel
	if width <= 0 {
		width = 8
	}
	var wg sync.WaitGroup
	for range min(width, len(s.todo)) {
		wg.Go(func() {
			for i, ok := s.take(); ok; i, ok = s.take() {
				r, err := s.read(s.todo[i])
				if err != nil {
					cancel(err)
					return
				}
				s.put(i, r)
			}
		})
	}
	wg.Wait()
	readings := make([]Reading, 0, len(s.out))
	for _, r := range s.out {
		if r != nil {
			readings = append(readings, *r)
		}
	}
	if err := context.Cause(ctx); err != nil {
		return readings, fmt.Errorf("read sensors: %w", err)
	}
	return readings, nil
}

// hop names a controller that owns sensors.
type hop struct{ owner, channel uint8 }

type scan struct {
	ctx  context.Context
	d    ipmi.Doer
	tell func(Reading)
	todo []*sdr.Sensor

	mu     sync.Mutex
	next   int
	out    []*Reading
	silent map[hop]error // owners behind the BMC that do not answer
}

func (s *scan) take() (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next >= len(s.todo) || s.ctx.Err() != nil {
		return 0, false
	}
	s.next++
	return s.next - 1, true
}

func (s *scan) put(i int, r Reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out[i] = &r
	if s.tell != nil {
		s.tell(r)
	}
}

// read reads one sensor. The error is one that ends the scan.
func (s *scan) read(sensor *sdr.Sensor) (Reading, error) {
	owner := hop{sensor.Owner, sensor.Channel}
	s.mu.Lock()
	silent := s.silent[owner]
	s.mu.Unlock()
	if silent != nil {
		return without(sensor, silent), nil
	}
	r, err := Read(s.ctx, s.d, sensor)
	var code *ipmi.CodeError
	switch {
	case err == nil:
		return r, nil
	case s.ctx.Err() != nil:
		return r, err
	case errors.As(err, &code) || errors.Is(err, ipmi.ErrShort) || errors.Is(err, ErrSoftware):
		return without(sensor, err), nil
	case sensor.Owner != sdr.BMC:
		s.mu.Lock()
		s.silent[owner] = fmt.Errorf("the controller at %02x does not answer: %w", sensor.Owner, err)
		s.mu.Unlock()
		return without(sensor, err), nil
	}
	return r, err
}

func without(sensor *sdr.Sensor, why error) Reading {
	r := reading(sensor)
	r.Unavailable, r.Note = true, why.Error()
	var code *ipmi.CodeError
	if errors.As(why, &code) {
		r.Note = code.Code.In(code.NetFn, code.Cmd)
	}
	return r
}

func reading(sensor *sdr.Sensor) Reading {
	return Reading{Sensor: sensor, Name: sensor.Name, Type: sensor.TypeName(), Entity: sensor.Entity.String()}
}

// Read reads one sensor.
func Read(ctx context.Context, d ipmi.Doer, sensor *sdr.Sensor) (Reading, error) {
	raw, err := GetRaw(ctx, d, sensor.Key)
	if err != nil {
		return Reading{}, err
	}
	formula := sensor.Formula()
	if usable(raw) && formula.Linear.PerReading() && formula.Format != sdr.NonNumeric {
		at, err := GetFactors(ctx, d, sensor.Key, raw.Reading)
		if err != nil {
			return Reading{}, err
		}
		formula.Factors, formula.Linear = at.Factors, sdr.Linear
	}
	return Interpret(sensor, raw, formula), nil
}

func usable(raw Raw) bool { return raw.Scanning && !raw.Unavailable }

// Interpret makes a reading of what a BMC said. The formula is the sensor's own, or for sensors that
// are not linear that for this reading.
func Interpret(sensor *sdr.Sensor, raw Raw, formula sdr.Formula) Reading {
	r := reading(sensor)
	r.Raw = raw
	switch {
	case raw.Unavailable:
		r.Unavailable, r.Note = true, "no reading now"
		return r
	case !raw.Scanning:
		r.Unavailable, r.Note = true, "scanning is off"
		return r
	}
	if v := formula.Value(raw.Reading); !math.IsNaN(v) {
		r.Value, r.Imprecision, r.Units = &v, formula.Imprecision(raw.Reading), sensor.Units.String()
	} else if formula.Format != sdr.NonNumeric {
		r.Note = fmt.Sprintf("its formula has no value for the reading %d", raw.Reading)
	}
	if sensor.Reading == event.Threshold {
		r.States = crossed(sensor, raw.Crossed())
	} else {
		r.States = event.Asserted(sensor.Type, sensor.Reading, raw.States&discrete(sensor))
	}
	r.Health = event.Worst(r.States)
	return r
}

// discrete gives the states that a sensor can be in: all where its record names none.
func discrete(sensor *sdr.Sensor) uint16 {
	if mask := sensor.Masks.Reading & 0x7fff; mask != 0 {
		return mask
	}
	return 0x7fff
}

// crossed makes states of the thresholds that a sensor is beyond. Those that its record says
// are not compared are left out; where it says that none are, those that can be read count.
func crossed(sensor *sdr.Sensor, levels sdr.Levels) []event.State {
	compared := sensor.Masks.Compared()
	if compared == 0 {
		compared = sensor.Masks.Readable()
	}
	var states []event.State
	offsets := [sdr.LevelCount]uint8{0, 2, 4, 7, 9, 11} // going low below, going high above (table 42-2)
	for i, offset := range offsets {
		if (levels & compared).Has(1 << i) {
			state := event.StateOf(sensor.Type, event.Threshold, offset, true)
			state.Name, _, _ = strings.Cut(state.Name, " - ")
			states = append(states, state)
		}
	}
	return states
}
