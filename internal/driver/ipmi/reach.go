package ipmi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/sensor"
	"millwright.dev/millwright/ipmi/sol"
)

// machine has something asked of a plug's machine as a whole, whose sensor records are
// kept for as long as the session.
func (n *session) machine(ctx context.Context, plug int, do func(context.Context, *host.Host) error) error {
	return n.aside(ctx, plug, func(ctx context.Context, d ipmi.Doer) error {
		n.mu.Lock()
		h := n.hosts[plug]
		if h == nil {
			if n.hosts == nil {
				n.hosts = make(map[int]*host.Host)
			}
			h = host.New(&direct{n, plug}, host.Options{Parallel: n.Pipeline, Seen: &n.engine.seen})
			n.hosts[plug] = h
		}
		n.mu.Unlock()
		return do(ctx, h)
	})
}

// direct is a way that outlives an action; nothing is noted of it.
type direct struct {
	*session
	plug int
}

// Do implements [ipmi.Doer].
func (d *direct) Do(ctx context.Context, r ipmi.Request) ([]byte, error) {
	return d.bmc.Do(ctx, d.routed(d.plug, r))
}

// sources pairs our words for what to boot from with IPMI's.
func sources() map[driver.BootSource]chassis.Device {
	return map[driver.BootSource]chassis.Device{
		driver.BootDefault: chassis.NoOverride, driver.BootNetwork: chassis.PXE, driver.BootDisk: chassis.Disk,
		driver.BootOptical: chassis.CDROM, driver.BootUSB: chassis.FloppyOrUSB, driver.BootSafe: chassis.DiskSafeMode, driver.BootSetup: chassis.Setup,
	}
}

// Boot implements [driver.Booter].
func (n *session) Boot(ctx context.Context, plug int) (b driver.Boot, err error) {
	err = n.aside(ctx, plug, func(ctx context.Context, d ipmi.Doer) error {
		f, err := chassis.GetBoot(ctx, d)
		b = driver.Boot{From: sourceOf(f.Device), Persistent: f.Persistent, UEFI: f.EFI}
		return err
	})
	return b, err
}

// sourceOf gives our word for a device. Those that we have none for are near one that we
// have: remote media are media.
func sourceOf(dev chassis.Device) driver.BootSource {
	switch dev {
	case chassis.RemoteCDROM:
		return driver.BootOptical
	case chassis.RemoteFloppy, chassis.RemoteMedia:
		return driver.BootUSB
	case chassis.RemoteDisk:
		return driver.BootDisk
	}
	for from, is := range sources() {
		if is == dev {
			return from
		}
	}
	return driver.BootDefault
}

// SetBoot implements [driver.Booter].
func (n *session) SetBoot(ctx context.Context, plug int, b driver.Boot) error {
	dev, known := sources()[b.From]
	if !known {
		return fmt.Errorf("%s: IPMI has no way to boot %s", n.Env.Device, b.From)
	}
	return n.aside(ctx, plug, func(ctx context.Context, d ipmi.Doer) error {
		return chassis.SetBoot(ctx, d, chassis.Boot{Device: dev, Persistent: b.Persistent && dev != chassis.NoOverride, EFI: b.UEFI && dev != chassis.NoOverride})
	})
}

// Log implements [driver.Logbook].
func (n *session) Log(ctx context.Context, plug int, tell func(driver.LogEntry)) error {
	return n.machine(ctx, plug, func(ctx context.Context, h *host.Host) error {
		entries, err := h.Log(ctx, false)
		for _, e := range entries {
			tell(driver.LogEntry{
				ID: strconv.FormatUint(uint64(e.ID), 16), At: e.When.Time, Source: n.Clean(cmp.Or(e.Sensor, e.Kind)), Text: n.Clean(e.What()),
				Severity: severityOf(e.Severity), Ended: e.State.Deasserted,
			})
		}
		return err
	})
}

