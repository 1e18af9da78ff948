// Package oem is the contract for what makers of machines added to IPMI: how their
// machines are recognised, and what more can be done with them.
//
// A [Maker] is a value in a slice (package oem/standard has those that come with
// Millwright; there is no registration). [Find] looks for the one that fits a machine:
// by manufacturer and product, then by manufacturer, then by asking the machine. What
// a maker's [Machine] can do it says by the interfaces of this package that it
// implements; callers ask for one by [As] and otherwise do the generic thing, or give an
// [UnsupportedError]. Each maker's package says which of its commands are covered and by
// which document: commands whose bytes no document tells are left out.
//
// Start at [Find], and for another maker copy oem/intel.
package oem

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/mc"
)

// Target is the machine that a maker's code works on.
type Target struct {
	Doer ipmi.Doer
	ID   mc.DeviceID
}

// Machine is what a maker's code can do with one machine: any of the interfaces of this
// package.
type Machine any

// AnyProduct in a [Product] stands for all products of a manufacturer.
const AnyProduct = -1

// Product says which machines are meant.
type Product struct {
	Maker   uint32 // manufacturer id; 0 is any
	Product int    // AnyProduct for all
	Device  int    // the device id, AnyProduct for all
}

func (p Product) fits(id mc.DeviceID) (fit, exact bool) {
	if p.Maker != 0 && p.Maker != id.Maker {
		return false, false
	}
	if p.Device != AnyProduct && p.Device != int(id.ID) {
		return false, false
	}
	if p.Product == AnyProduct {
		return true, false
	}
	return p.Product == int(id.Product), true
}

// Maker is one maker's variant of IPMI.
type Maker struct {
	Name     string // such as "lenovo xcc"
	Products []Product
	// Probe asks the machine whether it is of this variant, for variants that the ids do not
	// tell apart. Nil: the ids say enough. It must not change anything.
	Probe func(ctx context.Context, t Target) (bool, error)
	// Open gives what can be done with it. It sends nothing.
	Open func(t Target) Machine
}

// Options say how a maker is looked for.
type Options struct {
	// NoProbes leaves out all variants that must be asked for: each costs a command.
	NoProbes bool
	// Known is the name of the variant, as an earlier Find gave it for the same firmware: it is
	// taken without asking the machine. See [Key].
	Known string
}

// Key names all that decides which variant a machine is of. Callers that talk to a machine
// more than once keep the name that [Find] gave under its key.
func Key(id mc.DeviceID) string {
	return fmt.Sprintf("%d.%d.%d.%s.%x", id.Maker, id.Product, id.ID, id.Firmware(), id.Aux)
}

// Seen remembers which variants machines are of, by [Key], for all that one program talks to:
// of a thousand alike machines one is asked. The zero value is empty; many goroutines may
// use it. It forgets everything when it holds more kinds of machines than a room has.
type Seen struct {
	mu    sync.Mutex
	names map[string]string
}

const maxSeen = 4096

// Get gives the name of the variant, "" for none that is known, and whether it was put there.
func (s *Seen) Get(id mc.DeviceID) (name string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, ok = s.names[Key(id)]
	return name, ok
}

// Put remembers what Find gave for a machine.
func (s *Seen) Put(id mc.DeviceID, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil || len(s.names) >= maxSeen {
		s.names = make(map[string]string)
	}
	s.names[Key(id)] = name
}

// Find gives the maker whose variant fits, and what it can do: first those whose product
// fits, then those that fit by manufacturer, then those for any; a nil Machine and no error
// when none does.
func Find(ctx context.Context, makers []Maker, t Target, o Options) (string, Machine, error) {
	if o.Known != "" {
		for _, m := range makers {
			if m.Name == o.Known {
				return m.Name, m.Open(t), nil
			}
		}
	}
	for rank := range 3 {
		for _, m := range makers {
			if m.rank(t.ID) != rank || m.Probe != nil && o.NoProbes {
				continue
			}
			if m.Probe != nil {
				is, err := m.Probe(ctx, t)
				var no *ipmi.CodeError
				if err != nil && !errors.As(err, &no) {
					return "", nil, fmt.Errorf("find out whether the BMC is of %s: %w", m.Name, err)
				}
				if err != nil || !is {
					continue
				}
			}
			return m.Name, m.Open(t), nil
		}
	}
	return "", nil, nil
}

// rank says how well the ids fit: 0 the product, 1 the manufacturer, 2 as one for any, 3 not.
func (m Maker) rank(id mc.DeviceID) int {
	best := 3
	for _, p := range m.Products {
		fit, exact := p.fits(id)
		switch {
		case !fit:
		case exact:
			best = min(best, 0)
		case p.Maker != 0:
			best = min(best, 1)
		default:
			best = min(best, 2)
		}
	}
	return best
}

// As gives the machine as one that has a capability.
func As[T any](m Machine) (T, bool) {
	x, ok := m.(T)
	return x, ok
}

// ErrUnsupported is the cause of an [*UnsupportedError].
var ErrUnsupported = errors.New("not supported")

// UnsupportedError says that something can be done only by a maker's own commands, and that
// none are known for this machine.
type UnsupportedError struct {
	What    string // such as "read the NTP servers"
	Maker   uint32
	Product uint16
	Variant string // the maker's variant that was found, "" for none
}

func (e *UnsupportedError) Error() string {
	of := "no commands of its maker are known"
	if e.Variant != "" {
		of = fmt.Sprintf("as %q it has no command for it that is known", e.Variant)
	}
	return fmt.Sprintf("%s: not supported: %s product %d: %s", e.What, MakerName(e.Maker), e.Product, of)
}

// Unwrap gives ErrUnsupported.
func (e *UnsupportedError) Unwrap() error { return ErrUnsupported }

// MakerName names a manufacturer by its IANA enterprise number, as far as it makes machines
// that have BMCs.
func MakerName(id uint32) string {
	switch id {
	case 2:
		return "IBM"
	case 11:
		return "HPE"
	case 42:
		return "Oracle"
	case 119:
		return "NEC"
	case 343:
		return "Intel"
	case 674:
		return "Dell"
	case 2011:
		return "Huawei"
	case 5771:
		return "Cisco"
	case 6653:
		return "Tyan"
	case 7154:
		return "IPMI Promoters"
	case 7244:
		return "Quanta"
	case 10368:
		return "Fujitsu"
	case 10876:
		return "Supermicro"
	case 12634:
		return "PICMG"
	case 15000:
		return "Kontron"
	case 15370:
		return "Gigabyte"
	case 19046:
		return "Lenovo"
	case 20301:
		return "IBM System x"
	case 20569:
		return "Inventec"
	case 20974:
		return "AMI"
	case 37945:
		return "Inspur"
	case 47488:
		return "Supermicro"
	case 49622:
		return "ASRock Rack"
	}
	return fmt.Sprintf("manufacturer %d", id)
}
