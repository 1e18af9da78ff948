package lenovo

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/sensor"
)

// The commands of an enclosure's manager, of network function 32h ("NeXtScale System Planning
// and Implementation Guide", tables 7-4 to 7-11).
const (
	cmdSupplyData  = 0x90
	cmdSupplyState = 0x91
	cmdLights      = 0x96
	cmdCapRange    = 0x9d
	cmdSetCap      = 0x9e
	cmdSetSaving   = 0x9f
	cmdSaving      = 0xa0
	cmdReseat      = 0xa4
	cmdFan         = 0xa5
	cmdBay         = 0xa7
)

const (
	bays     = 12
	supplies = 6
	whole    = 0x0d // the enclosure, where a bay is asked for
)

// Enclosure is a dense enclosure that is asked by way of its manager: FPC, SMM or SMM2.
type Enclosure struct{ Machine }

func openEnclosure(t oem.Target) oem.Machine { return &Enclosure{Machine{t.Doer}} }

func (m *Enclosure) ask(ctx context.Context, what string, need int, cmd uint8, data ...byte) ([]byte, error) {
	return ipmi.Ask(ctx, m.doer, what, ipmi.Request{NetFn: netFnAMI, Cmd: cmd, Data: data}, func(b []byte) ([]byte, error) {
		return b, ipmi.Short("answer", b, need)
	})
}

func word(b []byte, i int) int { return int(b[i]) | int(b[i+1])<<8 }

// Power reads the watts that all power supplies together draw. The enclosure keeps no
// instant's: Now is the average.
func (m *Enclosure) Power(ctx context.Context) (oem.PowerStatistics, error) {
	const input = 1
	b, err := m.ask(ctx, "read the power supplies", 6, cmdSupplyData, input)
	if err != nil {
		return oem.PowerStatistics{}, err
	}
	return oem.PowerStatistics{Now: word(b, 2), Min: word(b, 0), Max: word(b, 4), Average: word(b, 2)}, nil
}

// ExtraSensors reads what the power supplies give and their fans take, how each supply is,
// and its fan.
func (m *Enclosure) ExtraSensors(ctx context.Context) ([]sensor.Reading, error) {
	const output, fans = 2, 3
	var all []sensor.Reading
	add := func(name, kind, units string, v int) {
		f := float64(v)
		all = append(all, sensor.Reading{Name: name, Type: kind, Value: &f, Units: units, Health: event.OK})
	}
	if b, err := m.ask(ctx, "read the power supplies' output", 6, cmdSupplyData, output); err == nil {
		add("DC Power", "Power", "W", word(b, 2))
	} else if !oem.Refused(err) {
		return all, err
	}
	if b, err := m.ask(ctx, "read the power of the fans", 3, cmdSupplyData, fans); err == nil {
		add("Fan Power", "Power", "W", word(b, 0)|int(b[2])<<16)
	} else if !oem.Refused(err) {
		return all, err
	}
	states, err := m.supplies(ctx)
	if err != nil && !oem.Refused(err) {
		return all, err
	}
	all = append(all, states...)
	for n := byte(1); n <= supplies; n++ {
		b, err := m.ask(ctx, "read a power supply's fan", 4, cmdFan, n)
		if oem.Refused(err) {
			break
		}
		if err != nil {
			return all, err
		}
		const absent, normal = 0, 2
		if b[3] == absent {
			continue
		}
		add(fmt.Sprintf("PSU %d Fan", n), "Fan", "RPM", word(b, 0))
		if b[3] != normal {
			r := &all[len(all)-1]
			r.Health, r.States = event.Critical, []event.State{{Name: "abnormal", Severity: event.Critical}}
		}
	}
	return all, nil
}

// supplies reads how the power supplies are, each a bit.
func (m *Enclosure) supplies(ctx context.Context) ([]sensor.Reading, error) {
	b, err := m.ask(ctx, "read the state of the power supplies", 6, cmdSupplyState)
	if err != nil {
		return nil, err
	}
	warned, throttled, present, good := b[0], b[1], b[2], b[3]
	var all []sensor.Reading
	for i := range supplies {
		bit := byte(1) << i
		if present&bit == 0 {
			continue
		}
		s := event.State{Name: "power good", Severity: event.OK}
		switch {
		case good&bit == 0:
			s = event.State{Name: "no power", Severity: event.Critical}
		case warned&bit != 0:
			s = event.State{Name: "power is about to fail", Severity: event.Critical}
		case throttled&bit != 0:
			s = event.State{Name: "throttled", Severity: event.Warning}
		}
		all = append(all, sensor.Reading{Name: fmt.Sprintf("PSU %d", i+1), Type: "Power Supply", States: []event.State{s}, Health: s.Severity})
	}
	return all, nil
}

