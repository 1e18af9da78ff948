package drivertest

import (
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// workCases are about a device that is well.
var workCases = []testCase{
	{name: "status is the truth", needs: []need{can(room.Status)}, run: statusIsTheTruth},
	{name: "on and off switch what was asked", needs: []need{can(room.On, room.Off)}, run: switchesWhatWasAsked},
	{name: "cycle goes through off", needs: []need{can(room.Cycle)}, run: cycleGoesThroughOff},
	{name: "reset leaves the power on", needs: []need{can(room.Reset)}, run: resetLeavesPower},
	{name: "temperature is a raw text", needs: []need{can(room.Temp)}, run: temperatureIsRaw},
	{name: "beacon is not the power", needs: []need{can(room.Beacon, room.BeaconOn, room.BeaconOff)}, run: beaconIsNotPower},
	{name: "actions are counted", run: actionsAreCounted},
	{name: "traces come only if asked for", run: tracesIfAsked},
	{name: "a thousand plugs", many: true, needs: []need{can(room.On, room.Off, room.Status)}, run: thousandPlugs},
}

// choices are batches of different shapes: one plug, some, and all; not so many
// where real devices take real time.
func (s *stand) choices() [][]int {
	if !s.memory {
		return [][]int{{s.one()}, s.pick(1, 3), s.all}
	}
	if len(s.all) == 1 {
		return [][]int{s.all}
	}
	return [][]int{{0}, s.pick(2), s.pick(1, 3), s.all[1:], s.all}
}

// one is the plug of cases that need but one: the second, where a wrong place
// would be seen, or the only one that there is.
func (s *stand) one() int { return min(1, len(s.all)-1) }

// pick gives those of some places that there are, or one.
func (s *stand) pick(places ...int) []int {
	var some []int
	for _, p := range places {
		if p < len(s.all) {
			some = append(some, p)
		}
	}
	if some == nil {
		return []int{s.one()}
	}
	return some
}

// few gives one plug, or all for what the device can do only to all at once.
func (s *stand) few(op room.Op) []int {
	if s.actions(op, 1) == 0 {
		return s.all
	}
	return []int{s.one()}
}

// actions is in how many actions an operation on so many plugs is done.
func (s *stand) actions(op room.Op, plugs int) int {
	if s.traits.Actions == nil {
		return 1
	}
	return s.traits.Actions(op, plugs, plugs == len(s.all))
}

func statusIsTheTruth(s *stand) {
	session := s.open()
	for _, on := range []func(int) bool{s.odd, never, always} {
		s.setAll(on) // behind the driver's back: it must not remember
		before := s.truth()
		for _, plugs := range s.choices() {
			s.do(session, room.Status, plugs...).states()
		}
		s.want("after reading", before)
	}
}

func switchesWhatWasAsked(s *stand) {
	session := s.open()
	for _, op := range []room.Op{room.On, room.Off} {
		for _, plugs := range s.choices() {
			s.setAll(func(int) bool { return op == room.Off })
			want := s.truth()
			for _, p := range plugs {
				want[p] = op == room.On
			}
			for range 2 { // the second time there is nothing to move
				s.do(session, op, plugs...).every(done)
				s.want(op.String(), want)
			}
		}
	}
}

func cycleGoesThroughOff(s *stand) {
	session := s.open()
	for _, plugs := range s.choices() {
		s.setAll(s.odd)
		want, before := s.truth(), s.moves()
		for _, p := range plugs {
			want[p] = true
		}
		s.do(session, room.Cycle, plugs...).every(done)
		s.want("cycle", want)
		for p, n := range s.moves() {
			moved, asked := n-before[p], slices.Contains(plugs, p)
			if asked && s.odd(p) && moved < 2 || !asked && moved != 0 {
				s.Errorf("cycle of %v: plug %d moved %d times", plugs, p, moved)
			}
		}
	}
}

// moves counts the moves of each plug's relay; nil if the rig does not count.
func (s *stand) moves() []int {
	if s.rig.Truth.Moves == nil {
		return nil
	}
	n := make([]int, len(s.all))
	for i, name := range s.rig.Plugs {
		n[i] = s.rig.Truth.Moves(name)
	}
	return n
}

func resetLeavesPower(s *stand) {
	session := s.open()
	s.setAll(s.odd)
	want := s.truth()
	s.do(session, room.Reset, s.few(room.Reset)...).every(done)
	s.want("after reset", want)
}

func temperatureIsRaw(s *stand) {
	r := s.do(s.open(), room.Temp, s.all...)
	r.every(stated)
	for p, o := range r.plugs {
		if strings.TrimSpace(o.raw) == "" || o.state != room.StateUnknown {
			s.Errorf("plug %d: temperature %q and state %v, want a text and no state", p, o.raw, o.state)
		}
	}
}

func beaconIsNotPower(s *stand) {
	session := s.open()
	s.setAll(s.odd)
	want := s.truth()
	for _, op := range []room.Op{room.BeaconOn, room.BeaconOff} {
		s.do(session, op, s.pick(1, 2)...).every(done)
		r := s.do(session, room.Beacon, s.pick(1, 2)...)
		r.every(stated)
		for p, o := range r.plugs {
			if o.state != state(op == room.BeaconOn) {
				s.Errorf("after %v the beacon of plug %d is read as %v", op, p, o.state)
			}
		}
	}
	s.want("after beacons", want)
}

func actionsAreCounted(s *stand) {
	session := s.open()
	for _, op := range s.traits.Verbs {
		for _, plugs := range s.choices() {
			want := int64(s.actions(op, len(plugs)))
			before := s.acted.Load()
			s.do(session, op, plugs...)
			if got := s.acted.Load() - before; got != want {
				s.Errorf("%v of %v: Acted was called %d times; Traits.Actions says %d", op, plugs, got, want)
			}
		}
	}
}

// tracesIfAsked: that they say nothing when not asked for is checked by the
// report; when asked for, there is something to see.
func tracesIfAsked(s *stand) {
	session, op := s.open(), s.traits.Verbs[0]
	for _, ask := range []bool{false, true} {
		r := s.doWith(s.Context(), session, driver.Batch{Op: op, Plugs: []int{s.one()}, Start: time.Now(), Trace: ask})
		if ask && r.traces == 0 {
			s.Errorf("%v: a trace was asked for, and there is none", op)
		}
	}
}

func thousandPlugs(s *stand) {
	if len(s.all) < 1000 {
		s.Fatalf("the large rig has %d plugs, want 1,000", len(s.all))
	}
	session := s.open()
	s.setAll(never)
	s.do(session, room.On, s.all...).every(done)
	s.do(session, room.Status, s.all...).states()
	var half []int
	want := s.truth()
	for p := range s.all {
		if s.odd(p) {
			half, want[p] = append(half, p), false
		}
	}
	s.do(session, room.Off, half...).every(done)
	s.want("off of every other plug", want)
	s.do(session, room.Status, s.all...).states()
}
