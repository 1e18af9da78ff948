package bmc

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/lan"
	"millwright.dev/millwright/ipmi/pef"
	"millwright.dev/millwright/ipmi/pet"
	"millwright.dev/millwright/ipmi/sel"
)

// trapPort is where those who are alerted listen.
const trapPort = 162

// What keeps a machine whose events come in floods from flooding others.
const (
	alertQueue  = 16 // alerts that wait
	alertsAtMax = 20 // alerts in a period
	alertPeriod = time.Minute
)

// Trapper carries a trap, a datagram of SNMPv1, to somebody who is to be alerted.
type Trapper func(ctx context.Context, to netip.AddrPort, trap []byte) error

// SetTrapper has f carry the machine's alerts, in place of a socket of the system's. Alerts are
// only made when a client has switched event filtering on, and set a filter, a policy and a
// destination: a machine has none of them at its start.
func (m *Machine) SetTrapper(f Trapper) {
	m.mu.Lock()
	defer m.unlock()
	m.alerts.carry = f
}

// alerter is what a machine has to tell others.
type alerter struct {
	carry    Trapper
	queue    []alert
	busy     bool // somebody is at the queue
	sequence uint16
	period   time.Time // when it began
	made     int       // alerts in it
	states   [alertDestinations + 1]pef.AlertState
	awaited  pet.Ack // of the trap that was sent last
	acked    chan struct{}
}

// alert is one trap to a set of destinations, in the order in which they are tried.
type alert struct {
	trap pet.Trap
	to   []pef.Policy
}

// filterEvent has the filters look at an event (section 17.3). The machine is locked.
func (m *Machine) filterEvent(e sel.Event) {
	control, _ := m.pef.at(byte(pef.Control), 0)
	actions, _ := m.pef.at(byte(pef.GlobalActions), 0)
	if len(control) == 0 || len(actions) == 0 || control[0]&byte(pef.EnablePEF) == 0 || !pef.Actions(actions[0]).Has(pef.Alert) {
		return
	}
	for i := byte(1); i <= pefFilters; i++ {
		v, ok := m.pef.at(byte(pef.FilterTable), i)
		if !ok {
			continue
		}
		f, err := pef.ParseFilter(v)
		if err != nil || !f.Enabled || !f.Actions.Has(pef.Alert) || !matches(f, e) {
			continue
		}
		t := pet.FromEvent(e)
		if f.Severity != 0 {
			t.Severity = pet.Severity(f.Severity)
		}
		if to := m.policy(f.Policy); len(to) > 0 {
			m.alert(alert{trap: t, to: to})
		}
	}
}

// matches says whether an event is one of those that a filter is for (table 17-2).
func matches(f pef.Filter, e sel.Event) bool {
	const any = 0xff
	fits := func(want, is uint8) bool { return want == any || want == is }
	if !fits(f.Generator[0], uint8(e.Generator)) || !fits(f.Generator[1], uint8(e.Generator>>8)) ||
		!fits(f.SensorType, uint8(e.SensorType)) || !fits(f.Sensor, e.Sensor) || !fits(f.EventType, uint8(e.Type)) {
		return false
	}
	if f.Offsets&(1<<e.Offset()) == 0 {
		return false
	}
	for i, d := range f.Data {
		if !fitsData(d, e.Data[i]) {
			return false
		}
	}
	return true
}

// fitsData compares a data byte (section 17.8): of the bits that count, those in the first mask must be as in the
// second; of the others one that the second has must be there, if it has any.
func fitsData(f pef.FilterData, b byte) bool {
	b &= f.AndMask
	if (b^f.Compare2)&f.Compare1 != 0 {
		return false
	}
	some := f.Compare2 &^ f.Compare1
	return some == 0 || b&some != 0
}

// policy gives the entries in force of an alert policy (section 17.11).
func (m *Machine) policy(number uint8) []pef.Policy {
	var all []pef.Policy
	for i := byte(1); i <= pefPolicies; i++ {
		if v, ok := m.pef.at(byte(pef.PolicyTable), i); ok {
			if p, err := pef.ParsePolicy(v); err == nil && p.Enabled && p.Number == number && p.Channel == lanChannel {
				all = append(all, p)
			}
		}
	}
	return all
}

// alert takes an alert up to be sent. It is false when there are too many.
func (m *Machine) alert(a alert) bool {
	q := &m.alerts
	if now := time.Now(); now.Sub(q.period) >= alertPeriod {
		q.period, q.made = now, 0
	}
	if q.made >= alertsAtMax || len(q.queue) >= alertQueue || m.closed {
		return false
	}
	q.made++
	if q.sequence++; q.sequence == 0 {
		q.sequence = 1
	}
	a.trap.Sequence, a.trap.GUID = q.sequence, m.cfg.GUID
	a.trap.Maker, a.trap.System = m.cfg.Device.Maker, m.cfg.Device.Product
	a.trap.SetTime(m.now())
	q.queue = append(q.queue, a)
	if !q.busy {
		q.busy = true
		m.wait.Go(m.sendAlerts)
	}
	return true
}

// sendAlerts sends what waits, one after the other.
func (m *Machine) sendAlerts() {
	for {
		m.mu.Lock()
		if len(m.alerts.queue) == 0 || m.closed {
			m.alerts.busy = false
			m.unlock()
			return
		}
		a := m.alerts.queue[0]
		m.alerts.queue = m.alerts.queue[1:]
		m.unlock()
		m.sendAlert(a)
	}
}

