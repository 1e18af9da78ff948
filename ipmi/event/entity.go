package event

import "fmt"

// Entity is the kind of thing that a sensor or a part belongs to (table 43-13).
type Entity uint8

// Entities that programs look for.
const (
	EntityProcessor    Entity = 0x03
	EntitySystemBoard  Entity = 0x07
	EntityMemoryModule Entity = 0x08
	EntityPowerSupply  Entity = 0x0a
	EntityChassis      Entity = 0x17
	EntityFan          Entity = 0x1d
	EntityMemoryDevice Entity = 0x20
	EntityAirInlet     Entity = 0x37
)

var entities = [...]string{
	"unspecified", "other", "unknown", "processor", "disk or disk bay", "peripheral bay", "system management module", "system board",
	"memory module", "processor module", "power supply", "add-in card", "front panel board", "back panel board", "power system board",
	"drive backplane", "system internal expansion board", "other system board", "processor board", "power unit / power domain",
	"power module / DC-to-DC converter", "power management / power distribution board", "chassis back panel board", "system chassis",
	"sub-chassis", "other chassis board", "disk drive bay", "peripheral bay", "device bay", "fan / cooling device",
	"cooling unit / cooling domain", "cable / interconnect", "memory device", "system management software", "system firmware",
	"operating system", "system bus", "group", "remote management communication device", "external environment", "battery",
	"processing blade", "connectivity switch", "processor/memory module", "I/O module", "processor/IO module",
	"management controller firmware", "IPMI channel", "PCI bus", "PCI Express bus", "SCSI bus (parallel)", "SATA / SAS bus",
	"processor / front-side bus", "real time clock", "reserved", "air inlet",
}

func (e Entity) String() string {
	switch {
	case int(e) < len(entities):
		return entities[e]
	case e == 0x40: // DCMI 1.5, table 6-2, has its own three
		return "air inlet"
	case e == 0x41:
		return "processor"
	case e == 0x42:
		return "baseboard"
	case e >= 0x90 && e <= 0xaf:
		return fmt.Sprintf("chassis-specific entity %02x", uint8(e))
	case e >= 0xb0 && e <= 0xcf:
		return fmt.Sprintf("board-set entity %02x", uint8(e))
	case e >= 0xd0:
		return fmt.Sprintf("OEM entity %02x", uint8(e))
	}
	return fmt.Sprintf("entity %02x", uint8(e))
}
