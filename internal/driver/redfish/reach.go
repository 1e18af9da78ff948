package redfish

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/redfish"
)

// target names what to boot from as the schema does; "" for what it has no name for.
func target(from driver.BootSource) string {
	switch from {
	case driver.BootDefault:
		return "None"
	case driver.BootNetwork:
		return "Pxe"
	case driver.BootDisk:
		return "Hdd"
	case driver.BootOptical:
		return "Cd"
	case driver.BootUSB:
		return "Usb"
	case driver.BootSetup:
		return "BiosSetup"
	}
	return ""
}

// source is the reverse of target. What we have no word for is what the machine's own
// settings say, as far as anybody here can tell.
func source(target string) driver.BootSource {
	switch strings.ToLower(target) {
	case "pxe", "uefihttp":
		return driver.BootNetwork
	case "hdd":
		return driver.BootDisk
	case "cd", "usbcd":
		return driver.BootOptical
	case "usb", "floppy", "sdcard":
		return driver.BootUSB
	case "biossetup":
		return driver.BootSetup
	}
	return driver.BootDefault
}

// Boot implements [driver.Booter].
func (n *session) Boot(ctx context.Context, plug int) (driver.Boot, error) {
	var b redfish.Boot
	err := n.of(ctx, plug, func(ctx context.Context, s *redfish.System) (err error) {
		b, err = s.Boot(ctx)
		return err
	})
	is := driver.Boot{From: source(b.Target), Persistent: strings.EqualFold(b.Enabled, "Continuous"), UEFI: strings.EqualFold(b.Mode, "UEFI")}
	if strings.EqualFold(b.Enabled, "Disabled") {
		is.From = driver.BootDefault
	}
	return is, err
}

// SetBoot implements [driver.Booter]. The mode is set only if it is to be UEFI: what
// else a machine starts by is mostly UEFI, too, and its own affair.
func (n *session) SetBoot(ctx context.Context, plug int, b driver.Boot) error {
	to := redfish.Boot{Target: target(b.From), Enabled: "Once"}
	if b.Persistent {
		to.Enabled = "Continuous"
	}
	if b.UEFI {
		to.Mode = "UEFI"
	}
	if to.Target == "" {
		return errors.New(n.Env.Device + ": Redfish has no way to boot " + string(b.From))
	}
	return n.of(ctx, plug, func(ctx context.Context, s *redfish.System) error {
		ignored, err := s.SetBoot(ctx, to)
		if ignored {
			n.Env.Log.Warn("the machine keeps its boot mode, and takes the rest", "device", n.Env.Device, "system", s.ID)
		}
		return err
	})
}

// of asks something of a plug's machine, beside all batches.
func (n *session) of(ctx context.Context, plug int, do func(context.Context, *redfish.System) error) error {
	return n.aside(ctx, func(ctx context.Context) error {
		s, err := n.system(ctx, plug)
		if err != nil {
			return err
		}
		return do(ctx, s)
	})
}

// some is nil if there is something to show for an error: the parts that could not be
// read are left out then.
func some(n int, err error) error {
	if n > 0 {
		return nil
	}
	return err
}

// Log implements [driver.Logbook].
func (n *session) Log(ctx context.Context, plug int, tell func(driver.LogEntry)) error {
	var list []redfish.LogEntry
	err := n.of(ctx, plug, func(ctx context.Context, s *redfish.System) (err error) {
		list, err = s.Entries(ctx)
		return some(len(list), err)
	})
	for _, e := range list {
		tell(driver.LogEntry{
			ID: e.Log + "/" + e.ID, At: e.At, Source: n.Clean(e.Source), Text: n.Clean(e.Text), Severity: severity(e.Severity),
			Ended: strings.EqualFold(e.Code, "Deassert"),
		})
	}
	return err
}

func severity(h redfish.Health) driver.Severity {
	switch h {
	case redfish.HealthWarning:
		return driver.Warning
	case redfish.HealthCritical:
		return driver.Critical
	}
	return driver.Fine
}