// sendAlert goes through a policy's entries.
func (m *Machine) sendAlert(a alert) {
	reached := false
	for i, p := range a.to {
		if i > 0 && p.Next != pef.AlertAlways && reached {
			if p.Next == pef.AlertIfFailed {
				continue
			}
			return // there is no other channel, and no other medium
		}
		state := m.tellDestination(p.Destination, a.trap)
		reached = state == pef.AlertDone
		m.mu.Lock()
		m.alerts.states[p.Destination%uint8(len(m.alerts.states))] = state
		m.unlock()
	}
}

// tellDestination sends a trap to one destination, as often as its settings say.
func (m *Machine) tellDestination(index uint8, t pet.Trap) pef.AlertState {
	m.mu.Lock()
	d, ok := m.destination(index)
	carry := m.alerts.carry
	community := m.community()
	q := &m.alerts
	q.awaited, q.acked = t.Ack(), make(chan struct{})
	acked := q.acked
	packet := snmpTrap{
		community: community, agent: m.agent(), specific: t.Specific(),
		ticks: uint32(time.Since(m.started) / (10 * time.Millisecond)), octets: append(t.Append(nil), 0xc1),
	}.append(nil)
	m.unlock()
	if !ok {
		return pef.AlertFailed
	}
	if carry == nil {
		carry = sendTrap
	}
	tries, wait := 1, d.Timeout
	if d.Ack {
		tries, wait = 1+int(d.Retries), max(wait, time.Second)
	}
	sent := false
	for range tries {
		if err := carry(m.ctx, netip.AddrPortFrom(d.Address.Addr, trapPort), packet); err != nil {
			m.report("alert", "an alert could not be sent", "to", d.Address.Addr, "error", err)
		} else if sent = true; !d.Ack {
			return pef.AlertDone
		}
		if !d.Ack {
			break
		}
		select {
		case <-acked:
			return pef.AlertDone
		case <-m.ctx.Done():
			return pef.AlertFailed
		case <-time.After(wait):
		}
	}
	if sent {
		return pef.AlertTimedOut
	}
	return pef.AlertFailed
}

func sendTrap(ctx context.Context, to netip.AddrPort, trap []byte) error {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", to.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(trap); err != nil {
		return fmt.Errorf("sending a trap: %w", err)
	}
	return nil
}

// destination is an alert destination that was set (LAN parameters 18 and 19).
func (m *Machine) destination(index uint8) (lan.Destination, bool) {
	var d lan.Destination
	address, ok := m.lan.at(byte(lan.DestinationAddress), index)
	if !ok {
		return d, false
	}
	var err error
	if d.Address, err = lan.ParseDestAddress(address); err != nil || !d.Address.Addr.IsValid() || d.Address.Addr.IsUnspecified() {
		return d, false
	}
	if kind, ok := m.lan.at(byte(lan.DestinationType), index); ok {
		if d.DestType, err = lan.ParseDestType(kind); err != nil || d.Type != 0 {
			return d, false
		}
	}
	return d, true
}

func (m *Machine) community() string {
	v, ok := m.lan.at(byte(lan.Community), 0)
	if !ok {
		v = m.lanDefault(byte(lan.Community), 0)
	}
	return string(bytes.TrimRight(v, "\x00"))
}

// agent is the machine's address as its traps have it.
func (m *Machine) agent() [4]byte {
	v, ok := m.lan.at(byte(lan.Address), 0)
	if !ok {
		v = m.lanDefault(byte(lan.Address), 0)
	}
	var a [4]byte
	copy(a[:], v)
	return a
}

// alertImmediate sends an alert to try a destination, or tells what became of one (section 30.7).
func alertImmediate(c *call) ([]byte, error) {
	r, err := pef.ParseAlertRequest(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if err := c.lan(r.Channel); err != nil {
		return nil, err
	}
	if r.Destination > alertDestinations {
		return nil, ipmi.CodeOutOfRange
	}
	state := &c.m.alerts.states[r.Destination]
	switch r.Op {
	case pef.AlertStatus:
		return []byte{byte(*state)}, nil
	case pef.AlertClear:
		*state = pef.AlertNone
		return nil, nil
	case pef.AlertSend:
	default:
		return nil, ipmi.CodeInvalidField
	}
	if _, ok := c.m.destination(r.Destination); !ok {
		return nil, ipmi.CodeNotPresent
	}
	if *state == pef.AlertInProgress {
		return nil, codeInProgress
	}
	t := pet.FromEvent(sel.Event{Generator: bmcAddress, Revision: 4})
	if !c.m.alert(alert{trap: t, to: []pef.Policy{{Destination: r.Destination}}}) {
		return nil, ipmi.CodeBusy
	}
	*state = pef.AlertInProgress
	return nil, nil
}

// acknowledgeTrap is told that a trap has arrived (section 30.8).
func acknowledgeTrap(c *call) ([]byte, error) {
	a, err := pet.ParseAck(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if q := &c.m.alerts; q.acked != nil && a == q.awaited {
		close(q.acked)
		q.acked, q.awaited = nil, pet.Ack{}
	}
	return nil, nil
}
