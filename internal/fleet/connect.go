package fleet

import (
	"context"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// attempt is one try to reach the device, in a goroutine of its own, so that
// the owner can give up on a job's behalf while the try goes on.
type attempt struct {
	reached atomic.Bool
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
	var retry <-chan time.Time
	defer func() {
		if try != nil { // the device ends in the middle of a try
			try.cancel()
			<-try.done
			if try.session != nil {
				try.session.Close()
			}
		}
	}()
	if d.tries.Attempts() > 0 && d.waitingSince().IsZero() {
		retry = time.After(d.tries.Next())
	} else {
		try = d.open()
	}
	for {
		select {
		case <-d.ctx.Done():
			return
		case <-d.wake:
			if try == nil && !d.waitingSince().IsZero() {
				d.tries.Reset()
				try = d.open()
			}
		case <-retry:
			try, retry = d.open(), nil
		case <-d.patience(try):
			if try != nil && try.reached.Load() {
				continue // since we looked last
			}
			d.failAll(&driver.Fault{Phase: driver.Connecting, Device: d.name, Said: d.lastWords()})
		case <-done(try):
			ended := try
			try = nil
			if ended.err == nil {
				d.connected(ended.session)
				return
			}
			d.refused(ended)
			retry = time.After(d.tries.Next())
		}
	}
}

func done(try *attempt) <-chan struct{} {
	if try == nil {
		return nil
	}
	return try.done
}

// patience rings when the first in the queue has waited for as long as an action
// may take. Once the address has answered, the driver's own time for logging in counts.
func (d *device) patience(try *attempt) <-chan time.Time {
	since := d.waitingSince()
	if since.IsZero() || try != nil && try.reached.Load() {
		return nil
	}
	return time.After(time.Until(since.Add(d.traits.Timeout)))
}

// waitingSince starts the clock of the first in the queue and gives its time,
// zero when nobody waits.
func (d *device) waitingSince() time.Time {
	if d.work == nil && d.read == nil {
		d.work = d.take(false)
	}
	switch {
	case d.read != nil:
		return d.read.start
	case d.work != nil:
		return d.work.start
	}
	return time.Time{}
}

func (d *device) lastWords() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said
}

// open begins a try.
func (d *device) open() *attempt {
	try := &attempt{done: make(chan struct{})}
	ctx, cancel := context.WithCancel(d.ctx)
	try.cancel = cancel
	d.setLink(Connecting, d.lastWords())
	r, def := d.room.Load(), d.def.Load()
	go func() {
		defer close(try.done)
		defer cancel()
		who, err := d.credential(ctx, r, def)
		if err != nil {
			try.err = &driver.Fault{Phase: driver.LoggingIn, Device: d.name, Err: err}
			return
		}
		try.session, try.err = d.settings.Open(ctx, driver.Env{
			Device: d.name, Plugs: d.plugs, Dial: d.opts.Dialer.WithLog(d.log).Dial, Credential: who, Log: d.log,
			Reached: func() {
				try.reached.Store(true)
				d.setLink(Connected, "")
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
	d.session = s
	d.log.Debug("connected")
	if d.traits.Ping > 0 {
		d.ping = time.NewTimer(0) // the first one at once
	}
}

// refused notes why a try failed. A device that answers and does not let us in
// will not do so for those who wait either.
func (d *device) refused(try *attempt) {
	fault := asFault(d.name, try.err)
	d.log.Info("cannot use the device", "why", fault)
	d.setLink(Disconnected, fault.Error())
	if fault.Phase == driver.LoggingIn {
		d.failAll(fault)
	}
}
