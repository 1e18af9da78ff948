package fakebmc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/field"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/rmcp"
	"millwright.dev/millwright/ipmi/sdr"
)

// firstCurve is the number of the first sensor that follows a curve; those of sdr.bin
// have smaller ones.
const firstCurve = 0x80

// curve is a sensor whose value goes to and fro.
type curve struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"` // C, V, A, W, RPM
	From   float64 `json:"from"`
	To     float64 `json:"to"`
	Period string  `json:"period"` // to To and back; nothing: it stays at From
	// Upper and Lower are thresholds: non-critical, critical, non-recoverable.
	Upper []float64 `json:"upper"`
	Lower []float64 `json:"lower"`

	number uint8
	period time.Duration
	step   float64
	factor sdr.Factors
}

func unitOf(name string) (event.SensorType, event.Unit, bool) {
	switch name {
	case "C":
		return event.Temperature, event.Celsius, true
	case "V":
		return 0x02, event.Volts, true
	case "A":
		return event.Current, event.Amperes, true
	case "W":
		return event.OtherUnits, event.Watts, true
	case "RPM":
		return 0x04, event.RPM, true
	}
	return 0, 0, false
}

// readCurves reads sensors.json.
func readCurves(root fs.FS) ([]curve, error) {
	data, err := fs.ReadFile(root, "sensors.json")
	if err != nil {
		return nil, err
	}
	var list []curve
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("reading sensors.json: %w", err)
	}
	return list, prepare(list)
}

func prepare(list []curve) error {
	const most = 0xff - firstCurve
	if len(list) > most {
		return fmt.Errorf("there are more than %d sensors", most)
	}
	for i := range list {
		c := &list[i]
		c.number = uint8(firstCurve + i)
		_, _, known := unitOf(c.Unit)
		var err error
		if c.Period != "" {
			c.period, err = time.ParseDuration(c.Period)
		}
		if err != nil || !known || c.Name == "" || len(c.Name) > 16 || c.From < 0 || c.To < 0 || len(c.Upper) > 3 || len(c.Lower) > 3 {
			return fmt.Errorf("sensor %d (%s): it has a name of at most 16 bytes, a unit of C, V, A, W or RPM, values from 0 on, a period such as 30s, and up to 3 thresholds each way", i+1, c.Name)
		}
		c.scale()
	}
	return nil
}

// scale chooses the finest step of which 255 reach the largest value.
func (c *curve) scale() {
	most := max(c.From, c.To, 1)
	for _, t := range c.Upper {
		most = max(most, t)
	}
	for c.factor.RExp = -3; c.factor.RExp < 7; c.factor.RExp++ {
		for _, c.factor.M = range [...]int16{1, 2, 5} {
			c.step = float64(c.factor.M) * math.Pow10(int(c.factor.RExp))
			if c.step*math.MaxUint8 >= most {
				return
			}
		}
	}
}

func (c *curve) raw(v float64) uint8 {
	return uint8(min(max(math.Round(v/c.step), 0), math.MaxUint8))
}

// at gives the value after some time: a triangle.
func (c *curve) at(t time.Duration) bmc.Reading {
	v := c.From
	if c.period > 0 {
		part := float64(t%c.period) / float64(c.period)
		v += (c.To - c.From) * (1 - math.Abs(2*part-1))
	}
	return bmc.Reading{Raw: c.raw(v)}
}

// record is the sensor's record.
func (c *curve) record(id int) *sdr.Full {
	t, unit, _ := unitOf(c.Unit)
	r := &sdr.Full{
		ID: sdr.ID(id), Common: sdr.Common{
			Key: sdr.Key{Owner: 0x20, Number: c.number}, Entity: sdr.Entity{Kind: event.EntitySystemBoard, Instance: 1},
			Init: 0x7f, Capabilities: sdr.Capabilities{AutoRearm: true, Thresholds: sdr.Settable, Hysteresis: sdr.Readable},
			Type: t, Reading: 0x01, Units: event.Units{Base: unit},
		},
		Factors: c.factor, Max: math.MaxUint8, Name: c.Name,
	}
	var has sdr.Levels
	var events uint16
	for i := range c.Lower { // events going low below: 0, 2, 4
		r.Thresholds[i], has, events = c.raw(c.Lower[i]), has|1<<i, events|1<<(2*i)
	}
	for i := range c.Upper { // going high above: 7, 9, 11
		r.Thresholds[3+i], has, events = c.raw(c.Upper[i]), has|8<<i, events|1<<(7+2*i)
	}
	r.Masks = sdr.ThresholdMasks(has, has, has, events, events)
	return r
}