// LEDs reads the enclosure's lights.
func (m *Enclosure) LEDs(ctx context.Context) ([]oem.LED, error) {
	b, err := m.ask(ctx, "read the lights", 2, cmdLights)
	if err != nil {
		return nil, err
	}
	c := oem.Choice{{Value: 0, Name: "off"}, {Value: 1, Name: "on"}, {Value: 2, Name: "blink"}}
	return []oem.LED{{Name: "locator", State: c.Name(b[0])}, {Name: "check log", State: c.Name(b[1])}}, nil
}

// ReseatBay takes a bay off its power and puts it back.
func (m *Enclosure) ReseatBay(ctx context.Context, bay int) error {
	const reseat = 2
	if bay < 1 || bay > bays {
		return fmt.Errorf("reseat bay %d: there are 1 to %d", bay, bays)
	}
	_, err := m.ask(ctx, fmt.Sprintf("reseat bay %d", bay), 0, cmdReseat, byte(bay), reseat)
	return err
}

// Inventory tells what is in the bays.
func (m *Enclosure) Inventory(ctx context.Context) ([]oem.Item, error) {
	states := oem.Choice{{Value: 0, Name: "off"}, {Value: 0x10, Name: "S3"}, {Value: 0x20, Name: "no permission"}, {Value: 0x40, Name: "fault"}, {Value: 0x80, Name: "on"}}
	permissions := oem.Choice{
		{Value: 0, Name: "not present"},
		{Value: 1, Name: "standby"},
		{Value: 2, Name: "first permission failed"},
		{Value: 3, Name: "second permission failed"},
		{Value: 4, Name: "granted"},
	}
	var items []oem.Item
	for n := byte(1); n <= bays; n++ {
		b, err := m.ask(ctx, fmt.Sprintf("read what is in bay %d", n), 4, cmdBay, n)
		if oem.Refused(err) {
			continue
		}
		if err != nil {
			return items, err
		}
		if b[3] == 0 {
			continue
		}
		items = append(items, oem.Item{Name: fmt.Sprintf("Bay %d", n), Fields: []fru.Field{
			{Name: "bay.power", Text: states.Name(b[0])},
			{Name: "bay.width", Text: fmt.Sprint(b[1])},
			{Name: "bay.height", Text: fmt.Sprint(b[2])},
			{Name: "bay.permission", Text: permissions.Name(b[3])},
		}})
	}
	return items, nil
}

func (m *Enclosure) saving(ctx context.Context) (on bool, watts int, mode byte, err error) {
	b, err := m.ask(ctx, "read the power limit", 4, cmdSaving, whole)
	if err != nil {
		return false, 0, 0, err
	}
	return b[0] != 0, word(b, 1), b[3], nil
}

// CappingEnabled says whether the enclosure's power is limited.
func (m *Enclosure) CappingEnabled(ctx context.Context) (bool, error) {
	on, _, _, err := m.saving(ctx)
	return on, err
}

// SetCappingEnabled limits the enclosure's power or ends the limit; its saving mode stays.
func (m *Enclosure) SetCappingEnabled(ctx context.Context, on bool) error {
	_, _, mode, err := m.saving(ctx)
	if err != nil {
		return err
	}
	var data byte
	if on {
		data = 1
	}
	_, err = m.ask(ctx, "limit the power", 0, cmdSetSaving, whole, data, mode)
	return err
}

// Cap reads the limit.
func (m *Enclosure) Cap(ctx context.Context) (int, error) {
	_, watts, _, err := m.saving(ctx)
	return watts, err
}

// SetCap sets the limit.
func (m *Enclosure) SetCap(ctx context.Context, watts int) error {
	b, err := m.ask(ctx, "read what the power can be limited to", 4, cmdCapRange, whole)
	if err != nil {
		return err
	}
	if low, high := word(b, 0), word(b, 2); watts < low || watts > high {
		return fmt.Errorf("limit the power to %d W: this enclosure can be limited to %d to %d W", watts, low, high)
	}
	_, err = m.ask(ctx, "set the power limit", 0, cmdSetCap, whole, byte(watts), byte(watts>>8))
	return err
}

var (
	_ oem.PowerMeter   = (*Enclosure)(nil)
	_ oem.ExtraSensors = (*Enclosure)(nil)
	_ oem.LEDs         = (*Enclosure)(nil)
	_ oem.Bays         = (*Enclosure)(nil)
	_ oem.Inventory    = (*Enclosure)(nil)
	_ oem.Capping      = (*Enclosure)(nil)
)
