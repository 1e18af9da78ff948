package redfish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// System is one machine (the ComputerSystem schema).
type System struct {
	Path string
	ID   string
	Name string // of the schema's Name; HostName where that says more is in the document

	client *Client
}

// Systems gives the machines that the service manages, in its order. One that cannot be
// read is left out, and why is in the error.
func (c *Client) Systems(ctx context.Context) ([]*System, error) {
	list, err := c.Members(ctx, c.root.Link("Systems"))
	systems := make([]*System, 0, len(list))
	for _, d := range list {
		if d.Link() != "" {
			systems = append(systems, c.system(d))
		}
	}
	return systems, err
}

func (c *Client) system(d Document) *System {
	return &System{Path: d.Link(), ID: d.String("Id"), Name: d.String("Name"), client: c}
}

// System finds a machine by its path, its id, its name, its host's name, its UUID or its
// serial number. With an empty name it is the only one that there is.
func (c *Client) System(ctx context.Context, name string) (*System, error) {
	if strings.HasPrefix(name, "/") {
		d, err := c.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		s := c.system(d)
		s.Path = name
		return s, nil
	}
	list, err := c.Members(ctx, c.root.Link("Systems"))
	if name == "" && len(list) == 1 && err == nil {
		return c.system(list[0]), nil
	}
	var ids []string
	for _, member := range []string{"Id", "Name", "HostName", "UUID", "SerialNumber"} {
		for _, d := range list {
			if name != "" && d.Link() != "" && strings.EqualFold(d.String(member), name) {
				return c.system(d), nil
			}
		}
	}
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		ids = append(ids, d.String("Id"))
	}
	if name == "" && len(ids) > 0 {
		return nil, fmt.Errorf("it has %d machines, so name one of %s", len(ids), clip(strings.Join(ids, ", ")))
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("%w: it has no machines", NotFound)
	}
	return nil, fmt.Errorf("%w: it has no machine %q, but %s", NotFound, name, clip(strings.Join(ids, ", ")))
}

// Document reads the machine's resource, which may be as old as [Client.Get] allows.
func (s *System) Document(ctx context.Context) (Document, error) { return s.client.Get(ctx, s.Path) }

// PowerState is whether a machine is on (the PowerState property).
type PowerState string

// The states.
const (
	StateOn          PowerState = "On"
	StateOff         PowerState = "Off"
	StatePoweringOn  PowerState = "PoweringOn"
	StatePoweringOff PowerState = "PoweringOff"
	StatePaused      PowerState = "Paused"
	StateUnknown     PowerState = ""
)

// PowerState reads whether the machine is on, as it is now.
func (s *System) PowerState(ctx context.Context) (PowerState, error) {
	d, err := s.client.Read(ctx, s.Path)
	if err != nil {
		return StateUnknown, err
	}
	return powerState(d), nil
}

func powerState(d Document) PowerState {
	said := d.String("PowerState")
	for _, p := range []PowerState{StateOn, StateOff, StatePoweringOn, StatePoweringOff, StatePaused} {
		if strings.EqualFold(said, string(p)) {
			return p
		}
	}
	return StateUnknown
}

// Power is what can be done with a machine's power.
type Power uint8

// What can be done. How it is called on the wire is chosen from what the machine allows.
const (
	PowerOn    Power = iota + 1 // on
	PowerOff                    // off, at once
	SoftOff                     // off, by asking the operating system
	PowerCycle                  // off and on; of a machine that is off, on
	PowerReset                  // a hard reset; nothing for a machine that is off
	SoftReset                   // a restart, by asking the operating system
	PowerBoot                   // on if it is off, a hard reset if it is on
	Diagnose                    // a diagnostic interrupt (NMI)
	PushButton                  // the power button, pushed for a moment
)

// String names it as people do.
func (p Power) String() string {
	names := [...]string{"nothing", "power on", "power off", "shutdown", "power cycle", "hard reset", "restart", "boot", "diagnostic interrupt", "pushing the power button"}
	if int(p) >= len(names) {
		p = 0
	}
	return names[p]
}

// resets gives the values of ResetType that do it, the best first.
func (p Power) resets() []string {
	switch p {
	case PowerOn:
		return []string{"On", "ForceOn"}
	case PowerOff:
		return []string{"ForceOff"}
	case SoftOff:
		return []string{"GracefulShutdown"}
	case PowerCycle:
		return []string{"PowerCycle", "FullPowerCycle"}
	case PowerReset:
		return []string{"ForceRestart"}
	case SoftReset:
		return []string{"GracefulRestart"}
	case Diagnose:
		return []string{"Nmi"}
	case PushButton:
		return []string{"PushPowerButton"}
	}
	return nil
}

// ResetTypes gives what the machine's Reset action allows; nil if it does not say.
func (s *System) ResetTypes(ctx context.Context) ([]string, error) {
	d, err := s.Document(ctx)
	if err != nil {
		return nil, err
	}
	a, ok := s.client.Action(d, "ComputerSystem.Reset")
	if !ok {
		return nil, &UnsupportedError{What: "switching the power"}
	}
	return a.Allowed(ctx, "ResetType")
}

