package processor

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/rmcp"
	"millwright.dev/millwright/ipmi/sel"
	"millwright.dev/millwright/ipmi/user"
)

// IPMIOptions say how a BMC is spoken to.
type IPMIOptions struct {
	Login  sim.Login
	Kg     string
	Suites []rmcp.Suite // empty: 17 and 3
	V15    bool         // IPMI 1.5, too
	// Behind are the machines that requests are bridged to, by plug. If it is empty, the
	// one plug is the BMC's own machine.
	Behind map[string]ipmi.Hop
}

// rest is how long a machine is off in a power cycle that its BMC does.
const rest = time.Second

// IPMI makes a unit a BMC by IPMI over LAN, on UDP.
func IPMI(u *sim.Unit, o IPMIOptions) (sim.Style, error) {
	b := &ipmiBMC{unit: u, opts: o}
	for i := range u.Len() {
		b.hosts = append(b.hosts, &host{machine: newMachine(u, i)})
	}
	front, err := b.powerUp() // for what is wrong with it
	if err != nil {
		return nil, err
	}
	b.powerDown(front)
	return b, nil
}

// ipmiBMC is a service processor that speaks IPMI.
type ipmiBMC struct {
	unit  *sim.Unit
	opts  IPMIOptions
	hosts []*host // by plug

	serving sync.Mutex // the end of what had power before comes first
}

// Name implements [sim.Style].
func (b *ipmiBMC) Name() string { return "ipmi" }

// Serve implements [sim.Style].
func (b *ipmiBMC) Serve(*sim.Terminal) error { return errors.New("IPMI goes by UDP") }

// Follow implements [sim.Follower].
func (b *ipmiBMC) Follow(i int, s sim.MachineState, boot time.Duration, watts float64) {
	b.hosts[i].becomes(s, boot, watts)
}

// ServePackets implements [sim.PacketStyle]. Each time that the BMC gets power it starts
// anew: what it logged is there, and nobody is logged in.
func (b *ipmiBMC) ServePackets(ctx context.Context, conn net.PacketConn) {
	b.serving.Lock()
	defer b.serving.Unlock()
	front, err := b.powerUp()
	if err != nil {
		return // it was tried before
	}
	defer b.powerDown(front)
	_ = bmc.Serve(ctx, &doorman{PacketConn: conn, unit: b.unit, front: front, password: b.opts.Login.Password}, front)
}

// powerUp makes the controllers: the one that is spoken to, and those behind it.
func (b *ipmiBMC) powerUp() (front *bmc.Machine, err error) {
	if len(b.opts.Behind) == 0 {
		return b.hosts[0].powerUp(b.config(b.hosts[0]))
	}
	config := b.config(nil)
	config.Behind = make(map[ipmi.Hop]*bmc.Machine)
	for _, h := range b.hosts {
		m, err := h.powerUp(b.config(h))
		if err != nil {
			return nil, err
		}
		config.Behind[b.opts.Behind[b.unit.OutletName(h.plug)]] = m
	}
	return bmc.New(config, bmc.NewMemory(true))
}

func (b *ipmiBMC) powerDown(front *bmc.Machine) {
	front.Close()
	for _, h := range b.hosts {
		h.powerDown()
	}
}

// config is that of one controller.
func (b *ipmiBMC) config(h *host) bmc.Config {
	name := b.unit.Name()
	c := bmc.Config{
		Users:  []bmc.Account{{}, {Name: b.opts.Login.User, Password: b.opts.Login.Password, Privilege: bmc.Administrator}},
		Kg:     []byte(b.opts.Kg),
		Suites: b.opts.Suites, V15: b.opts.V15, Policy: chassis.PolicyOn,
	}
	if h != nil {
		name = h.name()
		c.SDR, c.FRU = records(), inventory(name)
		c.Power = bmc.Power{Watts: 7, Limit: 500}
	}
	c.Name = name
	sum := sha256.Sum256([]byte("simulated " + b.unit.Name() + " " + name))
	c.GUID = mc.GUID(sum[:16])
	return c
}

// host is a machine as its BMC has it at hand.
type host struct {
	*machine

	at   sync.Mutex // taken like that of the machine
	bmc  *bmc.Machine
	log  []sel.Record // while the BMC has no power
	next chassis.Boot
}

func (h *host) powerUp(c bmc.Config) (*bmc.Machine, error) {
	watts := h.measure().watts // asks the room, whose lock comes before ours
	h.at.Lock()
	defer h.at.Unlock()
	c.SEL = h.log
	m, err := bmc.New(c, h)
	if err != nil {
		return nil, err
	}
	h.bmc = m
	m.SetWatts(uint16(watts))
	return m, nil
}

func (h *host) powerDown() {
	h.at.Lock()
	m := h.bmc
	h.bmc = nil
	if m != nil {
		h.log = m.Records()
	}
	h.at.Unlock()
	if m != nil {
		m.Close()
	}
}

