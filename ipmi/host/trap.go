package host

import (
	"context"

	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/pet"
	"millwright.dev/millwright/ipmi/sel"
)

// Trap puts a platform event trap of the machine into words, with the names that its sensor
// records give: specific is the trap's specific number, octets its one variable.
func (h *Host) Trap(ctx context.Context, specific uint32, octets []byte) (pet.Trap, sel.Entry, error) {
	t, err := pet.Parse(specific, octets)
	if err != nil {
		return t, sel.Entry{}, err
	}
	e := t.Describe(h.lookup(ctx))
	if m, ok, err := maybe[oem.Events](ctx, h); err == nil && ok {
		m.DecodeEvent(&e)
	}
	return t, e, nil
}

// AcknowledgeTrap tells the machine that a trap arrived, so that it is not sent again.
func (h *Host) AcknowledgeTrap(ctx context.Context, t pet.Trap) error {
	return pet.Acknowledge(ctx, h.d, t.Ack())
}
