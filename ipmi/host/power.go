package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/dcmi"
	"millwright.dev/millwright/ipmi/oem"
)

// Verb is what is done to a machine's power.
type Verb string

// The verbs.
const (
	On       Verb = "on"
	Off      Verb = "off" // at once, whatever runs
	Cycle    Verb = "cycle"
	Reset    Verb = "reset"
	Diag     Verb = "diag" // a diagnostic interrupt
	Soft     Verb = "soft" // asks the operating system to switch off
	Shutdown Verb = "shutdown"
	Softoff  Verb = "softoff"
	Boot     Verb = "boot" // on if it is off, else reset
)

// GetPower says whether the machine is on.
func (h *Host) GetPower(ctx context.Context) (bool, error) {
	s, err := chassis.GetStatus(ctx, h.d)
	return s.On, err
}

// SetPower switches the machine, unless it is so already, which it reads first. With wait
// it then reads the state every second until it is as wanted or wait is over, for verbs
// that have a state as their end.
func (h *Host) SetPower(ctx context.Context, v Verb, wait time.Duration) error {
	on, err := h.GetPower(ctx)
	if err != nil {
		return err
	}
	var a chassis.Action
	goal, waits := false, true
	switch v {
	case On:
		a, goal = chassis.PowerOn, true
	case Off:
		a = chassis.PowerOff
	case Soft, Shutdown, Softoff:
		a, v = chassis.SoftOff, Soft
	case Boot:
		a, v, goal = chassis.PowerOn, On, true
		if on {
			a, v, waits = chassis.HardReset, Reset, false
		}
	case Cycle:
		a, waits = chassis.PowerCycle, false
	case Reset:
		a, waits = chassis.HardReset, false
	case Diag:
		a, waits = chassis.DiagInt, false
	default:
		return fmt.Errorf("no power verb %q: it is one of on, off, cycle, reset, diag, soft, shutdown or boot", v)
	}
	if waits && on == goal {
		return nil
	}
	if err := h.switchPower(ctx, a, v); err != nil || !waits || wait <= 0 {
		return err
	}
	ctx, stop := context.WithTimeoutCause(ctx, wait, fmt.Errorf("power %s: not done after %v", v, wait))
	defer stop()
	return chassis.WaitFor(ctx, h.d, goal, time.Second)
}

func (h *Host) switchPower(ctx context.Context, a chassis.Action, v Verb) error {
	m, ok, err := maybe[oem.Power](ctx, h)
	switch {
	case err != nil:
		return err
	case ok:
		return m.SetPower(ctx, string(v))
	}
	return chassis.Control(ctx, h.d, a)
}

// Status reads all that the chassis says of itself.
func (h *Host) Status(ctx context.Context) (chassis.Status, error) {
	return chassis.GetStatus(ctx, h.d)
}

// Policy reads what happens when mains power comes back.
func (h *Host) Policy(ctx context.Context) (chassis.Policy, error) {
	s, err := chassis.GetStatus(ctx, h.d)
	return s.Policy, err
}

// SetPolicy sets what happens when mains power comes back.
func (h *Host) SetPolicy(ctx context.Context, p chassis.Policy) error {
	_, err := chassis.SetPolicy(ctx, h.d, p)
	return err
}

// RestartCause says why the machine last started.
func (h *Host) RestartCause(ctx context.Context) (chassis.Cause, error) {
	return chassis.GetCause(ctx, h.d)
}

// Hours says for how long the machine has been on in its life.
func (h *Host) Hours(ctx context.Context) (time.Duration, error) {
	hours, err := chassis.GetHours(ctx, h.d)
	return hours.Duration(), err
}

// GetBoot reads what the machine starts from next.
func (h *Host) GetBoot(ctx context.Context) (chassis.Boot, error) { return chassis.GetBoot(ctx, h.d) }

// SetBoot sets what the machine starts from: the next time, or always if persist.
func (h *Host) SetBoot(ctx context.Context, dev chassis.Device, persist, efi bool) error {
	b := chassis.Boot{Device: dev, Persistent: persist, EFI: efi}
	if dev == chassis.NoOverride {
		b = chassis.Boot{}
	}
	return chassis.SetBoot(ctx, h.d, b)
}

// Identify switches the light on for a while, off with 0, on until it is switched off with
// a negative length.
func (h *Host) Identify(ctx context.Context, length time.Duration) error {
	m, ok, err := maybe[oem.Identify](ctx, h)
	switch {
	case err != nil:
		return err
	case ok:
		return m.Identify(ctx, length)
	}
	return chassis.SetIdentify(ctx, h.d, length)
}

// Power reads the watts that the machine draws: by DCMI or, where that has none, by a
// command of its maker.
func (h *Host) Power(ctx context.Context) (oem.PowerStatistics, error) {
	p, err := dcmi.GetPower(ctx, h.d)
	if err == nil && (p.Active || p.Now > 0) {
		return oem.PowerStatistics{Now: int(p.Now), Min: int(p.Min), Max: int(p.Max), Average: int(p.Average), Over: p.Over}, nil
	}
	if err != nil && !refused(err) {
		return oem.PowerStatistics{}, err
	}
	m, err := can[oem.PowerMeter](ctx, h, "read the power")
	if err != nil {
		return oem.PowerStatistics{}, err
	}
	return m.Power(ctx)
}

// refused says whether the BMC understood a request and said no.
func refused(err error) bool {
	var no *ipmi.CodeError
	return errors.As(err, &no)
}

// Cap is a limit of the machine's power.
type Cap struct {
	Enabled bool
	Watts   int
}

// GetCap reads the power limit: the maker's, else DCMI's.
func (h *Host) GetCap(ctx context.Context) (Cap, error) {
	m, ok, err := maybe[oem.Capping](ctx, h)
	if err != nil {
		return Cap{}, err
	}
	if !ok {
		l, err := dcmi.GetLimit(ctx, h.d)
		return Cap{l.Active, int(l.Watts)}, err
	}
	on, err := m.CappingEnabled(ctx)
	if err != nil {
		return Cap{}, err
	}
	watts, err := m.Cap(ctx)
	return Cap{on, watts}, err
}

// SetCap limits the machine's power, or ends the limit: by the maker's commands, else by
// DCMI. With watts 0 the limit that is set stays.
func (h *Host) SetCap(ctx context.Context, c Cap) error {
	if c.Watts < 0 || c.Watts > 0xffff {
		return fmt.Errorf("limit the power: %d W is not 0 to 65535", c.Watts)
	}
	m, ok, err := maybe[oem.Capping](ctx, h)
	if err != nil {
		return err
	}
	if ok {
		if c.Watts > 0 {
			if err := m.SetCap(ctx, c.Watts); err != nil {
				return err
			}
		}
		return m.SetCappingEnabled(ctx, c.Enabled)
	}
	if c.Watts > 0 {
		l, err := dcmi.GetLimit(ctx, h.d)
		if err != nil && !refused(err) {
			return err
		}
		l.Watts = uint16(c.Watts)
		if err := dcmi.SetLimit(ctx, h.d, l); err != nil {
			return err
		}
	}
	return dcmi.ActivateLimit(ctx, h.d, c.Enabled)
}