// ClearLog implements [driver.Logbook]: it empties those of the machine's logs that can
// be emptied, of which there must be one.
func (n *session) ClearLog(ctx context.Context, plug int) error {
	return n.of(ctx, plug, func(ctx context.Context, s *redfish.System) error {
		logs, err := s.Logs(ctx)
		if len(logs) == 0 {
			return cmp.Or(err, error(&redfish.UnsupportedError{What: "a log"}))
		}
		var wrong, cannot []error
		for _, l := range logs {
			switch err := n.client.ClearLog(ctx, l); {
			case errors.Is(err, redfish.Unsupported):
				cannot = append(cannot, err)
			case err != nil:
				wrong = append(wrong, err)
			}
		}
		if len(wrong) == 0 && len(cannot) == len(logs) {
			wrong = cannot
		}
		return errors.Join(wrong...)
	})
}

// Measure implements [driver.Meter].
func (n *session) Measure(ctx context.Context, tell func(driver.Reading)) error {
	several := len(n.Env.Plugs) > 1
	for plug, p := range n.Env.Plugs {
		if several && !p.Used {
			continue
		}
		var list []redfish.Sensor
		err := n.of(ctx, plug, func(ctx context.Context, s *redfish.System) (err error) {
			list, err = s.Sensors(ctx)
			return some(len(list), err)
		})
		if err != nil {
			return err
		}
		total := false
		for _, s := range list {
			r, ok := reading(s)
			switch {
			case !ok:
				continue
			case s.Total && !total:
				total = true
				r.Plug = plug
			case several:
				r.Part = p.Name + ": " + n.Clean(s.Name)
			default:
				r.Part = n.Clean(s.Name)
			}
			tell(r)
		}
	}
	return nil
}

// reading makes a reading of a sensor. Fans are none: a room has no quantity for them.
func reading(s redfish.Sensor) (driver.Reading, bool) {
	r := driver.Reading{Plug: driver.NoPlug, Value: s.Value}
	switch s.Kind {
	case "Temperature":
		r.Quantity = driver.Temperature
	case "Voltage":
		r.Quantity = driver.Voltage
	case "Current":
		r.Quantity = driver.Current
	case "Power":
		r.Quantity = driver.Power
	case "Humidity":
		r.Quantity = driver.Humidity
	case "Frequency":
		r.Quantity = driver.Frequency
	case "EnergykWh":
		r.Quantity, r.Value = driver.Energy, s.Value*1000
	default:
		return r, false
	}
	return r, s.Valid
}

// Describe implements [driver.Describer].
func (n *session) Describe(ctx context.Context) (driver.Description, error) {
	d := driver.Description{Labels: make(map[int]string)}
	d.Product = n.Clean(strings.TrimSpace(strings.Join([]string{n.client.Root().String("Vendor"), n.client.Root().String("Product")}, " ")))
	for plug := range n.Env.Plugs {
		err := n.of(ctx, plug, func(ctx context.Context, s *redfish.System) error {
			doc, err := s.Document(ctx)
			if err != nil {
				return err
			}
			name := n.Clean(cmp.Or(doc.String("HostName"), doc.String("Name"), s.ID))
			d.Labels[plug] = name
			if plug > 0 {
				return nil
			}
			d.Serial = n.Clean(cmp.Or(doc.String("SerialNumber"), doc.String("SKU")))
			d.Product = cmp.Or(n.Clean(strings.TrimSpace(doc.String("Manufacturer")+" "+doc.String("Model"))), d.Product)
			if len(n.Env.Plugs) == 1 {
				d.Name = name
			}
			if managers, _ := s.Managers(ctx); len(managers) > 0 {
				d.Firmware = n.Clean(managers[0].Firmware)
			}
			return nil
		})
		var f *driver.Fault
		if errors.As(err, &f) || err != nil && len(n.Env.Plugs) == 1 {
			return d, err
		}
	}
	return d, nil
}

var (
	_ driver.Booter    = (*session)(nil)
	_ driver.Logbook   = (*session)(nil)
	_ driver.Meter     = (*session)(nil)
	_ driver.Describer = (*session)(nil)
)
