package mc

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// BusTransfer is the request of Master Write-Read (section 22.11): bytes are written to a
// device on a bus of the controller, then some are read.
type BusTransfer struct {
	Channel uint8 // 0 to 15, of a public bus
	Bus     uint8 // 0 to 7
	Private bool  // Bus is a private one
	Address uint8 // of the device, as an 8-bit address; its bit 0 is not sent
	Read    uint8 // how many bytes to read
	Write   []byte
}

// ParseBusTransfer reads the request of Master Write-Read.
func ParseBusTransfer(b []byte) (BusTransfer, error) {
	if err := ipmi.Short("bus transfer", b, 3); err != nil {
		return BusTransfer{}, err
	}
	return BusTransfer{
		Channel: b[0] >> 4, Bus: b[0] >> 1 & 0x07, Private: b[0]&1 != 0,
		Address: b[1] &^ 1, Read: b[2], Write: append([]byte(nil), b[3:]...),
	}, nil
}

// Append adds the request to b.
func (t BusTransfer) Append(b []byte) []byte {
	b = append(b, t.Channel<<4|t.Bus&0x07<<1|bit(t.Private, 1), t.Address&^1, t.Read)
	return append(b, t.Write...)
}

// Transfer writes and reads on a bus behind the controller. It is sent at most once
// unless nothing is written: what a device does with written bytes nobody here knows.
func Transfer(ctx context.Context, d ipmi.Doer, t BusTransfer) ([]byte, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdMasterWriteRead, Data: t.Append(nil), Once: len(t.Write) > 0}
	b, err := d.Do(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("transfer with device %02x on bus %d: %w", t.Address, t.Bus, err)
	}
	return b, nil
}
