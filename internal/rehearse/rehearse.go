package rehearse

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/internal/driver"
	httpdriver "millwright.dev/millwright/internal/driver/http"
	ipmidriver "millwright.dev/millwright/internal/driver/ipmi"
	"millwright.dev/millwright/internal/driver/redfish"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/snmp"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/internal/transport"
)

// Options say how a room is to be played.
type Options struct {
	// Files says how to read the room, as the daemon would.
	Files roomfile.Options
	// Choices are what the user said of single devices and specifications.
	Choices []Choice
	// Boot is the time that each machine takes from power to up.
	Boot time.Duration
	// Hosts is where the machines themselves answer ([sim.Room.Hosts]), which the copy's
	// checks and controls are led to; a free port of 127.0.0.1 if empty.
	Hosts string
	// PortBase is the port of the first device, and the next ones follow it. 0
	// means the addresses of the room if all of them are of this machine, else free
	// ports.
	PortBase int
	// Copy says that a daemon will use the copy of the room, not the room itself.
	// Then free ports do where the room's own are taken, and secrets in files beside
	// the room or in the daemon's store are not needed: the copy gets made-up ones.
	Copy bool
	// StandIns lets devices whose make nobody knows be played by one with the same
	// plugs and a specification of its own. Only with Copy.
	StandIns bool
	// BMCsApart has service processors live on power of their own. Without it, those of
	// machines with cords are as dead as these.
	BMCsApart bool
	// Secrets is where secret:NAME is kept; nil for nowhere. It is not copied, and
	// a copy asks it only if the room itself says where it is.
	Secrets secret.Store
	// Log takes what is odd. Nil is silent.
	Log *slog.Logger
}

// Device is one device of the room, and what plays it.
type Device struct {
	Name   string
	Driver string
	Spec   string
	Style  string // or [None], or [StandIn]
	Feed   string
	Plugs  int    // that can be switched
	Real   string // where the room says it is
	// Address is where it is simulated, "127.0.0.1:40111".
	Address string
	// Why says why it is left out, if nobody chose that: then its style is [None].
	Why string

	scheme string // of its address in the copy; "" as the room's own script wants it
	own    string // where the room says it is, if that is at this machine
}

// Rehearsal is a room that can be played.
type Rehearsal struct {
	path    string
	opts    Options
	read    *roomfile.Result
	devices []Device
	outlets []map[string]string // for each device, the outlet behind a plug
	config  sim.Config
	logins  map[string]login  // by credential
	madeUp  map[string]string // secrets of the copy, by what the room says for them
	state   string            // the folder with the copy's store of secrets, if it has one
	// standIns are the specifications of stand-ins, by their names.
	standIns map[string][]byte
	buttons  map[sim.Inlet]bool // those that machines have
	own      bool               // on the addresses that the room itself names
	hostsAt  string             // where the machines answer
}

// Read reads a room and finds out how to play it. Besides what is wrong with the
// room, an error can be an [*Unplayed].
func Read(ctx context.Context, path string, o Options) (*Rehearsal, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	read, err := roomfile.Load(ctx, path, o.Files)
	if err != nil {
		return nil, err
	}
	r := &Rehearsal{path: path, opts: o, read: read, logins: map[string]login{}, madeUp: map[string]string{}, buttons: map[sim.Inlet]bool{}, standIns: map[string][]byte{}}
	r.config = sim.Config{Styles: []sim.Style{board{}}, Hosts: cmp.Or(o.Hosts, "127.0.0.1:0")}
	if err := r.cast(ctx); err != nil {
		return nil, err
	}
	r.machines()
	return r, nil
}

// Devices gives all devices, in the order of the room. Addresses are known after
// Start.
func (r *Rehearsal) Devices() []Device { return slices.Clone(r.devices) }

// Room is the room that is played.
func (r *Rehearsal) Room() *room.Room { return r.read.Room }

// Own says whether the simulation is where the room says that its devices are, so
// that the room can be used as it is.
func (r *Rehearsal) Own() bool { return r.own }

// cast finds a make for each device.
func (r *Rehearsal) cast(ctx context.Context) error {
	var unknown []Device
	list := r.read.Room.Devices
	for i := range list {
		d := &Device{Name: list[i].Name, Driver: list[i].Driver, Feed: list[i].Feed}
		unit, outlets := r.castOne(ctx, d, &list[i])
		if unit != nil {
			r.config.PDUs = append(r.config.PDUs, *unit)
		} else if d.Why != "" {
			d.Style = None
		}
		if d.Style == "" {
			unknown = append(unknown, *d)
		}
		r.devices = append(r.devices, *d)
		r.outlets = append(r.outlets, outlets)
	}
	if len(unknown) > 0 {
		return &Unplayed{Of: len(list), Devices: unknown}
	}
	return nil
}

