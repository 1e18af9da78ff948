package processor

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/redfish/service"
)

// What all simulated machines say that they are.
const (
	maker = "Millwright"
	model = "Simulated machine"
)

// serial gives a machine a number that is always the same.
func serial(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "SIM" + strings.ToUpper(hex.EncodeToString(sum[:4]))
}

// RedfishOptions say how a service is spoken to.
type RedfishOptions struct {
	Login sim.Login
	// Systems are the machines' ids, by plug; those that have none are called as the plug.
	Systems map[string]string
}

// Redfish makes a unit a BMC by Redfish, over plain HTTP on the loopback.
func Redfish(u *sim.Unit, o RedfishOptions) sim.Style {
	b := &redfishBMC{unit: u, password: o.Login.Password}
	b.memory = service.NewMemory(o.Login.User, o.Login.Password)
	for i := range u.Len() {
		b.machines = append(b.machines, newMachine(u, i))
		b.ids = append(b.ids, cmp.Or(o.Systems[u.OutletName(i)], u.OutletName(i)))
		b.memory.Add(service.Machine{
			ID: b.ids[i], Manufacturer: maker, Model: model, ManagerVersion: "1.0",
			Resets: []service.ResetType{
				service.ResetOn, service.ForceOff, service.ForceOn, service.GracefulShutdown, service.GracefulRestart,
				service.ForceRestart, service.PowerCycle, service.PushPowerButton, service.Nmi,
			},
			Boot: &service.BootAbility{Modes: true, Sources: []service.BootSource{
				service.BootPxe, service.BootHdd, service.BootCd, service.BootUsb, service.BootBiosSetup,
			}},
			Indicator: service.Dark, Sensors: true, Log: true,
		})
	}
	b.service = service.New(service.Options{
		Backend: &backend{Memory: b.memory, of: b}, Name: "Simulated BMC", Vendor: maker, Product: model, PlainLoopback: true,
	})
	return b
}

// redfishBMC is a service processor that speaks Redfish.
type redfishBMC struct {
	unit     *sim.Unit
	password string
	machines []*machine
	ids      []string
	memory   *service.Memory
	service  *service.Service
}

// Name implements [sim.Style].
func (b *redfishBMC) Name() string { return "redfish" }

// Serve implements [sim.Style].
func (b *redfishBMC) Serve(t *sim.Terminal) error { return t.Requests(b.service) }

// Close implements [io.Closer].
func (b *redfishBMC) Close() error {
	b.service.Close()
	return nil
}

// Follow implements [sim.Follower].
func (b *redfishBMC) Follow(i int, s sim.MachineState, boot time.Duration, _ float64) {
	from := ""
	if s == sim.Booting {
		from = b.bootsFrom(b.ids[i])
	}
	if !b.machines[i].follow(s, boot, from) {
		return
	}
	text, health := "The machine is up.", service.OK
	switch s {
	case sim.Off:
		text, health = "The machine is off.", service.Warning
	case sim.Booting:
		text = "The machine boots from " + cmp.Or(from, "its disk") + "."
	case sim.Up:
	}
	b.memory.Write(b.ids[i], service.LogEntry{At: time.Now(), Source: "Power", Text: text, Health: health})
}

// bootsFrom takes what a machine was told to boot from: once, or each time.
func (b *redfishBMC) bootsFrom(id string) string {
	set, err := b.memory.Boot(context.Background(), service.User{}, id)
	if err != nil || set.Source == "" || set.Source == service.BootNone {
		return ""
	}
	if !set.Continuous {
		_ = b.memory.SetBoot(context.Background(), service.User{}, id, service.Boot{}) // it is there
	}
	return string(set.Source)
}

// backend has the users, boot settings and logs in memory, and the rest in the room.
type backend struct {
	*service.Memory
	of *redfishBMC
}

// Authenticate implements [service.Backend].
func (b *backend) Authenticate(ctx context.Context, c service.Credentials) (service.User, error) {
	if b.of.unit.Barred() {
		c.Password += "\x00" // no password is right
	}
	return b.Memory.Authenticate(ctx, c)
}

