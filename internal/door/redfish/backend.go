package redfishdoor

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/machine"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/redfish/service"
)

// proof is who somebody was found to be.
type proof struct {
	who   auth.Identity
	actor desk.Actor
}

func actorOf(u service.User) desk.Actor {
	p, _ := u.Proof.(proof)
	return p.actor
}

// Authenticate implements [service.Backend]. A token may stand in the place of its
// owner's password, for clients that know no other way.
func (d *Door) Authenticate(ctx context.Context, c service.Credentials) (service.User, error) {
	token := c.Token
	if token == "" && strings.HasPrefix(c.Password, auth.TokenPrefix) {
		token = c.Password
	}
	var who auth.Identity
	var err error
	if token != "" {
		who, err = d.opts.Auth.Bearer(ctx, token, c.Remote)
	} else {
		who, err = d.opts.Auth.Password(ctx, c.Name, secret.NewValue(c.Password), c.Remote)
	}
	if err != nil {
		return service.User{}, deniedOf(err)
	}
	if c.Name != "" && who.User != c.Name {
		return service.User{}, &service.Error{Code: service.Unauthenticated, Said: "the token is somebody else's"}
	}
	actor := desk.ActorOf(who, Name, c.Remote)
	return service.User{Name: who.User, Role: d.roleOf(actor), Proof: proof{who, actor}}, nil
}

func deniedOf(err error) error {
	var denied *auth.Denied
	if errors.As(err, &denied) {
		return &service.Error{Code: service.Unauthenticated, Said: denied.Error(), RetryAfter: denied.RetryAfter, Err: err}
	}
	return errorOf(err)
}

// roleOf gives the role that comes nearest to what an actor may do somewhere. What
// they may do to a node the desk decides each time.
func (d *Door) roleOf(actor desk.Actor) service.Role {
	self := d.opts.Desk.WhoAmI(actor)
	switch {
	case self.Role >= auth.Admin:
		return service.Administrator
	case self.Role >= auth.Operate || len(self.Nodes[auth.Operate]) > 0:
		return service.Operator
	case self.Role >= auth.View || len(self.Nodes[auth.View]) > 0:
		return service.ReadOnly
	}
	return ""
}

// Valid implements [service.Backend]. A user whose role has changed logs in anew.
func (d *Door) Valid(u service.User) error {
	p, is := u.Proof.(proof)
	if !is {
		return &service.Error{Code: service.Unauthenticated}
	}
	if err := d.opts.Auth.Valid(p.who); err != nil {
		return deniedOf(err)
	}
	if d.roleOf(p.actor) != u.Role {
		return &service.Error{Code: service.Unauthenticated, Said: "the user's role has changed"}
	}
	return nil
}

// errorOf translates the desk's errors.
func errorOf(err error) error {
	if err == nil {
		return nil
	}
	code := service.Internal
	switch room.CodeOf(err) {
	case room.CodeNotFound:
		code = service.NotFound
	case room.CodeRefused:
		code = service.Unable
		var missing *auth.Missing
		if errors.As(err, &missing) {
			code = service.Refused
		}
	case room.CodeBusy:
		code = service.Busy
	case room.CodeTimeout:
		code = service.Timeout
	case room.CodeInvalid:
		code = service.Invalid
	case room.CodeDevice, room.CodeUnknown, room.CodeInternal:
	}
	return &service.Error{Code: code, Said: err.Error(), Err: err}
}

// errNoNode is the same for nodes that there are not and those that may not be seen.
var errNoNode = &service.Error{Code: service.NotFound, Said: "there is no such machine"}

// find gives a node that the user may see.
func (d *Door) find(u service.User, id string) (desk.View, room.NodeID, error) {
	v := d.opts.Desk.View(actorOf(u))
	n, found := v.Room.Node(id)
	if !found || !v.Sees(n) {
		return v, room.None, errNoNode
	}
	return v, n, nil
}

// Sees implements [service.Seer].
func (d *Door) Sees(u service.User, id string) bool {
	_, _, err := d.find(u, id)
	return err == nil
}

