package redfish

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Health is how well something is, from well to broken; that nobody knows is apart.
type Health uint8

// The healths (the Health property of Status).
const (
	HealthUnknown Health = iota
	HealthOK
	HealthWarning
	HealthCritical
)

// String names the health as the schema does.
func (h Health) String() string {
	return [...]string{"Unknown", "OK", "Warning", "Critical"}[min(h, HealthCritical)]
}

// healthOf reads a text.
func healthOf(text string) Health {
	switch strings.ToLower(text) {
	case "ok", "good", "normal", "informational":
		return HealthOK
	case "warning", "degraded":
		return HealthWarning
	case "critical", "failed", "error", "fatal":
		return HealthCritical
	}
	return HealthUnknown
}

// Trouble is a part that is not well.
type Trouble struct {
	Path   string
	Name   string
	Kind   string // the type of the resource: "Processor", "Memory"…
	Health Health // HealthUnknown of a part that does not say, or that could not be read
	State  string // "Enabled", "UnavailableOffline"…
	Text   string // what it says besides
}

// Health reads how the machine is, and which of its parts are not well. Where the
// rollup says that all is well, only the machine itself is asked, unless walk wants
// every part looked at. Parts that could not be read are in the error, and the rest is
// there nevertheless.
func (s *System) Health(ctx context.Context, walk bool) (Health, []Trouble, error) {
	d, err := s.client.Read(ctx, s.Path)
	if err != nil {
		return HealthUnknown, nil, err
	}
	all := rollup(d)
	list := troublesOf(d, nil)
	if all == HealthOK && !walk {
		return all, list, nil
	}
	var wrong []error
	parts := []string{}
	for _, name := range []string{"Processors", "Memory", "Storage", "SimpleStorage", "EthernetInterfaces", "NetworkInterfaces"} {
		if l := d.Link(name); l != "" {
			docs, err := s.client.Members(ctx, l)
			wrong = append(wrong, err)
			for _, m := range docs[:min(len(docs), maxParts)] {
				list = troublesOf(m, list)
				parts = append(parts, m.Links("Drives")...)
			}
		}
	}
	parts = append(append(parts, d.Links("PCIeDevices")...), d.Links("PCIeFunctions")...)
	chassis, err := s.Chassis(ctx)
	wrong = append(wrong, err)
	for _, ch := range chassis {
		list = troublesOf(ch, list)
		parts = append(parts, ch.Link("Power"), ch.Link("Thermal"))
	}
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	slices.Sort(parts)
	parts = slices.Compact(parts)
	docs, err := s.client.GetAll(ctx, parts[:min(len(parts), maxParts)])
	wrong = append(wrong, err)
	for _, m := range docs {
		list = troublesOf(m, list)
		for _, group := range []string{"PowerSupplies", "Voltages", "Temperatures", "Fans", "Redundancy"} {
			for _, part := range m.List(group) {
				list = troublesOf(part, list)
			}
		}
	}
	for _, t := range list {
		all = max(all, t.Health)
	}
	return all, list, errors.Join(wrong...)
}

func rollup(d Document) Health {
	return max(healthOf(d.String("Status", "HealthRollup")), healthOf(d.String("Status", "Health")))
}

// troublesOf adds what is wrong with a part, if anything is. What is not there is well.
func troublesOf(d Document, list []Trouble) []Trouble {
	status := d.At("Status")
	state := status.String("State")
	h := healthOf(status.String("Health"))
	if !status.IsObject() || h == HealthOK || strings.EqualFold(state, "Absent") || strings.EqualFold(state, "Disabled") || len(list) >= maxParts {
		return list
	}
	if h == HealthUnknown && (status.String("Health") == "" || strings.EqualFold(state, "StandbyOffline")) && !strings.HasPrefix(strings.ToLower(state), "unavailable") {
		return list // it does not say, as most parts of a machine that is off do not
	}
	t := Trouble{Path: d.Link(), Name: d.String("Name"), Kind: d.Type(), Health: h, State: state}
	for _, c := range status.List("Conditions") {
		t.Text = strings.TrimSpace(t.Text + " " + clip(c.String("Message")))
	}
	if t.Name == "" {
		t.Name = d.String("Id") + d.String("MemberId")
	}
	return append(list, t)
}
