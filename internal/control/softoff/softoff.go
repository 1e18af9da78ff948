// Package softoff has a node's own device ask its operating system to shut down: what
// IPMI calls soft-off, Redfish a graceful shutdown, libvirt a shutdown of the guest.
// Each of them presses the power button, so to speak; the system has to heed it.
//
// It needs nothing on the machine and nothing set, but a device that has the verb
// soft-off. Whether the machine is off is what the device says of it.
package softoff

import (
	"context"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/room"
)

// New makes the kind.
func New() control.Kind {
	return control.Kind{
		Name:    "soft-off",
		Summary: "the node's service processor or hypervisor asks the system to shut down",
		New:     func() control.Settings { return &Settings{} },
	}
}

// Settings of one control: there is nothing to set.
type Settings struct{}

// Prepare implements [control.Settings].
func (*Settings) Prepare() (control.Control, error) { return button{}, nil }

// button is the control.
type button struct{}

// Can implements [control.Control].
func (button) Can() control.Abilities { return control.Abilities{Off: true, Status: true} }

// Off implements [control.Control].
func (button) Off(ctx context.Context, env control.Env) error { return env.Do(ctx, room.SoftOff) }

// On implements [control.Control]: that is the cords' affair.
func (button) On(context.Context, control.Env) error { return control.ErrCannot }

// Status implements [control.Control].
func (button) Status(ctx context.Context, env control.Env) (room.State, error) {
	return env.State(ctx, room.Status)
}

var _ control.Control = button{}