// plain is a machine with something of everything.
func plain() (bmc.Config, []curve) {
	curves := []curve{
		{Name: "CPU Temp", Unit: "C", From: 38, To: 62, Period: "2m", Upper: []float64{85, 95, 105}},
		{Name: "Inlet Temp", Unit: "C", From: 22, To: 24, Period: "10m", Upper: []float64{38, 42, 47}},
		{Name: "Fan 1", Unit: "RPM", From: 5200, To: 7400, Period: "2m", Lower: []float64{1200, 900, 600}},
		{Name: "12V", Unit: "V", From: 12, To: 12.2, Period: "30s"},
		{Name: "System Power", Unit: "W", From: 180, To: 260, Period: "2m"},
	}
	_ = prepare(curves)
	text := func(s string) field.FRU { f, _ := field.NewFRU(0, s); return f }
	image, _ := fru.Inventory{
		Board:   &fru.Board{Manufacturer: text("Millwright"), Product: text("Pretended board"), Serial: text("FB000001"), Part: text("FB-1")},
		Product: &fru.Product{Manufacturer: text("Millwright"), Name: text("Pretended machine"), Part: text("FM-1"), Version: text("1"), Serial: text("FM000001"), Asset: text("")},
	}.Append(nil)
	locator := (&sdr.FRU{ID: 1, Access: 0x20, Logical: true, Kind: 0x10, Entity: sdr.Entity{Kind: event.EntitySystemBoard, Instance: 1}, Name: "Board"}).Append(nil)
	return bmc.Config{
		Name: "fakebmc", GUID: mc.GUID{0xfa, 0xce, 0xb0, 0x0c, 0, 0, 0, 0x40, 0x80, 0, 0, 0, 0, 0, 0, 1}, Power: bmc.Power{Watts: 180, Limit: 500},
		SDR: [][]byte{locator}, FRU: map[uint8][]byte{0: image},
	}, curves
}

// presetNames are the makers whose identity can be had.
const presetNames = "dell, hpe, intel, lenovo, supermicro"

// applyPreset gives the machine a maker's identity, and what its machines of old do wrong.
func applyPreset(name string, c *bmc.Config, f *bmc.Faults) error {
	ids := map[string][2]uint32{"dell": {674, 256}, "hpe": {47196, 8192}, "intel": {343, 111}, "lenovo": {19046, 1337}, "supermicro": {10876, 2404}}
	id, known := ids[name]
	switch {
	case name == "":
		return nil
	case !known:
		return fmt.Errorf("there is no preset %q; there are %s", name, presetNames)
	case name == "intel":
		f.PaddedName = true
	}
	c.Device = bmc.DefaultDevice()
	c.Device.Maker, c.Device.Product = id[0], uint16(id[1])
	return nil
}

var errFaults = errors.New("the list of faults")

const faultHelp = `Faults for --fault NAME[=VALUE]:
  loss=SHARE duplicate=SHARE reorder=SHARE   of datagrams, from 0 to 1
  seed=N delay=TIME silent                   chance; of each answer; no answer at all
  echo-privilege no-sessions refuse-suite=N wrong-tags wrong-checksums anonymous
  open-privilege padded-name short-codes=N   codes of logins, as some makers made them
  short-device-id max-read=BYTES empty-fru clock-backwards
  sdr-chain=itself|endless                   records that never end
  code=NETFN/CMD=CODE                        a command fails, in hexadecimal: code=00/02=c0
`

// setFault sets a fault by its name.
func setFault(f *bmc.Faults, text string) error {
	name, value, _ := strings.Cut(text, "=")
	flags := map[string]*bool{
		"silent": &f.Silent, "echo-privilege": &f.EchoPrivilege, "no-sessions": &f.NoSessions, "wrong-tags": &f.WrongTags,
		"wrong-checksums": &f.WrongChecksums, "anonymous": &f.Anonymous, "open-privilege": &f.OpenPrivilege, "padded-name": &f.PaddedName,
		"short-device-id": &f.ShortDeviceID, "empty-fru": &f.EmptyFRU, "clock-backwards": &f.ClockBackwards,
	}
	if flag := flags[name]; flag != nil && value == "" {
		*flag = true
		return nil
	}
	shares := map[string]*float64{"loss": &f.Loss, "duplicate": &f.Duplicate, "reorder": &f.Reorder}
	if share := shares[name]; share != nil {
		return parsed(text, share, func(s string) (float64, error) {
			v, err := strconv.ParseFloat(s, 64)
			if err == nil && (v < 0 || v > 1) {
				err = strconv.ErrRange
			}
			return v, err
		})(value)
	}
	counts := map[string]*int{"short-codes": &f.ShortCodes, "max-read": &f.MaxRead}
	if count := counts[name]; count != nil {
		if f.ReadCode == 0 {
			f.ReadCode = ipmi.CodeTooManyBytes
		}
		return parsed(text, count, strconv.Atoi)(value)
	}
	switch name {
	case "help":
		return errFaults
	case "seed":
		return parsed(text, &f.Seed, func(s string) (uint64, error) { return strconv.ParseUint(s, 0, 64) })(value)
	case "delay":
		return parsed(text, &f.Delay, time.ParseDuration)(value)
	case "refuse-suite":
		n, err := strconv.ParseUint(value, 10, 8)
		f.RefuseSuites = append(f.RefuseSuites, rmcp.Suite(n))
		return err
	case "sdr-chain":
		at := slices.Index([]string{"right", "itself", "endless"}, value)
		f.SDRChain = bmc.Chain(max(at, 0))
		if at >= 0 {
			return nil
		}
	case "code":
		var fn, cmd, code uint8
		if _, err := fmt.Sscanf(value, "%x/%x=%x", &fn, &cmd, &code); err == nil {
			if f.Codes == nil {
				f.Codes = make(map[[2]uint8]ipmi.Code)
			}
			f.Codes[[2]uint8{fn, cmd}] = ipmi.Code(code)
			return nil
		}
	}
	return fmt.Errorf("--fault %s: it is no fault with such a value; --fault help lists them", text)
}

// parsed gives what puts a value in its place, or says that it is none.
func parsed[T any](text string, dst *T, parse func(string) (T, error)) func(string) error {
	return func(value string) error {
		v, err := parse(value)
		if err != nil {
			return fmt.Errorf("--fault %s: %w", text, err)
		}
		*dst = v
		return nil
	}
}
