package host

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/ipmi/spd"
)

// System is the name of the part that is the whole machine.
const System = "System"

// Part is a part of a machine.
type Part struct {
	Name   string
	Fields []fru.Field
	// Inventory is what the part's own memory says, Module what a memory module's says; nil for
	// parts that the maker tells of, and where Err says why there is none.
	Inventory *fru.Inventory
	Module    *spd.Module
	Err       error
}

// units lists the devices that hold inventories, the machine's own first.
func (h *Host) units(ctx context.Context) ([]fru.Unit, error) {
	set, err := h.records(ctx)
	if err != nil && !refused(err) {
		return nil, err
	}
	units := []fru.Unit{{Name: System}}
	if err != nil {
		return units, nil // no sensor records: the machine's own inventory needs none
	}
	for _, r := range set.Records {
		l, ok := r.(*sdr.FRU)
		if !ok || !l.Logical {
			continue
		}
		dev := fru.Device{ID: l.Device, LUN: l.LUN}
		if l.Access != 0 && l.Access != sdr.BMC {
			dev.Bridge = []ipmi.Hop{{Channel: l.Channel, Address: l.Access}}
		}
		inventory, module := fru.Holds(l.Kind, l.Modifier)
		if !inventory && !module || l.Device == 0 && dev.Bridge == nil {
			continue
		}
		name := l.Name
		if name == "" {
			name = dev.String()
		}
		units = append(units, fru.Unit{Device: dev, Name: name, Module: module})
	}
	return units, nil
}

// PartNames lists the parts of the machine, without reading them.
func (h *Host) PartNames(ctx context.Context) ([]string, error) {
	units, err := h.units(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, u := range units {
		names = append(names, u.Name)
	}
	return names, nil
}

// Inventory reads all parts: the machine itself, what sensor records tell of, and what the
// maker tells of. A part that cannot be read has an error; the others come all the same.
func (h *Host) Inventory(ctx context.Context) ([]Part, error) {
	units, err := h.units(ctx)
	if err != nil {
		return nil, err
	}
	parts, err := h.read(ctx, units)
	if err != nil {
		return parts, err
	}
	m, ok, err := maybe[oem.Inventory](ctx, h)
	if err != nil || !ok {
		return parts, err
	}
	items, err := m.Inventory(ctx)
	for _, i := range items {
		parts = append(parts, Part{Name: i.Name, Fields: i.Fields})
	}
	return parts, err
}

// Part reads one part by its name.
func (h *Host) Part(ctx context.Context, name string) (Part, error) {
	units, err := h.units(ctx)
	if err != nil {
		return Part{}, err
	}
	for _, u := range units {
		if strings.EqualFold(u.Name, name) {
			parts, err := h.read(ctx, []fru.Unit{u})
			if err != nil {
				return Part{}, err
			}
			return parts[0], parts[0].Err
		}
	}
	if m, ok, err := maybe[oem.Inventory](ctx, h); err != nil {
		return Part{}, err
	} else if ok {
		items, err := m.Inventory(ctx)
		if err != nil {
			return Part{}, err
		}
		for _, i := range items {
			if strings.EqualFold(i.Name, name) {
				return Part{Name: i.Name, Fields: i.Fields}, nil
			}
		}
	}
	return Part{}, fmt.Errorf("the machine has no part %q", name)
}

func (h *Host) read(ctx context.Context, units []fru.Unit) ([]Part, error) {
	decoder, decodes, err := maybe[oem.FRUs](ctx, h)
	if err != nil {
		return nil, err
	}
	var parts []Part
	for _, f := range fru.ReadAll(ctx, h.d, units, fru.Options{Ahead: h.o.Parallel}) {
		p := Part{Name: f.Unit.Name, Module: f.Module, Err: f.Err}
		if !f.Unit.Module {
			if decodes {
				decoder.DecodeFRU(f.Unit.Device, &f.Inventory)
			}
			p.Inventory, p.Fields = &f.Inventory, f.Inventory.Fields()
		}
		if p.Name == System {
			if p.Fields, err = h.system(ctx, p.Fields); err != nil {
				return parts, err
			}
			if errors.Is(p.Err, fru.ErrAbsent) {
				p.Err = nil // what the controller says is enough
			}
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// system adds what the controller says of the machine.
func (h *Host) system(ctx context.Context, fields []fru.Field) ([]fru.Field, error) {
	id, err := h.Device(ctx)
	if err != nil {
		return fields, err
	}
	guid, err := mc.GetSystemGUID(ctx, h.d)
	if refused(err) {
		guid, err = mc.GetDeviceGUID(ctx, h.d)
	}
	switch {
	case err == nil:
		fields = append(fields, fru.Field{Name: "system.uuid", Text: guid.String()})
	case !refused(err) && !errors.Is(err, ipmi.ErrShort):
		return fields, err
	}
	return append(fields,
		fru.Field{Name: "bmc.manufacturer", Text: oem.MakerName(id.Maker)},
		fru.Field{Name: "bmc.product", Text: fmt.Sprint(id.Product)},
		fru.Field{Name: "bmc.device", Text: fmt.Sprint(id.ID)},
		fru.Field{Name: "bmc.revision", Text: fmt.Sprint(id.Revision)},
		fru.Field{Name: "bmc.firmware", Text: id.Firmware()},
	), nil
}

// Firmware lists the firmware of the machine: that of the BMC, and what else the maker tells
// of. With names only those are listed.
func (h *Host) Firmware(ctx context.Context, names ...string) ([]oem.Firmware, error) {
	id, err := h.Device(ctx)
	if err != nil {
		return nil, err
	}
	all := []oem.Firmware{{Name: "BMC", Version: id.Firmware()}}
	if id.HasAux {
		all[0].Build = fmt.Sprintf("%x", id.Aux)
	}
	if bios, err := mc.GetSystemInfo(ctx, h.d, mc.InfoFirmwareVersion); err == nil && bios != "" {
		all = append(all, oem.Firmware{Name: "BIOS", Version: bios})
	} else if err != nil && !refused(err) && !errors.Is(err, ipmi.ErrShort) {
		return all, err
	}
	m, ok, err := maybe[oem.FirmwareList](ctx, h)
	if err != nil {
		return all, err
	}
	if ok {
		more, err := m.Firmware(ctx)
		if err != nil {
			return all, err
		}
		all = append(all, more...)
	}
	if len(names) == 0 {
		return all, nil
	}
	var some []oem.Firmware
	for _, f := range all {
		for _, n := range names {
			if strings.EqualFold(f.Name, n) {
				some = append(some, f)
			}
		}
	}
	return some, nil
}
