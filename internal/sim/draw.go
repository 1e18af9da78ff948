package sim

import (
	"fmt"
	"hash/fnv"
	"math"
	"time"
)

// watts is what a machine draws. Room.mu is held.
func (m *machine) watts(now time.Time) float64 {
	switch {
	case !m.powered:
		return 0
	case m.state == Off:
		return m.draw.Standby
	case m.state == Booting:
		return m.draw.Boot
	}
	return m.draw.Run * (1 + m.draw.Noise*m.noise(now))
}

// noise is between -1 and 1, another one each second, and the same for whoever measures.
func (m *machine) noise(now time.Time) float64 {
	h := fnv.New32a()
	fmt.Fprint(h, m.name, now.Unix())
	return 2*float64(h.Sum32())/math.MaxUint32 - 1
}

// Watts is what flows through outlet i: of each machine on it the share of one live cord.
// Of a machine's button it is all that the machine draws, as its service processor
// measures it.
func (u *Unit) Watts(i int) float64 {
	o, now := &u.outlets[i], time.Now()
	u.room.mu.Lock()
	defer u.room.mu.Unlock()
	if m := o.presses(); m != nil {
		return m.watts(now)
	}
	if !o.live() {
		return 0
	}
	sum := 0.0
	for _, m := range o.machines {
		if n := m.liveInlets(); n > 0 {
			sum += m.watts(now) / float64(n)
		}
	}
	return sum
}

// SetDraw sets what a machine draws from now on.
func (r *Room) SetDraw(name string, d Draw) error {
	m := r.machineByName[name]
	if m == nil {
		return fmt.Errorf("sim: there is no machine %q", name)
	}
	for _, w := range [...]float64{d.Standby, d.Boot, d.Run, d.Noise} {
		if w < 0 || math.IsNaN(w) || math.IsInf(w, 0) {
			return fmt.Errorf("sim: machine %s: it cannot draw %v", name, w)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m.draw = d
	return nil
}
