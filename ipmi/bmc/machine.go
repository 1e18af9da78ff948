package bmc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/dcmi"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/rmcp"
)

// Machine is one BMC. All its methods may be called from many goroutines.
type Machine struct {
	cfg   Config
	host  Host
	quick bool // the host answers at once
	log   *slog.Logger
	dummy []byte // the key of users that do not exist

	ctx  context.Context // ends with the machine
	stop context.CancelFunc
	wait sync.WaitGroup

	mu       sync.Mutex
	pending  []Event // to be told once the lock is given back
	closed   bool
	started  time.Time
	shift    time.Duration // from our clock to the machine's
	running  int           // commands that wait for the host
	accounts []account
	kg       rmcp.Key
	channel  channel.Access
	sessions sessions
	limiter  limiter
	ledger   ledger // who was told about what

	enables mc.Enables
	acpi    mc.ACPI
	dog     watchdog
	chassis chassisState
	lan     params
	sol     params
	pef     params
	alerts  alerter
	boot    params
	info    params
	line    *port // of the console, while it is active
	sensors []gauge
	sdr     repository
	sel     eventLog
	fru     inventory
	dcmi    dcmiState
}

// New makes a machine. A nil host is a [Memory] that is off. Close it when done.
func New(cfg Config, host Host) (*Machine, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.Limits.fill()
	if cfg.Device == (mc.DeviceID{}) {
		cfg.Device = DefaultDevice()
	}
	if len(cfg.Suites) == 0 {
		cfg.Suites = []rmcp.Suite{17, 3}
	}
	if cfg.UserSlots == 0 {
		cfg.UserSlots = max(15, len(cfg.Users))
	}
	if host == nil {
		host = NewMemory(false)
	}
	m := &Machine{cfg: cfg, host: host, log: cfg.Log, started: time.Now(), dummy: make([]byte, 20)}
	_, m.quick = host.(*Memory)
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if _, err := rand.Read(m.dummy); err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	m.ctx, m.stop = context.WithCancel(context.Background())
	m.setUp()
	return m, nil
}

// setUp fills what a machine remembers, at its start.
func (m *Machine) setUp() {
	m.accounts = newAccounts(m.cfg)
	copy(m.kg[:], m.cfg.Kg)
	m.channel = channel.Access{Mode: channel.Always, Limit: Administrator}
	m.enables = mc.EnableSEL | mc.EnableEventBuffer
	m.acpi = mc.ACPI{System: 0x2a, Device: 0x2a}
	m.sdr = newRepository(m.cfg.SDR, m.started)
	m.sensors = sensorsOf(m.cfg.SDR)
	m.sel = newEventLog(m.cfg.SEL, m.started)
	m.fru = inventory{areas: m.cfg.FRU}
	m.chassis.policy = m.cfg.Policy
	m.dcmi = dcmiState{
		asset: m.cfg.Asset, name: m.cfg.Name, watts: m.cfg.Power.Watts,
		limit: dcmi.Limit{Watts: m.cfg.Power.Limit, Correction: time.Second, Sampling: 10 * time.Second},
	}
}

func (c *Config) check() error {
	if len(c.Kg) > 20 {
		return errors.New("a BMC's Kg has at most 20 bytes")
	}
	if c.UserSlots < 0 || c.UserSlots > 63 || len(c.Users) > 63 || c.UserSlots != 0 && len(c.Users) > c.UserSlots {
		return errors.New("a BMC has at most 63 users, and no more than it has slots")
	}
	for i, u := range c.Users {
		if len(u.Name) > 16 {
			return fmt.Errorf("user %d: a name has at most 16 bytes", i+1)
		}
		if len(u.Password) > 20 {
			return fmt.Errorf("user %d (%q): a password has at most 20 bytes", i+1, u.Name)
		}
	}
	for _, s := range c.Suites {
		if _, ok := s.Algorithms(); !ok {
			return fmt.Errorf("suite %d: it is not one of ours", s)
		}
		if s == 0 && !c.InsecureSuite0 {
			return errors.New("suite 0 lets anybody in: it needs InsecureSuite0")
		}
	}
	for id, area := range c.FRU {
		if len(area) > 0xffff {
			return fmt.Errorf("inventory of device %d: %d bytes are more than 65535", id, len(area))
		}
	}
	return checkRecords(c.SDR)
}

// closePatience is for how long Close waits for a host.
const closePatience = 5 * time.Second

// Close ends all sessions and stops the watchdog. It waits for what the host is doing, but not for
// long: a host that does not heed its context is left to itself.
func (m *Machine) Close() {
	m.mu.Lock()
	if m.closed {
		m.unlock()
		return
	}
	m.closed = true
	m.dog.halt()
	m.sessions.all(func(s *session) { m.drop(s) })
	m.unlock()
	m.stop()
	done := make(chan struct{})
	go func() {
		m.wait.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(closePatience):
		m.report("close", "the host does not end what it is doing")
	}
}

