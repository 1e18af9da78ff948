package service

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (s *Service) chassisRoutes(at func(string, *resource)) {
	at("/Chassis", &resource{get: (*call).chassisList, collection: true})
	at("/Chassis/{}", &resource{get: (*call).chassis, patch: (*call).changeChassis, write: configureComponents})
	at("/Chassis/{}/Sensors", &resource{get: (*call).sensorList, collection: true})
	at("/Chassis/{}/Sensors/{}", &resource{get: (*call).sensor})
	at("/Chassis/{}/Power", &resource{get: (*call).power})
	at("/Chassis/{}/Thermal", &resource{get: (*call).thermal})
	at("/Chassis/{}/ThermalSubsystem", &resource{get: (*call).thermalSubsystem})
	at("/Chassis/{}/ThermalSubsystem/ThermalMetrics", &resource{get: (*call).thermalMetrics})
	at("/Chassis/{}/EnvironmentMetrics", &resource{get: (*call).environment})
}

func (c *call) chassisList() (object, error) {
	return c.machineList("ChassisCollection", "Chassis", "Chassis")
}

// chassis is a machine as a thing that stands somewhere (Chassis).
func (c *call) chassis() (object, error) {
	m, err := c.machine()
	if err != nil {
		return nil, err
	}
	o := object{
		"@odata.id": c.path, "@odata.type": "#Chassis.v1_28_0.Chassis", "Id": m.ID, "Name": m.Name,
		"Description": "What the machine " + m.Name + " is built into.", "ChassisType": "StandAlone", "Status": status(m),
		"Manufacturer": orNull(m.Manufacturer), "Model": orNull(m.Model), "SerialNumber": orNull(m.SerialNumber), "PartNumber": orNull(m.PartNumber),
		"Links": object{"ComputerSystems": links(join(root+"/Systems", m.ID)), "ManagedBy": links(join(root+"/Managers", m.ID))},
	}
	put(o, "AssetTag", m.AssetTag)
	put(o, "PowerState", string(m.Power))
	indicate(o, m.Indicator)
	if m.Sensors {
		for _, name := range []string{"Sensors", "Power", "Thermal", "ThermalSubsystem", "EnvironmentMetrics"} {
			o[name] = link(c.path + "/" + name)
		}
	}
	return o, nil
}

func (c *call) changeChassis(f *fields) ([]step, error) {
	m, err := c.machine()
	if err != nil {
		return nil, err
	}
	return c.changeIndicator(m, f), nil
}

// readings asks what the machine of the path measures; each has an id.
func (c *call) readings() ([]Reading, error) {
	m, err := c.machine()
	if err != nil {
		return nil, err
	}
	if !m.Sensors {
		return nil, failed(http.StatusNotFound, say("ResourceMissingAtURI", c.path))
	}
	return memoise(c, "readings", m.ID, func() ([]Reading, error) {
		ctx, cancel := context.WithTimeout(c.ctx, readWithin)
		defer cancel()
		list, err := c.opts.Backend.Readings(ctx, c.user, m.ID)
		if err != nil {
			return nil, err
		}
		return named(list), nil
	})
}

// named gives each reading an id of its own, made of its name where it has none.
func named(list []Reading) []Reading {
	out, used := slices.Clone(list), make(map[string]bool)
	for i := range out {
		r := &out[i]
		if r.ID == "" {
			r.ID = strings.Map(func(c rune) rune {
				if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' {
					return c
				}
				return '_'
			}, r.Name)
		}
		if r.Name == "" {
			r.Name = string(r.Kind)
		}
		base := r.ID
		for n := 2; r.ID == "" || used[r.ID]; n++ {
			r.ID = base + "-" + strconv.Itoa(n)
		}
		used[r.ID] = true
	}
	return out
}

func (c *call) sensorList() (object, error) {
	list, err := c.readings()
	if err != nil {
		return nil, err
	}
	return c.list("SensorCollection", "Sensors", len(list), func(i int) object { return link(join(c.path, list[i].ID)) }), nil
}

