package service

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

func (s *Service) systemRoutes(at func(string, *resource)) {
	at("/Systems", &resource{get: (*call).systemList, collection: true})
	at("/Systems/{}", &resource{get: (*call).system, patch: (*call).changeSystem, write: configureComponents})
	at("/Systems/{}/Actions/ComputerSystem.Reset", &resource{post: (*call).resetSystem, write: configureComponents})
}

// machine gives the machine that the path is about.
func (c *call) machine() (Machine, error) {
	m, err := c.opts.Backend.Machine(c.ctx, c.user, c.ids[0])
	if err == nil && m.Name == "" {
		m.Name = m.ID
	}
	return m, err
}

// machineList makes a collection with one member for each machine.
func (c *call) machineList(schema, name, under string) (object, error) {
	ids, err := c.opts.Backend.Machines(c.ctx, c.user)
	if err != nil {
		return nil, err
	}
	return c.list(schema, name, len(ids), func(i int) object { return link(join(root+"/"+under, ids[i])) }), nil
}

func (c *call) systemList() (object, error) {
	return c.machineList("ComputerSystemCollection", "Machines", "Systems")
}

// system is a machine as a computer (ComputerSystem).
func (c *call) system() (object, error) {
	m, err := c.machine()
	if err != nil {
		return nil, err
	}
	o := object{
		"@odata.id": c.path, "@odata.type": "#ComputerSystem.v1_27_0.ComputerSystem", "Id": m.ID, "Name": m.Name,
		"Description": "The machine " + m.Name + ".", "SystemType": "Physical", "PowerState": orNull(string(m.Power)), "Status": status(m),
		"Manufacturer": orNull(m.Manufacturer), "Model": orNull(m.Model), "SerialNumber": orNull(m.SerialNumber), "PartNumber": orNull(m.PartNumber),
		"Links": object{"Chassis": links(join(root+"/Chassis", m.ID)), "ManagedBy": links(join(root+"/Managers", m.ID))},
	}
	put(o, "UUID", m.UUID)
	put(o, "AssetTag", m.AssetTag)
	put(o, "HostName", m.HostName)
	put(o, "BiosVersion", m.BiosVersion)
	indicate(o, m.Indicator)
	if m.Log {
		o["LogServices"] = link(c.path + "/LogServices")
	}
	if len(m.Consoles) > 0 {
		o["SerialConsole"] = consoles(m.Consoles)
	}
	if len(m.Resets) > 0 {
		o["Actions"] = object{"#ComputerSystem.Reset": object{
			"target": c.path + "/Actions/ComputerSystem.Reset", "ResetType@Redfish.AllowableValues": m.Resets,
		}}
	}
	if m.Boot != nil {
		boot, err := c.bootOf(m)
		if err != nil {
			boot = object{"@Message.ExtendedInfo": []object{c.faultOf(err).messages[0].object()}}
		}
		o["Boot"] = boot
	}
	return o, nil
}

// status tells how a machine stands (Resource.Status).
func status(m Machine) object {
	o := object{}
	switch m.Power {
	case PowerOn, Paused:
		o["State"] = "Enabled"
	case PoweringOn:
		o["State"] = "Starting"
	case PowerOff, PoweringOff:
		o["State"] = "StandbyOffline"
	case PowerUnknown:
		o["State"] = nil
	}
	if m.Health != HealthUnknown {
		o["Health"], o["HealthRollup"] = string(m.Health), string(m.Health)
	}
	return o
}

// indicate puts in the locator light, the old way and the new one.
func indicate(o object, i Indicator) {
	if i == NoIndicator {
		return
	}
	o["IndicatorLED"] = string(i)
	switch i {
	case Lit:
		o["LocationIndicatorActive"] = true
	case Dark:
		o["LocationIndicatorActive"] = false
	case IndicatorUnknown, NoIndicator:
		o["LocationIndicatorActive"] = nil
	}
}

// consoles tells the ways to the serial console (ComputerSystem.HostSerialConsole).
func consoles(list []Console) object {
	out := object{}
	for _, con := range list {
		if con.Kind == ConsoleWebSocket {
			out["WebSocket"] = object{"ServiceEnabled": true, "Interactive": true, "ConsoleURI": con.URI}
			continue
		}
		o := object{"ServiceEnabled": true}
		if con.Port > 0 {
			o["Port"] = con.Port
		}
		put(o, "ConsoleEntryCommand", con.Command)
		out[string(con.Kind)] = o
	}
	return out
}

