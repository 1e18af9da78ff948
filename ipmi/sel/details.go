package sel

import (
	"fmt"
	"strings"

	"millwright.dev/millwright/ipmi/event"
)

// details says what data bytes 2 and 3 tell where the standard gives them a meaning
// of the sensor type's own (table 42-3). Bytes that it gives none are shown as they are.
func (e Event) details(d event.Data) []string {
	b2, b3 := d.Means2 == event.Specific, d.Means3 == event.Specific
	var second, third string
	if e.Type == event.SensorSpecific {
		if b2 {
			second = detail2(e.SensorType, d.Offset, d.Byte2, d.Byte3, b3)
		}
		if b3 {
			third = detail3(e.SensorType, d.Offset, d.Byte3)
		}
	}
	var out []string
	if second != "" {
		out = append(out, second)
	} else if b2 {
		out = append(out, fmt.Sprintf("data 2 is %02x", d.Byte2))
	}
	if third != "" {
		out = append(out, third)
	} else if b3 && !bothInSecond(e.SensorType, d.Offset) {
		out = append(out, fmt.Sprintf("data 3 is %02x", d.Byte3))
	}
	return out
}

// bothInSecond says whether detail2 has told what byte 3 means too.
func bothInSecond(t event.SensorType, offset uint8) bool {
	switch t {
	case event.LoggingDisabled:
		return offset == 1 || offset == 6
	case event.SubsystemHealth:
		return offset == 5
	}
	return false
}

func detail2(t event.SensorType, offset, v, third uint8, hasThird bool) string {
	switch t {
	case event.PhysicalSecurity:
		if offset == 4 {
			return fmt.Sprintf("network controller %d", v)
		}
	case event.FirmwareProgress:
		switch offset {
		case 0:
			return word(firmwareErrors(), v)
		case 1, 2:
			return word(firmwareProgress(), v)
		}
	case event.LoggingDisabled:
		return loggingDisabled(offset, v, third, hasThird)
	case event.SystemEvent:
		return systemEventDetail(offset, v)
	case event.ChipSet:
		if offset == 0 {
			return "asked for: " + event.StateOf(event.ACPIState, event.SensorSpecific, v, true).Name
		}
	case event.SystemBoot:
		if offset == 7 {
			return word(restartCauses(), v&0x0f)
		}
	case event.Slot:
		return word(slotTypes(), v&0x7f)
	case event.Watchdog2:
		return watchdogDetail(v)
	case event.SubsystemHealth:
		return healthDetail(offset, v, third, hasThird)
	case event.SessionAudit:
		return userDetail(v)
	case event.VersionChange:
		return word(versionTargets(), v)
	case event.FRUState:
		before := event.StateOf(event.FRUState, event.SensorSpecific, v&0x0f, true).Name
		return word(fruCauses(), v>>4) + "; before: " + before
	}
	return ""
}

func detail3(t event.SensorType, offset, v uint8) string {
	switch t {
	case event.PowerSupply:
		if offset == 6 {
			return word(supplyErrors(), v&0x0f)
		}
	case event.Memory:
		return fmt.Sprintf("memory module %d", v)
	case event.LoggingDisabled:
		if offset == 5 {
			return fmt.Sprintf("%d %% full", v)
		}
	case event.ChipSet:
		if offset == 0 {
			return "at that time: " + event.StateOf(event.ACPIState, event.SensorSpecific, v, true).Name
		}
	case event.SystemBoot:
		if offset == 7 {
			return fmt.Sprintf("channel %d", v&0x0f)
		}
	case event.Slot:
		return fmt.Sprintf("slot %d", v)
	case event.SessionAudit:
		return word(logoutCauses(), v>>4&3) + fmt.Sprintf(", channel %d", v&0x0f)
	}
	return ""
}

func loggingDisabled(offset, v, third uint8, hasThird bool) string {
	switch offset {
	case 0:
		return fmt.Sprintf("memory module %d", v)
	case 1:
		s := "events of reading type " + event.ReadingType(v).String()
		switch {
		case !hasThird:
			return s
		case third&0x20 != 0:
			return s + ", all of them"
		case third&0x10 != 0:
			return s + fmt.Sprintf(", assertion of offset %d", third&0x0f)
		}
		return s + fmt.Sprintf(", deassertion of offset %d", third&0x0f)
	case 6:
		if hasThird && third&0x80 != 0 {
			return fmt.Sprintf("processor %d, as its maker counts", v)
		}
		return fmt.Sprintf("processor %d", v)
	}
	return ""
}

func systemEventDetail(offset, v uint8) string {
	switch offset {
	case 3:
		return word(logActions(), v>>4) + ": " + word(logKinds(), v&0x0f)
	case 4:
		var actions []string
		for i, name := range pefActions() {
			if v>>i&1 != 0 {
				actions = append(actions, name)
			}
		}
		if len(actions) == 0 {
			return "no action"
		}
		return strings.Join(actions, ", ")
	case clockSet:
		which := "event log"
		if v&0x0f == 1 {
			which = "sensor record repository"
		}
		if v&0x80 == 0 {
			return "clock of the " + which + ", before it was set"
		}
		return "clock of the " + which + ", after it was set"
	}
	return ""
}

func watchdogDetail(v uint8) string {
	phase := word(watchdogPhases(), v&0x0f)
	switch v >> 4 {
	case 0:
		return phase
	case 1:
		return phase + ", SMI before"
	case 2:
		return phase + ", NMI before"
	case 3:
		return phase + ", message interrupt before"
	}
	return phase + ", interrupt before unspecified"
}

func healthDetail(offset, v, third uint8, hasThird bool) string {
	switch {
	case offset == 0 || offset == 4:
		return fmt.Sprintf("sensor %d", v)
	case offset != 5:
		return ""
	case v&0x80 != 0 && hasThird:
		return fmt.Sprintf("FRU %d", third)
	case hasThird:
		return fmt.Sprintf("FRU device at address %02x on bus %d, LUN %d", third, v&7, v>>3&3)
	}
	return fmt.Sprintf("FRU device on bus %d, LUN %d", v&7, v>>3&3)
}

func userDetail(v uint8) string {
	if v&0x3f == 0 {
		return "user unspecified"
	}
	return fmt.Sprintf("user %d", v&0x3f)
}
