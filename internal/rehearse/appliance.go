package rehearse

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"millwright.dev/millwright/internal/driver"
	httpdriver "millwright.dev/millwright/internal/driver/http"
	"millwright.dev/millwright/internal/driver/snmp"
	"millwright.dev/millwright/internal/driver/snmp/agent"
	"millwright.dev/millwright/internal/driver/snmp/profile"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/internal/sim/webplug"
)

// A device of the drivers snmp and http says in its settings what make it is. So it is
// played by the simulator that the driver itself is tested against, with the outlets
// of the simulated room in place of its own.

// agentRest is how long a simulated PDU is off in a cycle that it does itself.
const agentRest = time.Second

// passwords that are wanted if those of the room are not to be had here.
const (
	madeCommunity = "private"
	madePassword  = "millwright"
)

// castSNMP finds how to play a device of the driver snmp. It is nil if nobody can.
func (r *Rehearsal) castSNMP(ctx context.Context, d *Device, of *room.Device, s *snmp.Settings) *sim.PDU {
	peer := s.Peer()
	d.Real, d.scheme = peer.Network+"://"+peer.Address, "udp"
	if peer.Network == "udp" {
		d.own = loopback(peer.Address)
	}
	if r.notWanted(d, "") {
		return nil
	}
	made := peer.Profile
	if made == nil {
		if made = anyProfile(s, of.Plugs); made == nil {
			d.Why = "no profile has such plugs"
			return nil
		}
	}
	d.Style = "snmp " + made.Name
	names := fixed(of)
	if len(names) == 0 {
		names = counted(of.Plugs, made.Index.First)
	}
	config := agent.Config{Profile: made, Plugs: names, Rest: agentRest}
	l := r.login(ctx, of.Credential)
	if peer.V3 {
		password := cmp.Or(l.Password, madePassword)
		config.User = &agent.User{
			Name: l.User, Password: password, Passphrase: cmp.Or(l.passphrase, password), Auth: peer.Auth, Privacy: peer.Privacy,
		}
	} else {
		config.Community, config.ReadOnly = cmp.Or(l.Password, madeCommunity), l.passphrase
	}
	return &sim.PDU{Name: d.Name, Feed: d.Feed, Outlets: names, UDP: true, Make: func(u *sim.Unit) (sim.Style, error) {
		return newAgent(d.Style, config, u)
	}}
}

// notWanted says whether the user has chosen to leave a device out that says itself
// what it is: that is known as the style is.
func (r *Rehearsal) notWanted(d *Device, is string) bool {
	switch style := choose(d.Name, "", r.opts.Choices); style {
	case "", is:
	case None:
		d.Style = None
	default:
		r.opts.Log.Warn("the settings of a device say what it is, and a style has no say", "device", d.Name, "style", style)
	}
	return d.Style == None
}

// anyProfile gives a make that has plugs with such names, for a device that the driver
// would ask.
func anyProfile(s *snmp.Settings, plugs []room.Plug) *profile.Profile {
	for _, name := range append([]string{"apc-rpdu2", "sentry3"}, profile.Names()...) {
		p, _ := profile.Builtin(name)
		made := s.ForUnit(p)
		if !slices.ContainsFunc(plugs, func(p room.Plug) bool {
			_, err := made.Index.Plug(p.Name)
			return err != nil
		}) {
			return &made
		}
	}
	return nil
}

// fixed gives the plugs that the settings of a device name.
func fixed(of *room.Device) []string {
	p, _ := of.Settings.(driver.Prepared)
	return p.Traits.Plugs
}

// counted gives the names of the outlets of a device of which only the plugs that are
// used are known: where they are numbers, those between too.
func counted(plugs []room.Plug, first int) []string {
	last := first + fewest - 1
	var names []string
	for _, p := range plugs {
		n, err := strconv.Atoi(p.Name)
		if names = append(names, p.Name); err != nil || n < first || n > 1000 {
			last = -1
		} else if last >= 0 {
			last = max(last, n)
		}
	}
	if last < 0 {
		return names
	}
	return sim.Numbered(first, last-first+1)
}

// pdu is a unit that speaks SNMP.
type pdu struct {
	name  string
	agent *agent.Agent
}

func newAgent(name string, config agent.Config, u *sim.Unit) (sim.Style, error) {
	config.Relays = u
	a, err := agent.New(config)
	return &pdu{name, a}, err
}

// Name implements [sim.Style].
func (p *pdu) Name() string { return p.name }

// Serve implements [sim.Style].
func (p *pdu) Serve(t *sim.Terminal) error {
	return t.Messages(func(message []byte) []byte {
		p.agent.Change(func(f *agent.Fault) { f.Password = t.Unit().Barred() })
		return p.agent.Answer(message)
	})
}

// castHTTP finds how to play a device of the driver http. It is nil if nobody can.
func (r *Rehearsal) castHTTP(ctx context.Context, d *Device, of *room.Device, s *httpdriver.Settings) *sim.PDU {
	d.Real, d.scheme = s.Address, "http"
	if u, err := url.Parse(s.Address); err == nil && u.Scheme == "http" {
		d.own = loopback(net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")))
	}
	if r.notWanted(d, "") {
		return nil
	}
	if s.Profile == "" {
		d.Why = "its settings define how it is spoken to, and name no make"
		return nil
	}
	d.Style = "http " + s.Profile
	names := fixed(of)
	l := r.login(ctx, of.Credential)
	user := cmp.Or(l.User, s.User())
	return &sim.PDU{Name: d.Name, Feed: d.Feed, Outlets: names, Make: func(u *sim.Unit) (sim.Style, error) {
		b, err := webplug.New(s.Profile, names, user, l.Password)
		if err != nil {
			return nil, err
		}
		b.Attach(u)
		return &box{name: d.Style, box: b}, nil
	}}
}

// box is a unit that is switched over HTTP.
type box struct {
	name string

	mu  sync.Mutex // one request at a time, as small boxes do
	box *webplug.Box
}

// Name implements [sim.Style].
func (b *box) Name() string { return b.name }

// Serve implements [sim.Style].
func (b *box) Serve(t *sim.Terminal) error {
	return t.Requests(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.box.Fault(webplug.BadPassword, t.Unit().Barred())
		b.box.ServeHTTP(w, r)
	}))
}

// loopback gives host and port, if they are of this machine only; else "".
func loopback(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return ""
	}
	return hostport
}

var (
	_ sim.Style = (*pdu)(nil)
	_ sim.Style = (*box)(nil)
)
