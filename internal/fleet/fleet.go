package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// Options are what a fleet needs from outside.
type Options struct {
	// Dialer reaches addresses; nil means a plain one.
	Dialer *transport.Dialer
	// Credential resolves a credential of the room by name, anew at each login.
	// It is not called for a device that names none.
	Credential func(ctx context.Context, r *room.Room, name string) (secret.Resolved, error)
	// Changed is told when a device comes within reach or is lost. It must not
	// block. Nil is fine.
	Changed func(DeviceStatus)
	// Ask puts a device's question to people; see [driver.Env]. Nil means that
	// there is nobody to ask.
	Ask func(ctx context.Context, device, question string) (driver.Answer, error)
	Log *slog.Logger
	// Rand spreads reconnects; nil means a seeded one.
	Rand *rand.Rand
}

// Fleet is the set of devices of the current room.
type Fleet struct {
	opts Options
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.Mutex // held by Apply and Close
	current atomic.Pointer[view]
}

// view pairs a room with the owners of its devices, by DeviceID.
type view struct {
	room   *room.Room
	owners []*device
}

var errNobody = errors.New("there is nobody to ask")

// New makes a fleet without devices; [Fleet.Apply] brings them.
func New(opts Options) *Fleet {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Changed == nil {
		opts.Changed = func(DeviceStatus) {}
	}
	if opts.Ask == nil {
		opts.Ask = func(context.Context, string, string) (driver.Answer, error) { return driver.Answer{}, errNobody }
	}
	if opts.Dialer == nil {
		opts.Dialer = &transport.Dialer{}
	}
	if opts.Rand == nil {
		opts.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) //nolint:gosec // it spreads reconnects, no more
	}
	f := &Fleet{opts: opts}
	f.ctx, f.stop = context.WithCancel(context.Background())
	f.current.Store(&view{room: &room.Room{}})
	return f
}

// Apply makes r the current room. Devices whose identity is unchanged keep their
// owner, session, queue and counters; new ones begin to connect; those that are
// gone finish nothing more: their waiting work is reported as not begun.
// It fails, and changes nothing, if a device's settings are not a driver's.
func (f *Fleet) Apply(r *room.Room) error {
	f.mu.Lock()
	defer f.mu.Unlock()

	old := f.current.Load()
	kept, ends := make(map[string]*device, len(old.owners)), make(map[string]<-chan struct{}, len(old.owners))
	for _, d := range old.owners {
		kept[d.key()], ends[d.name] = d, d.ended
	}
	next := &view{room: r, owners: make([]*device, len(r.Devices))}
	var fresh []*device
	for i := range r.Devices {
		def := &r.Devices[i]
		if d := kept[keyOf(def)]; d != nil {
			next.owners[i] = d
			delete(kept, d.key())
			continue
		}
		ready, ok := def.Settings.(driver.Prepared)
		if !ok {
			return fmt.Errorf("device %s: its settings are %T, not a driver's", def.Name, def.Settings)
		}
		d := f.newDevice(def, ready, ends[def.Name])
		next.owners[i] = d
		fresh = append(fresh, d)
	}
	for i, d := range next.owners {
		d.adopt(r, &r.Devices[i])
	}
	f.current.Store(next)
	for _, d := range kept {
		d.stop()
	}
	for _, d := range fresh {
		f.wg.Go(d.own)
	}
	return nil
}

// keyOf says which owner can go on owning a device.
func keyOf(def *room.Device) string { return def.Name + "\x00" + def.Identity }

func (d *device) key() string { return keyOf(d.def.Load()) }

// Room gives the current room.
func (f *Fleet) Room() *room.Room { return f.current.Load().room }

// Close ends all sessions and waits for their owners.
func (f *Fleet) Close() {
	f.stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wg.Wait()
}

// owner finds who owns a device of a room, which may be older than the current
// one. It gives nil when the device has gone or changed since.
func (f *Fleet) owner(r *room.Room, id room.DeviceID) *device {
	v := f.current.Load()
	if v.room == r {
		return v.owners[id]
	}
	want := &r.Devices[id]
	now, ok := v.room.Device(want.Name)
	if !ok || v.room.Devices[now].Identity != want.Identity {
		return nil
	}
	return v.owners[now]
}

// heir finds the device of the current room that has taken the name of one of
// an older room, and the places there of plugs that are named alike. It is how
// power that was taken before a reload can be given back after it.
func (f *Fleet) heir(r *room.Room, id room.DeviceID, plugs []int) (*device, []int) {
	v := f.current.Load()
	was := &r.Devices[id]
	now, ok := v.room.Device(was.Name)
	if !ok {
		return nil, nil
	}
	at := make(map[string]int, len(plugs))
	for i, p := range v.room.Devices[now].Plugs {
		at[p.Name] = i
	}
	places := make([]int, len(plugs))
	for i, p := range plugs {
		place, ok := at[was.Plugs[p].Name]
		if !ok {
			return nil, nil
		}
		places[i] = place
	}
	return v.owners[now], places
}

// Device gives the status of one device of room r; ok is false when it is no
// longer part of the current room.
func (f *Fleet) Device(r *room.Room, id room.DeviceID) (DeviceStatus, bool) {
	d := f.owner(r, id)
	if d == nil {
		return DeviceStatus{}, false
	}
	return d.status(), true
}

// Traits gives what a device of room r can do.
func (f *Fleet) Traits(r *room.Room, id room.DeviceID) (driver.Traits, bool) {
	d := f.owner(r, id)
	if d == nil {
		return driver.Traits{}, false
	}
	return d.traits, true
}

// DeviceStatus is how it stands with one device.
type DeviceStatus struct {
	Name       string `json:"name"`
	Type       string `json:"type"` // what its driver calls its kind
	Link       Link   `json:"link"`
	Reconnects int    `json:"reconnects"` // successful connects after the first
	Actions    int    `json:"actions"`    // actions carried out, logins and pings included
	Queue      int    `json:"queue"`      // jobs waiting
	Said       string `json:"said,omitempty"`
}

// Link is how far the conversation with a device has got.
type Link string

// The links.
const (
	Disconnected Link = "disconnected"
	Connecting   Link = "connecting"
	Connected    Link = "connected"
)