// Power has something done to the machine's power. When it returns, the machine has
// accepted it; [System.WaitPower] waits until it shows. That a machine is on, or off,
// already is no error.
func (s *System) Power(ctx context.Context, p Power) error {
	d, err := s.client.Read(ctx, s.Path)
	if err != nil {
		return err
	}
	is := powerState(d)
	switch p {
	case PowerBoot, PowerReset, PowerCycle, SoftReset:
		if is == StateOff && p == PowerReset {
			return fmt.Errorf("%w: the machine is off, so there is nothing to reset", Conflict)
		}
		if is == StateOff {
			p = PowerOn
		} else if p == PowerBoot {
			p = PowerReset
		}
	case PowerOn:
		if is == StateOn {
			return nil
		}
	case PowerOff, SoftOff:
		if is == StateOff {
			return nil
		}
	}
	err = s.reset(ctx, d, p.resets(), p.String())
	if errors.Is(err, Unsupported) {
		if other := p.instead(); other != nil {
			if err2 := s.reset(ctx, d, other, p.String()); !errors.Is(err2, Unsupported) {
				return err2
			}
		}
	}
	return already(err, p)
}

// instead gives what comes to the same where the first choice is not there. The button
// is right only because the machine's state has been looked at.
func (p Power) instead() []string {
	switch p {
	case PowerOn, SoftOff:
		return []string{"PushPowerButton"}
	case PowerReset:
		return []string{"PowerCycle"}
	case SoftReset:
		return []string{"ForceRestart"}
	}
	return nil
}

// already gives nil for a machine that refuses because it is as it should be.
func already(err error, p Power) error {
	var no *Error
	if !errors.As(err, &no) || no.Status/100 != 4 {
		return err
	}
	word := map[Power]string{PowerOn: "on", PowerOff: "off", SoftOff: "off"}[p]
	for _, m := range no.Messages {
		text := strings.ToLower(m.Text)
		if word != "" && strings.Contains(text, "already") && slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return r < 'a' || r > 'z' }), word) {
			return nil
		}
	}
	return err
}

// Reset calls the Reset action with a ResetType of the schema's, such as "ForceRestart".
func (s *System) Reset(ctx context.Context, resetType string) error {
	d, err := s.Document(ctx)
	if err != nil {
		return err
	}
	return s.reset(ctx, d, []string{resetType}, resetType)
}

func (s *System) reset(ctx context.Context, d Document, wanted []string, what string) error {
	a, ok := s.client.Action(d, "ComputerSystem.Reset")
	if !ok {
		return &UnsupportedError{What: "switching the power"}
	}
	allowed, err := a.Allowed(ctx, "ResetType")
	if err != nil {
		return err
	}
	kind, ok := choose(allowed, wanted...)
	if !ok {
		return &UnsupportedError{What: what, Allowed: allowed}
	}
	_, err = a.Call(ctx, map[string]string{"ResetType": kind})
	return err
}

// WaitPower waits until the machine is as wanted, looking once in every. It waits as
// long as ctx lets it; a look that fails is no reason to give up, and is in the error
// when time is over.
func (s *System) WaitPower(ctx context.Context, want PowerState, every time.Duration) error {
	var last error
	for {
		is, err := s.PowerState(ctx)
		switch {
		case err == nil && is == want:
			return nil
		case err == nil:
			last = fmt.Errorf("it says that it is %s", strings.ToLower(string(is)))
		case errors.Is(err, Denied) || errors.Is(err, NotFound):
			return err
		case ctx.Err() == nil:
			last = err
		}
		if err := rest(ctx, max(every, 10*time.Millisecond)); err != nil {
			return errors.Join(fmt.Errorf("waiting for the machine to be %s: %w", strings.ToLower(string(want)), err), last)
		}
	}
}

// linked reads the resources that a machine's Links name, or, where it names none, the
// members of the root's collection if the service has no other machine.
func (s *System) linked(ctx context.Context, link, collection string) ([]Document, error) {
	d, err := s.Document(ctx)
	if err != nil {
		return nil, err
	}
	if refs := d.Links("Links", link); len(refs) > 0 {
		docs, err := s.client.GetAll(ctx, refs)
		return slices.DeleteFunc(docs, func(d Document) bool { return !d.IsObject() }), err
	}
	if all, err := s.client.Refs(ctx, s.client.root.Link("Systems")); err != nil || len(all) > 1 {
		return nil, err
	}
	return s.client.Members(ctx, s.client.root.Link(collection))
}

// Chassis gives the enclosures that the machine is in, and those that are in them.
func (s *System) Chassis(ctx context.Context) ([]Document, error) {
	list, err := s.linked(ctx, "Chassis", "Chassis")
	wrong := []error{err}
	seen := map[string]bool{}
	for _, d := range list {
		seen[d.Link()] = true
	}
	for i := 0; i < len(list) && len(list) < maxParts; i++ {
		var inner []string
		for _, l := range list[i].Links("Links", "Contains") {
			if !seen[l] {
				seen[l] = true
				inner = append(inner, l)
			}
		}
		docs, err := s.client.GetAll(ctx, inner)
		wrong = append(wrong, err)
		for _, d := range docs {
			if d.IsObject() {
				list = append(list, d)
			}
		}
	}
	return list, errors.Join(wrong...)
}

// maxParts bounds how many resources of one kind are read of a machine.
const maxParts = 2000
