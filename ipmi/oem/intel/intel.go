// Package intel covers what Intel's platforms add to IPMI: the power statistics, policies and
// version of the Node Manager in the management engine, the engine's events, and of the BMC
// on Intel's own boards the power restore delay and the services beside IPMI.
//
// Sources: "Intel Intelligent Power Node Manager 3.0, external interface specification
// using IPMI" (332200), Intel's guides to the event log of its server boards, and for
// the BMC what ipmi-oem of FreeIPMI was seen to send (its manual: S2600JF, S2600WT2). Left out:
// the Node Manager's alerts, suspend periods and turbo ratios, SMTP settings, and restoring what the
// factory set. Start at [Makers]; other makers' machines that have a Node Manager use [Open].
package intel

import (
	"context"
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/sel"
)

// ID is Intel's number as a manufacturer.
const ID = 343

// Where the management engine is, unless a machine's records say otherwise.
const (
	EngineAddress = 0x2c
	EngineChannel = 0x06 // the secondary IPMB
)

// The commands of the Node Manager, of network function OEM.
const (
	CmdStatistics = 0xc8
	CmdVersion    = 0xca
)

// Makers gives the variants.
func Makers() []oem.Maker {
	return []oem.Maker{{
		Name:     "intel",
		Products: []oem.Product{{Maker: ID, Product: oem.AnyProduct, Device: oem.AnyProduct}},
		Open: func(t oem.Target) oem.Machine {
			return &Board{Open(t.Doer, ipmi.Hop{Channel: EngineChannel, Address: EngineAddress})}
		},
	}}
}

// Machine is a machine with a Node Manager.
type Machine struct {
	doer   ipmi.Doer
	engine ipmi.Hop
}

// Open gives what can be done by a management engine at a place.
func Open(d ipmi.Doer, engine ipmi.Hop) *Machine { return &Machine{d, engine} }

func (m *Machine) request(cmd uint8, data ...byte) ipmi.Request {
	return ipmi.Request{
		NetFn: ipmi.NetFnOEM, Cmd: cmd, Bridge: []ipmi.Hop{m.engine},
		Data: append([]byte{ID & 0xff, ID >> 8, 0}, data...),
	}
}

// Statistics is the answer of Get Node Manager Statistics.
type Statistics struct {
	Now, Min, Max, Average uint16
	At                     uint32 // seconds since 1970, by the engine's clock
	Over                   time.Duration
	Domain                 uint8
	Measuring              bool
}

// ParseStatistics reads the answer.
func ParseStatistics(b []byte) (Statistics, error) {
	if err := ipmi.Short("Node Manager statistics", b, 20); err != nil {
		return Statistics{}, err
	}
	if maker := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16; maker != ID {
		return Statistics{}, fmt.Errorf("statistics of the manufacturer %d, not %d", maker, ID)
	}
	u16 := func(i int) uint16 { return uint16(b[i]) | uint16(b[i+1])<<8 }
	u32 := func(i int) uint32 { return uint32(u16(i)) | uint32(u16(i+2))<<16 }
	return Statistics{
		Now: u16(3), Min: u16(5), Max: u16(7), Average: u16(9), At: u32(11), Over: time.Duration(u32(15)) * time.Second,
		Domain: b[19] & 0x0f, Measuring: b[19]&0x40 != 0,
	}, nil
}

// Power reads the watts of the whole platform.
func (m *Machine) Power(ctx context.Context) (oem.PowerStatistics, error) {
	const globalPower, wholePlatform, noPolicy = 1, 0, 0
	s, err := ipmi.Ask(ctx, m.doer, "read the Node Manager's statistics",
		m.request(CmdStatistics, globalPower, wholePlatform, noPolicy), ParseStatistics)
	if err != nil {
		return oem.PowerStatistics{}, err
	}
	return oem.PowerStatistics{Now: int(s.Now), Min: int(s.Min), Max: int(s.Max), Average: int(s.Average), Over: s.Over}, nil
}

// engineEvent is the reading type of the engine's firmware health events.
const engineEvent event.ReadingType = 0x75

// DecodeEvent puts the engine's firmware health events into words.
func (m *Machine) DecodeEvent(e *sel.Entry) { DecodeEvent(e) }

// DecodeEvent puts the engine's firmware health events into words, on any maker's machine.
func DecodeEvent(e *sel.Entry) {
	ev := e.Record.Event
	if ev.Type != engineEvent || ev.Offset() != 0 || ev.Data[0]>>6 != 2 {
		return
	}
	name, severity := engineState(ev.Data[1])
	e.State.Name, e.State.Severity, e.Severity = "ME: "+name, severity, severity
	e.Details = append(e.Details, fmt.Sprintf("code %02x %02x", ev.Data[1], ev.Data[2]))
}

func engineState(code uint8) (string, event.Severity) {
	switch code {
	case 0x00:
		return "recovery forced by GPIO", event.Warning
	case 0x01:
		return "image execution failed", event.Critical
	case 0x02:
		return "flash erase error", event.Critical
	case 0x03:
		return "flash state information", event.Warning
	case 0x04:
		return "internal error", event.Critical
	case 0x05:
		return "BMC did not respond correctly to a cold reset", event.Warning
	case 0x06:
		return "direct flash update asked for by the BIOS", event.OK
	case 0x07:
		return "manufacturing error", event.Critical
	case 0x08:
		return "automatic restore to factory settings", event.Warning
	case 0x09:
		return "firmware exception", event.Critical
	case 0x0a:
		return "flash wear-out protection", event.Warning
	case 0x0d:
		return "DMI interface error", event.Critical
	case 0x0e:
		return "MCTP interface error", event.Warning
	case 0x0f:
		return "auto-configuration finished", event.OK
	}
	return fmt.Sprintf("firmware status %02x", code), event.Warning
}

var (
	_ oem.PowerMeter = (*Machine)(nil)
	_ oem.Events     = (*Machine)(nil)
)
