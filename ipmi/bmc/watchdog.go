package bmc

import (
	"context"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/sel"
)

// watchdog is the timer that resets a machine whose software went silent (section 27).
type watchdog struct {
	set   mc.Watchdog
	known bool // it was set since the start
	ends  time.Time
	timer *time.Timer
	round uint64 // told apart from timers that were stopped too late
}

const codeWatchdog ipmi.Code = 0x80 // reset before it was ever set

func watchdogReset(c *call) ([]byte, error) {
	if !c.m.dog.known {
		return nil, codeWatchdog
	}
	c.m.startWatchdog()
	return nil, nil
}

func watchdogSet(c *call) ([]byte, error) {
	w, err := mc.ParseWatchdog(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	dog := &c.m.dog
	expired := dog.set.Expired &^ w.Expired
	was := dog.timer != nil
	dog.halt()
	w.Expired = expired
	dog.set, dog.known = w, true
	if was && w.Running {
		c.m.startWatchdog()
	}
	return nil, nil
}

func watchdogGet(c *call) ([]byte, error) {
	w := c.m.dog.set
	w.Running = c.m.dog.timer != nil
	w.Left = w.Initial
	if w.Running {
		w.Left = max(0, time.Until(c.m.dog.ends))
	}
	return w.Append(nil), nil
}

func (w *watchdog) halt() {
	w.round++
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

func (m *Machine) startWatchdog() {
	if m.closed {
		return
	}
	m.dog.halt()
	round := m.dog.round
	m.dog.ends = time.Now().Add(m.dog.set.Initial)
	m.dog.timer = time.AfterFunc(m.dog.set.Initial, func() { m.bark(round) })
}

// bark does what the watchdog was set to do, and logs it (sensor type 0x23, section 42.2).
func (m *Machine) bark(round uint64) {
	m.mu.Lock()
	if m.closed || round != m.dog.round {
		m.unlock()
		return
	}
	m.wait.Add(1)
	defer m.wait.Done()
	w := m.dog.set
	m.dog.halt()
	m.dog.set.Expired |= 1 << uint8(w.Use)
	if !w.DontLog {
		m.logEvent(sel.Event{Generator: 0x20, Revision: 4, SensorType: 0x23, Type: 0x6f, Data: [3]byte{0xc0 | byte(w.Action)&3, byte(w.Use), 0xff}})
	}
	m.unlock()
	var a chassis.Action
	switch w.Action {
	case mc.WatchdogHardReset:
		a = chassis.HardReset
	case mc.WatchdogPowerDown:
		a = chassis.PowerOff
	case mc.WatchdogPowerCycle:
		a = chassis.PowerCycle
	default:
		return
	}
	ctx, cancel := context.WithTimeout(m.ctx, time.Minute)
	defer cancel()
	if err := m.power(ctx, Caller{User: "watchdog"}, a, chassis.Cause{Reason: chassis.CauseWatchdog}); err != nil {
		m.report("watchdog", "the watchdog could not act", "action", a.String(), "error", err)
	}
}
