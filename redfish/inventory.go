package redfish

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
)

// Part is one part of a machine, or the machine itself.
type Part struct {
	Kind         string // "System", "Processor", "Memory", "PCIeDevice", "Adapter", "Port", "Drive", "PowerSupply", "Chassis"
	Path         string
	Name         string
	Manufacturer string
	Model        string
	PartNumber   string
	Serial       string
	Firmware     string
	Slot         string // where it is, in the words of the service
	Health       Health
	State        string
	Details      []Detail // what else is worth knowing, in a fixed order
}

// Detail is one property more of a part.
type Detail struct{ Name, Value string }

// Inventory reads what the machine is made of. Parts that cannot be read are in the
// error, and the rest is there nevertheless.
func (s *System) Inventory(ctx context.Context) ([]Part, error) {
	d, err := s.Document(ctx)
	if err != nil {
		return nil, err
	}
	parts := []Part{part("System", d, "UUID", "AssetTag", "SKU", "BiosVersion", "HostName")}
	var wrong []error
	add := func(kind string, docs []Document, err error, details ...string) {
		wrong = append(wrong, err)
		for _, d := range docs {
			if d.IsObject() && !strings.EqualFold(d.String("Status", "State"), "Absent") && len(parts) < maxParts {
				parts = append(parts, part(kind, d, details...))
			}
		}
	}
	members := func(kind, link string, details ...string) {
		docs, err := s.client.Members(ctx, d.Link(link))
		add(kind, docs, err, details...)
	}
	members("Processor", "Processors", "ProcessorArchitecture", "TotalCores", "TotalThreads", "MaxSpeedMHz", "Socket")
	members("Memory", "Memory", "CapacityMiB", "MemoryDeviceType", "OperatingSpeedMhz", "DeviceLocator")
	members("Port", "EthernetInterfaces", "MACAddress", "PermanentMACAddress", "SpeedMbps", "LinkStatus")
	docs, err := s.client.GetAll(ctx, d.Links("PCIeDevices"))
	add("PCIeDevice", docs, err, "DeviceType")
	docs, err = s.client.GetAll(ctx, d.Links("PCIeFunctions"))
	add("PCIeFunction", docs, err, "VendorId", "DeviceId", "SubsystemVendorId", "SubsystemId", "DeviceClass")
	chassis, err := s.Chassis(ctx)
	add("Chassis", chassis, err, "ChassisType", "AssetTag")
	for _, ch := range chassis {
		docs, err = s.client.Members(ctx, ch.Link("NetworkAdapters"))
		add("Adapter", docs, err)
		docs, err = s.supplies(ctx, ch)
		add("PowerSupply", docs, err, "PowerCapacityWatts", "LineInputVoltage")
	}
	volumes, err := s.Storage(ctx)
	wrong = append(wrong, err)
	for _, st := range volumes {
		for _, d := range st.Drives {
			parts = append(parts, d.Part)
		}
	}
	return unique(parts), errors.Join(wrong...)
}

// supplies reads the power supplies of an enclosure, by the newer or the older schema.
func (s *System) supplies(ctx context.Context, chassis Document) ([]Document, error) {
	if sub := chassis.Link("PowerSubsystem"); sub != "" {
		if d, err := s.client.Get(ctx, sub); err == nil {
			if list, err := s.client.Members(ctx, d.Link("PowerSupplies")); len(list) > 0 {
				return list, err
			}
		}
	}
	if l := chassis.Link("Power"); l != "" {
		d, err := s.client.Get(ctx, l)
		return d.List("PowerSupplies"), err
	}
	return nil, nil
}

// unique leaves out what is there twice, as a drive in two enclosures.
func unique(parts []Part) []Part {
	seen := make(map[string]bool)
	return slices.DeleteFunc(parts, func(p Part) bool {
		key := p.Kind + p.Path
		twice := p.Path != "" && seen[key]
		seen[key] = true
		return twice
	})
}

// part reads what parts have in common, and the details that are asked for.
func part(kind string, d Document, details ...string) Part {
	p := Part{
		Kind: kind, Path: d.Link(), Name: cmp.Or(d.String("Name"), d.String("Id"), d.String("MemberId")),
		Manufacturer: cmp.Or(d.String("Manufacturer"), d.String("Vendor")), Model: d.String("Model"),
		PartNumber: d.String("PartNumber"), Serial: d.String("SerialNumber"),
		Firmware: cmp.Or(d.String("FirmwareVersion"), d.String("Revision")), Health: rollup(d), State: d.String("Status", "State"),
		Slot: cmp.Or(d.String("Location", "PartLocation", "ServiceLabel"), d.String("PhysicalLocation", "PartLocation", "ServiceLabel"), d.String("DeviceLocator"), d.String("Socket"), d.String("Location", "Info")),
	}
	for _, name := range details {
		if v := d.String(name); v != "" {
			p.Details = append(p.Details, Detail{name, v})
		}
	}
	return p
}

// Firmware is one piece of firmware or software (the SoftwareInventory schema).
type Firmware struct {
	Path      string
	ID        string
	Name      string
	Version   string
	Date      string // of its release, as the service writes it
	State     string // "active", "pending", "backup", or the State of its Status in small letters
	Updatable bool
}

// Firmware gives what runs, what will, and what is kept for bad days.
func (c *Client) Firmware(ctx context.Context) ([]Firmware, error) {
	service, err := c.updateService(ctx)
	if err != nil {
		return nil, err
	}
	docs, err := c.Members(ctx, service.Link("FirmwareInventory"))
	list := make([]Firmware, 0, len(docs))
	for _, d := range docs {
		list = append(list, Firmware{
			Path: d.Link(), ID: d.String("Id"), Name: cmp.Or(d.String("Name"), d.String("Id")), Version: d.String("Version"),
			Date: d.String("ReleaseDate"), State: firmwareState(d), Updatable: d.True("Updateable"),
		})
	}
	return list, err
}

// firmwareState tells what is active from what is not yet or not any more. Some say it
// by the state, some by the id alone.
func firmwareState(d Document) string {
	id, state := strings.ToLower(d.String("Id")), strings.ToLower(d.String("Status", "State"))
	switch {
	case strings.HasPrefix(id, "previous") || strings.Contains(id, "backup") || state == "standbyspare":
		return "backup"
	case strings.HasPrefix(id, "available") || strings.Contains(id, "pending") || state == "updating" || state == "standbyoffline" || state == "starting":
		return "pending"
	case state == "" || state == "enabled":
		return "active"
	}
	return state
}

func (c *Client) updateService(ctx context.Context) (Document, error) {
	l := c.root.Link("UpdateService")
	if l == "" {
		return Document{}, &UnsupportedError{What: "firmware"}
	}
	return c.Get(ctx, l)
}
