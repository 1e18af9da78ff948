package redfish

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Manager is a service processor (the Manager schema).
type Manager struct {
	Path     string
	ID       string
	Name     string
	Model    string
	Firmware string
	Time     time.Time // by its own clock; zero if it does not say

	client *Client
}

// Managers gives the managers of a machine; the first is its BMC, in nearly every
// machine.
func (s *System) Managers(ctx context.Context) ([]*Manager, error) {
	docs, err := s.linked(ctx, "ManagedBy", "Managers")
	var list []*Manager
	for _, d := range docs {
		list = append(list, s.client.manager(d))
	}
	return list, err
}

// Managers gives all managers of the service.
func (c *Client) Managers(ctx context.Context) ([]*Manager, error) {
	docs, err := c.Members(ctx, c.root.Link("Managers"))
	var list []*Manager
	for _, d := range docs {
		list = append(list, c.manager(d))
	}
	return list, err
}

func (c *Client) manager(d Document) *Manager {
	return &Manager{
		Path: d.Link(), ID: d.String("Id"), Name: d.String("Name"), Model: d.String("Model"),
		Firmware: d.String("FirmwareVersion"), Time: d.Time("DateTime"), client: c,
	}
}

// Document reads the manager's resource, which may be as old as [Client.Get] allows.
func (m *Manager) Document(ctx context.Context) (Document, error) { return m.client.Get(ctx, m.Path) }

// Reset restarts the manager, gently where it can be. It is out of reach for minutes
// then, and sessions are gone.
func (m *Manager) Reset(ctx context.Context) error {
	d, err := m.Document(ctx)
	if err != nil {
		return err
	}
	a, ok := m.client.Action(d, "Manager.Reset")
	if !ok {
		return &UnsupportedError{What: "a reset of the manager"}
	}
	allowed, err := a.Allowed(ctx, "ResetType")
	if err != nil {
		return err
	}
	kind, ok := choose(allowed, "GracefulRestart", "ForceRestart", "ColdReset")
	if !ok {
		return &UnsupportedError{What: "a restart of the manager", Allowed: allowed}
	}
	_, err = a.Call(ctx, map[string]string{"ResetType": kind})
	var unsure *UnsureError
	if errors.As(err, &unsure) && ctx.Err() == nil {
		return nil // it was restarted so quickly that it could not say so
	}
	return err
}

// SetTime sets the manager's clock, and its zone where it has one.
func (m *Manager) SetTime(ctx context.Context, now time.Time) error {
	_, err := m.client.Patch(ctx, m.Path, map[string]any{"DateTime": now.Format(time.RFC3339)})
	return err
}

// Location is where a machine is, as somebody has written (the Location property).
type Location struct {
	Path        string // of the enclosure that has it
	Contact     string // ContactInfo's first name
	Room        string
	Rack        string
	Row         string
	Unit        int // the lowest that it takes; -1 if it is not known
	Height      int // in rack units; 0 if it is not known
	Address     string
	Description string
}

// Location reads where the machine is.
func (s *System) Location(ctx context.Context) (Location, error) {
	d, err := s.placed(ctx)
	if err != nil {
		return Location{}, err
	}
	at := d.At("Location")
	place := at.At("Placement")
	l := Location{
		Path: d.Link(), Room: at.String("PostalAddress", "Room"), Rack: place.String("Rack"), Row: place.String("Row"), Unit: -1,
		Address: cmp.Or(at.String("PostalAddress", "Building"), at.String("PostalAddress", "Location")), Description: cmp.Or(at.String("Info"), d.String("Description")),
	}
	if list := at.List("Contacts"); len(list) > 0 {
		l.Contact = list[0].String("ContactName")
	}
	if n, ok := place.Int("RackOffset"); ok {
		l.Unit = n
	}
	if v, ok := d.Float("HeightMm"); ok && v > 0 && v < 1e5 {
		l.Height = max(1, int(v/44.45+0.5))
	}
	return l, nil
}

// SetLocation writes where the machine is: the room, the rack, the row, and, where Unit
// is not negative, that.
func (s *System) SetLocation(ctx context.Context, l Location) error {
	d, err := s.placed(ctx)
	if err != nil {
		return err
	}
	place := map[string]any{"Rack": l.Rack, "Row": l.Row}
	if l.Unit >= 0 {
		place["RackOffset"] = l.Unit
	}
	at := map[string]any{"Placement": place}
	if l.Room != "" {
		at["PostalAddress"] = map[string]any{"Room": l.Room}
	}
	_, err = s.client.Patch(ctx, d.Link(), map[string]any{"Location": at})
	return err
}

// placed gives the enclosure that says where it is, or could.
func (s *System) placed(ctx context.Context) (Document, error) {
	list, err := s.Chassis(ctx)
	if i := slices.IndexFunc(list, func(d Document) bool { return d.Has("Location") }); i >= 0 {
		return list[i], nil
	}
	if err != nil {
		return Document{}, err
	}
	if len(list) == 0 {
		return Document{}, &UnsupportedError{What: "a location"}
	}
	return list[0], nil
}

// SetAssetTag writes the machine's asset tag.
func (s *System) SetAssetTag(ctx context.Context, tag string) error {
	_, err := s.client.Patch(ctx, s.Path, map[string]any{"AssetTag": tag})
	return err
}

// License is something that was paid for (the License schema).
type License struct {
	Path  string
	Name  string
	State string
	Until time.Time // zero if it does not end
}

// Licenses gives what the service is licensed for.
func (c *Client) Licenses(ctx context.Context) ([]License, error) {
	l := c.root.Link("LicenseService")
	if l == "" {
		return nil, &UnsupportedError{What: "licences"}
	}
	d, err := c.Get(ctx, l)
	if err != nil {
		return nil, err
	}
	docs, err := c.Members(ctx, d.Link("Licenses"))
	var list []License
	for _, d := range docs {
		list = append(list, License{Path: d.Link(), Name: cmp.Or(d.String("Name"), d.String("EntitlementId")), State: d.String("Status", "State"), Until: d.Time("ExpirationDate")})
	}
	return list, err
}