// sensor is one reading (Sensor).
func (c *call) sensor() (object, error) {
	list, err := c.readings()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(r Reading) bool { return r.ID == c.ids[1] })
	if i < 0 {
		return nil, failed(http.StatusNotFound, say("ResourceMissingAtURI", c.path))
	}
	r := &list[i]
	o := object{
		"@odata.id": c.path, "@odata.type": "#Sensor.v1_12_0.Sensor", "Id": r.ID, "Name": r.Name, "Reading": number(r.Value), "Status": r.status(),
		"Description": "What " + r.Name + " says.",
	}
	kind, unit := r.Kind.schema()
	put(o, "ReadingType", kind)
	put(o, "ReadingUnits", unit)
	put(o, "PhysicalContext", r.Context)
	if !r.At.IsZero() {
		o["ReadingTime"] = clock(r.At)
	}
	limits := object{}
	for name, at := range map[string]*float64{"LowerCritical": r.LowCritical, "LowerCaution": r.LowCaution, "UpperCaution": r.HighCaution, "UpperCritical": r.HighCritical} {
		if at != nil {
			limits[name] = object{"Reading": *at}
		}
	}
	if len(limits) > 0 {
		o["Thresholds"] = limits
	}
	return o, nil
}

// schema gives a kind's ReadingType and its unit by UCUM. What the schema has no
// type for has none here.
func (k ReadingKind) schema() (kind, unit string) {
	switch k {
	case Temperature:
		return "Temperature", "Cel"
	case Humidity:
		return "Humidity", "%"
	case Voltage:
		return "Voltage", "V"
	case Current:
		return "Current", "A"
	case Power:
		return "Power", "W"
	case Energy:
		return "EnergykWh", "kW.h"
	case Frequency:
		return "Frequency", "Hz"
	case Rotational:
		return "Rotational", "{rev}/min"
	case Percent:
		return "Percent", "%"
	case ApparentPower:
		return "", "V.A"
	case PowerFactor:
		return "", ""
	}
	return "", ""
}

func (r *Reading) status() object {
	if r.Value == nil {
		return object{"State": "UnavailableOffline"}
	}
	o := object{"State": "Enabled"}
	put(o, "Health", string(r.Health))
	return o
}

func number(v *float64) any {
	if v == nil {
		return nil
	}
	return *v
}

// part is a reading as an item of the arrays of Power and Thermal.
func (c *call) part(array string, n int, r *Reading, value string) object {
	o := object{
		"@odata.id": c.path + "#/" + array + "/" + strconv.Itoa(n), "MemberId": strconv.Itoa(n), "Name": r.Name, "Status": r.status(),
		value: number(r.Value),
	}
	if value == "Reading" && r.Value != nil { // fans turn in whole numbers
		o[value] = int64(*r.Value)
	}
	put(o, "PhysicalContext", r.Context)
	if array == "PowerControl" {
		return o
	}
	for name, at := range map[string]*float64{
		"LowerThresholdCritical": r.LowCritical, "LowerThresholdNonCritical": r.LowCaution,
		"UpperThresholdNonCritical": r.HighCaution, "UpperThresholdCritical": r.HighCritical,
	} {
		switch {
		case at != nil && value == "Reading":
			o[name] = int64(*at)
		case at != nil:
			o[name] = *at
		}
	}
	return o
}

// power tells watts and volts the old way (Power), which many clients still read.
func (c *call) power() (object, error) {
	list, err := c.readings()
	if err != nil {
		return nil, err
	}
	control, volts := []object{}, []object{}
	for i := range list {
		switch list[i].Kind {
		case Power:
			control = append(control, c.part("PowerControl", len(control), &list[i], "PowerConsumedWatts"))
		case Voltage:
			volts = append(volts, c.part("Voltages", len(volts), &list[i], "ReadingVolts"))
		default:
		}
	}
	return object{
		"@odata.id": c.path, "@odata.type": "#Power.v1_7_3.Power", "Id": "Power", "Name": "Power",
		"PowerControl": control, "PowerControl@odata.count": len(control), "Voltages": volts, "Voltages@odata.count": len(volts),
	}, nil
}

