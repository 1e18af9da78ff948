package fleet

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/transport"
)

// errGone is the cause of a fault for work on a device that a reload took away.
var errGone = errors.New("the device is no longer part of the room")

// steady is how long a session must have lived for its loss to count as the
// first one: a device that hangs up sooner is left alone for longer each time.
const steady = 5 * time.Second

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
	wake     chan struct{}   // one token: the queue has grown
	before   <-chan struct{} // closed when the owner that this one replaces has ended; may be nil
	ended    chan struct{}   // closed when this one has

	def     atomic.Pointer[room.Device] // limits may change under a kept session
	room    atomic.Pointer[room.Room]
	actions atomic.Int64
	mute    atomic.Bool // its session measures nothing

	mu       sync.Mutex
	queue    []*job
	errands  []*errand
	gone     bool // the owner has ended: nothing may be queued any more
	link     Link
	connects int
	said     string

	// owner's own
	session driver.Session
	told    Link      // the last of connected and disconnected that others were told
	since   time.Time // when the session began
	work    *batch    // begun, and perhaps waiting for its next turn (stagger)
	quick   *batch    // what overtakes waiting work
	obliged bool      // the last turn was an errand's
	lastOn  time.Time // the last switch-on, for stagger
	refusal string    // why the last try to connect failed
	barred  barred    // whether it has turned us away
	tried   time.Time // when the last try to connect began
	logged  logged
	tries   *transport.Backoff
	soon    bool        // the next try to connect need not wait
	ping    *time.Timer // nil when the device wants no pings
}