// now is the time by the machine's clock.
func (m *Machine) now() time.Time {
	t := time.Now().Add(m.shift)
	if f := m.cfg.Faults; f != nil && f.ClockBackwards {
		t = m.started.Add(m.shift).Add(-time.Since(m.started))
	}
	return t
}

// unlock gives the lock back and tells what happened meanwhile.
func (m *Machine) unlock() {
	pending := m.pending
	m.pending = nil
	m.mu.Unlock()
	for _, e := range pending {
		m.notify(e)
	}
}

func (m *Machine) notify(e Event) {
	if m.cfg.Notify != nil {
		m.cfg.Notify(e)
	}
}

// call is one request on its way through a machine.
type call struct {
	ctx  context.Context
	m    *Machine
	sess *session // nil: outside a session, or from a program
	from netip.AddrPort
	who  Caller
	req  ipmi.Request
	data []byte // of the request
	// later is done when the answer was sent: what ends the session that asked.
	later func()
}

// handler does a command. The error is a Code, or is turned into one.
type handler func(c *call) ([]byte, error)

// As gives a way to ask the machine without a network, as a user of the given
// privilege would.
func (m *Machine) As(who string, p Privilege) ipmi.Doer { return local{m, who, p} }

type local struct {
	m   *Machine
	who string
	p   Privilege
}

// Do carries the request out.
func (l local) Do(ctx context.Context, r ipmi.Request) ([]byte, error) {
	c := &call{ctx: ctx, m: l.m, who: Caller{User: l.who, Privilege: l.p}, req: r, data: r.Data}
	data, code := l.m.do(c)
	if c.later != nil {
		c.later()
	}
	if code != ipmi.CodeOK {
		return nil, &ipmi.CodeError{NetFn: r.NetFn, Cmd: r.Cmd, Code: code, Data: data}
	}
	return data, nil
}

// do carries a request out, whatever it takes. The machine is not locked.
func (m *Machine) do(c *call) (data []byte, code ipmi.Code) {
	defer func() {
		if r := recover(); r != nil {
			m.report("panic", "a command failed within", "command", fmt.Sprintf("%02x/%02x", uint8(c.req.NetFn), c.req.Cmd), "panic", fmt.Sprint(r))
			data, code = nil, ipmi.CodeUnspecified
		}
	}()
	if len(c.req.Bridge) > 0 {
		return nil, ipmi.CodeDestination
	}
	if !m.quick && c.who.Privilege != 0 {
		c.ctx = context.WithValue(c.ctx, callerKey{}, c.who)
	}
	if e, ok := m.host.(Extender); ok && c.who.Privilege != 0 {
		if data, handled, err := e.Extend(c.ctx, c.who, c.req); handled {
			return data, m.codeOf(c, err)
		}
	}
	cmd, ok := lookup(c.req.NetFn, c.req.Cmd)
	if code := cmd.admit(c, ok); code != ipmi.CodeOK {
		return nil, code
	}
	if f := m.cfg.Faults; f != nil {
		if code, ok := f.Codes[[2]uint8{uint8(c.req.NetFn), c.req.Cmd}]; ok {
			return nil, code
		}
	}
	if !cmd.host {
		m.mu.Lock()
		defer m.unlock()
	}
	data, err := cmd.run(c)
	if f := m.cfg.Faults; f != nil && f.Answer != nil && err == nil {
		data = f.Answer(c.req, data)
	}
	return data, m.codeOf(c, err)
}

// admit says whether a command may be done with what is known before it runs.
func (cmd command) admit(c *call, known bool) ipmi.Code {
	switch {
	case !known && c.who.Privilege == 0:
		return ipmi.CodePrivilege
	case !known:
		return ipmi.CodeInvalidCommand
	case c.who.Privilege < cmd.level:
		return ipmi.CodePrivilege
	case len(c.data) < cmd.min:
		return ipmi.CodeLength
	}
	return ipmi.CodeOK
}

// codeOf turns an error into the code that tells the client.
func (m *Machine) codeOf(c *call, err error) ipmi.Code {
	var code ipmi.Code
	switch {
	case err == nil:
		return ipmi.CodeOK
	case errors.As(err, &code):
		return code
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		code = ipmi.CodeTimeout
	default:
		code = ipmi.CodeUnspecified
	}
	m.report("host", "the host failed", "command", fmt.Sprintf("%02x/%02x", uint8(c.req.NetFn), c.req.Cmd), "error", err)
	return code
}

// ledger holds back what was said lately.
type ledger struct {
	mu   sync.Mutex
	said map[string]time.Time
}

// fresh says whether what has this key may be said again: once in ten seconds.
func (l *ledger) fresh(key string, every time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if at, ok := l.said[key]; ok && now.Sub(at) < every {
		return false
	}
	if l.said == nil || len(l.said) >= 64 {
		l.said = make(map[string]time.Time)
	}
	l.said[key] = now
	return true
}

// report logs, once in ten seconds for each key.
func (m *Machine) report(key, text string, args ...any) {
	if m.ledger.fresh(key, 10*time.Second) {
		m.log.Warn(text, append(args, "machine", m.cfg.Name)...)
	}
}
