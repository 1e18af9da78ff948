package event

// genericStates are the states of generic reading types (table 42-2).
var genericStates = [...][]string{
	Threshold: {
		"Lower Non-critical - going low", "Lower Non-critical - going high",
		"Lower Critical - going low", "Lower Critical - going high",
		"Lower Non-recoverable - going low", "Lower Non-recoverable - going high",
		"Upper Non-critical - going low", "Upper Non-critical - going high",
		"Upper Critical - going low", "Upper Critical - going high",
		"Upper Non-recoverable - going low", "Upper Non-recoverable - going high",
	},
	Usage:        {"Transition to Idle", "Transition to Active", "Transition to Busy"},
	DigitalState: {"State Deasserted", "State Asserted"},
	Prediction:   {"Predictive Failure deasserted", "Predictive Failure asserted"},
	Limit:        {"Limit Not Exceeded", "Limit Exceeded"},
	Performance:  {"Performance Met", "Performance Lags"},
	Gravity: {
		"Transition to OK", "Transition to Non-Critical from OK", "Transition to Critical from less severe",
		"Transition to Non-recoverable from less severe", "Transition to Non-Critical from more severe",
		"Transition to Critical from Non-recoverable", "Transition to Non-recoverable", "Monitor", "Informational",
	},
	DevicePresence: {"Device Removed / Device Absent", "Device Inserted / Device Present"},
	DeviceEnabled:  {"Device Disabled", "Device Enabled"},
	Availability: {
		"Transition to Running", "Transition to In Test", "Transition to Power Off", "Transition to On Line",
		"Transition to Off Line", "Transition to Off Duty", "Transition to Degraded", "Transition to Power Save", "Install Error",
	},
	Redundancy: {
		"Fully Redundant", "Redundancy Lost", "Redundancy Degraded",
		"Non-redundant: Sufficient Resources from Redundant",
		"Non-redundant: Sufficient Resources from Insufficient Resources",
		"Non-redundant: Insufficient Resources",
		"Redundancy Degraded from Fully Redundant", "Redundancy Degraded from Non-redundant",
	},
	ACPIDevice: {"D0 Power State", "D1 Power State", "D2 Power State", "D3 Power State"},
}

// genericSeverities has a letter for each offset: Warning, Critical, Failed, or - for OK.
var genericSeverities = [...]string{
	Threshold:    "WWCCFFWWCCFF",
	Prediction:   "-W",
	Limit:        "-W",
	Performance:  "-W",
	Gravity:      "-WCFWCF",
	Availability: "----C-C-C",
	Redundancy:   "-CWWWCWW",
	ACPIDevice:   "",
}

