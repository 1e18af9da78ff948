package devspec

import (
	"fmt"
	"strconv"
	"strings"

	"millwright.dev/millwright/hostlist"
)

// Layout is a configuration whose names are resolved: which node hangs on which
// plug of which device.
type Layout struct {
	Devices []*LayoutDevice // in the order of the file
	Nodes   []NodeRef       // in the order of the file
	Aliases []LayoutAlias   // in the order of the file
}

// LayoutDevice is one device with its plugs.
type LayoutDevice struct {
	Decl *Device
	Spec *Spec // nil only when Resolve has reported that there is none
	// Plugs is the order in which PowerMan goes over them: fixed plugs as the
	// specification lists them, free plugs the last defined first.
	Plugs []Plug
}

// Plug is one plug of a device.
type Plug struct {
	Name string
	Node string // the node that hangs on it; empty for none
}

// NodeRef is one node and its plug, as indices into Layout.Devices and that
// device's Plugs.
type NodeRef struct {
	Name   string
	Device int
	Plug   int
}

// LayoutAlias is one more name for some nodes.
type LayoutAlias struct {
	Name  string
	Nodes []string
}

// Resolve checks what the directives say of each other, and lays out nodes and
// plugs. All that is wrong is reported at once, as an [ErrorList]; the layout holds
// what was in order. It opens no files and resolves no host names.
func (c *Config) Resolve() (*Layout, error) {
	r := resolver{config: c, layout: &Layout{}, devices: make(map[string]int), nodes: make(map[string]*Node)}
	r.addDevices()
	for _, n := range c.Nodes {
		r.addNodes(n)
	}
	r.reverseFreePlugs()
	if len(c.Nodes) == 0 {
		r.errs = append(r.errs, &Error{Pos: Pos{File: c.name}, Msg: "no nodes are defined"})
	}
	r.addAliases()
	r.errs.sortByPlace()
	return r.layout, r.errs.err()
}

type resolver struct {
	config  *Config
	layout  *Layout
	errs    ErrorList
	devices map[string]int   // first device of a name
	nodes   map[string]*Node // where a node was defined
	plugs   []plugIndex      // per device
}

// plugIndex finds the plugs of one device while nodes are handed out.
type plugIndex struct {
	byName map[string]int
	next   int // before it no fixed plug is free
}

func (r *resolver) fail(at Pos, powermand, format string, args ...any) {
	if len(r.errs) < maxErrors {
		r.errs = append(r.errs, r.config.files.errorAt(at, powermand, format, args...))
	}
}

// failPlain reports what powermand reports without a place.
func (r *resolver) failPlain(at Pos, powermand, format string, args ...any) {
	e := r.config.files.errorAt(at, powermand, format, args...)
	e.place = false
	if len(r.errs) < maxErrors {
		r.errs = append(r.errs, e)
	}
}

func (r *resolver) addDevices() {
	specs := make(map[string]*Spec)
	for _, s := range r.config.Specs {
		if specs[s.Name] == nil {
			specs[s.Name] = s
		}
	}
	for _, d := range r.config.Devices {
		spec := specs[d.Spec]
		switch {
		case spec == nil:
			r.fail(d.specPos, "device specification not found", "device %q: there is no specification %q (is its file included?)", d.Name, d.Spec)
		case spec.seq > d.seq:
			r.fail(d.specPos, "device specification not found", "device %q: specification %q is defined only further down, at %s", d.Name, d.Spec, spec.Pos)
		}
		r.checkWhere(d)
		i := len(r.layout.Devices)
		if _, ok := r.devices[d.Name]; !ok {
			r.devices[d.Name] = i
		}
		ld := &LayoutDevice{Decl: d, Spec: spec}
		index := plugIndex{byName: make(map[string]int)}
		if spec != nil {
			for j, name := range spec.Plugs {
				ld.Plugs = append(ld.Plugs, Plug{Name: name})
				index.byName[name] = j
			}
		}
		r.layout.Devices = append(r.layout.Devices, ld)
		r.plugs = append(r.plugs, index)
	}
}

// checkWhere checks the address of a device as far as text alone tells.
func (r *resolver) checkWhere(d *Device) {
	switch d.Transport() {
	case TransportCoprocess:
		if len(d.Command()) == 0 {
			r.fail(d.wherePos, "parse error", "device %q: the command line is empty", d.Name)
		}
		return
	case TransportSerial:
		if d.HasFlags {
			if _, err := ParseSerialFlags(d.Flags); err != nil {
				r.fail(d.flagsPos, "error parsing device flags", "device %q: %s", d.Name, err)
			}
		}
		return
	}
	_, port, ok := splitAddress(d.Where)
	if !ok {
		r.fail(d.wherePos, "hostname is missing :port", "device %q: %q needs a port (HOST:PORT)", d.Name, d.Where)
	} else if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		r.fail(d.wherePos, "port number out of range", "device %q: port %q is not a number from 1 to 65535", d.Name, port)
	}
	for _, f := range strings.Split(d.Flags, ",") {
		if f != "quiet" && f != "" {
			r.failPlain(d.flagsPos, "bad device option: "+f, "device %q: unknown option %q (there is only quiet)", d.Name, f)
		}
	}
}