// bootOf tells what a machine boots from (ComputerSystem.Boot).
func (c *call) bootOf(m Machine) (object, error) {
	b, err := memoise(c, "boot", m.ID, func() (Boot, error) { return c.opts.Backend.Boot(c.ctx, c.user, m.ID) })
	if err != nil {
		return nil, err
	}
	o := object{
		"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None",
		"BootSourceOverrideEnabled@Redfish.AllowableValues": []string{"Disabled", "Once", "Continuous"},
		"BootSourceOverrideTarget@Redfish.AllowableValues":  bootTargets(m.Boot),
	}
	if b.Source != "" && b.Source != BootNone {
		o["BootSourceOverrideEnabled"] = map[bool]string{false: "Once", true: "Continuous"}[b.Continuous]
		o["BootSourceOverrideTarget"] = string(b.Source)
	}
	if m.Boot.Modes {
		o["BootSourceOverrideMode"] = map[bool]string{false: "UEFI", true: "Legacy"}[b.Legacy]
		o["BootSourceOverrideMode@Redfish.AllowableValues"] = []string{"UEFI", "Legacy"}
	}
	return o, nil
}

func bootTargets(a *BootAbility) []string {
	out := []string{"None"}
	for _, s := range a.Sources {
		if s != BootNone {
			out = append(out, string(s))
		}
	}
	return out
}

// changeSystem takes a PATCH of what can be changed of a machine.
func (c *call) changeSystem(f *fields) ([]step, error) {
	m, err := c.machine()
	if err != nil {
		return nil, err
	}
	steps := c.changeIndicator(m, f)
	if m.Boot == nil {
		return steps, nil
	}
	sub, given := f.sub("Boot")
	if !given {
		return steps, nil
	}
	change, err := c.changeBoot(m, sub)
	if err != nil || change == nil {
		return steps, err
	}
	return append(steps, *change), nil
}

// changeIndicator takes the locator light, in either way to say it.
func (c *call) changeIndicator(m Machine, f *fields) []step {
	if m.Indicator == NoIndicator {
		return nil
	}
	set := func(name string, lit bool) []step {
		return []step{{[]string{name}, func() error { return c.opts.Backend.SetIndicator(c.ctx, c.user, m.ID, lit) }}}
	}
	var steps []step
	if led, ok := f.choice("IndicatorLED", false, "Lit", "Blinking", "Off"); ok {
		steps = set("IndicatorLED", led != "Off")
	}
	if lit, ok := f.flag("LocationIndicatorActive"); ok {
		steps = set("LocationIndicatorActive", lit)
	}
	return steps
}

// changeBoot takes Boot: what is not said stays as it is.
func (c *call) changeBoot(m Machine, f *fields) (*step, error) {
	wrong := len(*f.wrong)
	target, targeted := f.choice("BootSourceOverrideTarget", false, bootTargets(m.Boot)...)
	how, said := f.choice("BootSourceOverrideEnabled", false, "Disabled", "Once", "Continuous")
	var mode string
	var moded bool
	if m.Boot.Modes {
		mode, moded = f.choice("BootSourceOverrideMode", false, "UEFI", "Legacy")
	}
	f.rest(object{"BootSourceOverrideMode": nil})
	if len(*f.wrong) > wrong || !targeted && !said && !moded {
		return nil, nil //nolint:nilnil // no change, which is no failure
	}
	b, err := c.opts.Backend.Boot(c.ctx, c.user, m.ID)
	if err != nil {
		return nil, err
	}
	if targeted {
		b.Source = BootSource(target)
	}
	if moded {
		b.Legacy = mode == "Legacy"
	}
	switch {
	case how == "Disabled":
		b.Source, b.Continuous = BootNone, false
	case said:
		b.Continuous = how == "Continuous"
	}
	return &step{[]string{"Boot"}, func() error { return c.opts.Backend.SetBoot(c.ctx, c.user, m.ID, b) }}, nil
}

// resetSystem is the action that switches a machine.
func (c *call) resetSystem() error {
	const action = "#ComputerSystem.Reset"
	body, err := c.body(maxBody)
	if err != nil {
		return err
	}
	m, err := c.machine()
	if err != nil {
		return err
	}
	f := fieldsOf(body, action)
	allowed := make([]string, len(m.Resets))
	for i, r := range m.Resets {
		allowed[i] = string(r)
	}
	how, ok := f.text("ResetType", true)
	if ok && !slices.Contains(allowed, how) {
		f.bad("ResetType", "ValueNotInList", how)
		(*f.wrong)[len(*f.wrong)-1].said = shorten("The ResetType "+how+" is none of what this machine can do: ") + strings.Join(allowed, ", ") + "."
	}
	f.rest(nil)
	if err := f.err(); err != nil {
		return err
	}
	c.memo.forget()
	user, backend := c.user, c.opts.Backend
	return c.carryOut(how+" of "+m.Name, func(ctx context.Context) error {
		defer c.memo.forget()
		return backend.Reset(ctx, user, m.ID, ResetType(how))
	})
}

// acted answers an action that is done.
func (c *call) acted() {
	c.memo.forget()
	c.w.WriteHeader(http.StatusNoContent)
}

// readWithin bounds what a document may wait for a machine.
const readWithin = time.Minute
