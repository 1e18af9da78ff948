package dcmi

import (
	"context"
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
)

// The entities at which DCMI has temperatures (section 6.5.2), and the type of their sensors.
const (
	EntityInlet       = 0x40
	EntityCPU         = 0x41
	EntityBaseboard   = 0x42
	SensorTemperature = 0x01
)

// SensorQuery is the request of Get DCMI Sensor Info and of Get Temperature Readings
// (sections 6.5.2 and 6.7.3).
type SensorQuery struct {
	Type     uint8
	Entity   uint8
	Instance uint8 // 0 for all from Start on
	Start    uint8 // from 1
}

// ParseSensorQuery reads the request.
func ParseSensorQuery(b []byte) (SensorQuery, error) {
	b, err := body("sensor query", b, 4)
	if err != nil {
		return SensorQuery{}, err
	}
	return SensorQuery{b[0], b[1], b[2], b[3]}, nil
}

// Append adds the request to b.
func (q SensorQuery) Append(b []byte) []byte {
	return append(b, Group, q.Type, q.Entity, q.Instance, q.Start)
}

// SensorInfo is the answer of Get DCMI Sensor Info: the ids of sensors' records in the
// repository.
type SensorInfo struct {
	Total   uint8 // instances of the entity
	Records []uint16
}

// ParseSensorInfo reads the answer.
func ParseSensorInfo(b []byte) (SensorInfo, error) {
	b, err := body("sensor info", b, 2)
	if err != nil {
		return SensorInfo{}, err
	}
	s := SensorInfo{Total: b[0]}
	for ids := b[2:]; len(ids) >= 2 && len(s.Records) < int(b[1]); ids = ids[2:] {
		s.Records = append(s.Records, u16(ids))
	}
	return s, nil
}

// Append adds the answer to b.
func (s SensorInfo) Append(b []byte) []byte {
	b = append(b, Group, s.Total, byte(len(s.Records)))
	for _, id := range s.Records {
		b = append16(b, id)
	}
	return b
}

// GetSensors reads the ids of the records of an entity's sensors, all that there are.
func GetSensors(ctx context.Context, d ipmi.Doer, typ, entity uint8) ([]uint16, error) {
	var all []uint16
	for len(all) < 255 {
		q := SensorQuery{Type: typ, Entity: entity, Start: uint8(len(all) + 1)}
		s, err := ipmi.Ask(ctx, d, fmt.Sprintf("read the sensors of entity %02x", entity), request(CmdSensorInfo, q.Append(nil)), ParseSensorInfo)
		if err != nil {
			return all, err
		}
		all = append(all, s.Records...)
		if len(s.Records) == 0 || len(all) >= int(s.Total) {
			break
		}
	}
	return all, nil
}

// Temperature is one temperature.
type Temperature struct {
	Celsius  int8 // -127 to 127
	Instance uint8
}

// Temperatures is the answer of Get Temperature Readings.
type Temperatures struct {
	Total    uint8 // instances of the entity
	Readings []Temperature
}

// ParseTemperatures reads the answer.
func ParseTemperatures(b []byte) (Temperatures, error) {
	b, err := body("temperatures", b, 2)
	if err != nil {
		return Temperatures{}, err
	}
	t := Temperatures{Total: b[0]}
	for sets := b[2:]; len(sets) >= 2 && len(t.Readings) < int(b[1]); sets = sets[2:] {
		c := int8(sets[0] & 0x7f)
		if sets[0]&0x80 != 0 {
			c = -c
		}
		t.Readings = append(t.Readings, Temperature{c, sets[1]})
	}
	return t, nil
}

// Append adds the answer to b.
func (t Temperatures) Append(b []byte) []byte {
	b = append(b, Group, t.Total, byte(len(t.Readings)))
	for _, r := range t.Readings {
		c := byte(r.Celsius)
		if r.Celsius < 0 {
			c = 0x80 | byte(-r.Celsius)&0x7f
		}
		b = append(b, c, r.Instance)
	}
	return b
}

// GetTemperatures reads all temperatures of an entity.
func GetTemperatures(ctx context.Context, d ipmi.Doer, entity uint8) ([]Temperature, error) {
	var all []Temperature
	for len(all) < 255 {
		q := SensorQuery{Type: SensorTemperature, Entity: entity, Start: uint8(len(all) + 1)}
		t, err := ipmi.Ask(ctx, d, fmt.Sprintf("read the temperatures of entity %02x", entity), request(CmdTemperatures, q.Append(nil)), ParseTemperatures)
		if err != nil {
			return all, err
		}
		all = append(all, t.Readings...)
		if len(t.Readings) == 0 || len(all) >= int(t.Total) {
			break
		}
	}
	return all, nil
}

