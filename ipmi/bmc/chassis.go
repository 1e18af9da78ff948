package bmc

import (
	"context"
	"errors"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
)

// chassisState is what a machine remembers of its chassis beside the power, which its
// host knows.
type chassisState struct {
	policy  chassis.Policy
	cause   chassis.Cause
	command bool // the power was last switched on by a command
	panel   chassis.FrontPanel
	light   chassis.Light
	dark    time.Time // when a timed light goes out
	caps    chassis.Capabilities
	hasCaps bool

	since time.Time     // when it was last seen to be on; zero: it was off
	hours time.Duration // on before that
}

func chassisCapabilities(c *call) ([]byte, error) {
	if c.m.chassis.hasCaps {
		return c.m.chassis.caps.Append(nil), nil
	}
	return chassis.Capabilities{Diagnostic: true, FRU: 0x20, SDR: 0x20, SEL: 0x20, SM: 0x20, Bridge: 0x20, HasBridge: true}.Append(nil), nil
}

func setChassisCapabilities(c *call) ([]byte, error) {
	caps, err := chassis.ParseCapabilities(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	caps.HasBridge = true
	c.m.chassis.caps, c.m.chassis.hasCaps = caps, true
	return nil, nil
}

func chassisStatus(c *call) ([]byte, error) {
	on, err := c.m.host.Powered(c.ctx)
	if err != nil {
		return nil, err
	}
	c.m.mu.Lock()
	defer c.m.unlock()
	ch := &c.m.chassis
	ch.saw(on)
	if ch.light == chassis.LightTimed && !time.Now().Before(ch.dark) {
		ch.light = 0
	}
	s := chassis.Status{On: on, Policy: ch.policy, Identify: ch.light, HasIdentify: true, FrontPanel: ch.panel, HasPanel: true}
	if on && ch.command {
		s.Last = chassis.LastCommand
	}
	return s.Append(nil), nil
}

// saw keeps the time for which the machine was on.
func (ch *chassisState) saw(on bool) {
	now := time.Now()
	if !ch.since.IsZero() {
		ch.hours += now.Sub(ch.since)
		ch.since = time.Time{}
	}
	if on {
		ch.since = now
	}
}

func chassisControl(c *call) ([]byte, error) {
	a, err := chassis.ParseAction(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if a > chassis.SoftOff {
		return nil, ipmi.CodeInvalidField
	}
	return nil, c.m.power(c.ctx, c.who, a, chassis.Cause{Reason: chassis.CauseCommand, Channel: lanChannel})
}

func chassisReset(c *call) ([]byte, error) {
	return nil, c.m.power(c.ctx, c.who, chassis.HardReset, chassis.Cause{Reason: chassis.CauseCommand, Channel: lanChannel})
}

// power has the host do something, and remembers that it did. The machine is not locked.
func (m *Machine) power(ctx context.Context, who Caller, a chassis.Action, why chassis.Cause) error {
	before, known := m.host.Powered(ctx)
	if known == nil && !before && (a == chassis.PowerCycle || a == chassis.HardReset || a == chassis.DiagInt) {
		return ipmi.CodeState
	}
	if err := m.host.Power(ctx, who, a); err != nil {
		return err
	}
	m.mu.Lock()
	ch := &m.chassis
	switch a {
	case chassis.PowerOn, chassis.PowerCycle, chassis.HardReset:
		if !before || a != chassis.PowerOn {
			ch.cause = why
			m.bootOnce()
		}
		ch.command = true
		ch.saw(true)
	case chassis.PowerOff, chassis.SoftOff:
		ch.saw(false)
	case chassis.DiagInt:
	}
	m.unlock()
	m.notify(Event{Kind: Powered, User: who.User, Privilege: who.Privilege, Detail: a.String()})
	return nil
}

func chassisIdentify(c *call) ([]byte, error) {
	i, err := chassis.ParseIdentify(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	d := time.Duration(i.Seconds) * time.Second
	light := chassis.LightTimed
	switch {
	case i.Force:
		d, light = -1, chassis.LightForever
	case i.Seconds == 0:
		light = 0
	}
	if h, ok := c.m.host.(Identifier); ok {
		if err := h.Identify(c.ctx, c.who, d); err != nil {
			return nil, err
		}
	}
	c.m.mu.Lock()
	defer c.m.unlock()
	c.m.chassis.light, c.m.chassis.dark = light, time.Now().Add(d)
	return nil, nil
}

func setRestorePolicy(c *call) ([]byte, error) {
	p, err := chassis.ParsePolicy(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	switch {
	case p <= 2:
		c.m.chassis.policy = p
	case p > 3: // 3 only asks
		return nil, ipmi.CodeInvalidField
	}
	return chassis.PolicySupport(7).Append(nil), nil
}

func restartCause(c *call) ([]byte, error) { return c.m.chassis.cause.Append(nil), nil }

func setFrontPanel(c *call) ([]byte, error) {
	// What can be disabled is everything, as the upper half says; the lower half is what is.
	c.m.chassis.panel = chassis.FrontPanel(c.data[0]&0x0f | 0xf0)
	return nil, nil
}

func setCycleInterval(*call) ([]byte, error) { return nil, nil }

func powerOnHours(c *call) ([]byte, error) {
	ch := &c.m.chassis
	ch.saw(!ch.since.IsZero())
	return chassis.Hours{MinutesPerCount: 60, Count: uint32(ch.hours / time.Hour)}.Append(nil), nil
}

// bootRules are the boot options (section 28.13).
func bootRules(p uint8) rule {
	switch chassis.BootOption(p) {
	case chassis.BootSetInProgress, chassis.BootServiceSelect, chassis.BootServiceScan, chassis.BootValidClearing:
		return rule{size: 1}
	case chassis.BootInfoAck:
		return rule{size: 2}
	case chassis.BootFlags:
		return rule{size: 5}
	case chassis.BootInitiatorInfo:
		return rule{size: 9}
	case chassis.BootMailbox:
		return rule{size: 16, selector: true, count: 5}
	}
	return rule{}
}

const bootVersion = 1

func setBootOption(c *call) ([]byte, error) {
	s, err := chassis.ParseBootSetting(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	r := bootRules(uint8(s.Option))
	if r.size == 0 {
		return nil, codeParameter
	}
	if s.Option == chassis.BootFlags && len(s.Data) == r.size {
		if err := c.m.setHostBoot(c, s.Data); err != nil {
			return nil, err
		}
	}
	c.m.mu.Lock()
	defer c.m.unlock()
	locked := [2]uint8{uint8(s.Option), 0xff} // kept beside the values
	if s.Invalid {
		c.m.boot.put(locked[0], locked[1], []byte{1})
	} else {
		delete(c.m.boot, uint16(locked[0])<<8|uint16(locked[1]))
	}
	if len(s.Data) == 0 {
		return nil, nil
	}
	if s.Option == chassis.BootInfoAck {
		return nil, c.m.acknowledge(s.Data)
	}
	return nil, c.m.boot.set(bootRules, uint8(s.Option), s.Data)
}

// acknowledge changes only those bits that the mask names (parameter 4).
func (m *Machine) acknowledge(data []byte) error {
	if len(data) != 2 {
		return ipmi.CodeLength
	}
	old, _ := m.boot.at(uint8(chassis.BootInfoAck), 0)
	var was byte
	if len(old) == 2 {
		was = old[1]
	}
	return m.boot.set(bootRules, uint8(chassis.BootInfoAck), []byte{0, was&^data[0] | data[1]&data[0]})
}

func (m *Machine) setHostBoot(c *call, data []byte) error {
	h, ok := m.host.(Booter)
	if !ok {
		return nil
	}
	b, err := chassis.ParseBoot(data)
	if err != nil {
		return ipmi.CodeLength
	}
	return h.SetBoot(c.ctx, c.who, b)
}

func getBootOption(c *call) ([]byte, error) {
	q, err := chassis.ParseBootQuery(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	r := bootRules(uint8(q.Option))
	if r.size == 0 {
		return nil, codeParameter
	}
	if r.selector && int(q.Set) >= r.count {
		return nil, ipmi.CodeOutOfRange
	}
	a := chassis.BootAnswer{Version: bootVersion, Option: q.Option}
	if h, ok := c.m.host.(Booter); ok && q.Option == chassis.BootFlags {
		b, err := h.Boot(c.ctx)
		if !errors.Is(err, ErrUnchanged) {
			a.Data = b.Append(nil)
			return a.Append(nil), err
		}
	}
	c.m.mu.Lock()
	defer c.m.unlock()
	_, a.Invalid = c.m.boot.at(uint8(q.Option), 0xff)
	selector := q.Set
	if !r.selector {
		selector = 0
	}
	a.Data, _ = c.m.boot.at(uint8(q.Option), selector)
	if a.Data == nil {
		a.Data = make([]byte, r.size)
		if r.selector {
			a.Data = append([]byte{selector}, a.Data...)
		}
	}
	return a.Append(nil), nil
}

// bootOnce forgets boot flags that were for one boot.
func (m *Machine) bootOnce() {
	v, ok := m.boot.at(uint8(chassis.BootFlags), 0)
	if !ok {
		return
	}
	if b, err := chassis.ParseBoot(v); err == nil && b.Valid && !b.Persistent {
		m.boot.put(uint8(chassis.BootFlags), 0, make([]byte, 5))
	}
}
