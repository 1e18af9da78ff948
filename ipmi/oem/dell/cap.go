package dell

import (
	"context"
	"errors"
	"fmt"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/dcmi"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/oem"
)

const (
	parameterCap = 0xea
	query        = 0xff
	capLen       = 12
)

// Capacity is the parameter EAh of Get and Set System Info: the power limit and what it
// may be.
type Capacity struct {
	Watts     uint16
	Unit      uint8 // 0: watts
	Max, Min  uint16
	Supplies  uint8
	Available uint16
	Throttled uint8
	Reserved  uint8
}

// ParseCapacity reads it, without the parameter's revision. iDRACs have said fewer bytes
// than there are now: the first seven are what counts.
func ParseCapacity(b []byte) (Capacity, error) {
	if err := ipmi.Short("power capacity", b, 7); err != nil {
		return Capacity{}, err
	}
	var all [capLen]byte
	copy(all[:], b)
	b = all[:]
	return Capacity{u16(b, 0), b[2], u16(b, 3), u16(b, 5), b[7], u16(b, 8), b[10], b[11]}, nil
}

// Append adds it to b.
func (c Capacity) Append(b []byte) []byte {
	return append(b, byte(c.Watts), byte(c.Watts>>8), c.Unit, byte(c.Max), byte(c.Max>>8), byte(c.Min), byte(c.Min>>8),
		c.Supplies, byte(c.Available), byte(c.Available>>8), c.Throttled, c.Reserved)
}

// Capacity reads the power limit and what it may be.
func (m *Machine) Capacity(ctx context.Context) (Capacity, error) {
	b, err := m.info(ctx, "read the power limit", parameterCap, 7)
	if err != nil {
		return Capacity{}, err
	}
	return ParseCapacity(b)
}

// state says whether there is a limit and whether it may be set. It is Dell's: iDRACs
// without it are asked by DCMI.
func (m *Machine) state(ctx context.Context) (on, settable bool, err error) {
	b, err := m.ask(ctx, "read whether the power is limited", 1, cmdCapping, 1, query)
	if err != nil {
		return false, false, err
	}
	return b[0]&1 != 0, b[0]&2 != 0, nil
}

var errFixed = errors.New("this machine's power limit cannot be set")

// CappingEnabled says whether the power is limited.
func (m *Machine) CappingEnabled(ctx context.Context) (bool, error) {
	on, _, err := m.state(ctx)
	if oem.Refused(err) {
		l, err := dcmi.GetLimit(ctx, m.d)
		return l.Active, err
	}
	return on, err
}

// SetCappingEnabled limits the power or ends the limit.
func (m *Machine) SetCappingEnabled(ctx context.Context, on bool) error {
	_, settable, err := m.state(ctx)
	switch {
	case oem.Refused(err):
		return dcmi.ActivateLimit(ctx, m.d, on)
	case err != nil:
		return err
	case !settable:
		return errFixed
	}
	var data byte
	if on {
		data = 1
	}
	return ipmi.Tell(ctx, m.d, "limit the power", ipmi.Request{NetFn: netFn, Cmd: cmdCapping, Data: []byte{0, data}})
}

// Cap reads the limit.
func (m *Machine) Cap(ctx context.Context) (int, error) {
	c, err := m.Capacity(ctx)
	if oem.Refused(err) {
		l, err := dcmi.GetLimit(ctx, m.d)
		return int(l.Watts), err
	}
	return int(c.Watts), err
}

// SetCap sets the limit.
func (m *Machine) SetCap(ctx context.Context, watts int) error {
	_, settable, err := m.state(ctx)
	switch {
	case oem.Refused(err):
		return m.setDCMI(ctx, watts)
	case err != nil:
		return err
	case !settable:
		return errFixed
	}
	c, err := m.Capacity(ctx)
	if err != nil {
		return err
	}
	if watts < int(c.Min) || watts > int(c.Max) {
		return fmt.Errorf("limit the power to %d W: this machine can be limited to %d to %d W", watts, c.Min, c.Max)
	}
	c.Watts, c.Unit = uint16(watts), 0
	data := c.Append([]byte{parameterCap})
	return ipmi.Tell(ctx, m.d, "set the power limit", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: mc.CmdSetSystemInfo, Data: data})
}

func (m *Machine) setDCMI(ctx context.Context, watts int) error {
	l, err := dcmi.GetLimit(ctx, m.d)
	if err != nil && !oem.Refused(err) {
		return err
	}
	if watts < 0 || watts > 0xffff {
		return fmt.Errorf("limit the power: %d W is not 0 to 65535", watts)
	}
	l.Watts = uint16(watts)
	return dcmi.SetLimit(ctx, m.d, l)
}

var _ oem.Capping = (*Machine)(nil)