// specificStates are the states of sensors with the sensor-specific reading type (table 42-3).
var specificStates = [...][]string{
	PhysicalSecurity: {
		"General Chassis Intrusion", "Drive Bay intrusion", "I/O Card area intrusion", "Processor area intrusion",
		"LAN Leash Lost (system is unplugged from LAN)", "Unauthorized dock", "FAN area intrusion",
	},
	PlatformSecurity: {
		"Secure Mode (Front Panel Lockout) Violation attempt", "Pre-boot Password Violation - user password",
		"Pre-boot Password Violation attempt - setup password", "Pre-boot Password Violation - network boot password",
		"Other pre-boot Password Violation", "Out-of-band Access Password Violation",
	},
	Processor: {
		"IERR", "Thermal Trip", "FRB1/BIST failure", "FRB2/Hang in POST failure",
		"FRB3/Processor Startup/Initialization failure (CPU didn't start)", "Configuration Error",
		"SM BIOS 'Uncorrectable CPU-complex Error'", "Processor Presence detected", "Processor disabled",
		"Terminator Presence Detected", "Processor Automatically Throttled",
		"Machine Check Exception (Uncorrectable)", "Correctable Machine Check Error",
	},
	PowerSupply: {
		"Presence detected", "Power Supply Failure detected", "Predictive Failure", "Power Supply input lost (AC/DC)",
		"Power Supply input lost or out-of-range", "Power Supply input out-of-range, but present",
		"Configuration error", "Power Supply Inactive (in standby state)",
	},
	PowerUnit: {
		"Power Off / Power Down", "Power Cycle", "240VA Power Down", "Interlock Power Down", "AC lost / Power input lost",
		"Soft Power Control Failure", "Power Unit Failure detected", "Predictive Failure",
	},
	Memory: {
		"Correctable ECC / other correctable memory error", "Uncorrectable ECC / other uncorrectable memory error",
		"Parity", "Memory Scrub Failed (stuck bit)", "Memory Device Disabled",
		"Correctable ECC / other correctable memory error logging limit reached", "Presence detected",
		"Configuration error", "Spare", "Memory Automatically Throttled", "Critical Overtemperature",
	},
	DriveSlot: {
		"Drive Presence", "Drive Fault", "Predictive Failure", "Hot Spare", "Consistency Check / Parity Check in progress",
		"In Critical Array", "In Failed Array", "Rebuild/Remap in progress", "Rebuild/Remap Aborted (was not completed normally)",
	},
	FirmwareProgress: {"System Firmware Error (POST Error)", "System Firmware Hang", "System Firmware Progress"},
	LoggingDisabled: {
		"Correctable Memory Error Logging Disabled", "Event 'Type' Logging Disabled", "Log Area Reset/Cleared",
		"All Event Logging Disabled", "SEL Full", "SEL Almost Full", "Correctable Machine Check Error Logging Disabled",
	},
	Watchdog1: {
		"BIOS Watchdog Reset", "OS Watchdog Reset", "OS Watchdog Shut Down", "OS Watchdog Power Down", "OS Watchdog Power Cycle",
		"OS Watchdog NMI / Diagnostic Interrupt", "OS Watchdog Expired, status only", "OS Watchdog pre-timeout Interrupt, non-NMI",
	},
	SystemEvent: {
		"System Reconfigured", "OEM System Boot Event", "Undetermined system hardware failure",
		"Entry added to Auxiliary Log", "PEF Action", "Timestamp Clock Synch",
	},
	CriticalInterrupt: {
		"Front Panel NMI / Diagnostic Interrupt", "Bus Timeout", "I/O channel check NMI", "Software NMI", "PCI PERR", "PCI SERR",
		"EISA Fail Safe Timeout", "Bus Correctable Error", "Bus Uncorrectable Error", "Fatal NMI", "Bus Fatal Error", "Bus Degraded",
	},
	Button: {"Power Button pressed", "Sleep Button pressed", "Reset Button pressed", "FRU latch open", "FRU service request button"},
	ChipSet: {
		"Soft Power Control Failure (chip set did not respond to BMC request to change system power state)", "Thermal Trip",
	},
	Cable: {"Cable/Interconnect is connected", "Configuration Error - Incorrect cable connected / Incorrect interconnection"},
	SystemBoot: {
		"Initiated by power up", "Initiated by hard reset", "Initiated by warm reset", "User requested PXE boot",
		"Automatic boot to diagnostic", "OS / run-time software initiated hard reset",
		"OS / run-time software initiated warm reset", "System Restart",
	},
	BootError: {
		"No bootable media", "Non-bootable diskette left in drive", "PXE Server not found", "Invalid boot sector",
		"Timeout waiting for user selection of boot source",
	},
	OSBoot: {
		"A: boot completed", "C: boot completed", "PXE boot completed", "Diagnostic boot completed", "CD-ROM boot completed",
		"ROM boot completed", "boot completed - boot device not specified", "Base OS/Hypervisor Installation started",
		"Base OS/Hypervisor Installation completed", "Base OS/Hypervisor Installation aborted", "Base OS/Hypervisor Installation failed",
	},
	OSStop: {
		"Critical stop during OS load / initialization", "Run-time Critical Stop", "OS Graceful Stop", "OS Graceful Shutdown",
		"Soft Shutdown initiated by PEF", "Agent Not Responding",
	},
	Slot: {
		"Fault Status asserted", "Identify Status asserted", "Slot / Connector Device installed/attached",
		"Slot / Connector Ready for Device Installation", "Slot / Connector Ready for Device Removal", "Slot Power is Off",
		"Slot / Connector Device Removal Request", "Interlock asserted", "Slot is Disabled", "Slot holds spare device",
	},
	ACPIState: {
		`S0 / G0 "working"`, `S1 "sleeping with system h/w & processor context maintained"`, `S2 "sleeping, processor context lost"`,
		`S3 "sleeping, processor & h/w context lost, memory retained"`, `S4 "non-volatile sleep / suspend-to disk"`,
		`S5 / G2 "soft-off"`, "S4 / S5 soft-off, particular S4 / S5 state cannot be determined", "G3 / Mechanical Off",
		"Sleeping in an S1, S2, or S3 state", "G1 sleeping (S1-S4 state cannot be determined)", "S5 entered by override",
		"Legacy ON state", "Legacy OFF state", "", "Unknown",
	},
	Watchdog2:      {"Timer expired, status only", "Hard Reset", "Power Down", "Power Cycle", "", "", "", "", "Timer interrupt"},
	PlatformAlert:  {"Platform generated page", "Platform generated LAN alert", "Platform Event Trap generated", "Platform generated SNMP trap, OEM format"},
	EntityPresence: {"Entity Present", "Entity Absent", "Entity Disabled"},
	LAN:            {"LAN Heartbeat Lost", "LAN Heartbeat"},
	SubsystemHealth: {
		"Sensor access degraded or unavailable", "Controller access degraded or unavailable", "Management controller off-line",
		"Management controller unavailable", "Sensor failure", "FRU failure",
	},
	Battery:      {"Battery low (predictive failure)", "Battery failed", "Battery presence detected"},
	SessionAudit: {"Session Activated", "Session Deactivated", "Invalid Username or Password", "Invalid password disable"},
	VersionChange: {
		"Hardware change detected with associated Entity", "Firmware or software change detected with associated Entity",
		"Hardware incompatibility detected with associated Entity", "Firmware or software incompatibility detected with associated Entity",
		"Entity is of an invalid or unsupported hardware version", "Entity contains an invalid or unsupported firmware or software version",
		"Hardware Change detected with associated Entity was successful",
		"Software or F/W Change detected with associated Entity was successful",
	},
	FRUState: {
		"FRU Not Installed", "FRU Inactive (in standby or \"hot spare\" state)", "FRU Activation Requested", "FRU Activation In Progress",
		"FRU Active", "FRU Deactivation Requested", "FRU Deactivation In Progress", "FRU Communication Lost",
	},
}

// specificSeverities has a letter for each offset, as genericSeverities has.
var specificSeverities = [...]string{
	PhysicalSecurity:  "CCCCCCC",
	PlatformSecurity:  "CCCCCC",
	Processor:         "FFFFFFF---WFW",
	PowerSupply:       "-CCCCCW",
	PowerUnit:         "--W-WFCW",
	Memory:            "WFWC-W-C-WC",
	DriveSlot:         "-CW--CF-C",
	FirmwareProgress:  "FF",
	LoggingDisabled:   "WW-W--W",
	SystemEvent:       "--F",
	CriticalInterrupt: "CCCCFFFWFFWW",
	Button:            "----W",
	ChipSet:           "CF",
	Cable:             "-C",
	SystemBoot:        "----W",
	BootError:         "-FFFF",
	OSBoot:            "----------F",
	OSStop:            "FF--WW",
	Slot:              "C-----W-W",
	Watchdog2:         "C",
	LAN:               "W",
	SubsystemHealth:   "WWWWWW",
	Battery:           "WC",
	SessionAudit:      "--WC",
	VersionChange:     "--CCCC",
	FRUState:          "-------W",
}
