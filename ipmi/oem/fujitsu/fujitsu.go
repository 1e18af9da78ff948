// Package fujitsu covers what Fujitsu's PRIMERGY servers (iRMC) add to IPMI: their lights,
// the identify light that stays on, why the machine was last switched on and off, the
// versions of the BMC's firmware, and the words that the BMC itself has for its event log.
//
// Sources: "iRMC S2/S3, IPMI OEM Commands supported by the iRMC", and what ipmi-oem of FreeIPMI
// was seen to send and to show; its manual says that these commands work on RX100 S5. Left out:
// remote storage. Start at [Makers].
package fujitsu

import (
	"context"
	"fmt"
	"strings"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/oem"
)

// ID is Fujitsu's number as a manufacturer.
const ID = 10368

// The commands, each of which is a group with specifiers.
const (
	cmdPower = 0x01
	cmdBMC   = 0xf5

	powerOnSource  = 0x15
	powerOffSource = 0x16

	versions    = 0x12
	eventText   = 0x43
	setIdentify = 0xb0
	getIdentify = 0xb1
	errorLEDs   = 0xb3
)

// Makers gives the variants.
func Makers() []oem.Maker {
	return []oem.Maker{{
		Name:     "fujitsu",
		Products: []oem.Product{{Maker: ID, Product: oem.AnyProduct, Device: oem.AnyProduct}},
		Open:     func(t oem.Target) oem.Machine { return &Machine{t.Doer} },
	}}
}

// Machine is a PRIMERGY.
type Machine struct{ d ipmi.Doer }

// ask does a command of Fujitsu's and gives its answer after the number of the maker.
func (m *Machine) ask(ctx context.Context, what string, need int, cmd uint8, data ...byte) ([]byte, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnOEM, Cmd: cmd, Data: oem.Before(ID, data...)}
	return ipmi.Ask(ctx, m.d, what, r, func(b []byte) ([]byte, error) { return oem.After("answer", ID, b, need) })
}

// LEDs reads the identify light, the CSS light ("customer self service": the customer can mend
// it) and the global error light.
func (m *Machine) LEDs(ctx context.Context) ([]oem.LED, error) {
	b, err := m.ask(ctx, "read the identify light", 1, cmdBMC, getIdentify)
	if err != nil {
		return nil, err
	}
	states := oem.Choice{{Value: 0, Name: "off"}, {Value: 1, Name: "on"}, {Value: 2, Name: "blink"}}
	lights := []oem.LED{{Name: "identify", State: states.Name(b[0] & 1)}}
	b, err = m.ask(ctx, "read the error lights", 1, cmdBMC, errorLEDs)
	if oem.Refused(err) {
		return lights, nil
	}
	if err != nil {
		return lights, err
	}
	if b[0] > 8 {
		return append(lights, oem.LED{Name: "error", State: fmt.Sprintf("%#02x", b[0])}), nil
	}
	return append(lights, oem.LED{Name: "css", State: states.Name(b[0] / 3)}, oem.LED{Name: "error", State: states.Name(b[0] % 3)}), nil
}

// SetIdentify switches the identify light on until it is switched off; Chassis Identify does
// it for a while.
func (m *Machine) SetIdentify(ctx context.Context, on bool) error {
	var data byte
	if on {
		data = 1
	}
	_, err := m.ask(ctx, "switch the identify light", 0, cmdBMC, setIdentify, data)
	return err
}

// source words why a machine was switched on or off.
func source(v byte, on bool) string {
	var name, off string
	switch v {
	case 0x00:
		name = "software or command"
	case 0x01:
		name = "power switch"
	case 0x02:
		name, off = "automatic restart after a power failure", "power failure"
	case 0x03:
		name = "clock or timer"
	case 0x04:
		name, off = "automatic restart after a fan failed", "fan failure"
	case 0x05:
		name, off = "automatic restart after a critical temperature", "critical temperature"
	case 0x08:
		name, off = "restart by the watchdog", "watchdog, for the last time"
	case 0x09:
		name, off = "remote", "source 0x09"
	case 0x0c:
		name, off = "restart after a CPU error", "CPU error, for the last time"
	default:
		return fmt.Sprintf("source %#02x", v)
	}
	if on || off == "" {
		return name
	}
	return off
}

// Inventory tells why the machine was last switched on and off.
func (m *Machine) Inventory(ctx context.Context) ([]oem.Item, error) {
	item := oem.Item{Name: "iRMC"}
	for _, s := range []struct {
		name      string
		specifier byte
	}{{"power.on.source", powerOnSource}, {"power.off.source", powerOffSource}} {
		// One byte comes before the source.
		b, err := m.ask(ctx, "read the "+s.name, 2, cmdPower, s.specifier)
		if oem.Refused(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		item.Fields = append(item.Fields, fru.Field{Name: s.name, Text: source(b[1], s.specifier == powerOnSource)})
	}
	if len(item.Fields) == 0 {
		return nil, nil
	}
	return []oem.Item{item}, nil
}

// Firmware lists the firmware in both of the BMC's memories.
func (m *Machine) Firmware(ctx context.Context) ([]oem.Firmware, error) {
	const good = 1 // of what a memory may be; otherwise its check failed
	var list []oem.Firmware
	for bank := range byte(2) {
		b, err := m.ask(ctx, "read the firmware's version", 15, cmdBMC, versions, bank)
		if oem.Refused(err) {
			continue
		}
		if err != nil {
			return list, err
		}
		state := "ok"
		if b[0] != good {
			state = "broken"
		}
		list = append(list,
			oem.Firmware{Name: fmt.Sprintf("BMC firmware %d", bank+1), Version: fmt.Sprintf("%d.%02x", b[1], b[2]), Build: fmt.Sprintf("%d.%02d", b[3], b[4]), State: state})
	}
	return list, nil
}

// EventText gives the words that the BMC itself has for an entry of its log, by the
// entry's id, and how bad it says that it is.
func (m *Machine) EventText(ctx context.Context, id uint16) (string, event.Severity, error) {
	const (
		head   = 10 // next id, id, type, time, severity
		atOnce = 0x20
	)
	var text strings.Builder
	var severity event.Severity
	for whole := 1; text.Len() < whole; {
		b, err := m.ask(ctx, "read the text of an event", head+1, cmdBMC, eventText, byte(id), byte(id>>8), byte(text.Len()), atOnce)
		if err != nil {
			return "", 0, err
		}
		whole, severity = int(b[head]), severityOf(b[head-1])
		part, _, _ := strings.Cut(string(b[head+1:]), "\x00") // which ends each part
		if part == "" {
			break
		}
		text.WriteString(part)
	}
	return text.String(), severity, nil
}

func severityOf(b byte) event.Severity {
	switch b >> 4 & 7 {
	case 0:
		return event.OK
	case 1:
		return event.Warning
	case 2, 3:
		return event.Critical
	}
	return event.Warning
}

var (
	_ oem.LEDs         = (*Machine)(nil)
	_ oem.Inventory    = (*Machine)(nil)
	_ oem.FirmwareList = (*Machine)(nil)
)