// ThermalLimit is the answer of Get Thermal Limit, and with Entity and Instance the
// request of Set Thermal Limit (sections 6.7.1 and 6.7.2).
type ThermalLimit struct {
	Entity, Instance uint8
	PowerOff         bool          // the machine is switched off, and it is logged
	Log              bool          // it is only logged
	Celsius          uint8         // the limit
	After            time.Duration // for how long it was exceeded, whole seconds
}

func (l ThermalLimit) rest(b []byte) []byte {
	var action byte
	if l.PowerOff {
		action |= 0x40
	}
	if l.Log {
		action |= 0x20
	}
	return append16(append(b, action, l.Celsius), uint16(min(max(l.After/time.Second, 0), 0xffff)))
}

func parseThermal(b []byte) ThermalLimit {
	return ThermalLimit{
		PowerOff: b[0]&0x40 != 0, Log: b[0]&0x20 != 0, Celsius: b[1], After: time.Duration(u16(b[2:])) * time.Second,
	}
}

// ParseThermalLimit reads the answer of Get Thermal Limit.
func ParseThermalLimit(b []byte) (ThermalLimit, error) {
	b, err := body("thermal limit", b, 4)
	if err != nil {
		return ThermalLimit{}, err
	}
	return parseThermal(b), nil
}

// ParseThermalSetting reads the request of Set Thermal Limit.
func ParseThermalSetting(b []byte) (ThermalLimit, error) {
	b, err := body("thermal limit setting", b, 6)
	if err != nil {
		return ThermalLimit{}, err
	}
	l := parseThermal(b[2:])
	l.Entity, l.Instance = b[0], b[1]
	return l, nil
}

// Append adds the answer of Get Thermal Limit to b.
func (l ThermalLimit) Append(b []byte) []byte { return l.rest(append(b, Group)) }

// AppendSetting adds the request of Set Thermal Limit to b.
func (l ThermalLimit) AppendSetting(b []byte) []byte {
	return l.rest(append(b, Group, l.Entity, l.Instance))
}

// GetThermalLimit reads the limit of an inlet's temperature.
func GetThermalLimit(ctx context.Context, d ipmi.Doer, entity, instance uint8) (ThermalLimit, error) {
	l, err := ipmi.Ask(ctx, d, "read the thermal limit", request(CmdGetThermal, []byte{Group, entity, instance}), ParseThermalLimit)
	l.Entity, l.Instance = entity, instance
	return l, err
}

// SetThermalLimit sets the limit of an inlet's temperature.
func SetThermalLimit(ctx context.Context, d ipmi.Doer, l ThermalLimit) error {
	return ipmi.Tell(ctx, d, "set the thermal limit", request(CmdSetThermal, l.AppendSetting(nil)))
}

// ConfigParam is a DCMI configuration parameter (section 6.1.2).
type ConfigParam uint8

// The parameters.
const (
	ActivateDHCP  ConfigParam = 1 // write only
	Discovery     ConfigParam = 2 // bit 0: option 12, bit 1: option 60 with 43, bit 7: random back-off
	DHCPTimeout   ConfigParam = 3 // seconds, 1 byte
	DHCPContact   ConfigParam = 4 // seconds, 2 bytes: how long a server is asked
	DHCPRetryTime ConfigParam = 5 // seconds, 2 bytes: until it is asked again
)

// GetConfig reads the bytes of a configuration parameter.
func GetConfig(ctx context.Context, d ipmi.Doer, p ConfigParam) ([]byte, error) {
	r := request(CmdGetConfig, []byte{Group, byte(p), 0})
	a, err := ipmi.Ask(ctx, d, fmt.Sprintf("read DCMI configuration %d", p), r, ParseCapabilityAnswer)
	return a.Data, err
}

// SetConfig writes the bytes of a configuration parameter.
func SetConfig(ctx context.Context, d ipmi.Doer, p ConfigParam, data ...byte) error {
	return ipmi.Tell(ctx, d, fmt.Sprintf("set DCMI configuration %d", p), request(CmdSetConfig, append([]byte{Group, byte(p), 0}, data...)))
}