func (f *Fleet) newDevice(def *room.Device, ready driver.Prepared, before <-chan struct{}) *device {
	settings, traits := ready.Settings, ready.Traits
	if traits.Timeout <= 0 {
		traits.Timeout = driver.DefaultTimeout
	}
	plugs := make([]driver.Plug, len(def.Plugs))
	d := &device{
		name: def.Name, settings: settings, traits: traits, plugs: plugs,
		opts: &f.opts, log: f.opts.Log.With("device", def.Name),
		wake: make(chan struct{}, 1), before: before, ended: make(chan struct{}),
		link: Disconnected, soon: true,
		// A source of its own for each, since owners run at the same time.
		tries: transport.NewBackoff(rand.New(rand.NewPCG(f.opts.Rand.Uint64(), f.opts.Rand.Uint64()))), //nolint:gosec // it spreads reconnects, no more
	}
	for i, p := range def.Plugs {
		plugs[i] = driver.Plug{Name: p.Name, Used: p.Node != room.None}
		if plugs[i].Used {
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

// whole says whether so many plugs are all that the device has, each with a node.
func (d *device) whole(plugs int) bool { return plugs == len(d.plugs) && d.used == plugs }

// own is the owner goroutine.
func (d *device) own() {
	defer d.end()
	if d.before != nil { // many devices let only one in at a time
		select {
		case <-d.before:
		case <-d.ctx.Done():
		}
	}
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
	defer close(d.ended)
	d.hangUp()
	d.mu.Lock()
	d.gone = true
	d.mu.Unlock()
	d.failAll(&driver.Fault{Phase: driver.Waiting, Device: d.name, Err: errGone})
	d.stop()
}

// submit queues a job. It reports false when the device has gone.
func (d *device) submit(j *job) bool {
	return d.enqueue(func() { d.queue = append(d.queue, j) })
}

// enqueue has put add something to what waits, and wakes the owner. It reports
// false, and adds nothing, when the device has gone.
func (d *device) enqueue(put func()) bool {
	d.mu.Lock()
	if d.gone {
		d.mu.Unlock()
		return false
	}
	put()
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
	return true
}

// again puts jobs back to the head of the queue, to be done one by one.
func (d *device) again(jobs []*job) {
	for _, j := range jobs {
		j.alone = true
		j.state.Store(jobWaiting)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue = slices.Insert(d.queue, 0, jobs...)
}

// advance does one piece of work, if there is one that may be done now.
func (d *device) advance() bool {
	select {
	case <-d.session.Done():
		d.lose(&driver.Fault{Phase: driver.Lost, Device: d.name})
		return true
	default:
	}
	if d.obliged = !d.obliged && d.oblige(); d.obliged {
		return true
	}
	return d.advanceWork() || d.oblige()
}

// advanceWork does the next piece of a batch, if there is one that may be done now.
func (d *device) advanceWork() bool {
	switch {
	case d.work == nil:
		d.work = d.take()
	case d.quick == nil && !d.due(d.work):
		if d.quick = d.takeQuick(); d.quick != nil && d.quick.op == room.Off && d.work.yield(d.quick.plugs) {
			d.work = nil
		}
	}
	switch {
	case d.quick != nil:
		d.quick = d.perform(d.quick)
	case d.work != nil && d.due(d.work):
		d.work = d.perform(d.work)
	default:
		return false
	}
	return true
}

// turn gives the moment before which a batch must not go on: switch-ons keep
// their distance from the last one, whoever asked for that.
func (d *device) turn(b *batch) time.Time {
	stagger := d.def.Load().Stagger
	if stagger <= 0 || d.lastOn.IsZero() || !b.inrush() || len(b.begun) > 0 {
		return time.Time{}
	}
	return d.lastOn.Add(stagger)
}

func (d *device) due(b *batch) bool { return !time.Now().Before(d.turn(b)) }

// idle waits for something to do.
func (d *device) idle() {
	var turn, ping <-chan time.Time
	var given <-chan struct{}
	if d.work != nil {
		d.work.start = time.Time{} // waiting its turn is no part of the time that an action may take
		turn, given = time.After(time.Until(d.turn(d.work))), d.work.ctx.Done()
	}
	if d.ping != nil {
		ping = d.ping.C
	}
	select {
	case <-d.ctx.Done():
	case <-d.wake:
	case <-turn:
	case <-given:
		d.giveUp(d.work)
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

// first is the batch that is next, nil when nobody waits.
func (d *device) first() *batch {
	if d.quick != nil {
		return d.quick
	}
	return d.work
}

// forget takes a batch that has ended out of its place.
func (d *device) forget(b *batch) {
	switch b {
	case d.quick:
		d.quick = nil
	case d.work:
		d.work = nil
	}
}

// failFirst reports a fault to the batch that is next. Those behind it have not
// begun to wait: their clocks start when they come to the head.
func (d *device) failFirst(fault *driver.Fault) {
	if b := d.first(); b != nil {
		d.forget(b)
		b.fail(fault)
	}
}

// giveUp ends a batch that nobody wants any more.
func (d *device) giveUp(b *batch) {
	d.forget(b)
	b.fail(d.stopped(b))
}

// stopped is the fault of a batch that nobody wants any more, with what is known
// of why it took so long.
func (d *device) stopped(b *batch) *driver.Fault {
	var why []string
	if cause := context.Cause(b.ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		why = append(why, cause.Error())
	}
	if d.session == nil && d.refusal != "" {
		why = append(why, d.refusal)
	}
	return &driver.Fault{Phase: driver.Stopped, Device: d.name, Said: strings.Join(why, "; ")}
}

// failAll reports a fault to everything that is begun or waiting.
func (d *device) failAll(fault *driver.Fault) {
	for d.first() != nil {
		d.failFirst(fault)
	}
	for b := d.take(); b != nil; b = d.take() {
		b.fail(fault)
	}
	d.failErrands(fault)
}

// lose gives the session up, to be opened anew.
func (d *device) lose(fault *driver.Fault) {
	d.hangUp()
	if time.Since(d.since) >= steady {
		d.tries.Reset()
	}
	d.report("lost the device", fault)
	d.setLink(Disconnected, fault.Error())
	d.tell(Disconnected)
}

// logged is the last trouble that was logged.
type logged struct {
	text string
	at   time.Time
}

// report logs trouble with the device: what is new at once, and what goes on as
// before once a minute.
func (d *device) report(what string, fault *driver.Fault) {
	text := what + fault.Error()
	if text == d.logged.text && time.Since(d.logged.at) < time.Minute {
		return
	}
	d.logged = logged{text, time.Now()}
	d.log.Info(what, "why", fault)
}

// hangUp ends the session, if there is one.
func (d *device) hangUp() {
	if d.session == nil {
		return
	}
	d.session.Close()
	d.session = nil
	d.setLink(Disconnected, "")
}

// setLink notes how far the conversation has got.
func (d *device) setLink(link Link, said string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if link == Connected {
		d.connects++
	}
	d.link, d.said = link, said
}

// tell lets others know that the device can be used, or cannot any more: once
// each time, not at each try in between, and not when it answers only to refuse.
func (d *device) tell(link Link) {
	if d.told == link {
		return
	}
	d.told = link
	d.opts.Changed(d.status())
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
