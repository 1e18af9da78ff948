package rehearse

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"path"

	ipmidriver "millwright.dev/millwright/internal/driver/ipmi"
	"millwright.dev/millwright/internal/driver/redfish"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/internal/sim/processor"
)

// A service processor by IPMI or by Redfish is played by package processor: its plugs are
// the power buttons of the nodes that have it.

// The styles of service processors, which their drivers give them.
const (
	styleIPMI    = "ipmi"
	styleRedfish = "redfish"
)

// bare is the scheme of an address that is host and port only.
const bare = "bare"

// isProcessor says whether a device's plugs are power buttons.
func (d *Device) isProcessor() bool { return d.Style == styleIPMI || d.Style == styleRedfish }

// madeUser is who logs in where the room does not say.
const madeUser = "admin"

// castIPMI finds how to play a device of the driver ipmi. It is nil if nobody is to.
func (r *Rehearsal) castIPMI(ctx context.Context, d *Device, of *room.Device, s *ipmidriver.Settings) *sim.PDU {
	peer := s.Peer()
	d.Real, d.scheme, d.own = s.Address, bare, loopback(peer.Address)
	if r.notWanted(d, styleIPMI) {
		return nil
	}
	d.Style = styleIPMI
	l := r.login(ctx, of.Credential)
	o := processor.IPMIOptions{
		Login: sim.Login{User: cmp.Or(l.User, madeUser), Password: cmp.Or(l.Password, madePassword)}, Kg: l.kg,
		Suites: peer.Suites, V15: peer.IPMI15, Behind: peer.Behind,
	}
	return &sim.PDU{
		Name: d.Name, Feed: d.Feed, Outlets: fixed(of), Standby: !r.opts.BMCsApart,
		Make: func(u *sim.Unit) (sim.Style, error) { return processor.IPMI(u, o) },
	}
}

// castRedfish finds how to play a device of the driver redfish. It is nil if nobody is to.
func (r *Rehearsal) castRedfish(ctx context.Context, d *Device, of *room.Device, s *redfish.Settings) *sim.PDU {
	d.Real, d.scheme = s.Address, "http"
	if u, err := url.Parse(s.Address); err == nil && u.Scheme == "http" {
		d.own = loopback(net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")))
	}
	if r.notWanted(d, styleRedfish) {
		return nil
	}
	d.Style = styleRedfish
	l := r.login(ctx, of.Credential)
	o := processor.RedfishOptions{
		Login:   sim.Login{User: cmp.Or(l.User, madeUser), Password: cmp.Or(l.Password, madePassword)},
		Systems: make(map[string]string),
	}
	for plug, which := range s.Systems {
		o.Systems[plug] = path.Base(which)
	}
	names := fixed(of)
	if s.System != "" && len(names) == 1 {
		o.Systems[names[0]] = path.Base(s.System)
	}
	return &sim.PDU{
		Name: d.Name, Feed: d.Feed, Outlets: names, Standby: !r.opts.BMCsApart,
		Make: func(u *sim.Unit) (sim.Style, error) { return processor.Redfish(u, o), nil },
	}
}

// hang hangs a machine on its cords, and gives it the button of its service processor.
func (r *Rehearsal) hang(m *sim.Machine, n *room.Node) {
	for _, c := range n.Cords {
		if d := &r.devices[c.Device]; d.Style != None && !d.isProcessor() {
			m.Inlets = append(m.Inlets, r.outlet(c))
		}
	}
	for c := range n.Links() {
		at := r.outlet(c)
		if !r.devices[c.Device].isProcessor() || m.Button != (sim.Inlet{}) || r.buttons[at] {
			continue
		}
		m.Button, r.buttons[at] = at, true
	}
}

// outlet gives the outlet at the other end of a cord.
func (r *Rehearsal) outlet(c room.Cord) sim.Inlet {
	d := &r.read.Room.Devices[c.Device]
	return sim.Inlet{PDU: d.Name, Outlet: r.outlets[c.Device][d.Plugs[c.Plug].Name]}
}
