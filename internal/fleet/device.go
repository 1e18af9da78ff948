package fleet

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/transport"
)

// errGone is the cause of a fault for work on a device that a reload took away.
var errGone = errors.New("the device is no longer part of the room")

// device is the owner of one device. Fields below "owner's own" are touched by
// the owner goroutine only.
type device struct {
	name     string
	settings driver.Settings
	traits   driver.Traits
	plugs    []driver.Plug
	used     int // plugs with a node
	opts     *Options
	log      *slog.Logger
	ctx      context.Context
	stop     context.CancelFunc
	wake     chan struct{} // one token: the queue has grown

	def     atomic.Pointer[room.Device] // limits may change under a kept session
	room    atomic.Pointer[room.Room]
	actions atomic.Int64

	mu       sync.Mutex
	queue    []*job
	gone     bool // the owner has ended: nothing may be queued any more
	link     Link
	connects int
	said     string

	// owner's own
	session driver.Session
	work    *batch // begun, and perhaps waiting for its next turn (stagger)
	read    *batch // a read that overtakes waiting work
	tries   *transport.Backoff
	ping    *time.Timer // nil when the device wants no pings
}

func (f *Fleet) newDevice(def *room.Device, ready driver.Prepared) *device {
	settings, traits := ready.Settings, ready.Traits
	if traits.Timeout <= 0 {
		traits.Timeout = driver.DefaultTimeout
	}
	plugs := make([]driver.Plug, len(def.Plugs))
	for i, p := range def.Plugs {
		plugs[i] = driver.Plug{Name: p.Name, Used: p.Node != room.None}
	}
	d := &device{
		name: def.Name, settings: settings, traits: traits, plugs: plugs,
		opts: &f.opts, log: f.opts.Log.With("device", def.Name),
		wake: make(chan struct{}, 1), link: Disconnected,
		// A source of its own for each, since owners run at the same time.
		tries: transport.NewBackoff(rand.New(rand.NewPCG(f.opts.Rand.Uint64(), f.opts.Rand.Uint64()))), //nolint:gosec // it spreads reconnects, no more
	}
	for _, p := range plugs {
		if p.Used {
			d.used++
		}
	}
	d.ctx, d.stop = context.WithCancel(f.ctx)
	return d
}

// adopt makes def, of r, what the device's limits are read from.
func (d *device) adopt(r *room.Room, def *room.Device) {
	d.def.Store(def)
	d.room.Store(r)
}

// own is the owner goroutine.
func (d *device) own() {
	defer d.end()
	for d.ctx.Err() == nil {
		if d.session == nil {
			d.connect()
			continue
		}
		if d.advance() {
			continue
		}
		d.idle()
	}
}

// end leaves nothing behind that waits for this device.
func (d *device) end() {
	if d.session != nil {
		d.session.Close()
		d.session = nil
	}
	fault := &driver.Fault{Phase: driver.Waiting, Device: d.name, Err: errGone}
	d.mu.Lock()
	d.gone = true
	d.mu.Unlock()
	d.failAll(fault)
	d.setLink(Disconnected, "")
	d.stop()
}

// submit queues a job. It reports false when the device has gone.
func (d *device) submit(j *job) bool {
	d.mu.Lock()
	if d.gone {
		d.mu.Unlock()
		return false
	}
	d.queue = append(d.queue, j)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
	return true
}

// advance does one piece of work, if there is one that may be done now.
func (d *device) advance() bool {
	select {
	case <-d.session.Done():
		d.lose(&driver.Fault{Phase: driver.Lost, Device: d.name})
		return true
	default:
	}
	if d.work == nil {
		d.work = d.take(false)
	} else if d.read == nil && !d.work.due() {
		d.read = d.take(true)
	}
	switch {
	case d.read != nil:
		d.read = d.perform(d.read)
	case d.work != nil && d.work.due():
		d.work = d.perform(d.work)
	default:
		return false
	}
	return true
}

// idle waits for something to do.
func (d *device) idle() {
	var turn <-chan time.Time
	if d.work != nil {
		turn = time.After(time.Until(d.work.notBefore))
	}
	var ping <-chan time.Time
	if d.ping != nil {
		ping = d.ping.C
	}
	select {
	case <-d.ctx.Done():
	case <-d.wake:
	case <-turn:
	case <-d.session.Done():
		d.lose(&driver.Fault{Phase: driver.Lost, Device: d.name})
	case <-ping:
		d.keepAlive()
	}
}

// keepAlive pings; a device that does not answer is connected to anew.
func (d *device) keepAlive() {
	d.ping.Reset(d.traits.Ping)
	p, ok := d.session.(driver.Pinger)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, d.traits.Timeout)
	defer cancel()
	if err := p.Ping(ctx); err != nil && d.ctx.Err() == nil {
		d.lose(asFault(d.name, err))
	}
}

// take gives the next batch, merged from neighbours in the queue that ask for
// the same; readsOnly skips what changes anything.
func (d *device) take(readsOnly bool) *batch {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b *batch
	rest := d.queue[:0]
	blocked := false // once something was passed over, order must be kept
	for _, j := range d.queue {
		switch {
		case blocked && !(readsOnly && b == nil && !j.op.Changes()):
			rest = append(rest, j)
		case !j.state.CompareAndSwap(jobWaiting, jobTaken):
			// cancelled: its exchange has forgotten it
		case b == nil && readsOnly && j.op.Changes():
			j.state.Store(jobWaiting)
			rest = append(rest, j)
			blocked = true
		case b == nil:
			b = newBatch(d, j)
			blocked = j.trace
		case j.op == b.op && !j.trace:
			b.join(j)
		default:
			j.state.Store(jobWaiting)
			rest = append(rest, j)
			blocked = true
		}
	}
	clear(d.queue[len(rest):])
	d.queue = rest
	if len(rest) == 0 && cap(rest) > 64 {
		d.queue = nil // a burst is no reason to keep its memory
	}
	return b
}

// failAll reports a fault to everything that is begun or waiting.
func (d *device) failAll(fault *driver.Fault) {
	for _, b := range []*batch{d.read, d.work} {
		if b != nil {
			b.fail(fault)
		}
	}
	d.read, d.work = nil, nil
	for b := d.take(false); b != nil; b = d.take(false) {
		b.fail(fault)
	}
}

// lose gives the session up, to be opened anew.
func (d *device) lose(fault *driver.Fault) {
	if d.session != nil {
		d.session.Close()
		d.session = nil
	}
	d.log.Info("lost the device", "why", fault)
	d.setLink(Disconnected, fault.Error())
}

func (d *device) setLink(link Link, said string) {
	d.mu.Lock()
	changed := d.link != link
	if link == Connected {
		d.connects++
	}
	d.link, d.said = link, said
	d.mu.Unlock()
	if changed {
		d.opts.Changed(d.status())
	}
}

func (d *device) status() DeviceStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	return DeviceStatus{
		Name: d.name, Type: d.traits.Type, Link: d.link, Said: d.said,
		Reconnects: max(0, d.connects-1), Actions: int(d.actions.Load()), Queue: len(d.queue),
	}
}

// asFault makes any error of a driver a fault; one that is none is a lost line.
func asFault(name string, err error) *driver.Fault {
	var f *driver.Fault
	if errors.As(err, &f) {
		return f
	}
	return &driver.Fault{Phase: driver.Lost, Device: name, Err: err}
}
