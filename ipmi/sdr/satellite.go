package sdr

import (
	"context"
	"errors"
	"fmt"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/mc"
)

// BMC is the slave address of every BMC.
const BMC = 0x20

// Behind gives a way to a controller behind the BMC.
func Behind(d ipmi.Doer, hop ipmi.Hop) ipmi.Doer { return behind{d, hop} }

type behind struct {
	d   ipmi.Doer
	hop ipmi.Hop
}

func (b behind) Do(ctx context.Context, r ipmi.Request) ([]byte, error) {
	r.Bridge = append([]ipmi.Hop{b.hop}, r.Bridge...)
	return b.d.Do(ctx, r)
}

// addSatellites adds the device SDRs of the controllers that the records tell of. What cannot
// be had is a fault: the BMC's own records are good all the same.
func (s *Set) addSatellites(ctx context.Context, d ipmi.Doer, o Options) {
	known := make(map[Key]bool)
	for _, sensor := range s.Sensors() {
		known[sensor.Key] = true
	}
	for _, r := range s.Records {
		c, ok := r.(*Controller)
		if !ok || c.Address == BMC || !c.Support.Has(mc.SupportSensor) {
			continue
		}
		more, err := satellite(ctx, Behind(d, ipmi.Hop{Channel: c.Channel, Address: c.Address}), o.width())
		if err != nil {
			s.Faults = append(s.Faults, fmt.Errorf("records of the controller %q at %02x: %w", c.Name, c.Address, err))
		}
		for _, r := range more {
			if news := Sensors([]Record{r}); len(news) == 0 || !known[news[0].Key] {
				s.Records = append(s.Records, r)
			}
		}
	}
}

// satellite reads a controller's device SDRs; none if it has none.
func satellite(ctx context.Context, d ipmi.Doer, width int) ([]Record, error) {
	id, err := mc.GetDeviceID(ctx, d)
	if err != nil || !id.DeviceSDR {
		return nil, err
	}
	h := &holdings{device: id, own: true}
	if h.dev, err = GetDeviceInfo(ctx, d); err != nil {
		return nil, err
	}
	raw, err := newReader(d, h, width).walk(ctx)
	var s Set
	s.parse(raw)
	return s.Records, errors.Join(append(s.Faults, err)...)
}
