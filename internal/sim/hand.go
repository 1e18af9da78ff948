package sim

import (
	"errors"
	"fmt"
)

// SetFeed kills a circuit or brings it back.
func (r *Room) SetFeed(name string, live bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.feeds {
		if f.name == name {
			return r.setFeed(f, live)
		}
	}
	return fmt.Errorf("sim: there is no feed %q", name)
}

func (r *Room) setFeed(f *feed, live bool) error {
	if f.live == live {
		return nil
	}
	f.live = live
	kind := FeedOff
	if live {
		kind = FeedOn
	}
	r.note(Happening{Kind: kind, Feed: f.name})
	var errs []error
	for _, u := range f.units {
		errs = append(errs, u.applyReach())
		for i := range u.outlets {
			for _, m := range u.outlets[i].machines {
				r.follow(m)
			}
		}
	}
	return errors.Join(errs...)
}

// Press pushes the button of a machine that has power and is off.
func (r *Room) Press(name string) error {
	m := r.machineByName[name]
	if m == nil {
		return fmt.Errorf("sim: there is no machine %q", name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
	case !m.powered:
		return fmt.Errorf("sim: press %s: it has no power", name)
	case m.state == Off:
		r.boot(m)
	}
	return nil
}

// Turn moves an outlet's relay by hand, whatever its faults: the way a room
// drifts away from what its keeper thinks. The panel shows it, unless it lies.
func (r *Room) Turn(pdu, plug string, on bool) error {
	u, plugs, err := r.target(pdu, plug)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("sim: turn %s: the room has ended", u.name)
	}
	for i := range plugs {
		o := &plugs[i]
		if !o.has(faultLie) {
			o.set(saysOn, on)
		}
		r.relay(o, on)
	}
	return nil
}