func severityOf(s event.Severity) driver.Severity {
	switch s {
	case event.Warning:
		return driver.Warning
	case event.Critical:
		return driver.Critical
	case event.Failed:
		return driver.Failed
	}
	return driver.Fine
}

// ClearLog implements [driver.Logbook].
func (n *session) ClearLog(ctx context.Context, plug int) error {
	return n.machine(ctx, plug, func(ctx context.Context, h *host.Host) error { return h.ClearLog(ctx) })
}

// Measure implements [driver.Meter].
func (n *session) Measure(ctx context.Context, tell func(driver.Reading)) error {
	for plug, p := range n.Env.Plugs {
		if len(n.Env.Plugs) > 1 && !p.Used {
			continue
		}
		err := n.machine(ctx, plug, func(ctx context.Context, h *host.Host) error {
			if w, err := h.Power(ctx); err == nil {
				tell(driver.Reading{Plug: plug, Quantity: driver.Power, Value: float64(w.Now)})
			}
			list, err := h.Sensors(ctx)
			for _, s := range list {
				if r, ok := reading(s); ok {
					r.Part = "sensor " + n.Clean(s.Name)
					if len(n.Env.Plugs) > 1 {
						r.Part = p.Name + " " + r.Part
					}
					tell(r)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// reading makes a reading of a sensor, if it is of a quantity that rooms know.
func reading(s sensor.Reading) (driver.Reading, bool) {
	r := driver.Reading{Plug: driver.NoPlug}
	if s.Value == nil {
		return r, false
	}
	r.Value = *s.Value
	switch strings.ToLower(s.Units) {
	case "°c", "c", "degrees c":
		r.Quantity = driver.Temperature
	case "v", "volts":
		r.Quantity = driver.Voltage
	case "a", "amps":
		r.Quantity = driver.Current
	case "w", "watts":
		r.Quantity = driver.Power
	case "va":
		r.Quantity = driver.ApparentPower
	case "hz", "hertz":
		r.Quantity = driver.Frequency
	case "rpm":
		r.Quantity = driver.Speed
	default:
		return r, false
	}
	return r, true
}

// Describe implements [driver.Describer].
func (n *session) Describe(ctx context.Context) (d driver.Description, err error) {
	err = n.machine(ctx, 0, func(ctx context.Context, h *host.Host) error {
		id, err := h.Device(ctx)
		if err != nil {
			return err
		}
		d.Firmware, d.Product = id.Firmware(), fmt.Sprintf("BMC of manufacturer %d", id.Maker)
		all, err := fru.Read(ctx, &direct{n, 0}, fru.Device{}, fru.Options{})
		var no *ipmi.CodeError
		switch {
		case errors.As(err, &no):
			return nil
		case err != nil:
			return err
		}
		d.Serial = n.Clean(all.Text("product.serial"))
		if product := n.Clean(strings.TrimSpace(all.Text("product.manufacturer") + " " + all.Text("product.name"))); product != "" {
			d.Product = product
		}
		return nil
	})
	return d, err
}

// Console implements [driver.Consoler]. A console of the BMC's is taken from whoever has it
// there: who may have it is decided by the room.
func (n *session) Console(ctx context.Context, plug int) (driver.Console, error) {
	if _, behind := n.behind[n.Env.Plugs[plug].Name]; behind {
		return nil, fmt.Errorf("%s: machines behind the BMC have no console by it", n.Env.Device)
	}
	c, err := sol.Open(ctx, n.bmc, sol.Options{Force: true, Tell: func(w sol.Notice) {
		n.Env.Log.Info("console", "device", n.Env.Device, "notice", w.String())
	}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.Env.Device, err)
	}
	return c, nil
}

var (
	_ driver.Booter    = (*session)(nil)
	_ driver.Logbook   = (*session)(nil)
	_ driver.Meter     = (*session)(nil)
	_ driver.Describer = (*session)(nil)
	_ driver.Consoler  = (*session)(nil)
)