// Machines implements [service.Backend].
func (d *Door) Machines(_ context.Context, u service.User) ([]string, error) {
	v := d.opts.Desk.View(actorOf(u))
	if !v.Anything() {
		return nil, nil
	}
	ids, err := v.Nodes("")
	if err != nil {
		return nil, errorOf(err)
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = v.Room.Nodes[id].Name
	}
	return names, nil
}

// Machine implements [service.Backend].
func (d *Door) Machine(ctx context.Context, u service.User, id string) (service.Machine, error) {
	v, n, err := d.find(u, id)
	if err != nil {
		return service.Machine{}, err
	}
	actor, name := actorOf(u), v.Room.Nodes[n].Name
	m := service.Machine{ID: name, Name: name, ManagerVersion: d.opts.Version}
	ops, err := d.opts.Desk.Can(actor, name)
	if err != nil {
		return m, errorOf(err)
	}
	m.Resets = resetsOf(ops)
	if slices.Contains(ops, room.BeaconOn) {
		m.Indicator = service.IndicatorUnknown
	}
	can := d.known.Abilities(ctx, d.opts.Desk, actor, v.Room, name)
	m.Sensors, m.Log = can.Meter, can.Log
	if can.Boot {
		m.Boot = &service.BootAbility{Sources: bootSources(), Modes: true}
	}
	if _, named := v.Room.Console(n); named && d.opts.Console != nil && v.Operates(n) {
		if at := d.opts.Console(name); at != "" {
			m.Consoles = []service.Console{{Kind: service.ConsoleWebSocket, URI: at}}
		}
	}
	m.Power, m.Health = powerOf(machine.State(ctx, d.opts.Desk, actor, v, n, slices.Contains(ops, room.Status)))
	return m, nil
}

func powerOf(s room.State) (service.PowerState, service.Health) {
	switch s {
	case room.StateOn:
		return service.PowerOn, service.OK
	case room.StateDegraded:
		return service.PowerOn, service.Warning
	case room.StateOff:
		return service.PowerOff, service.OK
	case room.StateUnknown:
	}
	return service.PowerUnknown, service.HealthUnknown
}

// pair is a reset and the operation that it comes to.
type pair struct {
	reset service.ResetType
	op    room.Op
}

// pairs are in the order in which they are listed; of a reset that stands twice, the
// first counts that the node can do. An outlet knows no reset, and what a client
// wants with ForceRestart is the machine running anew.
func pairs() []pair {
	return []pair{
		{service.ResetOn, room.On},
		{service.ForceOff, room.Off},
		{service.GracefulShutdown, room.SoftOff},
		{service.ForceRestart, room.Reset},
		{service.ForceRestart, room.Cycle},
		{service.PowerCycle, room.Cycle},
		{service.Nmi, room.Diag},
	}
}

func resetsOf(ops []room.Op) []service.ResetType {
	var list []service.ResetType
	for _, p := range pairs() {
		if slices.Contains(ops, p.op) && !slices.Contains(list, p.reset) {
			list = append(list, p.reset)
		}
	}
	return list
}

// Reset implements [service.Backend].
func (d *Door) Reset(ctx context.Context, u service.User, id string, how service.ResetType) error {
	v, n, err := d.find(u, id)
	if err != nil {
		return err
	}
	actor, name := actorOf(u), v.Room.Nodes[n].Name
	ops, err := d.opts.Desk.Can(actor, name)
	if err != nil {
		return errorOf(err)
	}
	for _, p := range pairs() {
		if p.reset == how && slices.Contains(ops, p.op) {
			return errorOf(machine.Switch(ctx, d.opts.Desk, actor, name, p.op))
		}
	}
	return &service.Error{Code: service.Unable, Said: "the devices of " + name + " cannot do " + string(how)}
}

// SetIndicator implements [service.Backend].
func (d *Door) SetIndicator(ctx context.Context, u service.User, id string, lit bool) error {
	v, n, err := d.find(u, id)
	if err != nil {
		return err
	}
	return errorOf(machine.Switch(ctx, d.opts.Desk, actorOf(u), v.Room.Nodes[n].Name, map[bool]room.Op{true: room.BeaconOn, false: room.BeaconOff}[lit]))
}

