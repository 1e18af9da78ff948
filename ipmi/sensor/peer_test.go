package sensor_test

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/rmcp"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/ipmi/sensor"
)

// simSensors are those of the simulated machine, with their raw readings.
var simSensors = []struct {
	record sdr.Full
	raw    uint8
}{
	{simRecord("CPU Temp", event.Temperature, event.Celsius, sdr.Factors{M: 1}, sdr.TwosComplement), 0x2a},
	{simRecord("Inlet Temp", event.Temperature, event.Celsius, sdr.Factors{M: 1}, sdr.TwosComplement), 0xf9},
	{simRecord("12V", event.Voltage, event.Volts, sdr.Factors{M: 63, RExp: -3}, sdr.Unsigned), 0xbe},
	{simRecord("3.3V", event.Voltage, event.Volts, sdr.Factors{M: 17, B: 5, BExp: 1, RExp: -3}, sdr.Unsigned), 0xc0},
	{simRecord("Fan 1", event.Fan, event.RPM, sdr.Factors{M: 60}, sdr.Unsigned), 0x64},
	{simRecord("Fan 2", event.Fan, event.RPM, sdr.Factors{M: 60}, sdr.Unsigned), 0x02},
	{simRecord("Ones", event.Temperature, event.Celsius, sdr.Factors{M: 2}, sdr.OnesComplement), 0xf0},
	{simRecord("Watts", event.OtherUnits, event.Watts, sdr.Factors{M: 4}, sdr.Unsigned), 0x37},
}

func simRecord(name string, t event.SensorType, u event.Unit, f sdr.Factors, format sdr.Format) sdr.Full {
	r := sdr.Full{Name: name, Factors: f, Max: 0xff}
	r.Owner, r.Type, r.Reading, r.Units.Base, r.Format = sdr.BMC, t, event.Threshold, u, format
	r.Entity = sdr.Entity{Kind: event.EntitySystemBoard, Instance: 1}
	r.Init, r.Capabilities = 0x7f, sdr.Capabilities{AutoRearm: true, Hysteresis: sdr.Settable, Thresholds: sdr.Settable}
	r.Masks = sdr.ThresholdMasks(sdr.AllLevels, sdr.AllLevels, sdr.AllLevels, 0, 0)
	return r
}

// simMachine is what makes the machine: the sensors above and a power supply.
func simMachine() string {
	var b strings.Builder
	add := func(r sdr.Record) {
		b.WriteString("main_sdr_add 0x20")
		for _, v := range r.Append(nil) {
			fmt.Fprintf(&b, " 0x%02x", v)
		}
		b.WriteString("\n")
	}
	for i, s := range simSensors {
		r := s.record
		r.ID, r.Number = sdr.ID(i+1), uint8(i+1)
		add(&r)
		fmt.Fprintf(&b, "sensor_add 0x20 0 %d %d 1\n", r.Number, r.Type)
		fmt.Fprintf(&b, "sensor_set_threshold 0x20 0 %d settable 111111 0x7e 0x70 0x60 0x03 0x02 0x01\n", r.Number)
		fmt.Fprintf(&b, "sensor_set_hysteresis 0x20 0 %d settable 2 3\n", r.Number)
		fmt.Fprintf(&b, "sensor_set_event_support 0x20 0 %d enable scanning per-state 111111111111111 111111111111111 000001111111111 000000000000000\n", r.Number)
		fmt.Fprintf(&b, "sensor_set_value 0x20 0 %d %d 0\n", r.Number, s.raw)
	}
	supply := &sdr.Compact{ID: 100, Name: "PSU"}
	supply.Owner, supply.Number, supply.Type, supply.Reading, supply.Masks.Reading = sdr.BMC, 0x20, event.PowerSupply, event.SensorSpecific, 0xff
	supply.Entity = sdr.Entity{Kind: event.EntityPowerSupply, Instance: 1}
	add(supply)
	b.WriteString("sensor_add 0x20 0 0x20 8 0x6f\n")
	b.WriteString("sensor_set_event_support 0x20 0 0x20 enable scanning per-state 000000000001111 000000000001111 000000000001111 000000000001111\n")
	b.WriteString("sensor_set_bit 0x20 0 0x20 0 1 0\nsensor_set_bit 0x20 0 0x20 3 1 0\n")
	return b.String()
}