// castOne finds how one device is played, by its driver, and for each of its plugs
// the outlet that is meant.
func (r *Rehearsal) castOne(ctx context.Context, d *Device, of *room.Device) (unit *sim.PDU, outlets map[string]string) {
	switch s := settingsOf(of).(type) {
	case *script.Settings:
		return r.castScript(ctx, d, of, s)
	case *snmp.Settings:
		unit = r.castSNMP(ctx, d, of, s)
	case *httpdriver.Settings:
		unit = r.castHTTP(ctx, d, of, s)
	case *ipmidriver.Settings:
		unit = r.castIPMI(ctx, d, of, s)
	case *redfish.Settings:
		unit = r.castRedfish(ctx, d, of, s)
	default:
		d.leaveOut(s)
	}
	outlets = make(map[string]string, len(of.Plugs))
	for _, p := range of.Plugs {
		outlets[p.Name] = p.Name
	}
	d.Plugs = len(outlets)
	if unit != nil {
		d.Plugs = len(unit.Outlets)
	}
	return unit, outlets
}

// castScript finds a make for a device that is driven by a script.
func (r *Rehearsal) castScript(ctx context.Context, d *Device, of *room.Device, s *script.Settings) (unit *sim.PDU, outlets map[string]string) {
	d.Spec, d.Real = s.Spec, s.Address
	d.own, _ = here(s.Address)
	d.Style = choose(d.Name, d.Spec, r.opts.Choices)
	if d.Style == "" && r.opts.StandIns && r.opts.Copy {
		d.Style = StandIn
	}
	outlets, names := r.strip(of, d.Style)
	d.Plugs = len(names)
	if d.Style == "" || d.Style == None {
		return nil, outlets
	}
	return &sim.PDU{
		Name: d.Name, Style: played(d.Style), Feed: d.Feed, Outlets: names, Login: r.login(ctx, of.Credential).Login,
		Open: loggedIn(d.Real),
	}, outlets
}

// settingsOf gives the settings of a device, of its driver's own type.
func settingsOf(d *room.Device) any {
	if p, ok := d.Settings.(driver.Prepared); ok {
		return p.Settings
	}
	return d.Settings
}

// loggedIn says whether the way to a device has asked for its password already, so
// that the device itself does not. The rehearsal's line is plain.
func loggedIn(address string) bool {
	a, err := transport.ParseURL(address)
	return err == nil && (a.Scheme == transport.SSH || a.Scheme == transport.Exec)
}

// fewest is how many outlets a numbered strip has at least.
const fewest = 8

// strip gives the names of a device's outlets, and for each plug of the room the
// outlet that is meant. Some makes have outlets with any name; the others count from
// one.
func (r *Rehearsal) strip(d *room.Device, style string) (outlets map[string]string, names []string) {
	outlets = make(map[string]string, len(d.Plugs))
	if style == "vpc" || style == StandIn || style == None || style == "" || sim.AnyNames(style) && !allNumbers(d.Plugs) {
		for _, p := range d.Plugs {
			outlets[p.Name] = p.Name
			names = append(names, p.Name)
		}
		return outlets, names
	}
	most := fewest
	for i, p := range d.Plugs {
		n, err := strconv.Atoi(p.Name)
		if err != nil || n < 1 || n > 1000 {
			n = i + 1 // a name of its own; the scripts know its number
		}
		outlets[p.Name] = strconv.Itoa(n)
		most = max(most, n)
	}
	if fixed := len(d.Plugs); fixed > 0 && allCounted(d.Plugs) {
		most = fixed // the specification says how long the strip is
	}
	return outlets, sim.Numbered(1, most)
}

func allNumbers(plugs []room.Plug) bool {
	return !slices.ContainsFunc(plugs, func(p room.Plug) bool {
		_, err := strconv.Atoi(p.Name)
		return err != nil
	})
}

// allCounted tells whether plugs are 1, 2, 3… in some order.
func allCounted(plugs []room.Plug) bool {
	seen := make([]bool, len(plugs)+1)
	for _, p := range plugs {
		n, err := strconv.Atoi(p.Name)
		if err != nil || n < 1 || n > len(plugs) || seen[n] {
			return false
		}
		seen[n] = true
	}
	return true
}

// login is what a device wants to hear. passphrase and kg are "" if there are none.
type login struct {
	sim.Login
	passphrase, kg string
}

// login gives what a device wants to hear: what the room logs in with, if that is
// to be had here, else the make's default.
func (r *Rehearsal) login(ctx context.Context, credential string) login {
	if known, found := r.logins[credential]; found {
		return known
	}
	c, _ := r.read.Room.Credential(credential)
	l := login{Login: sim.Login{User: c.User}}
	for kind, to := range map[string]*string{secret.Password: &l.Password, secret.Passphrase: &l.passphrase, secret.Kg: &l.kg} {
		ref := c.Secrets[kind]
		if ref == "" {
			continue
		}
		var err error
		if *to, err = r.password(ctx, ref); err != nil {
			r.opts.Log.Warn("a credential cannot be had here; its devices want the "+kind+" of their make instead", "credential", credential, "why", err)
		}
	}
	r.logins[credential] = l
	return l
}

