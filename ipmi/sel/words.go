package sel

import "fmt"

// word picks from a list by number; what it does not have is told by its number.
func word(list []string, n uint8) string {
	if int(n) < len(list) && list[n] != "" {
		return list[n]
	}
	return fmt.Sprintf("code %02x", n)
}

// The lists of table 42-3, each by the number in the data byte.

func supplyErrors() []string {
	return []string{
		"vendor mismatch", "revision mismatch", "processor missing", "power rating mismatch", "voltage rating mismatch",
	}
}

func firmwareErrors() []string {
	return []string{
		"unspecified", "no system memory is installed", "no usable system memory", "hard disk failure",
		"system board failure", "diskette failure", "hard disk controller failure", "keyboard failure",
		"no removable boot medium", "video controller failure", "no video device", "firmware ROM is corrupt",
		"CPU voltage mismatch", "CPU speed mismatch",
	}
}

func firmwareProgress() []string {
	return []string{
		"unspecified", "memory initialisation", "hard disk initialisation", "secondary processor initialisation",
		"user authentication", "system setup by the user", "USB resource configuration", "PCI resource configuration",
		"option ROM initialisation", "video initialisation", "cache initialisation", "SM bus initialisation",
		"keyboard controller initialisation", "management controller initialisation", "docking station attachment",
		"enabling docking station", "docking station ejection", "disabling docking station", "calling the OS wake-up vector",
		"starting the OS boot process", "baseboard initialisation", "", "floppy initialisation", "keyboard test",
		"pointing device test", "primary processor initialisation",
	}
}

func logActions() []string {
	return []string{
		"entry added", "entry added for an event with no standard record", "entry added beside records of this log",
		"log cleared", "log disabled", "log enabled",
	}
}

func logKinds() []string { return []string{"machine check log", "OEM log 1", "OEM log 2"} }

func pefActions() []string {
	return []string{"alert", "power off", "reset", "power cycle", "OEM action", "diagnostic interrupt"}
}

func restartCauses() []string {
	return []string{
		"unknown cause", "chassis control command", "reset button", "power button", "watchdog", "OEM cause",
		"powered up as its policy always does", "powered up as its policy restores what was", "reset by event filter",
		"power cycle by event filter", "soft reset", "powered up by its clock",
	}
}

func slotTypes() []string {
	return []string{
		"PCI", "drive array", "external connector", "docking", "other internal expansion slot", "slot of the sensor's entity",
		"AdvancedTCA", "memory", "fan", "PCI Express", "parallel SCSI", "SATA or SAS", "USB",
	}
}

func watchdogPhases() []string {
	return []string{
		"", "BIOS FRB2", "BIOS/POST", "OS load", "SMS/OS", "OEM", "", "", "", "", "", "", "", "", "", "unspecified timer",
	}
}

func logoutCauses() []string {
	return []string{"cause unspecified", "closed by command", "timed out", "configuration changed"}
}

func versionTargets() []string {
	return []string{
		"unspecified", "device id of the management controller", "firmware revision of the management controller",
		"device revision of the management controller", "manufacturer id of the management controller",
		"IPMI version of the management controller", "auxiliary firmware id of the management controller",
		"boot block of the management controller", "other firmware of the management controller", "system firmware",
		"SMBIOS", "operating system", "OS loader", "service or diagnostic partition", "management agent",
		"management application", "management middleware", "programmable hardware", "board or FRU module",
		"board or FRU component", "board or FRU replaced by an equal one", "board or FRU replaced by a newer one",
		"board or FRU replaced by an older one", "hardware configuration of a board or FRU",
	}
}

func fruCauses() []string {
	return []string{
		"normal state change", "commanded by software outside the FRU", "handle latch moved by the operator",
		"hot swap button pressed by the operator", "the FRU's own doing", "communication lost",
		"communication lost by local failure", "extracted unexpectedly", "changed by the operator or an update",
		"IPMB address cannot be worked out", "deactivated unexpectedly", "", "", "", "", "cause unknown",
	}
}
