package redfish

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sort"
	"strings"
)

// Sensor is one value that is measured.
type Sensor struct {
	Path   string // where it was read; of several in one resource it is the resource's
	Name   string
	Kind   string  // ReadingType: "Temperature", "Voltage", "Rotational", "Percent", "Power", "Current", "EnergykWh", "Humidity", "Altitude"…
	Value  float64 // in Unit
	Valid  bool    // false of a sensor that has no reading now
	Unit   string  // "Cel", "V", "RPM", "%", "W", "A"…
	Part   string  // PhysicalContext: "Intake", "CPU"…
	Health Health
	State  string
	Total  bool // what the whole machine or enclosure takes, rather than a part
	Limits Limits
}

// Limits are between what a value should stay; nil is none.
type Limits struct {
	LowerCaution, LowerCritical, LowerFatal *float64
	UpperCaution, UpperCritical, UpperFatal *float64
}

// Sensors reads what is measured in and around the machine: the Sensors collection of
// each enclosure where there is one, else Power and Thermal or the subsystems that came
// after them. Enclosures that cannot be read are in the error.
func (s *System) Sensors(ctx context.Context) ([]Sensor, error) {
	chassis, err := s.Chassis(ctx)
	wrong := []error{err}
	var all []Sensor
	for _, ch := range chassis {
		list, err := s.client.Sensors(ctx, ch)
		all, wrong = append(all, list...), append(wrong, err)
	}
	return all, errors.Join(wrong...)
}

// Sensors reads what is measured in an enclosure.
func (c *Client) Sensors(ctx context.Context, chassis Document) ([]Sensor, error) {
	set := sensorSet{client: c, seen: make(map[string]bool)}
	if l := chassis.Link("Sensors"); l != "" {
		docs, err := c.fresh(ctx, l)
		set.wrong = append(set.wrong, err)
		for _, d := range docs {
			set.add(d)
		}
	}
	set.old(ctx, chassis, len(set.list) == 0)
	if len(set.list) == 0 {
		set.subsystems(ctx, chassis)
	}
	for _, l := range []string{chassis.Link("EnvironmentMetrics"), chassis.Link("ThermalSubsystem")} {
		if l == "" {
			continue
		}
		if d, err := c.Read(ctx, l); err == nil {
			set.excerpts(d)
		}
	}
	sort.SliceStable(set.list, func(i, j int) bool {
		a, b := &set.list[i], &set.list[j]
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) < 0
	})
	return set.list, errors.Join(set.wrong...)
}

// fresh reads a collection as it is now.
func (c *Client) fresh(ctx context.Context, path string) ([]Document, error) {
	c.cache.expire()
	return c.Members(ctx, path)
}

// sensorSet gathers sensors, each once.
type sensorSet struct {
	client *Client
	list   []Sensor
	seen   map[string]bool // by kind and name
	total  bool            // what is put is of the whole
	wrong  []error
}

func (set *sensorSet) put(s Sensor) {
	key := s.Kind + "\x00" + strings.ToLower(s.Name)
	if set.seen[key] || s.Name == "" || s.State == "Absent" || len(set.list) >= maxParts {
		return
	}
	set.seen[key] = true
	s.Total = s.Total || set.total
	set.list = append(set.list, s)
}

// add takes a resource of the Sensor schema.
func (set *sensorSet) add(d Document) {
	v, ok := d.Float("Reading")
	kind := d.String("ReadingType")
	unit := d.String("ReadingUnits")
	if kind == "" {
		kind = kindOfUnit(unit)
	}
	if unit == "" {
		unit = unitOfKind(kind)
	}
	if f, is := fahrenheit(unit, v); is {
		v, unit = f, "Cel"
	}
	set.put(Sensor{
		Path: d.Link(), Name: cmp.Or(d.String("Name"), d.String("Id")), Kind: kind, Value: v, Valid: ok, Unit: unit,
		Part: d.String("PhysicalContext"), Health: rollup(d), State: d.String("Status", "State"),
		Limits: Limits{
			limit(d, "Thresholds", "LowerCaution", "Reading"), limit(d, "Thresholds", "LowerCritical", "Reading"), limit(d, "Thresholds", "LowerFatal", "Reading"),
			limit(d, "Thresholds", "UpperCaution", "Reading"), limit(d, "Thresholds", "UpperCritical", "Reading"), limit(d, "Thresholds", "UpperFatal", "Reading"),
		},
	})
}

func limit(d Document, path ...string) *float64 {
	if v, ok := d.Float(path...); ok {
		return &v
	}
	return nil
}

func fahrenheit(unit string, v float64) (float64, bool) {
	if strings.HasPrefix(strings.ToLower(unit), "[degf]") || strings.EqualFold(unit, "Fahrenheit") {
		return (v - 32) * 5 / 9, true
	}
	return 0, false
}

func kindOfUnit(unit string) string {
	return map[string]string{"Cel": "Temperature", "V": "Voltage", "A": "Current", "W": "Power", "RPM": "Rotational", "%": "Percent", "Hz": "Frequency"}[unit]
}

func unitOfKind(kind string) string {
	return map[string]string{"Temperature": "Cel", "Voltage": "V", "Current": "A", "Power": "W", "Rotational": "RPM", "Percent": "%", "Humidity": "%", "Frequency": "Hz", "EnergykWh": "kW.h"}[kind]
}

