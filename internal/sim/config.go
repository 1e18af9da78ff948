package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"
)

// Config describes a room. The zero value of each field is a sensible choice
// but for names.
type Config struct {
	PDUs     []PDU
	Machines []Machine

	// InMemory opens no listeners: connections come by [Room.Dial] only. That is
	// the way in a testing/synctest bubble. Addresses are then "NAME:23".
	InMemory bool
	// Listen opens the listeners; a net.ListenConfig's if nil.
	Listen func(ctx context.Context, network, address string) (net.Listener, error)
	// Log takes each [Happening]; nil is silent.
	Log *slog.Logger
	// History is how many happenings are remembered; 4096 if 0, none if negative.
	History int
	// Hosts is where the operating systems of all machines answer by HTTP, "127.0.0.1:0";
	// nowhere if empty. See [Room.Hosts].
	Hosts string
	// Styles are makes of your own, which come before the built-in ones.
	Styles []Style
}

// PDU is one power strip.
type PDU struct {
	Name  string
	Style string // see [Styles]; "vpc" if empty
	// Make, if there is one, makes the strip's own style, and Style is not looked at.
	// The unit has its outlets already.
	Make func(*Unit) (Style, error)
	// UDP has the strip listen on UDP, each peer as a connection and each datagram as
	// a write: for styles that use [Terminal.Messages].
	UDP bool
	// Outlets are the names of the plugs, in the order of the strip.
	Outlets []string
	// Listen is the address; "127.0.0.1:0" if empty.
	Listen string
	// Login is what the makes that ask for it want to hear; empty fields are
	// the make's defaults.
	Login Login
	// Feed is the name of the circuit the strip hangs on; none if empty. A dead
	// feed takes the power from all its outlets, and the strip off the network.
	Feed string
	// StartOn has all outlets on at the start; what they feed is up already.
	StartOn bool
	// Sessions is how many connections the strip holds at once; it hangs up on
	// more. 0 is what the make has, which is mostly no limit; real ones often have 1.
	Sessions int
	// SSH puts an SSH server in front of the make, which asks for the login.
	SSH bool
	// Open leaves the make's own login out, as for one who comes through a console
	// server or a coprocess that has logged in already. Of described makes only.
	Open bool
	// SwitchDelay is how long a relay takes to move after its command.
	SwitchDelay time.Duration
	// Standby is for a service processor that lives on the cords of its machines: it is
	// off the network while none of those whose [Machine].Button it has is fed.
	Standby bool
}

// Login is a user's name and password, in clear text: there is nothing behind
// them.
type Login struct{ User, Password string }

// Machine is something that needs power to be up.
type Machine struct {
	Name string
	// Inlets are its cords; one live inlet is enough.
	Inlets []Inlet
	// Button is the plug of its service processor, if it has one. Switching that plug
	// pushes the machine's power button, so it is on for as long as the machine is not
	// off. A machine that has a button and no cords is always fed, or as long as the
	// circuit of its service processor is; when that comes back, it is as it was.
	Button Inlet
	// Boot is the time from power to up.
	Boot time.Duration
	// StayOff is for a machine that waits for its button ([Room.Press]) when
	// power comes, instead of booting by itself.
	StayOff bool
	// Fed is for what needs no power of the room's: it is up from the start, as a service is
	// that others stand for.
	Fed bool
	// Halt is how long its operating system takes to come down when it is asked to; a
	// third of Boot if 0.
	Halt time.Duration
	// Draw is what it takes from its cords.
	Draw Draw
}

// Draw is what a machine draws, in watts, in the states of its life; without power it
// draws nothing. All zero are the figures of a small server.
type Draw struct {
	Standby float64 // fed, and off
	Boot    float64 // while it boots
	Run     float64 // while it is up
	Noise   float64 // by how much of Run it goes up and down: 0.05 is a twentieth
}

// usualDraw is that of a small server.
func usualDraw() Draw { return Draw{Standby: 7, Boot: 190, Run: 150, Noise: 0.03} }

// Inlet names the outlet at the other end of a cord.
type Inlet struct{ PDU, Outlet string }

// Numbered returns count outlet names which start at first: "1", "2", "3"...
func Numbered(first, count int) []string {
	names := make([]string, count)
	for i := range names {
		names[i] = strconv.Itoa(first + i)
	}
	return names
}

// check returns all that is wrong with the configuration itself.
func (c *Config) check() error {
	var errs []error
	seen := map[string]bool{}
	unique := func(kind, name string) {
		switch key := kind + " " + name; {
		case name == "":
			errs = append(errs, fmt.Errorf("sim: a %s has no name", kind))
		case seen[key]:
			errs = append(errs, fmt.Errorf("sim: two %ss are named %q", kind, name))
		default:
			seen[key] = true
		}
	}
	for i := range c.PDUs {
		unique("PDU", c.PDUs[i].Name)
	}
	for i := range c.Machines {
		unique("machine", c.Machines[i].Name)
		if c.Machines[i].Boot < 0 {
			errs = append(errs, fmt.Errorf("sim: machine %q boots in less than no time: %v", c.Machines[i].Name, c.Machines[i].Boot))
		}
		if c.Machines[i].Halt < 0 {
			errs = append(errs, fmt.Errorf("sim: machine %q halts in less than no time: %v", c.Machines[i].Name, c.Machines[i].Halt))
		}
	}
	return errors.Join(errs...)
}

// style finds the make of a unit.
func (c *Config) style(p *PDU, u *Unit) (Style, error) {
	if p.Make != nil {
		return p.Make(u)
	}
	name := p.Style
	if name == "" {
		name = "vpc"
	}
	for _, list := range [][]Style{c.Styles, Styles()} {
		for _, s := range list {
			if s.Name() != name {
				continue
			}
			if d, ok := s.(*spoken); ok {
				return d.read()
			}
			return s, nil
		}
	}
	return nil, fmt.Errorf("there is no style %q", name)
}
