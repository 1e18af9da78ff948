package mc

import (
	"context"

	"millwright.dev/millwright/ipmi"
)

// Enables are what a controller passes on and keeps: the request of Set BMC Global
// Enables and the answer of its counterpart (sections 22.1 and 22.2).
type Enables uint8

// The bits of Enables.
const (
	EnableReceiveInterrupt Enables = 1 << 0 // for the queue of received messages
	EnableBufferInterrupt  Enables = 1 << 1 // for a full event buffer
	EnableEventBuffer      Enables = 1 << 2
	EnableSEL              Enables = 1 << 3 // events are written to the log
	EnableOEM0             Enables = 1 << 5
	EnableOEM1             Enables = 1 << 6
	EnableOEM2             Enables = 1 << 7
)

// Has says whether all of x is enabled.
func (e Enables) Has(x Enables) bool { return e&x == x }

// ParseEnables reads the answer of Get BMC Global Enables, or the request that sets them.
func ParseEnables(b []byte) (Enables, error) {
	if err := ipmi.Short("global enables", b, 1); err != nil {
		return 0, err
	}
	return Enables(b[0]), nil
}

// Append adds the message to b.
func (e Enables) Append(b []byte) []byte { return append(b, byte(e)) }

// GetEnables asks what is enabled.
func GetEnables(ctx context.Context, d ipmi.Doer) (Enables, error) {
	return ipmi.Ask(ctx, d, "read the global enables", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdGetEnables}, ParseEnables)
}

// SetEnables sets all bits as e has them. Read them first and change what is meant.
func SetEnables(ctx context.Context, d ipmi.Doer, e Enables) error {
	return ipmi.Tell(ctx, d, "set the global enables", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdSetEnables, Data: e.Append(nil)})
}

// Flags say what waits in a controller for the system's software: the answer of Get Message
// Flags, and which to clear in the request of Clear Message Flags (sections 22.3 and 22.4).
type Flags uint8

// The bits of Flags.
const (
	FlagMessage         Flags = 1 << 0 // a message can be read
	FlagEventBuffer     Flags = 1 << 1 // the event buffer is full
	FlagWatchdogPreTime Flags = 1 << 3 // the watchdog's early warning came
	FlagOEM0            Flags = 1 << 5
	FlagOEM1            Flags = 1 << 6
	FlagOEM2            Flags = 1 << 7
)

// Has says whether all of x is set.
func (f Flags) Has(x Flags) bool { return f&x == x }

// ParseFlags reads the answer of Get Message Flags, or the request that clears some.
func ParseFlags(b []byte) (Flags, error) {
	if err := ipmi.Short("message flags", b, 1); err != nil {
		return 0, err
	}
	return Flags(b[0]), nil
}

// Append adds the message to b.
func (f Flags) Append(b []byte) []byte { return append(b, byte(f)) }

// GetFlags asks what waits.
func GetFlags(ctx context.Context, d ipmi.Doer) (Flags, error) {
	return ipmi.Ask(ctx, d, "read the message flags", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdGetFlags}, ParseFlags)
}

// ClearFlags throws away what waits, for the bits set in f.
func ClearFlags(ctx context.Context, d ipmi.Doer, f Flags) error {
	return ipmi.Tell(ctx, d, "clear the message flags", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdClearFlags, Data: f.Append(nil)})
}