// sources are what machines boot from, in both languages.
func sources() map[driver.BootSource]service.BootSource {
	return map[driver.BootSource]service.BootSource{
		driver.BootDefault: service.BootNone, driver.BootNetwork: service.BootPxe, driver.BootDisk: service.BootHdd, driver.BootOptical: service.BootCd,
		driver.BootUSB: service.BootUsb, driver.BootSetup: service.BootBiosSetup, driver.BootSafe: service.BootDiags,
	}
}

func bootSources() []service.BootSource {
	return []service.BootSource{service.BootPxe, service.BootHdd, service.BootCd, service.BootUsb, service.BootBiosSetup, service.BootDiags}
}

// Boot implements [service.Backend].
func (d *Door) Boot(ctx context.Context, u service.User, id string) (service.Boot, error) {
	b, err := d.opts.Desk.Boot(ctx, actorOf(u), id)
	return service.Boot{Source: sources()[b.From], Continuous: b.Persistent, Legacy: !b.UEFI}, errorOf(err)
}

// SetBoot implements [service.Backend].
func (d *Door) SetBoot(ctx context.Context, u service.User, id string, b service.Boot) error {
	want := driver.Boot{From: driver.BootDefault, Persistent: b.Continuous, UEFI: !b.Legacy}
	for ours, theirs := range sources() {
		if theirs == b.Source {
			want.From = ours
		}
	}
	return errorOf(d.opts.Desk.SetBoot(ctx, actorOf(u), id, want))
}

// Log implements [service.Backend].
func (d *Door) Log(ctx context.Context, u service.User, id string) (list []service.LogEntry, err error) {
	err = d.opts.Desk.MachineLog(ctx, actorOf(u), id, func(e driver.LogEntry) {
		one := service.LogEntry{ID: e.ID, At: e.At, Source: e.Source, Text: e.Text, Health: healthOf(e.Severity)}
		if one.ID == "" {
			one.ID = strconv.Itoa(len(list) + 1)
		}
		if e.Ended {
			one.Text, one.Health = one.Text+" (over)", service.OK
		}
		list = append(list, one)
	})
	return list, errorOf(err)
}

func healthOf(s driver.Severity) service.Health {
	switch s {
	case driver.Fine:
		return service.OK
	case driver.Warning:
		return service.Warning
	case driver.Critical, driver.Failed:
	}
	return service.Critical
}

// ClearLog implements [service.Backend].
func (d *Door) ClearLog(ctx context.Context, u service.User, id string) error {
	return errorOf(d.opts.Desk.ClearMachineLog(ctx, actorOf(u), id))
}

// SetMedium implements [service.Backend]. No node has media, since none of our
// drivers can put one in.
func (d *Door) SetMedium(context.Context, service.User, string, service.Medium) error {
	return &service.Error{Code: service.Unable, Said: "machines of this room have no virtual media"}
}

// Readings implements [service.Backend].
func (d *Door) Readings(ctx context.Context, u service.User, id string) ([]service.Reading, error) {
	measured, err := machine.Readings(ctx, d.opts.Desk, actorOf(u), id)
	if err != nil {
		return nil, errorOf(err)
	}
	var list []service.Reading
	for i := range measured {
		r := &measured[i]
		value := r.Value
		if r.Quantity == driver.Energy {
			value /= 1000 // Redfish has kilowatt-hours
		}
		list = append(list, service.Reading{Name: r.Name(), Kind: kindOf(r.Quantity), Value: &value, At: r.At})
	}
	return list, nil
}

func kindOf(q driver.Quantity) service.ReadingKind {
	switch q {
	case driver.Current:
		return service.Current
	case driver.Voltage:
		return service.Voltage
	case driver.Power:
		return service.Power
	case driver.ApparentPower:
		return service.ApparentPower
	case driver.PowerFactor:
		return service.PowerFactor
	case driver.Energy:
		return service.Energy
	case driver.Frequency:
		return service.Frequency
	case driver.Temperature:
		return service.Temperature
	case driver.Humidity:
		return service.Humidity
	}
	return service.ReadingKind(q)
}

var (
	_ service.Backend       = (*Door)(nil)
	_ service.Seer          = (*Door)(nil)
	_ service.AccountKeeper = (*Door)(nil)
)
