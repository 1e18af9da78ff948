package fleet

import (
	"context"
	"fmt"
	"sync"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// attempt is one try to reach the device, in a goroutine of its own, so that
// the owner can give up on a job's behalf while the try goes on.
type attempt struct {
	reached chan struct{} // closed when the address has answered
	session driver.Session
	err     error
	done    chan struct{}
	cancel  context.CancelFunc
}

// connect tries until there is a session or the device ends. Work that waits
// longer than its time for a connection is failed; new work makes the next try
// an immediate one.
func (d *device) connect() {
	var try *attempt
	var reached <-chan struct{}
	var retry <-chan time.Time
	open := func() { try, retry = d.open(), nil; reached = try.reached }
	soon := func() { retry = time.After(time.Until(d.tried.Add(leastPause))) }
	defer func() {
		if try != nil { // the device ends in the middle of a try
			try.cancel()
			<-try.done
			if try.session != nil {
				try.session.Close()
			}
		}
	}()
	if d.tryNow() {
		soon()
	} else {
		retry = time.After(d.tries.Next())
	}
	for {
		b := d.waiting()
		select {
		case <-d.ctx.Done():
			return
		case <-d.wake:
			switch {
			case try != nil || !d.wanted():
			case time.Now().Before(d.barred.until):
				d.failAll(d.barred.fault())
			default:
				d.tries.Reset()
				soon()
			}
		case <-retry:
			open()
		case <-reached:
			reached = nil // look at patience again
		case <-d.patience(b, try):
			d.failFirst(&driver.Fault{Phase: driver.Connecting, Device: d.name, Said: d.refusal})
		case <-given(b):
			d.giveUp(b)
		case <-done(try):
			ended := try
			try = nil
			if ended.err == nil {
				d.connected(ended.session)
				return
			}
			d.refused(ended)
			if b := d.waiting(); b != nil && b.hasty() {
				d.failFirst(asFault(d.name, ended.err))
			}
			retry = time.After(max(d.tries.Next(), time.Until(d.barred.until)))
		}
	}
}

// barred is a device that has answered and not let us in. Many lock an account
// after a few wrong passwords, so it is left alone for a while, and for longer each
// time; whoever asks meanwhile is told at once.
type barred struct {
	times int
	until time.Time
	why   *driver.Fault
}

// longestBar is how long a changed password may have to wait; a reload that
// changes the device ends it at once.
const longestBar = time.Minute

// again notes that we were turned away once more.
func (b *barred) again(why *driver.Fault) {
	b.why = why
	if b.times++; b.times > 2 { // the first two may be a slip, or a device that is starting
		b.until = time.Now().Add(min(longestBar, time.Second<<min(b.times, 10)))
	}
}

// fault is what those are told who ask meanwhile.
func (b *barred) fault() *driver.Fault {
	wait := time.Until(b.until).Round(time.Second)
	return &driver.Fault{
		Phase: driver.LoggingIn, Device: b.why.Device, Err: b.why.Err,
		Said: fmt.Sprintf("%s (not tried again for %v, so that it does not lock the account)", b.why.Why(), wait),
	}
}

// leastPause lies between any two tries, however many people ask: a device that
// is hammered with connections is not helped by it.
const leastPause = 250 * time.Millisecond

// tryNow says whether a lost device is to be tried at once: at the start, for
// work that has not met a broken line yet, and once for work that has.
func (d *device) tryNow() bool {
	b := d.waiting()
	now := d.soon || b != nil && b.breaks == 0
	d.soon = false
	return now
}

func done(try *attempt) <-chan struct{} {
	if try == nil {
		return nil
	}
	return try.done
}

func given(b *batch) <-chan struct{} {
	if b == nil {
		return nil
	}
	return b.ctx.Done()
}

// waiting gives the batch that waits for a connection, its clock running.
func (d *device) waiting() *batch {
	if d.first() == nil {
		d.work = d.take()
	}
	b := d.first()
	if b != nil && b.start.IsZero() {
		b.start = time.Now()
	}
	return b
}

// patience rings when the first in the queue has waited for as long as an action
// may take. Once the address has answered, the driver's own time for logging in counts.
func (d *device) patience(b *batch, try *attempt) <-chan time.Time {
	if b == nil || try != nil && try.hasReached() {
		return nil
	}
	return time.After(time.Until(b.start.Add(d.traits.Timeout)))
}

func (t *attempt) hasReached() bool {
	select {
	case <-t.reached:
		return true
	default:
		return false
	}
}

func (d *device) lastWords() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said
}

// open begins a try.
func (d *device) open() *attempt {
	try := &attempt{reached: make(chan struct{}), done: make(chan struct{})}
	var once sync.Once
	ctx, cancel := context.WithCancel(d.ctx)
	try.cancel = cancel
	d.setLink(Connecting, d.lastWords())
	d.tried = time.Now()
	r, def := d.room.Load(), d.def.Load()
	go func() {
		defer close(try.done)
		defer cancel()
		who, err := d.credential(ctx, r, def)
		if err != nil {
			try.err = &driver.Fault{Phase: driver.LoggingIn, Device: d.name, Err: err}
			return
		}
		dialer := d.opts.Dialer.WithLog(d.log)
		try.session, try.err = d.settings.Open(ctx, driver.Env{
			Device: d.name, Plugs: d.plugs, Credential: who, Log: d.log,
			Dial: dialer.Dial, DialContext: dialer.Network,
			Ask: func(ctx context.Context, question string) (driver.Answer, error) {
				return d.opts.Ask(ctx, d.name, question)
			},
			Reached: func() {
				once.Do(func() {
					d.setLink(Connected, "")
					close(try.reached)
				})
			},
			Acted: func() { d.actions.Add(1) },
		})
	}()
	return try
}

func (d *device) credential(ctx context.Context, r *room.Room, def *room.Device) (secret.Resolved, error) {
	if def.Credential == "" || d.opts.Credential == nil {
		return secret.Resolved{}, nil
	}
	return d.opts.Credential(ctx, r, def.Credential)
}

func (d *device) connected(s driver.Session) {
	d.session, d.since, d.refusal, d.barred = s, time.Now(), "", barred{}
	d.tell(Connected)
	d.log.Debug("connected")
	if d.traits.Ping > 0 {
		d.ping = time.NewTimer(0) // the first one at once
	}
}

// refused notes why a try failed. A device that answers and does not let us in
// will not do so for those who wait either.
func (d *device) refused(try *attempt) {
	fault := asFault(d.name, try.err)
	d.refusal = fault.Why()
	d.report("cannot use the device", fault)
	d.setLink(Disconnected, fault.Error())
	d.tell(Disconnected)
	d.failErrands(fault)
	if fault.Phase == driver.LoggingIn {
		d.barred.again(fault)
		d.failAll(fault)
	}
}