// old reads Power and Thermal, which hold several sensors each. Where the Sensors
// collection has them, under other names, only what the whole takes is wanted of them.
func (set *sensorSet) old(ctx context.Context, chassis Document, all bool) {
	for _, name := range []string{"Thermal", "Power"} {
		l := chassis.Link(name)
		if l == "" || !all && name == "Thermal" {
			continue
		}
		d, err := set.client.Read(ctx, l)
		if err != nil {
			set.wrong = append(set.wrong, err)
			continue
		}
		for _, p := range d.List("PowerControl") {
			set.total = true
			set.part(l, p, "Power", "W", "PowerConsumedWatts")
			set.total = false
		}
		if !all {
			continue
		}
		for _, t := range d.List("Temperatures") {
			set.part(l, t, "Temperature", "Cel", "ReadingCelsius")
		}
		for _, f := range d.List("Fans") {
			unit := cmp.Or(f.String("ReadingUnits"), "RPM")
			kind := "Rotational"
			if strings.HasPrefix(strings.ToLower(unit), "percent") || unit == "%" {
				kind, unit = "Percent", "%"
			}
			set.part(l, f, kind, unit, "Reading", "ReadingRPM")
		}
		for _, v := range d.List("Voltages") {
			set.part(l, v, "Voltage", "V", "ReadingVolts")
		}
		for _, p := range d.List("PowerSupplies") {
			set.part(l, p, "Power", "W", "PowerInputWatts", "LastPowerOutputWatts", "PowerOutputWatts")
		}
	}
}

// part takes one sensor of Power or Thermal.
func (set *sensorSet) part(path string, d Document, kind, unit string, members ...string) {
	s := Sensor{
		Path: path, Name: cmp.Or(d.String("Name"), d.String("FanName"), d.String("SensorName"), d.String("MemberId")), Kind: kind, Unit: unit,
		Part: d.String("PhysicalContext"), Health: rollup(d), State: d.String("Status", "State"),
		Limits: Limits{
			limit(d, "LowerThresholdNonCritical"), limit(d, "LowerThresholdCritical"), limit(d, "LowerThresholdFatal"),
			limit(d, "UpperThresholdNonCritical"), limit(d, "UpperThresholdCritical"), limit(d, "UpperThresholdFatal"),
		},
	}
	if s.Name == "" && kind == "Power" {
		s.Name = "Power"
	}
	for _, m := range members {
		if v, ok := d.Float(m); ok {
			s.Value, s.Valid = v, true
			break
		}
	}
	if !s.Valid && kind == "Power" && len(members) > 1 {
		return // power supplies that only say that they are there
	}
	set.put(s)
}

// subsystems reads what took the place of Power and Thermal (DSP2064).
func (set *sensorSet) subsystems(ctx context.Context, chassis Document) {
	for _, sub := range [][2]string{{"ThermalSubsystem", "Fans"}, {"PowerSubsystem", "PowerSupplies"}} {
		l, name := chassis.Link(sub[0]), sub[1]
		if l == "" {
			continue
		}
		d, err := set.client.Get(ctx, l)
		if err != nil {
			set.wrong = append(set.wrong, err)
			continue
		}
		list, err := set.client.fresh(ctx, d.Link(name))
		set.wrong = append(set.wrong, err)
		var metrics []string
		for _, part := range list {
			if v, ok := part.Float("SpeedPercent", "Reading"); ok {
				set.put(Sensor{Path: part.Link(), Name: part.String("Name"), Kind: "Percent", Value: v, Valid: true, Unit: "%", Health: rollup(part), Part: part.String("PhysicalContext")})
			}
			if m := part.Link("Metrics"); m != "" {
				metrics = append(metrics, m)
			}
		}
		docs, err := set.client.GetAll(ctx, metrics)
		set.wrong = append(set.wrong, err)
		for _, m := range docs {
			set.excerpts(m)
		}
	}
}

// excerpts takes the sensors' excerpts of a resource of metrics: members that end with
// the name of a quantity, and arrays of temperatures.
func (set *sensorSet) excerpts(d Document) {
	name := d.String("Name")
	for _, e := range [][2]string{
		{"TemperatureCelsius", "Temperature"},
		{"TemperatureReadingsCelsius", "Temperature"},
		{"HumidityPercent", "Humidity"},
		{"FanSpeedsPercent", "Percent"},
		{"PowerWatts", "Power"},
		{"EnergykWh", "EnergykWh"},
		{"InputPowerWatts", "Power"},
		{"OutputPowerWatts", "Power"},
		{"InputVoltage", "Voltage"},
		{"InputCurrentAmps", "Current"},
	} {
		key, kind := e[0], e[1]
		for _, e := range d.List(key) {
			v, ok := e.Float("Reading")
			if ok && (e.Link("DataSourceUri") == "" || !set.has(e.Link("DataSourceUri"))) {
				set.put(Sensor{Path: cmp.Or(e.Link("DataSourceUri"), d.Link()), Name: cmp.Or(e.String("DeviceName"), strings.TrimSpace(name+" "+key)), Kind: kind, Value: v, Valid: true, Unit: unitOfKind(kind), Part: e.String("PhysicalContext"), Total: key == "PowerWatts"})
			}
		}
	}
}

func (set *sensorSet) has(path string) bool {
	return slices.ContainsFunc(set.list, func(s Sensor) bool { return s.Path == path })
}