func TestSimulator(t *testing.T) {
	c := ipmi.NewClient(ipmi.ClientOptions{})
	t.Cleanup(func() { _ = c.Close() })
	address := ipmitest.Sim(t, simMachine())
	s, err := c.Open(t.Context(), address, ipmi.Options{User: ipmitest.SimUser, Password: ipmitest.SimPassword, Suites: []rmcp.Suite{rmcp.Suite(3)}})
	if err != nil {
		t.Fatal(err)
	}
	set, err := sdr.Read(t.Context(), s, sdr.Options{})
	if err != nil || len(set.Records) != len(simSensors)+1 || len(set.Faults) > 0 {
		t.Fatalf("%v, %+v", err, set)
	}
	sensors := set.Sensors()
	readings, err := sensor.Scan(t.Context(), s, sensors, sensor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	compareWithIPMITool(t, readings, address)
	if got := names(readings[8].States); got != "Presence detected, Power Supply input lost (AC/DC)" || sensor.Health(readings) != event.Failed {
		t.Errorf("power supply: %q, health %v", got, sensor.Health(readings))
	}

	temp := &sensors[0]
	want := sensor.Thresholds{Which: sdr.UpperNonCritical | sdr.UpperCritical, At: [6]float64{0, 0, 0, 61, 71, 0}}
	if err := sensor.SetThresholds(t.Context(), s, temp, want); err != nil {
		t.Fatal(err)
	}
	got, err := sensor.GetThresholds(t.Context(), s, temp)
	if err != nil || got.At != [6]float64{1, 2, 3, 61, 71, 126} || got.Which != sdr.AllLevels {
		t.Errorf("thresholds %+v, %v", got, err)
	}
	if err := sensor.SetHysteresis(t.Context(), s, temp.Key, sensor.Hysteresis{Positive: 4, Negative: 5}); err != nil {
		t.Fatal(err)
	}
	if h, err := sensor.GetHysteresis(t.Context(), s, temp.Key); err != nil || h != (sensor.Hysteresis{Positive: 4, Negative: 5}) {
		t.Errorf("hysteresis %+v, %v", h, err)
	}
	if k, err := sensor.GetKind(t.Context(), s, temp.Key); err != nil || k.Type != event.Temperature || k.Reading != event.Threshold {
		t.Errorf("type %+v, %v", k, err)
	}
	if err := sensor.SetEvents(t.Context(), s, temp.Key, sensor.EventsRequest{Messages: true, Scanning: true, Change: sensor.Disable, Asserted: 0x0f}); err != nil {
		t.Fatal(err)
	}
	if e, err := sensor.GetEvents(t.Context(), s, temp.Key); err != nil || !e.Messages || !e.Scanning || e.Asserted != 0x3f0 {
		t.Errorf("events %+v, %v", e, err)
	}
	if err := sensor.Rearm(t.Context(), s, temp.Key, sensor.RearmRequest{}); err != nil {
		t.Error(err)
	}
}

// compareWithIPMITool holds that values are those that ipmitool shows, as far as it shows digits.
func compareWithIPMITool(t *testing.T, readings []sensor.Reading, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "ipmitool", "-I", "lanplus", "-C", "3", "-H", name, "-p", port,
		"-U", ipmitest.SimUser, "-P", ipmitest.SimPassword, "-c", "sdr", "list", "full")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ipmitool: %v: %s", err, out)
	}
	shown := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(strings.TrimSpace(line), ","); len(f) > 1 {
			shown[f[0]] = f[1]
		}
	}
	if len(shown) != len(simSensors) {
		t.Errorf("ipmitool shows %d sensors: %s", len(shown), out)
	}
	for _, r := range readings {
		if r.Sensor.Full == nil {
			continue
		}
		theirs := shown[r.Name]
		digits := 0
		if _, after, ok := strings.Cut(theirs, "."); ok {
			digits = len(after)
		}
		if r.Value == nil || strconv.FormatFloat(*r.Value, 'f', digits, 64) != theirs {
			t.Errorf("%s: ipmitool says %q, we %+v", r.Name, theirs, r)
		}
	}
}
