// Package drivertest is the suite that every driver passes against a simulator
// of its own device. A driver that passes it keeps the promises of package
// driver, on which the fleet relies.
//
// # To use it
//
// Write, beside the driver, a simulator of the device: something that listens (or
// sits at the other end of a net.Pipe), keeps a true state for each plug, and can
// be told to misbehave. Then tell the suite how to set one up:
//
//	func TestDriver(t *testing.T) {
//		drivertest.Run(t, drivertest.Subject{
//			InMemory: true,
//			New: func(t *testing.T) drivertest.Rig {
//				board := startBoard(t, 8) // ends by t.Cleanup
//				return drivertest.Rig{
//					Settings: &relay.Settings{Address: "tcp://board:23"},
//					Plugs:    []string{"1", "2", "3", "4", "5", "6", "7", "8"},
//					Dial:     board.Dial,
//					Credential: secret.Resolved{Values: map[string]secret.Value{
//						secret.Password: secret.NewValue("long-and-odd-word"),
//					}},
//					Truth:    drivertest.Truth{On: board.On, Set: board.Set},
//					Faults:   drivertest.Faults{Hang: board.Hang, HangUp: board.HangUp},
//				}
//			},
//		})
//	}
//
// Each case gets a rig of its own. A fault that the simulator cannot do, and a
// verb that the driver has not, leave out the cases that need them; the test's
// log says which. Begin with Truth alone and add the faults one by one.
//
// The flag -listen serves the simulator at an address instead, so that a daemon
// can switch it:
//
//	go test ./internal/driver/relay -run TestDriver -v -listen 127.0.0.1:2000 -timeout 0
//
// # Where to read on
//
//	drivertest.go  the rig, and how a case is run
//	stand.go       a rig with a session on it, as cases use it
//	report.go      the sink: what the driver told, and whether it may say so
//	traits.go      cases: what is known before any contact
//	work.go        cases: all is well
//	trouble.go     cases: something is broken
//	life.go        cases: ends, of sessions and of patience
//	listen.go      the simulator for others
//	lines.go       what a rig in memory may put between simulator and driver
package drivertest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/secret"
)

// Subject is a driver under test.
type Subject struct {
	// New sets up a device: at least four plugs (or one, if devices of the kind
	// have no more), sound, relays that move at once.
	// All that it starts ends by t.Cleanup.
	New func(t *testing.T) Rig

	// Many is New with a thousand plugs; nil if the device has no such size.
	Many func(t *testing.T) Rig

	// InMemory says that nothing of the rig or the driver waits for anything but
	// channels, pipes and timers. Each case then runs in a testing/synctest bubble,
	// where timeouts take no time and can be measured. Else no case asserts timing.
	InMemory bool

	// Abreast says that the driver carries out actions side by side: when one hangs,
	// the next has been begun. Else it must say of that one that it has not.
	Abreast bool
}

// Rig is one device, set up for one case.
type Rig struct {
	// Settings are as decoded from a room file, before Traits is asked.
	Settings driver.Settings
	// Shelf is what Traits is given; nil for an empty one.
	Shelf driver.Shelf
	// Plugs are the plugs' names. A node hangs on each.
	Plugs []string
	// Dial reaches the simulator; nil if the driver dials nothing.
	Dial driver.Dial
	// DialContext stands in for the network; nil for the real one.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Ask answers the driver's questions; nil if it asks none.
	Ask func(ctx context.Context, question string) (driver.Answer, error)
	// Credential lets the driver in. Its values may appear nowhere in what the
	// driver says, logs or traces: make them long and odd.
	Credential secret.Resolved

	Truth  Truth
	Faults Faults
}

// Truth looks past the driver at the simulator. The functions are called from the
// test's goroutine while no batch runs.
type Truth struct {
	On  func(plug string) bool     // the relay itself
	Set func(plug string, on bool) // as by hand, behind the driver's back
	// Moves counts how often the relay has moved; nil if the simulator does not
	// count. It shows that a cycle went through off.
	Moves func(plug string) int
}

// Faults are what can be made wrong with the simulator, from the call on. Nil is
// what it cannot do, or what cannot happen to such a device.
type Faults struct {
	Refuse      func()            // nobody answers at the address any more
	BadPassword func()            // every password is wrong
	Hang        func()            // it takes what is sent and answers nothing
	HangUp      func()            // it closes the line now, and is well after it
	Cut         func()            // it closes the line in the middle of the next answer
	Garbage     func()            // it answers noise
	Pieces      func()            // it answers in odd pieces with pauses
	Chatter     func()            // it says a line unasked, now, best one like an answer ("ok"); it may block until that is read
	Echo        func()            // its answers repeat what it heard, and the password that it was given before
	Reject      func(plug string) // this plug answers with an error and does not move
	Stick       func(plug string) // this plug takes commands, does nothing, and shows it
}

// Run runs all cases that the subject allows, each as a subtest.
func Run(t *testing.T, subject Subject) {
	t.Helper()
	if *listen != "" {
		subject.listen(t, *listen)
		return
	}
	var left []string
	for _, c := range slices.Concat(traitsCases, workCases, troubleCases, lifeCases) {
		if why := subject.run(t, c); why != "" {
			left = append(left, fmt.Sprintf("%s (%s)", c.name, why))
		}
	}
	if len(left) > 0 {
		t.Logf("left out %d cases:\n\t%s", len(left), strings.Join(left, "\n\t"))
	}
}

// testCase is one thing that a driver has to do right.
type testCase struct {
	name  string
	needs []need
	many  bool // runs on the large rig
	run   func(*stand)
}

// need is what a rig must offer for a case.
type need struct {
	what string
	met  func(*stand) bool
}

// run runs a case and returns why it was left out, if so.
func (s Subject) run(t *testing.T, c testCase) (why string) {
	setUp := s.New
	if c.many {
		if setUp = s.Many; setUp == nil {
			return "no large rig"
		}
	}
	body := func(t *testing.T) {
		st := newStand(t, setUp(t), s)
		for _, n := range c.needs {
			if !n.met(st) {
				why = "needs " + n.what
				t.Log("left out:", why)
				return
			}
		}
		c.run(st)
	}
	t.Run(c.name, func(t *testing.T) {
		if s.InMemory { // a goroutine that is left over makes the bubble panic
			synctest.Test(t, body)
			return
		}
		before := goleak.IgnoreCurrent()
		t.Cleanup(func() { goleak.VerifyNone(t, before) }) // the first registered runs last
		body(t)
	})
	return why
}