// thermal tells temperatures and fans the old way (Thermal).
func (c *call) thermal() (object, error) {
	list, err := c.readings()
	if err != nil {
		return nil, err
	}
	degrees, fans := []object{}, []object{}
	for i := range list {
		r := &list[i]
		switch {
		case r.Kind == Temperature:
			degrees = append(degrees, c.part("Temperatures", len(degrees), r, "ReadingCelsius"))
		case r.Kind == Rotational, r.Kind == Percent && r.Context == "Fan":
			fan := c.part("Fans", len(fans), r, "Reading")
			fan["ReadingUnits"] = map[bool]string{true: "RPM", false: "Percent"}[r.Kind == Rotational]
			fans = append(fans, fan)
		}
	}
	return object{
		"@odata.id": c.path, "@odata.type": "#Thermal.v1_7_3.Thermal", "Id": "Thermal", "Name": "Thermal",
		"Temperatures": degrees, "Temperatures@odata.count": len(degrees), "Fans": fans, "Fans@odata.count": len(fans),
	}, nil
}

// thermalSubsystem leads to temperatures the new way (ThermalSubsystem).
func (c *call) thermalSubsystem() (object, error) {
	if _, err := c.readings(); err != nil {
		return nil, err
	}
	return object{
		"@odata.id": c.path, "@odata.type": "#ThermalSubsystem.v1_5_0.ThermalSubsystem", "Id": "ThermalSubsystem", "Name": "Thermal subsystem",
		"Status": enabled(), "ThermalMetrics": link(c.path + "/ThermalMetrics"),
	}, nil
}

// thermalMetrics tells all temperatures with the sensors that they are of
// (ThermalMetrics).
func (c *call) thermalMetrics() (object, error) {
	list, err := c.readings()
	if err != nil {
		return nil, err
	}
	degrees := []object{}
	for i := range list {
		r := &list[i]
		if r.Kind != Temperature {
			continue
		}
		o := object{"Reading": number(r.Value), "DeviceName": r.Name, "DataSourceUri": join(root+"/Chassis", c.ids[0], "Sensors", r.ID)}
		put(o, "PhysicalContext", r.Context)
		degrees = append(degrees, o)
	}
	return object{
		"@odata.id": c.path, "@odata.type": "#ThermalMetrics.v1_3_2.ThermalMetrics", "Id": "ThermalMetrics", "Name": "Temperatures",
		"TemperatureReadingsCelsius": degrees, "TemperatureReadingsCelsius@odata.count": len(degrees),
	}, nil
}

// environment sums up what concerns the whole machine (EnvironmentMetrics). A quantity
// that several sensors measure is shown only where that of the intake is known, since
// which of the others speaks for the whole cannot be.
func (c *call) environment() (object, error) {
	list, err := c.readings()
	if err != nil {
		return nil, err
	}
	o := object{
		"@odata.id": c.path, "@odata.type": "#EnvironmentMetrics.v1_5_0.EnvironmentMetrics", "Id": "EnvironmentMetrics", "Name": "Environment",
	}
	sensors := strings.TrimSuffix(c.path, "EnvironmentMetrics") + "Sensors"
	for kind, name := range map[ReadingKind]string{
		Power: "PowerWatts", Temperature: "TemperatureCelsius", Humidity: "HumidityPercent", Energy: "EnergykWh",
	} {
		if r := onlyOne(list, kind); r != nil {
			o[name] = object{"Reading": number(r.Value), "DataSourceUri": join(sensors, r.ID)}
		}
	}
	return o, nil
}

// onlyOne gives the one reading of a kind, or that at the intake.
func onlyOne(list []Reading, kind ReadingKind) *Reading {
	var found *Reading
	many := false
	for i := range list {
		r := &list[i]
		if r.Kind != kind {
			continue
		}
		if r.Context == "Intake" {
			return r
		}
		many = found != nil
		found = r
	}
	if many {
		return nil
	}
	return found
}