// maxMissed is how much is kept of what happens while a BMC has no power.
const maxMissed = 100

// becomes takes over what the room says of the machine, and writes it into the log.
func (h *host) becomes(s sim.MachineState, boot time.Duration, watts float64) {
	h.at.Lock()
	defer h.at.Unlock()
	if h.bmc != nil {
		h.bmc.SetWatts(uint16(watts))
	}
	from := ""
	if s == sim.Booting && h.next.Valid && h.next.Device != chassis.NoOverride {
		if from = h.next.Device.String(); !h.next.Persistent {
			h.next = chassis.Boot{}
		}
	}
	if !h.follow(s, boot, from) {
		return
	}
	e := sel.Event{Generator: 0x20, Revision: 4, Type: event.SensorSpecific, Data: [3]byte{0, 0xff, 0xff}}
	switch s {
	case sim.Off:
		e.SensorType = event.PowerUnit // off
	case sim.Booting:
		e.SensorType = event.SystemBoot // by power up
	case sim.Up:
		e.SensorType, e.Data[0] = event.OSBoot, 1 // from its disk
	}
	h.note(e)
}

// note writes into the log. h.at is held.
func (h *host) note(e sel.Event) {
	switch {
	case h.bmc != nil:
		h.bmc.Log(e)
	case len(h.log) < maxMissed:
		h.log = append(h.log, sel.Record{
			ID: uint16(len(h.log) + 1), Type: sel.TypeSystem, Time: sel.Stamp(time.Now().Unix()), Event: e,
		})
	}
}

// Powered implements [bmc.Host].
func (h *host) Powered(context.Context) (bool, error) {
	if h.unit.Bad(h.plug) {
		return false, ipmi.CodeUnspecified
	}
	return h.unit.Says(h.plug), nil
}

// Power implements [bmc.Host].
func (h *host) Power(_ context.Context, _ bmc.Caller, a chassis.Action) (err error) {
	switch a {
	case chassis.PowerOn, chassis.PowerOff:
		err = h.unit.Switch(h.plug, a == chassis.PowerOn)
	case chassis.SoftOff:
		err = h.shut()
	case chassis.PowerCycle:
		err = h.unit.Cycle(h.plug, rest)
	case chassis.HardReset:
		h.unit.Reset(h.plug)
	case chassis.DiagInt:
		if err = h.interrupt(); err == nil {
			h.at.Lock()
			defer h.at.Unlock()
			h.note(sel.Event{Generator: 0x20, Revision: 4, Type: event.SensorSpecific, SensorType: event.CriticalInterrupt, Data: [3]byte{0, 0xff, 0xff}})
		}
	default:
		return ipmi.CodeInvalidField
	}
	if errors.Is(err, sim.ErrOff) {
		return ipmi.CodeState
	}
	return err
}

// Boot implements [bmc.Booter].
func (h *host) Boot(context.Context) (chassis.Boot, error) {
	h.at.Lock()
	defer h.at.Unlock()
	return h.next, nil
}

// SetBoot implements [bmc.Booter].
func (h *host) SetBoot(_ context.Context, _ bmc.Caller, b chassis.Boot) error {
	h.at.Lock()
	defer h.at.Unlock()
	h.next = b
	return nil
}

// Identify implements [bmc.Identifier].
func (h *host) Identify(_ context.Context, _ bmc.Caller, d time.Duration) error {
	h.unit.SetBeacon(h.plug, d != 0)
	return nil
}

// Console implements [bmc.Consoler].
func (h *host) Console(context.Context, bmc.Caller) (io.ReadWriteCloser, error) {
	return h.open(), nil
}

// doorman lets nobody in while the unit takes no password.
type doorman struct {
	net.PacketConn
	unit     *sim.Unit
	front    *bmc.Machine
	password string
	barred   bool
}

// ReadFrom implements [net.PacketConn].
func (d *doorman) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := d.PacketConn.ReadFrom(b)
	if barred := d.unit.Barred(); barred != d.barred {
		d.barred = barred
		password := d.password
		if barred {
			password = rand.Text()[:16]
		}
		if err := user.SetPassword(context.Background(), d.front.As("sim", bmc.Administrator), 2, []byte(password), len(password) > 16); err != nil {
			return 0, nil, err
		}
	}
	return n, from, err
}

// textOf is what a device is called, in as much as an inventory takes.
func textOf(name string) string { return cmp.Or(strings.TrimSpace(name[:min(len(name), 60)]), "-") }

var (
	_ sim.PacketStyle = (*ipmiBMC)(nil)
	_ sim.Follower    = (*ipmiBMC)(nil)
	_ bmc.Booter      = (*host)(nil)
	_ bmc.Identifier  = (*host)(nil)
	_ bmc.Consoler    = (*host)(nil)
	_ bmc.Sensing     = (*host)(nil)
)
