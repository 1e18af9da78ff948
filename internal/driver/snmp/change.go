package snmp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/snmp/profile"
	"millwright.dev/millwright/internal/room"
)

// change switches plugs. Each gets an order of its own, because few devices take
// several in one message, and none would say of which it is that one is wrong. What
// was taken is watched until it can be seen, or there is no more time; taken it is.
func (t *told) change(ctx context.Context) error {
	if t.batch.Op == room.Cycle {
		if t.profile.Command.Cycle == nil || t.Cycle != byDevice && t.profile.Command.Off != nil {
			return t.cycleOurselves(ctx)
		}
		return t.cycleByDevice(ctx)
	}
	order, want := t.profile.Command.On, room.StateOn
	if t.batch.Op == room.Off {
		order, want = t.profile.Command.Off, room.StateOff
	}
	taken, err := t.order(ctx, t.plugs, func(int) *profile.Order { return order })
	watches := make([]watch, len(taken))
	for i, p := range taken {
		watches[i] = watch{plug: p, want: want}
	}
	return t.conclude(ctx, watches, err)
}

// stopped is the error of an order after which no others were given.
type stopped struct{ err error }

func (s *stopped) Error() string { return s.err.Error() }
func (s *stopped) Unwrap() error { return s.err }

// order gives each plug its order and says which took it. It tells of those that did
// not; the error is for conclude.
func (t *told) order(ctx context.Context, plugs []int, orders func(plug int) *profile.Order) (taken []int, err error) {
	for i, p := range plugs {
		if ctx.Err() != nil {
			t.notBegun(plugs[i:], context.Cause(ctx))
			return taken, &stopped{context.Cause(ctx)}
		}
		o := orders(p)
		err := t.set(ctx, p, o)
		var no *refusal
		switch {
		case err == nil:
			taken = append(taken, p)
		case errors.As(err, &no):
			t.sink.Failed(p, no.Error())
		default:
			return taken, &stopped{t.interrupted(ctx, p, plugs[i+1:], err)}
		}
	}
	return taken, nil
}

// interrupted tells of the plug whose order was not answered and of those that had
// none. What may be repeated after the line broke is left to the fleet.
func (t *told) interrupted(ctx context.Context, plug int, toCome []int, err error) error {
	f := t.fault(err)
	if f.Phase == driver.Lost && t.batch.Op.Repeatable() {
		return f
	}
	next := t.fault(err)
	next.Phase = driver.Waiting
	if f.Phase == driver.Lost { // of the plug itself the fleet knows from what we return
		t.unknown(toCome, next)
		return f
	}
	if errors.Is(err, errSilent) && ctx.Err() == nil && t.Version != version3 {
		f.Err = fmt.Errorf("%w to the order; may the community write?", err)
	}
	t.sink.Fault(f)
	t.sink.Unknown(plug, f)
	t.unknown(toCome, next)
	return f
}

func (t *told) notBegun(plugs []int, why error) {
	f := t.fault(why)
	f.Phase = driver.Waiting
	t.sink.Fault(f)
	t.unknown(plugs, f)
}

func (t *told) unknown(plugs []int, f *driver.Fault) {
	for _, p := range plugs {
		t.sink.Unknown(p, f)
	}
}

// set gives one order.
func (s *session) set(ctx context.Context, plug int, o *profile.Order) error {
	object := o.Object
	if object == "" {
		object = s.profile.Command.Object
	}
	v := gosnmp.SnmpPDU{Name: s.of(object, plug), Type: gosnmp.Integer}
	n, _ := strconv.Atoi(string(o.Value)) // a profile that was checked holds numbers
	switch v.Value = n; s.profile.Command.Type {
	case "string":
		v.Type, v.Value = gosnmp.OctetString, string(o.Value)
	case "gauge":
		v.Type, v.Value = gosnmp.Gauge32, uint32(n)
	}
	_, err := s.ask(ctx, &question{kind: gosnmp.SetRequest, vars: []gosnmp.SnmpPDU{v}, once: o == s.profile.Command.Cycle})
	return err
}

// watch is a plug whose order was taken, until the device shows it.
type watch struct {
	plug  int
	want  room.State
	cycle bool          // the device has to go through off
	gone  bool          // it was seen on its way
	rest  time.Duration // how long a cycle that nobody saw may have taken
	since time.Time
}

// seen says whether the device shows what was ordered.
func (w *watch) seen(state room.State, moving bool) bool {
	if w.cycle && (moving || state == room.StateOff) {
		w.gone = true
	}
	if state != w.want || moving {
		return false
	}
	return !w.cycle || w.gone || time.Since(w.since) >= w.rest
}

// How often a device is asked for the result: soon at first, then less often.
const (
	firstLook = 50 * time.Millisecond
	slowLook  = time.Second
)

// conclude waits for the results, tells of them, and gives what Do returns. err is
// what kept order from going on.
func (t *told) conclude(ctx context.Context, watches []watch, err error) error {
	plugs := make([]int, len(watches))
	for i, w := range watches {
		plugs[i] = w.plug
	}
	var halt *stopped
	if !errors.As(err, &halt) {
		err = t.await(ctx, watches)
	}
	for _, p := range plugs {
		t.sink.Done(p)
	}
	var f *driver.Fault
	switch {
	case givenUp(ctx):
		return nil
	case errors.As(err, &f):
		return f
	case halt == nil:
		t.env.Acted()
	}
	return nil
}