// splitAddress splits HOST:PORT at the first colon as powermand does, and at the
// last where the host is an IPv6 address in brackets, which powermand cannot read.
func splitAddress(where string) (host, port string, ok bool) {
	if strings.HasPrefix(where, "[") {
		if i := strings.LastIndex(where, "]:"); i > 0 {
			return where[1:i], where[i+2:], true
		}
	}
	return strings.Cut(where, ":")
}

// addNodes walks the names and the plugs of one node directive side by side.
func (r *resolver) addNodes(n *Node) {
	names, err := hostlist.Expand(n.Hosts)
	if err != nil {
		r.fail(n.hostsPos, "parse error", "node names: %s", err)
		return
	}
	var plugs []string
	if n.HasPlugs {
		if plugs, err = hostlist.Expand(n.Plugs); err != nil {
			r.fail(n.plugsPos, "parse error", "plug names: %s", err)
			return
		}
	}
	dev, ok := r.devices[n.Device]
	if !ok {
		r.fail(n.devicePos, "unknown device", "there is no device %q", n.Device)
		return
	}
	if d := r.layout.Devices[dev].Decl; d.seq > n.seq {
		r.fail(n.devicePos, "unknown device", "device %q is defined only further down, at %s", n.Device, d.Pos)
		return
	}
	if r.layout.Devices[dev].Spec == nil {
		return // reported with the device
	}
	if n.HasPlugs && len(plugs) > len(names) {
		r.fail(n.plugsPos, "more plugs than nodes", "%d plugs for %d nodes", len(plugs), len(names))
	}
	if n.HasPlugs && len(plugs) < len(names) {
		r.fail(n.hostsPos, "more nodes than plugs", "%d nodes for %d plugs", len(names), len(plugs))
	}
	for i, name := range names {
		if old := r.nodes[name]; old != nil {
			r.fail(n.hostsPos, "duplicate node name", "node %q is already defined at %s", name, old.Pos)
			continue
		}
		r.nodes[name] = n
		if n.HasPlugs && i >= len(plugs) {
			continue
		}
		plug := ""
		if n.HasPlugs {
			plug = plugs[i]
		}
		if j, ok := r.takePlug(n, dev, name, plug); ok {
			r.layout.Nodes = append(r.layout.Nodes, NodeRef{name, dev, j})
		} else if !n.HasPlugs {
			return
		}
	}
}

// takePlug hangs a node on a plug of a device; without a name, on the next one.
func (r *resolver) takePlug(n *Node, dev int, node, plug string) (int, bool) {
	ld, index := r.layout.Devices[dev], &r.plugs[dev]
	fixed := ld.Spec.Plugs != nil
	if !n.HasPlugs {
		if !fixed {
			plug = node
		} else {
			for index.next < len(ld.Plugs) && ld.Plugs[index.next].Node != "" {
				index.next++
			}
			if index.next == len(ld.Plugs) {
				r.fail(n.hostsPos, "more nodes than plugs", "node %q: device %q has no plug left (it has %d)", node, n.Device, len(ld.Plugs))
				return 0, false
			}
			plug = ld.Plugs[index.next].Name
		}
	}
	j, known := index.byName[plug]
	switch {
	case known && ld.Plugs[j].Node != "":
		r.fail(n.plugPlace(), "plug already assigned", "plug %q of device %q already has node %q", plug, n.Device, ld.Plugs[j].Node)
		return 0, false
	case !known && fixed:
		r.fail(n.plugPlace(), "unknown plug name", "device %q has no plug %q (its plugs are %s)", n.Device, plug, hostlist.Fold(ld.Spec.Plugs))
		return 0, false
	case !known:
		j = len(ld.Plugs)
		index.byName[plug] = j
		ld.Plugs = append(ld.Plugs, Plug{Name: plug})
	}
	ld.Plugs[j].Node = node
	return j, true
}

func (n *Node) plugPlace() Pos {
	if n.HasPlugs {
		return n.plugsPos
	}
	return n.hostsPos
}

// reverseFreePlugs brings free plugs into PowerMan's order: the last defined first.
func (r *resolver) reverseFreePlugs() {
	for _, d := range r.layout.Devices {
		if d.Spec != nil && d.Spec.Plugs == nil {
			for i, j := 0, len(d.Plugs)-1; i < j; i, j = i+1, j-1 {
				d.Plugs[i], d.Plugs[j] = d.Plugs[j], d.Plugs[i]
			}
		}
	}
	for i := range r.layout.Nodes {
		n := &r.layout.Nodes[i]
		if d := r.layout.Devices[n.Device]; d.Spec.Plugs == nil {
			n.Plug = len(d.Plugs) - 1 - n.Plug
		}
	}
}

func (r *resolver) addAliases() {
	seen := make(map[string]*Alias)
	for _, a := range r.config.Aliases {
		if old := seen[a.Name]; old != nil {
			r.fail(a.Pos, "bad alias", "alias %q is already defined at %s", a.Name, old.Pos)
			continue
		}
		seen[a.Name] = a
		members, err := hostlist.Expand(a.Hosts)
		if err != nil {
			r.fail(a.hostsPos, "bad alias", "alias %q: %s", a.Name, err)
			continue
		}
		for _, m := range members {
			if r.nodes[m] == nil {
				r.failPlain(a.hostsPos, fmt.Sprintf("alias '%s' references nonexistent node '%s'", a.Name, m),
					"alias %q: there is no node %q", a.Name, m)
			}
		}
		r.layout.Aliases = append(r.layout.Aliases, LayoutAlias{a.Name, members})
	}
}
