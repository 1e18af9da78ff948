package room

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Console is how a node's console is reached, and what is kept of it. Nodes that were
// written as one range may share one.
type Console struct {
	// Via is the address of the console, in the notation of package transport, or "".
	// Device and Plug are the plug by which it is reached otherwise. With neither, it
	// is reached by the node's service processor, or by the first of its cords whose
	// device can.
	Via    string
	Device string
	Plug   string // "" is the plug that the node hangs on, or the device's only one

	Credential string // of Via; one of the room's Credentials, or ""
	ReadOnly   bool   // nobody types
	Message    string // shown to whoever attaches
	Keeping    Keeping
}

// Keeping says what is kept of a console.
type Keeping struct {
	// Log keeps the console open and its log going though nobody is there. Without
	// it the console is open while somebody is attached, and for Linger after.
	Log    bool
	Linger time.Duration

	Folder string // of the logs; "" is the daemon's own choice, or none
	File   string // the log's name in the folder; "" is made of the node's name
	Size   int64  // bytes after which a log is set aside
	Keep   int    // how many that were set aside are kept
	Raw    bool   // the log has the bytes alone, and no times

	Scrollback int // bytes that are shown to whoever attaches
}

// Consoles is the room's `consoles:` part: what its nodes' consoles are unless they
// say otherwise.
type Consoles struct {
	Keeping  Keeping
	ReadOnly bool
	Message  string
	// Nodes narrows Keeping.Log to these; nil is all whose console is named.
	nodes bits
}

// Console gives the console of a node: what its entry says, or what the room says of
// all. named says whether the room names a way to it: `console:`, or a service processor.
func (r *Room) Console(id NodeID) (c Console, named bool) {
	n := &r.Nodes[id]
	if n.Console != nil {
		return *n.Console, true
	}
	all := &r.Settings.Consoles
	c = Console{Keeping: all.Keeping, ReadOnly: all.ReadOnly, Message: all.Message}
	named = len(n.BMC) > 0
	c.Keeping.Log = c.Keeping.Log && named && all.Covers(id)
	return c, named
}

// Covers says whether the room's word on always keeping logs is about a node.
func (c *Consoles) Covers(id NodeID) bool { return c.nodes == nil || c.nodes.has(id) }

// DraftConsole is a console to be. Via is an address or device:plug; LogSaid tells
// that Keeping.Log is the entry's own word rather than the room's.
type DraftConsole struct {
	Console
	LogSaid bool
}

// IsAddress tells the address of a console from the name of a device.
func IsAddress(via string) bool {
	return strings.Contains(via, "://") || strings.HasPrefix(strings.ToLower(via), "exec:")
}

// consoles takes the nodes' consoles in; devices, plugs and groups are there by now.
func (b *builder) consoles() {
	b.consoleNodes()
	files := make(map[string]int)
	for i := range b.draft.Nodes {
		d := b.draft.Nodes[i].Console
		if d == nil || b.full() {
			continue
		}
		c := d.Console
		if !IsAddress(c.Via) {
			b.consoleDevice(i, &c)
		}
		if _, found := b.credentialAt[c.Credential]; c.Credential != "" && !found {
			b.unknown("node", b.draft.Nodes[i].Name, i, "console", -1, c.Credential, "there is no credential %q%s", nearest(b, c.Credential, b.credentialAt))
		}
		path := c.Keeping.Folder + "/" + cmp.Or(c.Keeping.File, b.draft.Nodes[i].Name+".log")
		if other, taken := files[path]; taken && c.Keeping.File != "" || taken && b.draft.Nodes[other].Console.Keeping.File != "" {
			b.bad(Taken, "node", b.draft.Nodes[i].Name, i, "console", -1, "the console of node %s has its log in the same file", b.draft.Nodes[other].Name)
		}
		files[path] = i
		if !d.LogSaid {
			c.Keeping.Log = c.Keeping.Log && b.room.Settings.Consoles.Covers(NodeID(i))
		}
		b.room.Nodes[i].Console = &c
	}
}

// consoleDevice looks at a console that is reached by a plug.
func (b *builder) consoleDevice(node int, c *Console) {
	if c.Via == "" {
		return
	}
	c.Device, c.Plug, _ = strings.Cut(c.Via, ":")
	c.Via = ""
	name := b.draft.Nodes[node].Name
	id, found := b.room.devices[c.Device]
	if !found {
		b.unknown("node", name, node, "console", -1, c.Device, "there is no device %q%s", nearest(b, c.Device, b.room.devices))
		return
	}
	dev := &b.room.Devices[id]
	if c.Plug == "" {
		c.Plug = cmp.Or(plugOf(dev, NodeID(node)), onlyPlug(dev), name)
	}
	if _, found := b.plugs[id][c.Plug]; found {
		return
	}
	if fixed := b.draft.Devices[id].Fixed; fixed != nil {
		b.unknown("node", name, node, "console", -1, c.Plug, "there is no plug %q on device %s; it has %s", dev.Name, fold(fixed))
		return
	}
	b.plugs[id][c.Plug] = int32(len(dev.Plugs))
	dev.Plugs = append(dev.Plugs, Plug{Name: c.Plug, Node: None})
}

func plugOf(d *Device, id NodeID) string {
	if i := slices.IndexFunc(d.Plugs, func(p Plug) bool { return p.Node == id }); i >= 0 {
		return d.Plugs[i].Name
	}
	return ""
}

func onlyPlug(d *Device) string {
	if len(d.Plugs) == 1 {
		return d.Plugs[0].Name
	}
	return ""
}

// consoleNodes finds the nodes that the room's word on logs is narrowed to.
func (b *builder) consoleNodes() {
	if b.draft.ConsoleNodes == nil {
		return
	}
	set := collector{room: b.room}
	covers := set.bits()
	group := func(at int) []NodeID { return b.room.Groups[at].Nodes }
	for _, id := range b.members(b.draft.ConsoleNodes, nil, group, func(_ int, object, format string) {
		b.unknown("room", "", -1, "consoles", -1, object, "consoles: "+format, b.hint(object))
	}) {
		covers.put(id)
	}
	b.room.Settings.Consoles.nodes = covers
}

// ConsoleVia says for people how a node's console is reached. It leaves out what may be
// secret in an address.
func (r *Room) ConsoleVia(id NodeID) string {
	n := &r.Nodes[id]
	name := func(c Cord) string {
		d := &r.Devices[c.Device]
		return d.Name + ":" + d.Plugs[c.Plug].Name
	}
	switch c := n.Console; {
	case c != nil && c.Device != "":
		return c.Device + ":" + c.Plug
	case c != nil && strings.HasPrefix(strings.ToLower(c.Via), "exec:"):
		program, _, _ := strings.Cut(c.Via, " ")
		return program
	case c != nil && c.Via != "":
		address, _, _ := strings.Cut(c.Via, "?")
		return address
	case len(n.BMC) > 0:
		return name(n.BMC[0])
	case len(n.Cords) > 0:
		return name(n.Cords[0])
	}
	return ""
}