// await looks until the device shows all results or the time is nearly over. Only a
// conversation that broke is an error.
func (t *told) await(ctx context.Context, watches []watch) error {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-t.Timeout/20))
		defer cancel()
	}
	for pause := firstLook; len(watches) > 0; pause = min(2*pause, slowLook) {
		states, moving, err := t.look(ctx, watches)
		switch {
		case ctx.Err() != nil:
			t.unseen(watches)
			return nil
		case err != nil:
			return t.fault(err)
		}
		kept := watches[:0]
		for i := range watches {
			if w := watches[i]; !w.seen(states[i], moving[i]) {
				kept = append(kept, w)
			}
		}
		if watches = kept; len(watches) == 0 {
			return nil
		}
		if !sleep(ctx, pause) {
			t.unseen(watches)
			return nil
		}
	}
	return nil
}

// unseen says in the log what the device took and does not show. Whether that is a
// failure is for whoever reads the states back.
func (t *told) unseen(watches []watch) {
	var names []string
	for _, w := range watches {
		names = append(names, t.env.Plugs[w.plug].Name)
	}
	if len(names) > 0 {
		t.env.Log.Warn("the device took the orders, and does not show their results yet", "device", t.env.Device, "op", t.batch.Op.String(), "plugs", strings.Join(names, ","))
	}
}

// look reads the states of plugs that are watched, and whether they are on their way.
func (t *told) look(ctx context.Context, watches []watch) (states []room.State, moving []bool, err error) {
	oids := make([]string, 0, 2*len(watches))
	for _, w := range watches {
		oids = append(oids, t.states[w.plug])
	}
	if object := t.profile.State.Pending; object != "" {
		for _, w := range watches {
			oids = append(oids, t.of(object, w.plug))
		}
	}
	values, err := t.get(ctx, oids, false)
	if err != nil {
		return nil, nil, err
	}
	states, moving = make([]room.State, len(watches)), make([]bool, len(watches))
	for i := range watches {
		states[i], moving[i] = t.read(values[i])
		if n := len(watches) + i; n < len(values) {
			moving[i] = moving[i] || values[n].is() && t.profile.State.PendingValues.Has(values[n].String())
		}
	}
	return states, moving, nil
}

// settled is how long after its time a cycle that nobody has seen is over.
const settled = 500 * time.Millisecond

// maxRest is the longest time off that a device is believed to take for a cycle.
const maxRest = time.Hour

// cycleByDevice has the device do it: that works even if it feeds the way to itself.
// An outlet that is off may not be on after it, so it is switched on instead, unless
// the profile says that the device wakes it.
func (t *told) cycleByDevice(ctx context.Context) error {
	p := t.profile
	values, err := t.get(ctx, t.objects(t.plugs), false)
	var rests []value
	if err == nil && p.Rest != "" {
		oids := make([]string, len(t.plugs))
		for i, plug := range t.plugs {
			oids[i] = t.of(p.Rest, plug)
		}
		rests, err = t.get(ctx, oids, false)
	}
	if err != nil { // nothing was ordered yet
		f := t.fault(err)
		if f.Phase != driver.Lost {
			t.sink.Fault(f)
		}
		next := t.fault(err)
		next.Phase = driver.Waiting
		t.unknown(t.plugs, next)
		if givenUp(ctx) {
			return nil
		}
		return f
	}
	off := func(plug int) bool {
		state, _ := t.read(values[slices.Index(t.plugs, plug)])
		return state == room.StateOff
	}
	wake := p.Command.On != nil && !p.Command.Cycle.Wakes
	taken, err := t.order(ctx, t.plugs, func(plug int) *profile.Order {
		if wake && off(plug) {
			return p.Command.On
		}
		return p.Command.Cycle
	})
	watches := make([]watch, len(taken))
	for i, plug := range taken {
		w := watch{plug: plug, want: room.StateOn, cycle: !off(plug), since: time.Now(), rest: settled}
		if n := slices.Index(t.plugs, plug); n < len(rests) && rests[n].kind == number && rests[n].number > 0 {
			w.rest += time.Duration(min(rests[n].number, maxRest.Seconds()) * float64(time.Second))
		}
		watches[i] = w
	}
	return t.conclude(ctx, watches, err)
}

// cycleOurselves is off, rest, on. From off on nothing keeps it from trying to bring
// the power back, and whoever wants no more of it has it back the sooner.
func (t *told) cycleOurselves(ctx context.Context) error {
	command := t.profile.Command
	taken, err := t.order(ctx, t.plugs, func(int) *profile.Order { return command.Off })
	if len(taken) > 0 && err == nil {
		watches := make([]watch, len(taken))
		for i, p := range taken {
			watches[i] = watch{plug: p, want: room.StateOff}
		}
		half, cancel := context.WithTimeout(ctx, (t.Timeout-t.Rest)/2)
		_ = t.await(half, watches)
		cancel()
		sleep(ctx, t.Rest)
	}
	again := context.WithoutCancel(ctx)
	end := time.Now().Add(time.Duration(t.tries+1) * t.wait)
	if given, ok := ctx.Deadline(); ok && given.After(end) {
		end = given
	}
	again, cancel := context.WithDeadlineCause(again, end, errSilent)
	defer cancel()
	var watches []watch
	for i, p := range taken {
		switch failure := t.set(again, p, command.On); {
		case failure == nil:
			watches = append(watches, watch{plug: p, want: room.StateOn})
		default:
			f := t.fault(fmt.Errorf("it was switched off, and then: %w", failure))
			if f.Phase != driver.Lost {
				t.sink.Fault(f)
			}
			t.unknown(taken[i:i+1], f)
			err = &stopped{f}
		}
	}
	return t.conclude(again, watches, err)
}

// sleep waits; false means that the context ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