func (r *Rehearsal) password(ctx context.Context, text string) (string, error) {
	if _, beside := besideRoom(text); r.opts.Copy && (beside || r.inState(text)) {
		return r.makeUp(text), nil
	}
	ref, err := secret.Parse(text)
	if err != nil {
		return "", err
	}
	v, err := ref.Resolve(ctx, secret.Places{Dir: r.folder(), Store: r.opts.Secrets})
	return v.Reveal(), err
}

// besideRoom gives the name of a secret's file that is in the room's folder.
func besideRoom(ref string) (name string, ok bool) {
	name, isFile := strings.CutPrefix(ref, "file:")
	return name, isFile && filepath.IsLocal(name)
}

// most is how long a made-up secret is: all that a BMC takes.
const most = 16

// makeUp gives the copy's secret for what the room says.
func (r *Rehearsal) makeUp(ref string) string {
	if r.madeUp[ref] == "" {
		r.madeUp[ref] = rand.Text()[:most]
	}
	return r.madeUp[ref]
}

// inState says whether a secret is kept in the daemon's state folder, of which a copy
// has one of its own.
func (r *Rehearsal) inState(ref string) bool {
	at := r.read.Room.Settings.Secrets
	return strings.HasPrefix(ref, "secret:") && at.File == "" && at.Key == "" && at.Identity == ""
}

// State is the folder in which a daemon for the copy finds the secrets that the room has
// in its store; "" if it names none, or Write was not called.
func (r *Rehearsal) State() string { return r.state }

// folder is where the room's relative names start.
func (r *Rehearsal) folder() string { return roomfile.Folder(r.path) }

// machines hangs the nodes on their outlets.
func (r *Rehearsal) machines() {
	rm := r.read.Room
	for i := range rm.Nodes {
		m := sim.Machine{Name: rm.Nodes[i].Name, Boot: r.opts.Boot, Draw: draw(&rm.Nodes[i])}
		r.hang(&m, &rm.Nodes[i])
		m.Fed = len(rm.Nodes[i].Cords) == 0 && len(rm.Nodes[i].BMC) == 0 && len(rm.Nodes[i].Checks)+len(rm.Nodes[i].Controls) > 0
		if m.Fed || len(m.Inlets) > 0 || m.Button != (sim.Inlet{}) {
			r.config.Machines = append(r.config.Machines, m)
		}
	}
}

// draw is what a node draws, by what the room says of that.
func draw(n *room.Node) sim.Draw {
	if n.Watts == 0 {
		return sim.Draw{}
	}
	return sim.Draw{Standby: 0.05 * n.Watts, Boot: max(n.Inrush, 1.25*n.Watts), Run: n.Watts, Noise: 0.03}
}

// Hosts is where the machines themselves answer, known after Start.
func (r *Rehearsal) Hosts() string { return r.hostsAt }

// Start plays the room until ctx ends or the sim.Room is closed.
func (r *Rehearsal) Start(ctx context.Context) (*sim.Room, error) {
	own := r.opts.PortBase == 0 && r.allHere()
	played, err := r.start(ctx, own)
	if err != nil && own && r.opts.Copy {
		r.opts.Log.Warn("the room's own addresses are taken; others are used", "why", err)
		own = false
		played, err = r.start(ctx, own)
	}
	if err != nil {
		return nil, err
	}
	r.own, r.hostsAt = own, played.HostsAddr()
	for i := range r.devices {
		r.devices[i].Address = played.Addr(r.devices[i].Name)
	}
	return played, nil
}

func (r *Rehearsal) start(ctx context.Context, own bool) (*sim.Room, error) {
	n := 0
	for i := range r.devices {
		if r.devices[i].Style == None {
			continue
		}
		at := "127.0.0.1:0"
		switch {
		case own:
			at = r.devices[i].own
		case r.opts.PortBase > 0:
			if at = net.JoinHostPort("127.0.0.1", strconv.Itoa(r.opts.PortBase+n)); r.opts.PortBase+n > 65535 {
				return nil, fmt.Errorf("there are no ports left for %s: %d devices do not fit behind %d", r.devices[i].Name, len(r.config.PDUs), r.opts.PortBase)
			}
		}
		r.config.PDUs[n].Listen = at
		n++
	}
	return sim.Start(ctx, r.config)
}

// allHere tells whether every device is at an address of this machine of its own.
func (r *Rehearsal) allHere() bool {
	taken := map[string]bool{}
	for i := range r.devices {
		at := r.devices[i].own
		if r.devices[i].Style == None || at == "" || taken[at] {
			return false
		}
		taken[at] = true
	}
	return true
}

// here gives host and port of an address of this machine that can be listened on.
func here(address string) (hostport string, ok bool) {
	a, err := transport.ParseURL(address)
	if err != nil || a.Scheme != transport.TCP && a.Scheme != transport.Telnet {
		return "", false
	}
	hostport = loopback(a.HostPort())
	return hostport, hostport != ""
}
