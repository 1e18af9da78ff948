package drivertest

import (
	"context"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// lifeCases are about ends. That no goroutine outlives its session is checked in
// every case.
var lifeCases = []testCase{
	{name: "close twice", run: closeTwice},
	{name: "sessions one after the other", run: sessionsInTurn},
	{name: "hangs up while idle", needs: []need{canHangUp}, run: hangsUpWhileIdle},
	{name: "ping", run: ping},
	{name: "cancelled before it begins", needs: []need{can(room.On)}, run: cancelledBefore},
	{name: "cancelled in the middle", needs: []need{can(room.On), canHang}, run: cancelledDuring},
	{name: "cancelled while opening", needs: []need{canHang, inMemory}, run: cancelledOpening},
	{name: "opening a device that hangs", needs: []need{canHang, inMemory}, run: opensHanging},
}

func closeTwice(s *stand) {
	session := s.open()
	session.Close()
	session.Close() // what it returns is its own affair
}

// sessionsInTurn: a device that is free again lets the next session in.
func sessionsInTurn(s *stand) {
	for range 3 {
		s.reached.Store(0)
		session := s.open()
		s.do(session, s.traits.Verbs[0], s.one())
		if err := session.Close(); err != nil {
			s.Errorf("Close: %v", err)
		}
	}
}

func hangsUpWhileIdle(s *stand) {
	session := s.open()
	select {
	case <-session.Done():
		s.Fatal("Done is closed while all is well")
	default:
	}
	s.rig.Faults.HangUp()
	<-session.Done()
	if s.traits.Can(room.On) {
		r := s.do(session, room.On, s.one())
		r.none(done)
		if got := r.phase(); got != driver.Lost {
			s.Errorf("on of a session that is dead: phase %v (%v), want Lost", got, r.err)
		}
	}
	session.Close()
	s.reached.Store(0)
	s.open() // the device itself is well
}

func ping(s *stand) {
	pinger, ok := s.open().(driver.Pinger)
	if !ok {
		return
	}
	if err := pinger.Ping(s.Context()); err != nil {
		s.Errorf("ping of a device that is well: %v", err)
	}
	if !s.memory || s.rig.Faults.Hang == nil || s.traits.Ping == 0 {
		return
	}
	s.rig.Faults.Hang()
	ctx, cancel := context.WithTimeout(s.Context(), s.timeout())
	defer cancel()
	if err := pinger.Ping(ctx); err == nil {
		s.Error("ping of a device that hangs: no error")
	}
}

func cancelledBefore(s *stand) {
	session := s.open()
	s.setAll(never)
	before := s.truth()
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	r := s.doWith(ctx, session, driver.Batch{Op: room.On, Plugs: s.all, Start: time.Now(), Trace: true})
	r.none(done)
	s.want("on, cancelled before it began", before)
}

func cancelledDuring(s *stand) {
	session := s.open()
	s.rig.Faults.Hang()
	ctx, cancel := context.WithCancel(s.Context())
	ended := make(chan *report)
	start := time.Now()
	go func() {
		ended <- s.doWith(ctx, session, driver.Batch{Op: room.On, Plugs: s.all, Start: start, Trace: true})
	}()
	if s.memory {
		synctest.Wait() // it waits for the device now
	}
	cancel()
	r := <-ended
	r.none(done)
	r.none(failed)
	s.prompt("Do", time.Since(start))
}

func cancelledOpening(s *stand) {
	s.rig.Faults.Hang()
	ctx, cancel := context.WithCancel(s.Context())
	start := time.Now()
	go func() {
		synctest.Wait()
		cancel()
	}()
	_ = s.cannotOpen(ctx)
	s.prompt("Open", time.Since(start))
}

// prompt checks that something ended soon after its context had.
func (s *stand) prompt(what string, took time.Duration) {
	s.Helper()
	if s.memory && took > time.Second {
		s.Errorf("%s was cancelled, and went on for %v", what, took)
	}
}

// opensHanging: the fleet waits as long as the driver does, once the address has
// answered, so the driver must give up by itself.
func opensHanging(s *stand) {
	s.rig.Faults.Hang()
	ctx, cancel := context.WithTimeout(s.Context(), time.Hour)
	defer cancel()
	start := time.Now()
	f := s.cannotOpen(ctx)
	if took := time.Since(start); took > s.timeout() {
		s.Errorf("Open of a device that hangs took %v; the whole login has one timeout, of %v", took, s.timeout())
	}
	if f.Phase != driver.LoggingIn && f.Phase != driver.Connecting {
		s.Errorf("the fault %q has phase %v, want LoggingIn", f, f.Phase)
	}
}
