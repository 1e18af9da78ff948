package host

import (
	"context"
	"fmt"
	"strings"

	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/ipmi/sensor"
)

// records reads the sensor records once; Refresh has them read again.
func (h *Host) records(ctx context.Context) (*sdr.Set, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.set != nil {
		return h.set, nil
	}
	id, err := h.device(ctx)
	if err != nil {
		return nil, err
	}
	set, err := sdr.Read(ctx, h.d, sdr.Options{Device: &id, Cache: h.o.Cache, Host: h.o.Name, Parallel: h.o.Parallel, Satellites: true})
	if err != nil {
		return nil, err
	}
	h.set = set
	return set, nil
}

// Refresh forgets what was read of the controller and its sensor records, for use after a
// repair or an update of firmware.
func (h *Host) Refresh() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.id, h.set, h.made = nil, nil, nil
}

// SensorNames lists the machine's sensors, also those that cannot be read.
func (h *Host) SensorNames(ctx context.Context) ([]sdr.Sensor, error) {
	set, err := h.records(ctx)
	if err != nil {
		return nil, err
	}
	return set.Sensors(), nil
}

// Sensors reads all sensors, those of the maker's own last.
func (h *Host) Sensors(ctx context.Context) ([]sensor.Reading, error) {
	set, err := h.records(ctx)
	if err != nil {
		return nil, err
	}
	readings, err := sensor.Scan(ctx, h.d, set.Sensors(), sensor.Options{Parallel: h.o.Parallel})
	if err != nil {
		return readings, err
	}
	m, ok, err := maybe[oem.ExtraSensors](ctx, h)
	if err != nil || !ok {
		return readings, err
	}
	extra, err := m.ExtraSensors(ctx)
	return append(readings, extra...), err
}

// Sensor reads the sensor of a name.
func (h *Host) Sensor(ctx context.Context, name string) (sensor.Reading, error) {
	sensors, err := h.SensorNames(ctx)
	if err != nil {
		return sensor.Reading{}, err
	}
	for i := range sensors {
		if strings.EqualFold(sensors[i].Name, name) && !sensors[i].EventOnly {
			return sensor.Read(ctx, h.d, &sensors[i])
		}
	}
	return sensor.Reading{}, fmt.Errorf("the machine has no sensor %q that can be read", name)
}

// Health is how a machine does.
type Health struct {
	Worst event.Severity
	Bad   []sensor.Reading // that are not ok
}

// Health reads all sensors and tells the worst.
func (h *Host) Health(ctx context.Context) (Health, error) {
	readings, err := h.Sensors(ctx)
	if err != nil {
		return Health{}, err
	}
	all := Health{Worst: sensor.Health(readings)}
	for _, r := range readings {
		if r.Health != event.OK {
			all.Bad = append(all.Bad, r)
		}
	}
	return all, nil
}