// machine finds a machine by its id; nil if there is none.
func (b *backend) machine(id string) *machine {
	for i := range b.of.ids {
		if b.of.ids[i] == id {
			return b.of.machines[i]
		}
	}
	return nil
}

var errPlug = &service.Error{Code: service.Internal, Said: "the machine does not answer"}

// Machine implements [service.Backend].
func (b *backend) Machine(ctx context.Context, u service.User, id string) (service.Machine, error) {
	is, err := b.Memory.Machine(ctx, u, id)
	m := b.machine(id)
	switch {
	case err != nil:
		return is, err
	case m.unit.Bad(m.plug):
		return is, errPlug
	}
	is.Name, is.HostName, is.SerialNumber = m.name(), m.name(), serial(m.name())
	is.Power, is.Health, is.Indicator = service.PowerOff, service.OK, service.Dark
	if m.unit.Says(m.plug) {
		is.Power = service.PowerOn
	}
	if m.unit.Beacon(m.plug) {
		is.Indicator = service.Lit
	}
	return is, nil
}

// SetIndicator implements [service.Backend].
func (b *backend) SetIndicator(_ context.Context, _ service.User, id string, lit bool) error {
	m := b.machine(id)
	if m == nil {
		return &service.Error{Code: service.NotFound, Said: "there is no such machine"}
	}
	m.unit.SetBeacon(m.plug, lit)
	return nil
}

// Reset implements [service.Backend].
func (b *backend) Reset(_ context.Context, _ service.User, id string, how service.ResetType) (err error) {
	m := b.machine(id)
	if m == nil {
		return &service.Error{Code: service.NotFound, Said: "there is no such machine"}
	}
	on := m.unit.Says(m.plug)
	switch how {
	case service.ResetOn, service.ForceOn:
		err = m.unit.Switch(m.plug, true)
	case service.ForceOff:
		err = m.unit.Switch(m.plug, false)
	case service.PushPowerButton:
		if err = m.shut(); errors.Is(err, sim.ErrOff) {
			err = m.unit.Switch(m.plug, true)
		}
	case service.GracefulShutdown:
		if err = m.shut(); errors.Is(err, sim.ErrOff) {
			err = nil
		}
	case service.PowerCycle:
		err = m.unit.Cycle(m.plug, rest)
	case service.ForceRestart, service.GracefulRestart:
		if !on {
			return &service.Error{Code: service.Unable, Said: "the machine is off"}
		}
		m.unit.Reset(m.plug)
	case service.Nmi:
		err = m.interrupt()
	default:
		return &service.Error{Code: service.Unable, Said: "the machine cannot do that"}
	}
	switch {
	case errors.Is(err, sim.ErrOff):
		return &service.Error{Code: service.Unable, Said: "the machine is off"}
	case err != nil:
		return errPlug
	}
	return nil
}

// Readings implements [service.Backend].
func (b *backend) Readings(_ context.Context, _ service.User, id string) ([]service.Reading, error) {
	m := b.machine(id)
	if m == nil {
		return nil, &service.Error{Code: service.NotFound, Said: "there is no such machine"}
	}
	now, at := m.measure(), time.Now()
	inlet, tooHot := float64(inletTemp), 90.0
	list := []service.Reading{
		{ID: "CPUTemp", Name: "CPU Temp", Kind: service.Temperature, Context: "CPU", Value: &now.processor, HighCritical: &tooHot, At: at},
		{ID: "InletTemp", Name: "Inlet Temp", Kind: service.Temperature, Context: "Intake", Value: &inlet, At: at},
		{ID: "Fan1", Name: "Fan 1", Kind: service.Rotational, Value: &now.fan, At: at},
		{ID: "Power", Name: "Power", Kind: service.Power, Value: &now.watts, At: at},
	}
	if !now.running {
		list[0].Value, list[2].Value = nil, nil
	}
	return list, nil
}

var (
	_ sim.Follower    = (*redfishBMC)(nil)
	_ service.Backend = (*backend)(nil)
	_ http.Handler    = (*service.Service)(nil)
)
