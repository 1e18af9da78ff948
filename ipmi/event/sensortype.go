package event

import "fmt"

// SensorType says what a sensor is about (table 42-3).
type SensorType uint8

// The sensor types. C0 to FF are makers' own.
const (
	Temperature       SensorType = 0x01
	Voltage           SensorType = 0x02
	Current           SensorType = 0x03
	Fan               SensorType = 0x04
	PhysicalSecurity  SensorType = 0x05
	PlatformSecurity  SensorType = 0x06
	Processor         SensorType = 0x07
	PowerSupply       SensorType = 0x08
	PowerUnit         SensorType = 0x09
	CoolingDevice     SensorType = 0x0a
	OtherUnits        SensorType = 0x0b
	Memory            SensorType = 0x0c
	DriveSlot         SensorType = 0x0d
	MemoryResize      SensorType = 0x0e
	FirmwareProgress  SensorType = 0x0f
	LoggingDisabled   SensorType = 0x10
	Watchdog1         SensorType = 0x11
	SystemEvent       SensorType = 0x12
	CriticalInterrupt SensorType = 0x13
	Button            SensorType = 0x14
	Module            SensorType = 0x15
	Microcontroller   SensorType = 0x16
	AddInCard         SensorType = 0x17
	Chassis           SensorType = 0x18
	ChipSet           SensorType = 0x19
	OtherFRU          SensorType = 0x1a
	Cable             SensorType = 0x1b
	Terminator        SensorType = 0x1c
	SystemBoot        SensorType = 0x1d
	BootError         SensorType = 0x1e
	OSBoot            SensorType = 0x1f
	OSStop            SensorType = 0x20
	Slot              SensorType = 0x21
	ACPIState         SensorType = 0x22
	Watchdog2         SensorType = 0x23
	PlatformAlert     SensorType = 0x24
	EntityPresence    SensorType = 0x25
	MonitorASIC       SensorType = 0x26
	LAN               SensorType = 0x27
	SubsystemHealth   SensorType = 0x28
	Battery           SensorType = 0x29
	SessionAudit      SensorType = 0x2a
	VersionChange     SensorType = 0x2b
	FRUState          SensorType = 0x2c
)

// IsOEM says whether the maker chose what the type means.
func (t SensorType) IsOEM() bool { return t >= 0xc0 }

var sensorTypes = [...]string{
	"Reserved", "Temperature", "Voltage", "Current", "Fan", "Physical Security", "Platform Security Violation Attempt",
	"Processor", "Power Supply", "Power Unit", "Cooling Device", "Other Units-based Sensor", "Memory", "Drive Slot",
	"POST Memory Resize", "System Firmware Progress", "Event Logging Disabled", "Watchdog 1", "System Event",
	"Critical Interrupt", "Button / Switch", "Module / Board", "Microcontroller / Coprocessor", "Add-in Card", "Chassis",
	"Chip Set", "Other FRU", "Cable / Interconnect", "Terminator", "System Boot / Restart Initiated", "Boot Error",
	"Base OS Boot / Installation Status", "OS Stop / Shutdown", "Slot / Connector", "System ACPI Power State", "Watchdog 2",
	"Platform Alert", "Entity Presence", "Monitor ASIC / IC", "LAN", "Management Subsystem Health", "Battery",
	"Session Audit", "Version Change", "FRU State",
}

func (t SensorType) String() string {
	switch {
	case int(t) < len(sensorTypes):
		return sensorTypes[t]
	case t.IsOEM():
		return fmt.Sprintf("OEM type %02x", uint8(t))
	}
	return fmt.Sprintf("sensor type %02x", uint8(t))
}

// NameWith is the type's name for a sensor that measures in these units: "other
// units" are told apart into power and energy where the units say it.
func (t SensorType) NameWith(u Units) string {
	if t == OtherUnits && u.Base == Watts {
		switch {
		case u.Modify == Multiply && u.Modifier >= Microseconds && u.Modifier <= Weeks:
			return "Energy"
		case u.Modify == NoModifier:
			return "Power"
		}
	}
	return t.String()
}
