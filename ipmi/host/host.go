// Package host is all of one machine in one value: its power, boot device, sensors, event
// log, inventory, firmware, network settings, users, alerts and names, by the standard
// commands where they do and by those of its maker where they do not.
//
// The other packages below ipmi are the commands one by one; this one knows what
// belongs together, in which order things are asked, and what to fall back on. What only
// makers' commands can do, and this machine's maker is not known to, is an
// [oem.UnsupportedError].
//
// Start at [New].
package host

import (
	"context"
	"errors"
	"sync"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/oem/standard"
	"millwright.dev/millwright/ipmi/sdr"
)

// Options say how a machine is dealt with. The zero value is good.
type Options struct {
	// Makers is where the machine's maker is looked for; nil is oem/standard.
	Makers []oem.Maker
	// NoProbes saves the commands by which variants of a maker are told apart.
	NoProbes bool
	// Variant is what an earlier Variant gave for the same firmware: then nothing is asked.
	Variant string
	// Seen, if given, is asked and told which variants machines are of: then one of many alike
	// machines is probed.
	Seen *oem.Seen
	// Cache keeps sensor records on disk; Name is the machine's name in it.
	Cache *sdr.Cache
	Name  string
	// Parallel is how many requests are on their way at once when much is read; 0 is 8.
	Parallel int
}

// Host is one machine. It may be used by many goroutines. It owns nothing: whoever opened
// the session closes it.
type Host struct {
	d ipmi.Doer
	o Options

	mu   sync.Mutex // held while one of the following is found out
	id   *mc.DeviceID
	made *made
	set  *sdr.Set
}

// New gives the machine that is reached by a Doer, such as an *ipmi.Session. It sends nothing.
func New(d ipmi.Doer, o Options) *Host {
	if o.Makers == nil {
		o.Makers = standard.Makers()
	}
	return &Host{d: d, o: o}
}

// Raw does any request.
func (h *Host) Raw(ctx context.Context, r ipmi.Request) ([]byte, error) { return h.d.Do(ctx, r) }

// Device tells what the machine's controller is. It is asked once.
func (h *Host) Device(ctx context.Context) (mc.DeviceID, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.device(ctx)
}

func (h *Host) device(ctx context.Context) (mc.DeviceID, error) {
	if h.id == nil {
		id, err := mc.GetDeviceID(ctx, h.d)
		if err != nil {
			return mc.DeviceID{}, err
		}
		h.id = &id
	}
	return *h.id, nil
}

// Variant names the maker's variant that fits the machine, "" for none. Keep it under
// [oem.Key] to save asking the next time.
func (h *Host) Variant(ctx context.Context) (string, error) {
	m, err := h.maker(ctx)
	return m.variant, err
}

// made is who made a machine.
type made struct {
	id      mc.DeviceID
	variant string
	machine oem.Machine
}

func (h *Host) maker(ctx context.Context) (made, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.made != nil {
		return *h.made, nil
	}
	id, err := h.device(ctx)
	if err != nil {
		return made{}, err
	}
	m := made{id: id}
	if m.variant, m.machine, err = h.find(ctx, id); err != nil {
		return made{}, err
	}
	h.made = &m
	return m, nil
}

func (h *Host) find(ctx context.Context, id mc.DeviceID) (string, oem.Machine, error) {
	o := oem.Options{NoProbes: h.o.NoProbes, Known: h.o.Variant}
	if o.Known == "" && h.o.Seen != nil {
		name, ok := h.o.Seen.Get(id)
		if ok && name == "" {
			return "", nil, nil
		}
		o.Known = name
	}
	name, machine, err := oem.Find(ctx, h.o.Makers, oem.Target{Doer: h.d, ID: id}, o)
	// What was found without asking is not the last word for those who would ask.
	if err == nil && h.o.Seen != nil && !o.NoProbes {
		h.o.Seen.Put(id, name)
	}
	return name, machine, err
}

// can gives the machine as one that has a capability; what is worded like "read the
// licences".
func can[T any](ctx context.Context, h *Host, what string) (T, error) {
	m, err := h.maker(ctx)
	x, ok := oem.As[T](m.machine)
	if err == nil && !ok {
		err = &oem.UnsupportedError{What: what, Maker: m.id.Maker, Product: m.id.Product, Variant: m.variant}
	}
	return x, err
}

// maybe is can for callers that have a generic way if there is no maker's.
func maybe[T any](ctx context.Context, h *Host) (T, bool, error) {
	x, err := can[T](ctx, h, "")
	if errors.Is(err, oem.ErrUnsupported) {
		return x, false, nil
	}
	return x, err == nil, err
}

// Reset starts the controller, not the machine, anew. The session ends by it, and often
// before the answer came: then the error is an [*ipmi.UnsureError].
func (h *Host) Reset(ctx context.Context) error { return mc.ColdReset(ctx, h.d) }

// SelfTest gives the result of the controller's self test.
func (h *Host) SelfTest(ctx context.Context) (mc.SelfTest, error) { return mc.GetSelfTest(ctx, h.d) }

// Watchdog reads the watchdog timer.
func (h *Host) Watchdog(ctx context.Context) (mc.Watchdog, error) { return mc.GetWatchdog(ctx, h.d) }

// SetWatchdog sets the watchdog timer and, if start is asked for, starts it.
func (h *Host) SetWatchdog(ctx context.Context, w mc.Watchdog, start bool) error {
	if err := mc.SetWatchdog(ctx, h.d, w); err != nil || !start {
		return err
	}
	return mc.ResetWatchdog(ctx, h.d)
}
