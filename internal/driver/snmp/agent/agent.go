// Package agent is a simulated power device that speaks SNMP, of any profile: tables
// as the real one has them, relays that take their time, and faults.
//
// It exists to hold the driver to its promises without a rack of hardware, and to
// measure it against a thousand devices: an agent is a socket, a goroutine and its
// tables. Because it is made from the same profile that the driver reads, it proves
// nothing about the numbers in that profile; their source is told there.
//
// Start at [New], then [Agent.Listen] for real sockets or [Agent.Dial] for pipes in
// memory. What can be made wrong with it is in [Fault].
package agent

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/internal/driver/snmp/profile"
)

// Config says what device to simulate.
type Config struct {
	Profile *profile.Profile
	Plugs   []string // as a room names them; "1" to "8" if there are none

	Community string // may read and write
	ReadOnly  string // may read; none if empty
	User      *User  // of version 3; without one, it is not spoken

	Delay time.Duration // a relay's, from the order on
	Rest  time.Duration // off in a cycle, to the second if the device tells it

	// Relays are what the agent shows and switches instead of relays of its own, in
	// the order of Plugs. Delay and the faults of plugs are theirs then.
	Relays Relays
}

// Relays are outlets that are kept elsewhere, such as those of a simulated room.
type Relays interface {
	Says(outlet int) bool // whether it shows that it is on
	Switch(outlet int, on bool) error
	Cycle(outlet int, rest time.Duration) error
}

// Meter is Relays that know what flows through them.
type Meter interface {
	Watts(outlet int) float64
}

// User is who may do all by version 3.
type User struct {
	Name, Password, Passphrase string
	Auth                       gosnmp.SnmpV3AuthProtocol
	Privacy                    gosnmp.SnmpV3PrivProtocol
}

// Fault is what is wrong with an agent. The zero value is an agent that is well.
type Fault struct {
	Hang     bool   // it answers nothing
	Garbage  bool   // it answers noise
	Mute     bool   // it does not answer orders, and does nothing
	Password bool   // it takes every password for wrong
	Other    bool   // it answers for another outlet than asked
	OtherID  bool   // its answers belong to another question
	Twice    bool   // it answers everything twice
	Drop     int    // it loses so many messages, then is well
	Most     int    // it answers no more objects than this at once, and else "too big"
	Reject   string // the plug whose orders are refused
	Stuck    string // the plug that takes orders and does not move
	Echo     string // what its texts are made of
	Cut      bool   // it hangs up in the middle of the next answer
	Pieces   bool   // its answers come in pieces
	Clock    int    // seconds by which its clock is off; version 3 minds
}

// Agent is one simulated device. Its methods may be called from anywhere.
type Agent struct {
	cfg     Config
	objects []object // in order of their OIDs
	started time.Time

	mu      sync.Mutex
	outlets []outlet
	fault   Fault
	last    []byte // the last answer
	usm     *gosnmp.UsmSecurityParameters
	lines   []*line
	refuse  bool
	heard   int // messages so far
}

// outlet is a relay and what it is about to do.
type outlet struct {
	name  string
	on    bool
	moves int
	plan  []move
	cycle bool // the plan is one
}

type move struct {
	at time.Time
	on bool
}

// settle does what was due by now.
func (o *outlet) settle(now time.Time) {
	for len(o.plan) > 0 && !o.plan[0].at.After(now) {
		if o.on != o.plan[0].on {
			o.on = o.plan[0].on
			o.moves++
		}
		o.plan = o.plan[1:]
	}
	if len(o.plan) == 0 {
		o.cycle = false
	}
}

// New makes an agent. All its outlets are off.
func New(cfg Config) (*Agent, error) {
	if len(cfg.Plugs) == 0 {
		for n := range 8 {
			cfg.Plugs = append(cfg.Plugs, strconv.Itoa(cfg.Profile.Index.First+n))
		}
	}
	a := &Agent{cfg: cfg, started: time.Now(), outlets: make([]outlet, len(cfg.Plugs))}
	for i, name := range cfg.Plugs {
		a.outlets[i].name = name
	}
	if err := a.build(); err != nil {
		return nil, err
	}
	if u := cfg.User; u != nil {
		a.usm = &gosnmp.UsmSecurityParameters{
			UserName: u.Name, AuthoritativeEngineID: engineID, AuthoritativeEngineBoots: boots,
			AuthenticationProtocol: u.Auth, AuthenticationPassphrase: u.Password,
			PrivacyProtocol: u.Privacy, PrivacyPassphrase: u.Passphrase,
		}
		if err := a.usm.InitSecurityKeys(); err != nil {
			return nil, fmt.Errorf("user %s: %w", u.Name, err)
		}
	}
	return a, nil
}

// Change changes what is wrong with the agent.
func (a *Agent) Change(change func(*Fault)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.fault)
}

// Heard gives how many messages have come so far.
func (a *Agent) Heard() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.heard
}

// On says whether a plug truly has power.
func (a *Agent) On(plug string) (on bool) {
	a.with(plug, func(o *outlet) { on = o.on })
	return on
}

// Moves counts how often a plug's relay has moved.
func (a *Agent) Moves(plug string) (n int) {
	a.with(plug, func(o *outlet) { n = o.moves })
	return n
}

// Set moves a relay by hand.
func (a *Agent) Set(plug string, on bool) {
	a.with(plug, func(o *outlet) { o.on, o.plan = on, nil })
}

func (a *Agent) with(plug string, do func(*outlet)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.IndexFunc(a.outlets, func(o outlet) bool { return o.name == plug }); i >= 0 {
		do(a.look(i))
	}
}

// look brings what is known of an outlet up to date.
func (a *Agent) look(i int) *outlet {
	o := &a.outlets[i]
	o.settle(time.Now())
	if r := a.cfg.Relays; r != nil {
		o.on = r.Says(i)
	}
	return o
}

// action is what an order asks for.
type action uint8

const (
	nothing action = iota
	switchOn
	switchOff
	cycle
)

// act gives an outlet an order. The error is that of relays elsewhere.
func (a *Agent) act(i int, what action) error {
	o := a.look(i)
	if o.name == a.fault.Stuck || what == cycle && !o.on && !a.cfg.Profile.Command.Cycle.Wakes {
		return nil
	}
	if r := a.cfg.Relays; r != nil {
		return a.pass(r, i, what)
	}
	now := time.Now()
	first := now.Add(a.cfg.Delay)
	switch what {
	case switchOn, switchOff:
		o.plan, o.cycle = []move{{first, what == switchOn}}, false
	case cycle:
		o.plan, o.cycle = []move{{first, false}, {first.Add(a.cfg.Rest), true}}, true
	}
	o.settle(now)
	return nil
}

// pass hands an order on to relays elsewhere. What they still have to do of a cycle is
// noted, to be shown.
func (a *Agent) pass(r Relays, i int, what action) error {
	o := &a.outlets[i]
	o.plan, o.cycle = nil, false
	if what != cycle {
		return r.Switch(i, what == switchOn)
	}
	if err := r.Cycle(i, a.cfg.Rest); err != nil {
		return err
	}
	o.plan, o.cycle = []move{{time.Now().Add(a.cfg.Rest), true}}, true
	return nil
}
