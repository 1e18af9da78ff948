package ipmidoor

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/machine"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/rmcp"
)

// Name is what the door is called in events.
const Name = "ipmi"

// Options are what the door stands on.
type Options struct {
	Desk *desk.Desk
	// Secret fetches what a reference leads to.
	Secret func(ctx context.Context, ref string) (secret.Value, error)
	Log    *slog.Logger
}

// Door answers IPMI for nodes of the room.
type Door struct {
	opts  Options
	known machine.Known
	told  told
	users atomic.Pointer[map[string]string] // the room's user of each of ours

	ctx  context.Context // ends with the door
	stop context.CancelFunc
	wg   sync.WaitGroup // of changes that go on though their client was answered

	mu      sync.Mutex
	closed  bool
	plan    plan
	nodes   map[string]*node
	sockets sockets
}

// plan is what all machines have in common.
type plan struct {
	room   string
	users  map[string]string // the room's user of each of ours
	config bmc.Config
}

// New makes the door, which is closed until [Door.Apply].
func New(o Options) *Door {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &Door{opts: o, nodes: make(map[string]*node)}
	d.ctx, d.stop = context.WithCancel(context.Background())
	return d
}

// Apply has the door show what a room says, and closes what it says no longer. Machines
// for which nothing has changed go on undisturbed, with their sessions. Everything that
// can be opened is; the error tells of what cannot.
func (d *Door) Apply(ctx context.Context, r *room.Room) error {
	want := r.Settings.IPMI
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(want.Nodes) == 0 && len(d.nodes) == 0 {
		return nil
	}
	p, failed := d.planOf(ctx, r.Name, want)
	if !reflect.DeepEqual(p, d.plan) {
		d.closeNodes(func(*node) bool { return true })
		d.plan = p
		d.users.Store(&p.users)
	}
	at := make(map[string]string, len(want.Nodes))
	for _, n := range want.Nodes {
		at[n.Node] = n.Listen
	}
	d.closeNodes(func(n *node) bool { return at[n.name] != n.listen })
	for _, n := range want.Nodes {
		if d.nodes[n.Node] == nil && len(p.users) > 0 {
			if err := d.add(n.Node, n.Listen); err != nil {
				failed = errors.Join(failed, err)
			}
		}
	}
	return errors.Join(failed, d.listen())
}

// planOf fetches the secrets of a room's door.
func (d *Door) planOf(ctx context.Context, name string, want room.IPMI) (plan, error) {
	p := plan{room: name, users: make(map[string]string), config: bmc.Config{V15: want.V15}}
	var failed error
	for _, u := range want.Users {
		password, err := d.opts.Secret(ctx, u.Password)
		length := len(password.Reveal())
		switch {
		case err != nil:
		case length == 0:
			err = errors.New("the password is empty")
		case length > rmcp.MaxPassword:
			err = fmt.Errorf("the password has %d bytes, and IPMI takes at most %d", length, rmcp.MaxPassword)
		}
		level, unknown := channel.ParsePrivilegeName(u.Privilege)
		if err = cmp.Or(err, unknown); err != nil {
			failed = errors.Join(failed, fmt.Errorf("ipmi: user %s is left out: %w", u.Name, err))
			continue
		}
		p.users[u.Name] = u.As
		p.config.Users = append(p.config.Users, bmc.Account{Name: u.Name, Password: password.Reveal(), Privilege: level})
	}
	if want.Kg != "" {
		kg, err := d.opts.Secret(ctx, want.Kg)
		var key rmcp.Key
		if err == nil {
			key, err = rmcp.ParseKg(kg.Reveal())
		}
		if err != nil { // without its key the door would be wider open than was asked for
			clear(p.users)
			return p, errors.Join(failed, fmt.Errorf("ipmi: the door stays closed: kg: %w", err))
		}
		p.config.Kg = key[:]
	}
	for _, s := range want.Suites {
		p.config.Suites = append(p.config.Suites, rmcp.Suite(s))
	}
	return p, failed
}

// add makes a node's machine; the lock is held.
func (d *Door) add(name, listen string) error {
	n := &node{door: d, name: name, listen: listen}
	c := d.plan.config
	c.Name, c.GUID, c.Notify = name, guidOf(d.plan.room, name), n.notify
	c.Device = bmc.DefaultDevice()
	c.Policy = chassis.PolicyUnknown
	if at, err := netip.ParseAddrPort(listen); err == nil && at.Addr().Is4() {
		c.LAN.Address = netip.PrefixFrom(at.Addr(), at.Addr().BitLen())
	}
	c.SDR = n.records()
	c.FRU = map[uint8][]byte{0: inventory(d.plan.room, name)}
	c.Log = d.opts.Log.With("node", name)
	m, err := bmc.New(c, n)
	if err != nil {
		return fmt.Errorf("ipmi: node %s: %w", name, err)
	}
	n.machine = m
	d.nodes[name] = n
	return nil
}

// closeNodes takes those away that are no longer wanted; the lock is held.
func (d *Door) closeNodes(gone func(*node) bool) {
	for name, n := range d.nodes {
		if gone(n) {
			delete(d.nodes, name)
			d.sockets.close(name)
			n.close()
		}
	}
}

// guidOf gives a machine's GUID: the same as long as room and node keep their names (a
// UUID of the version that is made of names, with the bytes as SMBIOS has them).
func guidOf(room, node string) mc.GUID {
	sum := sha256.Sum256([]byte("millwright ipmi\x00" + room + "\x00" + node))
	sum[7], sum[8] = sum[7]&0x0f|0x50, sum[8]&0x3f|0x80
	return mc.GUID(sum[:16])
}

// Addresses tells where each node is a BMC.
func (d *Door) Addresses() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sockets.addresses()
}

// Run keeps the door until ctx ends, and then closes it.
func (d *Door) Run(ctx context.Context) error {
	<-ctx.Done()
	d.Close()
	return nil
}

// Close ends all sessions and waits for changes that were begun.
func (d *Door) Close() {
	d.mu.Lock()
	d.closed = true
	d.stop()
	d.sockets.closeAll()
	for _, name := range slices.Collect(maps.Keys(d.nodes)) {
		d.nodes[name].close()
		delete(d.nodes, name)
	}
	d.mu.Unlock()
	d.wg.Wait()
}

// actor gives the one of the room in whose name a caller acts.
func (d *Door) actor(who bmc.Caller) desk.Actor {
	remote := ""
	if who.From.IsValid() {
		remote = who.From.Unmap().String()
	}
	as := ""
	if users := d.users.Load(); users != nil {
		as = (*users)[who.User]
	}
	if as == "" { // nobody of ours: the room knows no rights of theirs
		return desk.Actor{Door: Name, Remote: remote}
	}
	return desk.Actor{Name: as, Door: Name, Remote: remote, Standing: auth.Known}
}
