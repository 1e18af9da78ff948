package vbmc

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/field"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/ipmi/sel"
	"millwright.dev/millwright/libvirt"
)

// controller is the BMC's own address.
const controller = 0x20

// Numbers of sensors.
const (
	powerSensor uint8 = 1 + iota // bit 0: off
	crashSensor                  // bit 1: the operating system has stopped
	bootSensor
)

// config makes the BMC of what the guest is.
func (g *Guest) config(is *libvirt.Description) bmc.Config {
	c := bmc.Config{
		Name: g.name, GUID: guid(is.UUID), Users: g.opts.Users, Log: g.hypervisor.log,
		SDR: [][]byte{
			(&sdr.FRU{ID: 1, Access: controller, Logical: true, Kind: 0x10, Entity: sdr.Entity{Kind: event.EntitySystemBoard, Instance: 1}, Name: cut(g.name, 16)}).Append(nil),
			state(2, powerSensor, event.PowerUnit, "Power"),
			state(3, crashSensor, event.OSStop, "OS"),
			state(4, bootSensor, event.SystemBoot, "Boot"),
		},
	}
	if macs := is.MACs(); len(macs) > 0 {
		_, _ = fmt.Sscanf(macs[0], "%02x:%02x:%02x:%02x:%02x:%02x", &c.LAN.MAC[0], &c.LAN.MAC[1], &c.LAN.MAC[2], &c.LAN.MAC[3], &c.LAN.MAC[4], &c.LAN.MAC[5])
	}
	return c
}

// guid is a UUID as most BMCs send it: as SMBIOS stores it, which is where the guest's
// operating system has it from, too.
func guid(text string) mc.GUID {
	u, err := libvirt.ParseUUID(text)
	if err != nil {
		return mc.GUID{}
	}
	return mc.GUID{u[3], u[2], u[1], u[0], u[5], u[4], u[7], u[6], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]}
}

// state is the record of a sensor with states of its type's.
func state(id sdr.ID, number uint8, t event.SensorType, name string) []byte {
	return (&sdr.Compact{ID: id, Common: sdr.Common{
		Key: sdr.Key{Owner: controller, Number: number}, Entity: sdr.Entity{Kind: event.EntitySystemBoard, Instance: 1},
		Init: 0x40, Capabilities: sdr.Capabilities{AutoRearm: true, Events: 3}, Type: t, Reading: event.SensorSpecific,
		Masks: sdr.Masks{Reading: 0x03}, Format: sdr.NonNumeric,
	}, Name: name}).Append(nil)
}

// show sets the power sensor.
func show(m *bmc.Machine, on bool) {
	var r bmc.Reading
	if !on {
		r.States = 1
	}
	m.SetReading(0, powerSensor, r)
	m.SetReading(0, crashSensor, bmc.Reading{})
	m.SetReading(0, bootSensor, bmc.Reading{})
}

// record writes an event into the machine's log, in IPMI's words (table 42-3). What they
// have no word for is left out.
func record(m *bmc.Machine, e libvirt.Event) {
	entry := sel.Event{Generator: controller, Revision: 4, Type: event.SensorSpecific, Data: [3]byte{0, 0xff, 0xff}}
	switch e.Kind {
	case libvirt.Started: // no longer off
		entry.Sensor, entry.SensorType, entry.Deassert = powerSensor, event.PowerUnit, true
	case libvirt.Stopped: // off
		entry.Sensor, entry.SensorType = powerSensor, event.PowerUnit
	case libvirt.Crashed: // run-time critical stop
		entry.Sensor, entry.SensorType, entry.Data[0] = crashSensor, event.OSStop, 1
	case libvirt.Rebooted: // initiated by warm reset
		entry.Sensor, entry.SensorType, entry.Data[0] = bootSensor, event.SystemBoot, 2
	default:
		return
	}
	m.Log(entry)
}

// cut shortens a text to what a field has room for.
func cut(s string, most int) string { return s[:min(len(s), most)] }

// inventory is what the guest would have on its type plate.
func inventory(is *libvirt.Description) []byte {
	text := func(s string) field.FRU {
		f, err := field.NewFRU(25, cut(strings.TrimSpace(s), 62))
		if err != nil { // what English has no letters for
			f, _ = field.NewFRU(25, strings.Map(func(r rune) rune {
				if r < ' ' || r > '~' {
					return '?'
				}
				return r
			}, cut(s, 62)))
		}
		return f
	}
	extra := []field.FRU{
		text("memory " + strconv.FormatUint(is.Memory.KiB()>>10, 10) + " MiB"),
		text("processors " + strconv.Itoa(is.VCPU)),
	}
	for _, mac := range is.MACs() {
		if len(extra) < 10 {
			extra = append(extra, text("MAC "+mac))
		}
	}
	maker, name := cmp.Or(is.System("manufacturer"), "libvirt"), cmp.Or(is.System("product"), "virtual machine")
	serial := cmp.Or(is.System("serial"), is.UUID)
	image, err := fru.Inventory{
		Chassis: &fru.Chassis{Type: 1, Serial: text(serial)},
		Board:   &fru.Board{Language: 25, Manufacturer: text(maker), Product: text(cmp.Or(is.OS.Type.Machine, is.OS.Type.Name)), Serial: text(serial), Part: text(is.OS.Type.Arch)},
		Product: &fru.Product{Language: 25, Manufacturer: text(maker), Name: text(name), Part: text(is.System("sku")), Version: text(is.System("version")), Serial: text(serial), Asset: text(is.Name), Extra: extra},
	}.Append(nil)
	if err != nil {
		return nil
	}
	return image
}
