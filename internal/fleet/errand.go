package fleet

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// errand is a talk with a device that is no operation on its plugs: measuring,
// for example. Errands and batches take turns, so that neither keeps the other
// from its device.
type errand struct {
	ctx   context.Context
	work  func(context.Context, driver.Session) error
	limit time.Duration // how long it may take; zero is as long as an action
	taken atomic.Bool   // by the owner, or by an asker who has given up
	done  chan error
}

// Use lets work talk to a device of room r when it is its turn. Work runs in the
// goroutine of the device's owner; it must end when its context does, and finds
// out by a type assertion what the session can do. A *driver.Fault that it
// returns ends the session. When the device cannot be reached, Use fails with
// the fault of the next try; it does not wait for the device to come back.
func (f *Fleet) Use(ctx context.Context, r *room.Room, id room.DeviceID, work func(context.Context, driver.Session) error) error {
	return f.use(r, id, &errand{ctx: ctx, work: work, done: make(chan error, 1)})
}

func (f *Fleet) use(r *room.Room, id room.DeviceID, e *errand) error {
	ctx := e.ctx
	d := f.owner(r, id)
	if d == nil || !d.send(e) {
		return &driver.Fault{Phase: driver.Waiting, Device: r.Devices[id].Name, Err: errGone}
	}
	select {
	case err := <-e.done:
		return err
	case <-ctx.Done():
	}
	if !e.taken.CompareAndSwap(false, true) {
		return <-e.done // it has begun: what it touches is not the caller's until it has ended
	}
	d.drop(e)
	return &driver.Fault{Phase: driver.Stopped, Device: d.name, Said: d.lastWords(), Err: context.Cause(ctx)}
}

// send queues an errand. It reports false when the device has gone.
func (d *device) send(e *errand) bool {
	return d.enqueue(func() { d.errands = append(d.errands, e) })
}

// drop takes an errand off the queue whose asker has given up: one that waits for a
// line to break, or for a long batch, would keep all of them.
func (d *device) drop(e *errand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.errands = slices.DeleteFunc(d.errands, func(other *errand) bool { return other == e })
}

// nextErrand gives the errand that is next, nil when there is none.
func (d *device) nextErrand() *errand {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.errands) > 0 {
		e := d.errands[0]
		d.errands = d.errands[1:]
		if e.taken.CompareAndSwap(false, true) {
			return e
		}
	}
	d.errands = nil
	return nil
}

// wanted says whether somebody waits for a connection.
func (d *device) wanted() bool {
	if d.waiting() != nil {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.errands) > 0
}

// oblige does one errand, if there is one.
func (d *device) oblige() bool {
	e := d.nextErrand()
	if e == nil {
		return false
	}
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	defer context.AfterFunc(d.ctx, cancel)()
	defer d.watch(max(d.traits.Timeout, e.limit), "an errand", cancel)()
	err := e.work(ctx, d.session)
	if fault := (*driver.Fault)(nil); errors.As(err, &fault) {
		d.lose(fault)
	}
	e.done <- err
	return true
}

// failErrands tells all that wait why they cannot be done.
func (d *device) failErrands(fault *driver.Fault) {
	for e := d.nextErrand(); e != nil; e = d.nextErrand() {
		e.done <- fault
	}
}

// watch sees to it that a driver comes back: one that takes longer than limit is
// told to stop, and then loses its session, for a device must not be wedged by
// it. The returned function ends the watch.
func (d *device) watch(limit time.Duration, what string, stop func()) (end func()) {
	session := d.session
	var back atomic.Bool
	watchdog := time.AfterFunc(limit+overdue, func() {
		stop()
		time.AfterFunc(overdue, func() {
			if !back.Load() {
				d.log.Error("the driver does not come back; its session is closed under it", "op", what)
				session.Close()
			}
		})
	})
	return func() {
		back.Store(true)
		watchdog.Stop()
	}
}

// Measured is what one device has measured.
type Measured struct {
	Device   room.DeviceID
	Readings []driver.Reading
	Err      *room.Error // why there are none, or not all
}

// maxReadings bounds what one device may tell.
const maxReadings = 1 << 16

// Measure asks devices of room r, all at the same time, for what they measure. It
// tells each device's answer as it comes, from the calling goroutine. A device
// that measures nothing answers with an error of code refused.
func (f *Fleet) Measure(ctx context.Context, r *room.Room, devices []room.DeviceID, tell func(Measured)) {
	answers := make(chan Measured)
	var wg sync.WaitGroup
	for _, id := range devices {
		wg.Go(func() { answers <- f.measure(ctx, r, id) })
	}
	go func() {
		wg.Wait()
		close(answers)
	}()
	for m := range answers {
		tell(m)
	}
}

func (f *Fleet) measure(ctx context.Context, r *room.Room, id room.DeviceID) Measured {
	m := Measured{Device: id}
	ctx, cancel := f.patient(ctx, r, id)
	defer cancel()
	err := f.Use(ctx, r, id, func(ctx context.Context, s driver.Session) error {
		meter, ok := s.(driver.Meter)
		if d := f.owner(r, id); d != nil {
			d.mute.Store(!ok)
		}
		if !ok {
			return &room.Error{Code: room.CodeRefused, Said: "it measures nothing"}
		}
		return meter.Measure(ctx, func(v driver.Reading) {
			if len(m.Readings) < maxReadings {
				m.Readings = append(m.Readings, v)
			}
		})
	})
	if err != nil {
		m.Err = deviceError(r.Devices[id].Name, "measure", err)
	}
	return m
}

// MayMeasure says whether it is worth asking a device what it measures: not one that has
// answered that it measures nothing, nor one that has gone.
func (f *Fleet) MayMeasure(r *room.Room, id room.DeviceID) bool {
	d := f.owner(r, id)
	return d != nil && !d.mute.Load()
}

// Describe asks a device of room r what it is.
func (f *Fleet) Describe(ctx context.Context, r *room.Room, id room.DeviceID) (d driver.Description, err error) {
	ctx, cancel := f.patient(ctx, r, id)
	defer cancel()
	err = f.Use(ctx, r, id, func(ctx context.Context, s driver.Session) (err error) {
		one, ok := s.(driver.Describer)
		if !ok {
			return &room.Error{Code: room.CodeRefused, Said: "it does not say what it is"}
		}
		d, err = one.Describe(ctx)
		return err
	})
	if err != nil {
		return driver.Description{}, deviceError(r.Devices[id].Name, "describe", err)
	}
	return d, nil
}

// patient bounds an errand by the time that an action of the device may take.
func (f *Fleet) patient(ctx context.Context, r *room.Room, id room.DeviceID) (context.Context, context.CancelFunc) {
	if t, ok := f.Traits(r, id); ok && t.Timeout > 0 {
		return context.WithTimeout(ctx, t.Timeout)
	}
	return context.WithCancel(ctx)
}

// deviceError says of what a device could not do why.
func deviceError(device, op string, err error) *room.Error {
	e := &room.Error{Code: room.CodeDevice, Op: op, Subject: device, Err: err}
	var known *room.Error
	var fault *driver.Fault
	switch {
	case errors.As(err, &known):
		e.Code, e.Said = known.Code, known.Said
	case errors.As(err, &fault):
		e.Code, e.Said = room.CodeTimeout, fault.Phase.String()
		if why := fault.Why(); why != "" {
			e.Said += ": " + why
		}
	}
	return e
}
