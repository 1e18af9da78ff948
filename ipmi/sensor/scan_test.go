package sensor_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/ipmi/sensor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const roundTrip = 4 * time.Millisecond

// shelf is a BMC with answers for sensors, by owner, LUN and number.
type shelf struct {
	answers map[sdr.Key][]byte
	fails   map[sdr.Key]error
	factors []byte
	latency time.Duration

	mu   sync.Mutex
	seen []ipmi.Request
}

func (s *shelf) Do(ctx context.Context, r ipmi.Request) ([]byte, error) {
	if s.latency > 0 {
		select {
		case <-time.After(s.latency):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	s.seen = append(s.seen, r)
	s.mu.Unlock()
	k := sdr.Key{Owner: sdr.BMC, LUN: r.LUN, Number: r.Data[0]}
	if len(r.Bridge) > 0 {
		k.Owner, k.Channel = r.Bridge[0].Address, r.Bridge[0].Channel
	}
	if err := s.fails[k]; err != nil {
		return nil, err
	}
	if r.Cmd == sensor.CmdFactors {
		return s.factors, nil
	}
	if b, ok := s.answers[k]; ok {
		return b, nil
	}
	return nil, &ipmi.CodeError{NetFn: r.NetFn, Cmd: r.Cmd, Code: ipmi.CodeNotPresent}
}

func key(number uint8) sdr.Key { return sdr.Key{Owner: sdr.BMC, Number: number} }

// temperature is a sensor of degrees, minus 10, with all thresholds compared and settable.
func temperature(k sdr.Key, name string) *sdr.Full {
	r := &sdr.Full{Name: name, Factors: sdr.Factors{M: 1, B: -10}}
	r.Key, r.Type, r.Reading, r.Units.Base = k, event.Temperature, event.Threshold, event.Celsius
	r.Masks = sdr.ThresholdMasks(sdr.AllLevels, sdr.AllLevels, sdr.UpperCritical|sdr.UpperNonCritical, 0, 0)
	return r
}

func discrete(k sdr.Key, t event.SensorType, mask uint16) *sdr.Compact {
	r := &sdr.Compact{Name: t.String()}
	r.Key, r.Type, r.Reading, r.Masks.Reading = k, t, event.SensorSpecific, mask
	return r
}

func names(states []event.State) string {
	var out []string
	for _, s := range states {
		out = append(out, s.Name)
	}
	return strings.Join(out, ", ")
}

func TestReadings(t *testing.T) {
	fan := temperature(key(1), "Fan")
	fan.Masks = sdr.ThresholdMasks(sdr.LowerNonCritical|sdr.LowerCritical, sdr.LowerNonCritical|sdr.LowerCritical, 0, 0, 0)
	unsaid := temperature(key(1), "Unsaid")
	unsaid.Masks = sdr.ThresholdMasks(0, sdr.UpperCritical, 0, 0, 0)
	power := temperature(key(1), "Power")
	power.Type, power.Units.Base, power.Factors = event.OtherUnits, event.Watts, sdr.Factors{M: 2}
	ln := temperature(key(1), "Logarithm")
	ln.Factors, ln.Linear = sdr.Factors{M: 1}, sdr.LogE
	for _, tt := range []struct {
		name, answer string
		record       sdr.Record
		value        float64
		states       string
		health       event.Severity
		note         string
	}{
		{"a temperature", "32 c0 00 c0", temperature(key(1), "T"), 40, "", event.OK, ""},
		{"too hot", "6e c0 18 c0", temperature(key(1), "T"), 100, "Upper Non-critical, Upper Critical", event.Critical, ""},
		{"no states sent", "32 c0", temperature(key(1), "T"), 40, "", event.OK, ""},
		{"a fan that is not only below its first threshold", "0a c0 c7 c0", fan, 0, "Lower Non-critical, Lower Critical", event.Critical, ""},
		{"a record that says that nothing is compared", "64 c0 18 c0", unsaid, 90, "Upper Critical", event.Critical, ""},
		{"watts", "64 c0 00", power, 200, "", event.OK, ""},
		{"a logarithm of nothing", "00 c0 00", ln, math.NaN(), "", event.OK, "its formula has no value for the reading 0"},
		{"unavailable", "32 e0 18 c0", temperature(key(1), "T"), math.NaN(), "", event.OK, "no reading now"},
		{"not scanned", "32 80 18 c0", temperature(key(1), "T"), math.NaN(), "", event.OK, "scanning is off"},
		{"a supply that lost its input", "00 c0 09 80", discrete(key(1), event.PowerSupply, 0x00ff), math.NaN(), "Presence detected, Power Supply input lost (AC/DC)", event.Critical, ""},
		{"states above 7", "00 c0 01 c2", discrete(key(1), event.Processor, 0x0a80), math.NaN(), "Terminator Presence Detected", event.OK, ""},
		{"no mask", "00 c0 00 c0", discrete(key(1), event.ACPIState, 0), math.NaN(), "Unknown", event.OK, ""},
		{"not there", "", discrete(key(9), event.Processor, 0x0a80), math.NaN(), "", event.OK, "there is no such sensor, record or data (code cb)"},
		{"too short", "00", discrete(key(1), event.Processor, 0), math.NaN(), "", event.OK, "read the value of sensor 01: sensor reading of 1 bytes, not 2 or more: the answer is too short"},
	} {
		d := &shelf{answers: map[sdr.Key][]byte{key(1): unhex(t, tt.answer)}}
		got, err := sensor.Scan(t.Context(), d, sdr.Sensors([]sdr.Record{tt.record}), sensor.Options{})
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v, %v", tt.name, got, err)
		}
		r := got[0]
		if (r.Value != nil) == math.IsNaN(tt.value) || r.Value != nil && *r.Value != tt.value {
			t.Errorf("%s: value %v, want %v", tt.name, r.Value, tt.value)
		}
		if names(r.States) != tt.states || r.Health != tt.health || r.Note != tt.note {
			t.Errorf("%s: states %q, health %v, note %q", tt.name, names(r.States), r.Health, r.Note)
		}
		if r.Unavailable && r.Value != nil {
			t.Errorf("%s: unavailable with a value", tt.name)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestReadingOfPowerSaysSo(t *testing.T) {
	r := temperature(key(1), "Power")
	r.Type, r.Units.Base, r.Factors = event.OtherUnits, event.Watts, sdr.Factors{M: 2, Tolerance: 1}
	d := &shelf{answers: map[sdr.Key][]byte{key(1): {100, 0xc0}}}
	got, err := sensor.Scan(t.Context(), d, sdr.Sensors([]sdr.Record{r}), sensor.Options{})
	if err != nil || got[0].Type != "Power" || got[0].Units != "W" || got[0].Imprecision != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSensorsThatAreNotLinearAreAskedForFactors(t *testing.T) {
	r := temperature(key(1), "T")
	r.Linear = sdr.NonLinear
	d := &shelf{
		answers: map[sdr.Key][]byte{key(1): {100, 0xc0, 0}},
		factors: sdr.FactorsAt{Factors: sdr.Factors{M: 3, RExp: -1}}.Append(nil),
	}
	got, err := sensor.Scan(t.Context(), d, sdr.Sensors([]sdr.Record{r}), sensor.Options{})
	if err != nil || got[0].Value == nil || *got[0].Value != 30 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSensorsAreAskedAtTheirOwners(t *testing.T) {
	satellite := sdr.Key{Owner: 0x24, Channel: 6, LUN: 1, Number: 5}
	lun := sdr.Key{Owner: sdr.BMC, LUN: 3, Number: 6}
	nobody := sdr.Key{Number: 7}
	d := &shelf{answers: map[sdr.Key][]byte{satellite: {60, 0xc0, 0}, lun: {70, 0xc0, 0}, key(7): {80, 0xc0, 0}}}
	got, err := sensor.Scan(t.Context(), d, sdr.Sensors([]sdr.Record{
		temperature(satellite, "far"), temperature(lun, "near"), temperature(sdr.Key{Owner: 0x41, Number: 1}, "program"), temperature(nobody, "near"),
	}), sensor.Options{})
	if err != nil || *got[0].Value != 50 || *got[1].Value != 60 || !strings.Contains(got[2].Note, "program") || *got[3].Value != 70 || len(d.seen) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
}

var errLost = errors.New("the session was lost")

func TestASilentSatelliteIsNoted(t *testing.T) {
	var records []sdr.Record
	d := &shelf{answers: map[sdr.Key][]byte{key(1): {60, 0xc0, 0}}, fails: make(map[sdr.Key]error)}
	for i := range uint8(10) {
		k := sdr.Key{Owner: 0x24, Number: i}
		records = append(records, temperature(k, "far"))
		d.fails[k] = errLost
	}
	records = append(records, temperature(key(1), "near"))
	got, err := sensor.Scan(t.Context(), d, sdr.Sensors(records), sensor.Options{Parallel: 1})
	if err != nil || len(got) != 11 || got[9].Note == "" || got[10].Value == nil || len(d.seen) != 2 {
		t.Errorf("%d requests, %+v, %v", len(d.seen), got, err)
	}
}

func TestABMCThatIsLostEndsTheScan(t *testing.T) {
	var records []sdr.Record
	d := &shelf{answers: make(map[sdr.Key][]byte), fails: map[sdr.Key]error{key(3): errLost}}
	for i := range uint8(10) {
		d.answers[key(i)] = []byte{60, 0xc0, 0}
		records = append(records, temperature(key(i), "T"))
	}
	got, err := sensor.Scan(t.Context(), d, sdr.Sensors(records), sensor.Options{Parallel: 1})
	if !errors.Is(err, errLost) || len(got) != 3 {
		t.Errorf("%d readings, %v", len(got), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := sensor.Scan(ctx, d, sdr.Sensors(records), sensor.Options{}); !errors.Is(err, context.Canceled) || len(got) > 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestScansGoInParallelAndKeepTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var records []sdr.Record
		d := &shelf{answers: make(map[sdr.Key][]byte), latency: roundTrip}
		for i := range uint8(60) {
			d.answers[key(i)] = []byte{i, 0xc0, 0}
			records = append(records, temperature(key(i), "T"))
		}
		d.answers[key(33)] = []byte{33, 0xc0, 0x20}
		told := 0
		start := time.Now()
		got, err := sensor.Scan(t.Context(), d, sdr.Sensors(records), sensor.Options{Tell: func(sensor.Reading) { told++ }})
		if err != nil || told != 60 || time.Since(start) > 8*roundTrip {
			t.Errorf("%d told in %v, %v", told, time.Since(start), err)
		}
		for i, r := range got {
			if *r.Value != float64(i-10) {
				t.Errorf("reading %d is %v", i, *r.Value)
			}
		}
		if sensor.Health(got) != event.Failed {
			t.Errorf("health %v", sensor.Health(got))
		}
	})
}

func TestThresholds(t *testing.T) {
	r := temperature(key(1), "T")
	s := &sdr.Sensors([]sdr.Record{r})[0]
	d := &shelf{answers: map[sdr.Key][]byte{key(1): {0x1b, 15, 10, 0, 80, 90, 0}}}
	got, err := sensor.GetThresholds(t.Context(), d, s)
	want := sensor.Thresholds{Which: 0x1b, At: [6]float64{5, 0, 0, 70, 80, 0}}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}

	var set sensor.Thresholds
	set.Which, set.At[3], set.At[4] = sdr.UpperNonCritical|sdr.UpperCritical, 74.6, 85
	if err := sensor.SetThresholds(t.Context(), d, s, set); err != nil {
		t.Fatal(err)
	}
	if got := d.seen[1]; got.Cmd != sensor.CmdSetThresholds || string(got.Data) != "\x01\x18\x00\x00\x00\x55\x5f\x00" {
		t.Errorf("sent % x", got.Data)
	}
	for name, tt := range map[string]struct {
		level int
		value float64
		err   error
	}{
		"one that is fixed":          {0, 5, sensor.ErrFixed},
		"one that no reading can be": {3, 900, sdr.ErrRange},
	} {
		bad := sensor.Thresholds{Which: 1 << tt.level}
		bad.At[tt.level] = tt.value
		if err := sensor.SetThresholds(t.Context(), d, s, bad); !errors.Is(err, tt.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(d.seen) != 2 {
		t.Error("what cannot be was sent")
	}
	curved := temperature(key(1), "T")
	curved.Linear = sdr.NonLinear
	if err := sensor.SetThresholds(t.Context(), d, &sdr.Sensors([]sdr.Record{curved})[0], set); !errors.Is(err, sensor.ErrNonLinear) {
		t.Errorf("thresholds of a sensor that is not linear: %v", err)
	}
	flat := &sdr.Sensors([]sdr.Record{discrete(key(1), event.Processor, 0)})[0]
	if _, err := sensor.GetThresholds(t.Context(), d, flat); !errors.Is(err, sensor.ErrNoValues) {
		t.Errorf("thresholds of states: %v", err)
	}
}

func TestEventsAreSentOnce(t *testing.T) {
	d := &shelf{answers: map[sdr.Key][]byte{{Owner: sdr.BMC, Number: 4}: {}}}
	e := sensor.Event{Type: event.Fan, Number: 2, Reading: event.Threshold, Data: event.Data{Offset: 2}.Bytes()}
	if err := sensor.Send(t.Context(), d, e); err != nil || !d.seen[0].Once || string(d.seen[0].Data) != "\x04\x04\x02\x01\x02\xff\xff" {
		t.Errorf("%v, %+v", err, d.seen)
	}
}
