package roomfile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/ockle/folder"
)

func itoa(n int) string { return strconv.Itoa(n) }

// tryServer makes a node of a server, or sets it aside.
func (t *translation) tryServer(s *folder.Server) {
	if s.Broken != "" {
		t.broken[s.Name] = true
		return // told already
	}
	n, why := t.server(s)
	if why == "" {
		why = t.alone(t.roomOf(n))
	}
	if why != "" {
		t.aside[s.Name] = why
		return
	}
	for _, plug := range n.plugs {
		t.taken[plug] = s.Name
	}
	t.made[s.Name] = n
}

// roomOf makes the document of a room with one node and all that belongs to it.
func (t *translation) roomOf(n *ockleNode) *value {
	var devices []field
	creds := slices.Clone(n.creds)
	for _, name := range n.pdus {
		devices = append(devices, t.pdus[name].entry)
		creds = append(creds, t.pdus[name].creds...)
	}
	at := n.entry.at
	return mapAt(
		at, key("credentials", mapAt(at, creds...)), key("devices", mapAt(at, devices...)), key("controls", mapAt(at, n.controls...)),
		key("checks", mapAt(at, n.checks...)), key("nodes", mapAt(at, n.entry)),
	)
}

// setAside sets aside what needs what is set aside here, until there is no more of it,
// and tells why of each.
func (t *translation) setAside() {
	for again := true; again; {
		again = false
		for i := range t.from.Servers {
			s := &t.from.Servers[i]
			if t.made[s.Name] == nil {
				continue
			}
			for _, need := range s.Needs {
				if _, is := t.aside[need]; is {
					t.aside[s.Name] = "it needs " + need + ", which is set aside"
					delete(t.made, s.Name)
					again = true
					break
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.aside)) {
		s := t.from.Server(name)
		s.Broken = t.aside[name]
		t.warn(t.place(s.File, 0), "server %s is set aside: %s", name, s.Broken)
	}
}

// server makes a node of a server; why is what keeps it from being one.
func (t *translation) server(s *folder.Server) (n *ockleNode, why string) {
	if why := plainItem(s.Name); why != "" {
		return nil, "it cannot have its name here: " + why
	}
	at := t.place(s.File, 0)
	n = &ockleNode{server: s}
	var cords, controls, checks []string
	for _, o := range s.Outlets {
		plug := OcklePlug(s.Name, o)
		full := o.From + ":" + plug
		switch _, usable := t.pdus[o.From]; {
		case !usable:
			return nil, fmt.Sprintf("outlet %s: pdu %s is set aside", o.Name, o.From)
		case plainItem(plug) != "":
			return nil, fmt.Sprintf("outlet %s cannot have its name here: %s", o.Name, plainItem(plug))
		case t.taken[full] != "":
			return nil, fmt.Sprintf("outlet %s: server %s has it already", o.Name, t.taken[full])
		case slices.Contains(n.plugs, full):
			return nil, fmt.Sprintf("outlet %s is the same as another one", o.Name)
		}
		cords, n.plugs = append(cords, full), append(n.plugs, full)
		if !slices.Contains(n.pdus, o.From) {
			n.pdus = append(n.pdus, o.From)
		}
	}
	var patience *value
	for _, o := range s.Controls {
		c, slow := t.control(n, o)
		if slow {
			patience = mapAt(at, key("grace", timeAt(at, max(t.pause(), sshGrace))))
		}
		n.controls, controls = append(n.controls, c), append(controls, c.key)
	}
	for _, o := range s.Tests {
		c := t.check(n, o)
		n.checks, checks = append(n.checks, c), append(checks, c.key)
	}
	lists := func(name string, list []string) field {
		if len(list) == 0 {
			return field{key: name}
		}
		return key(name, listAt(at, list))
	}
	n.entry = key(s.Name, mapAt(at, lists("cords", cords), lists("controls", controls), lists("checks", checks), key("order", patience)))
	n.entry.value.wide = true // a room file may say more of it
	return n, ""
}

// generator finds a generator that an object is of.
func (t *translation) generator(o folder.Object) *folder.Generator {
	all := t.from.Generators(o.Kind)
	i := slices.IndexFunc(all, func(g folder.Generator) bool { return g.Name == o.From })
	return &all[i] // one that is not there has set the server aside
}

// both gives the settings of a generator, and over them those of an object of it.
func both(g *folder.Generator, o folder.Object) map[string]string {
	said := maps.Clone(g.Settings)
	if said == nil {
		said = make(map[string]string)
	}
	maps.Copy(said, o.Settings)
	return said
}

// control makes a control of a server's; slow says that what it does takes its time.
func (t *translation) control(n *ockleNode, o folder.Object) (f field, slow bool) {
	at := t.place(n.server.File, o.Line)
	name := OckleControl(n.server.Name, o.Name)
	g := t.generator(o)
	kind, settings, credential := "dummy", (*value)(nil), (*value)(nil)
	var more []field
	switch g.Type {
	case "Dummy":
		settings = mapAt(at, key("simulate-shutdown-fail", boolAt(at, truth(o.Settings["simulate_shutdown_fail"]))))
	case "DummyWithCPU":
		settings = mapAt(at, key("cpu", boolAt(at, true)))
	case "SSHController":
		kind, slow, credential = "ssh", true, textAt(at, "controls."+name)
		seconds, _ := strconv.Atoi(o.Settings["timeout"]) // was checked
		settings = mapAt(
			at, key("host", textAt(at, o.Settings["host"])), key("off", textAt(at, "shutdown now")),
			key("timeout", timeAt(at, min(max(time.Duration(seconds)*time.Second, time.Second), time.Hour))),
		)
		n.creds = append(n.creds, key(credential.text, t.login(n, o, at)))
	default:
		kind, slow = g.Type, true
		settings, more = open(at, both(g, o))
	}
	return key(name, mapAt(at, append([]field{key("kind", textAt(at, kind)), key("settings", settings), key("credential", credential)}, more...)...)), slow
}

// login makes the credential of an SSHController: its password stays where it stands.
func (t *translation) login(n *ockleNode, o folder.Object, at place) *value {
	var password, private *value
	if o.Settings["password"] != "" {
		password = textAt(at, secret.INI(t.relative(n.server.File), o.Name, "password").String())
	}
	if file := o.Settings["key_filename"]; file != "" {
		private = textAt(at, "file:"+file)
	}
	if password == nil && private == nil {
		t.warn(at, "control %s of server %s has neither a password nor a key_filename: Millwright looks for no keys by itself", o.Name, n.server.Name)
	}
	return mapAt(at, key("user", textAt(at, o.Settings["username"])), key("password", password), key("key", private))
}

// check makes a check of a server's test.
func (t *translation) check(n *ockleNode, o folder.Object) field {
	at := t.place(n.server.File, o.Line)
	g := t.generator(o)
	once := []field{key("retries", plainAt(at, "0")), key("retry-after", timeAt(at, time.Second))}
	kind, settings := "dummy", (*value)(nil)
	switch g.Type {
	case "Dummy":
		says := "bad"
		if truth(o.Settings["succeed"]) {
			says = "ok"
		}
		settings = mapAt(at, key("says", textAt(at, says)))
	case "Ping":
		kind = "icmp"
		settings = mapAt(at, key("host", textAt(at, o.Settings["hostname"])))
	default:
		kind = g.Type
		settings, once = open(at, both(g, o))
	}
	return key(OckleCheck(n.server.Name, o.Name), mapAt(at, append([]field{key("kind", textAt(at, kind)), key("settings", settings)}, once...)...))
}
