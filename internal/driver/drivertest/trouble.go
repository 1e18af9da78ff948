package drivertest

import (
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// troubleCases are about a device that is broken in some way. What they have in
// common: the driver says what it knows, and never that something is done or so
// when it cannot know.
var troubleCases = []testCase{
	{name: "refused connection", needs: []need{canRefuse}, run: refusedConnection},
	{name: "wrong password", needs: []need{canBarLog}, run: wrongPassword},
	{name: "secrets stay secret", needs: []need{hasSecrets}, run: secretsStaySecret},
	{name: "secrets that the device repeats", needs: []need{hasSecrets, canEcho}, run: secretsRepeated},
	{name: "talks unasked", needs: []need{can(room.On, room.Status), canChatter, inMemory}, run: talksUnasked},
	{name: "talks unasked, and hangs", needs: []need{can(room.On), canChatter, canHang, inMemory}, run: talksAndHangs},
	{name: "one plug says no", needs: []need{can(room.On), canReject}, run: onePlugSaysNo},
	{name: "a plug that is stuck", needs: []need{can(room.On, room.Status), canStick}, run: stuckPlug},
	{name: "hangs during a change", needs: []need{can(room.On), canHang}, run: hangsDuringChange},
	{name: "hangs, and the clock is running", needs: []need{can(room.On), canHang, inMemory}, run: hangsOnTheClock},
	{name: "hangs during a read", needs: []need{can(room.Status), canHang}, run: hangsDuringRead},
	{name: "hangs up during a change", needs: []need{can(room.On), canCut}, run: cutting(room.On)},
	{name: "hangs up during a cycle", needs: []need{can(room.Cycle), canCut}, run: cutting(room.Cycle)},
	{name: "hangs up during a reset", needs: []need{can(room.Reset), canCut}, run: cutting(room.Reset)},
	{name: "hangs up during a read", needs: []need{can(room.Status), canCut}, run: cutting(room.Status)},
	{name: "garbage for a read", needs: []need{can(room.Status), canGarble}, run: garbageForRead},
	{name: "garbage for a change", needs: []need{can(room.On), canGarble}, run: garbageForChange},
	{name: "answers in pieces", needs: []need{can(room.On, room.Off, room.Status), canPieces}, run: answersInPieces},
}

func refusedConnection(s *stand) {
	s.rig.Faults.Refuse()
	if f := s.cannotOpen(s.Context()); f.Phase != driver.Connecting {
		s.Errorf("the fault %q has phase %v, want Connecting", f, f.Phase)
	}
	if s.reached.Load() != 0 {
		s.Error("Reached was called for a device that cannot be reached")
	}
}

func wrongPassword(s *stand) {
	s.rig.Faults.BadPassword()
	if f := s.cannotOpen(s.Context()); f.Phase != driver.LoggingIn {
		s.Errorf("the fault %q has phase %v, want LoggingIn", f, f.Phase)
	}
	if s.reached.Load() != 1 {
		s.Errorf("Reached was called %d times, want once", s.reached.Load())
	}
	if s.acted.Load() != 0 {
		s.Error("Acted was called for a login that was turned down")
	}
}

// secretsStaySecret: every case looks for secrets at its end; this one has the
// driver say as much as it can.
func secretsStaySecret(s *stand) {
	session := s.open()
	for _, op := range s.traits.Verbs {
		s.do(session, op, s.all...)
	}
	if s.rig.Faults.Garbage != nil {
		s.rig.Faults.Garbage()
		s.doWith(s.Context(), session, driver.Batch{Op: s.traits.Verbs[0], Plugs: []int{s.one()}, Start: s.soon(), Trace: true})
	}
}

// secretsRepeated: what the driver says when it does something, and when it logs in.
// Whether it understands such a device at all is its own affair.
func secretsRepeated(s *stand) {
	session := s.open()
	s.rig.Faults.Echo()
	for _, op := range s.traits.Verbs {
		if s.doWith(s.Context(), session, driver.Batch{Op: op, Plugs: s.few(op), Start: s.soon(), Trace: true}).err != nil {
			break
		}
	}
	session.Close()
	session, err := s.rig.Settings.Open(s.Context(), s.env())
	if err != nil {
		_ = s.fault(err)
		return
	}
	session.Close()
}

// chatter has the device say something while nobody listens to it.
func (s *stand) chatter() {
	go s.rig.Faults.Chatter()
	synctest.Wait()
}

// talksUnasked: what came before the question is no answer. A driver may give such
// a line up; on a new one all is well.
func talksUnasked(s *stand) {
	for _, op := range []room.Op{room.On, room.Status} {
		s.reached.Store(0)
		session := s.open()
		s.setAll(func(p int) bool { return op == room.Status && s.odd(p) })
		s.chatter()
		s.do(session, op, 1, 2).truthful()
		session.Close()
	}
	s.reached.Store(0)
	s.do(s.open(), room.Status, s.all...).states()
}

// talksAndHangs: the device has answered nothing, so nothing is known.
func talksAndHangs(s *stand) {
	session := s.open()
	s.rig.Faults.Hang()
	s.chatter()
	r := s.do(session, room.On, s.pick(1, 2)...)
	r.none(done)
	r.none(failed)
}

func onePlugSaysNo(s *stand) {
	session := s.open()
	one := s.one()
	for _, plugs := range [][]int{{one}, s.pick(0, 1, 2), s.all} {
		s.setAll(never)
		s.rig.Faults.Reject(s.rig.Plugs[one])
		before := s.acted.Load()
		r := s.do(session, room.On, plugs...)
		if got, want := s.acted.Load()-before, int64(s.actions(room.On, len(plugs))); got != want {
			s.Errorf("Acted was called %d times, and the device has carried out or refused %d actions", got, want)
		}
		if r.err != nil {
			s.Fatalf("one plug said no, and Do says %v", r.err)
		}
		want := s.truth()
		want[one] = false
		for _, p := range plugs {
			if p == one {
				r.plug(p, failed)
				continue
			}
			r.plug(p, done)
			want[p] = true
		}
		s.want("after a refusal", want)
	}
}

func stuckPlug(s *stand) {
	session := s.open()
	s.setAll(never)
	s.rig.Faults.Stick(s.rig.Plugs[s.one()])
	s.do(session, room.On, s.pick(1, 2)...).every(done) // it cannot know; that is what reading back is for
	s.do(session, room.Status, s.all...).states()
}

func hangsDuringChange(s *stand) {
	session := s.open()
	s.rig.Faults.Hang()
	r := s.hung(session, room.On, s.pick(1, 2)...)
	r.none(done)
	r.none(failed)
	if len(s.all) > 2 && s.actions(room.On, 2) == 2 && !s.abreast {
		r.notBegun(2)
	}
}

// hangsOnTheClock: a batch that has waited for half of its time has the other half.
func hangsOnTheClock(s *stand) {
	session := s.open()
	s.rig.Faults.Hang()
	now := time.Now()
	s.doWith(s.Context(), session, driver.Batch{Op: room.On, Plugs: []int{s.one()}, Start: now.Add(-s.timeout() / 2)})
	if took := time.Since(now); took > s.timeout()/2 {
		s.Errorf("an action with %v left took %v", s.timeout()/2, took)
	}
}

func hangsDuringRead(s *stand) {
	session := s.open()
	s.rig.Faults.Hang()
	s.hung(session, room.Status, s.all...).none(stated)
}

// hung has a batch carried out by a device that does not answer: it ends by the
// driver's own clock, which runs from the batch's Start.
func (s *stand) hung(session driver.Session, op room.Op, plugs ...int) *report {
	s.Helper()
	start := s.soon()
	r := s.doWith(s.Context(), session, driver.Batch{Op: op, Plugs: plugs, Start: start, Trace: true})
	if took, most := time.Since(start), s.timeout()*time.Duration(len(plugs)); s.memory && took > most {
		s.Errorf("%v of a device that hangs took %v; its timeout is %v for an action", op, took, s.timeout())
	}
	if got := r.phase(); got != driver.Acting {
		s.Errorf("%v of a device that hangs: phase %v (%v), want Acting", op, got, r.err)
	}
	if len(r.faults) == 0 {
		s.Errorf("%v of a device that hangs: the sink heard of no Fault", op)
	}
	return r
}

// cutting is the case of a line that breaks in the middle of an answer. Done is
// true only if the device had said so by then, and so if the plug has moved.
func cutting(op room.Op) func(*stand) {
	return func(s *stand) {
		session := s.open()
		s.setAll(never)
		s.rig.Faults.Cut()
		plugs, inTurn := s.few(op), len(s.all) > 2 && s.actions(op, 2) == 2 && !s.abreast
		if inTurn {
			plugs = s.all[1:3]
		}
		r := s.do(session, op, plugs...)
		if _, provable := op.Wants(); provable {
			r.truthful()
		} else {
			r.none(done)
		}
		if inTurn && !op.Repeatable() { // what is repeatable is left to the fleet
			r.notBegun(plugs[1])
		}
		r.none(failed)
		if r.err == nil {
			s.Fatalf("the line broke during %v, and Do returned nil", op)
		}
		if f := s.fault(r.err); f.Phase != driver.Lost {
			s.Errorf("the line broke during %v: %q has phase %v, want Lost", op, f, f.Phase)
		}
	}
}

func garbageForRead(s *stand) {
	session := s.open()
	s.setAll(s.odd)
	s.rig.Faults.Garbage()
	r := s.doWith(s.Context(), session, driver.Batch{Op: room.Status, Plugs: s.all, Start: s.soon(), Trace: true})
	for p, o := range r.plugs {
		if o.kind == stated && o.state != room.StateUnknown && o.state != state(s.odd(p)) {
			s.Errorf("plug %d is read as %v out of garbage", p, o.state)
		}
	}
}

func garbageForChange(s *stand) {
	session := s.open()
	s.rig.Faults.Garbage()
	r := s.doWith(s.Context(), session, driver.Batch{Op: room.On, Plugs: []int{s.one()}, Start: s.soon(), Trace: true})
	r.none(done)
}

func answersInPieces(s *stand) {
	s.rig.Faults.Pieces()
	session := s.open()
	s.setAll(s.odd)
	s.do(session, room.Status, s.all...).states()
	want := s.truth()
	want[0] = true
	s.do(session, room.On, 0).every(done)
	want[s.one()] = false
	s.do(session, room.Off, s.one()).every(done)
	s.want("with answers in pieces", want)
	s.do(session, room.Status, s.all...).states()
}
