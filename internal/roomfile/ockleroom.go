package roomfile

import (
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/ockle/folder"
)

// translation turns one folder of Ockle's into a room file's document.
type translation struct {
	*loader
	from   *ockleFolder
	pdus   map[string]device     // by name, those that can be used
	aside  map[string]string     // servers that are set aside here, and why
	broken map[string]bool       // those that the folder has set aside already
	taken  map[string]string     // plugs by "device:plug", and which server has each
	made   map[string]*ockleNode // by server
}

// device is a PDU as a room has it.
type device struct {
	entry field
	creds []field
}

// ockleNode is a server as a room has it.
type ockleNode struct {
	server   *folder.Server
	entry    field
	creds    []field
	controls []field
	checks   []field
	plugs    []string // "device:plug"
	pdus     []string
}

// OcklePlug, OckleControl and OckleCheck give the names that outlets, controls and tests
// of a server have in the room. Doors that speak Ockle's protocol go by them.
func OcklePlug(server string, o folder.Object) string {
	for _, key := range []string{"socket", "plug"} {
		if name := o.Settings[key]; name != "" {
			return name
		}
	}
	return server + "." + o.Name
}

// OckleControl is documented at [OcklePlug].
func OckleControl(server, object string) string { return server + "." + object }

// OckleCheck is documented at [OcklePlug].
func OckleCheck(server, object string) string { return server + "." + object }

// document makes the document of a room file that says the same.
func (t *translation) document() *value {
	at := place{t.parts[t.from.part].file, 1, 0}
	t.pdus, t.made = make(map[string]device), make(map[string]*ockleNode)
	for i := range t.from.PDUs {
		t.pdu(&t.from.PDUs[i])
	}
	for i := range t.from.Servers {
		t.tryServer(&t.from.Servers[i])
	}
	t.setAside()
	doc := mapAt(at, key("order", t.order(at)))
	section := func(name string, fields []field) {
		if len(fields) > 0 {
			doc.fields = append(doc.fields, field{key: name, at: at, value: mapAt(at, fields...)})
		}
	}
	var creds, devices, nodes, controls, checks []field
	for _, name := range slices.Sorted(maps.Keys(t.pdus)) {
		creds = append(creds, t.pdus[name].creds...)
		devices = append(devices, t.pdus[name].entry)
	}
	for i := range t.from.Servers {
		n := t.made[t.from.Servers[i].Name]
		if n == nil {
			continue
		}
		creds, controls, checks = append(creds, n.creds...), append(controls, n.controls...), append(checks, n.checks...)
		if len(n.server.Needs) > 0 {
			n.entry.value.fields = append(n.entry.value.fields, key("needs", listAt(n.entry.at, n.server.Needs)))
		}
		nodes = append(nodes, n.entry)
	}
	section("credentials", creds)
	section("devices", devices)
	section("controls", controls)
	section("checks", checks)
	section("nodes", nodes)
	return doc
}

// place gives a line of one of the folder's files.
func (t *translation) place(file string, line int) place {
	return place{t.from.files[file], int32(max(line, 1)), 0}
}

// sshGrace is how long a machine has at least that is shut down by SSH: Ockle's pause is
// of a few seconds, in which none has halted.
const sshGrace = 2 * time.Minute

// pause gives Ockle's settle pause as a time that something may take.
func (t *translation) pause() time.Duration {
	return min(max(t.from.Config.Settle, time.Second), day)
}

// order says how nodes are brought up and down. What was a pause of a fixed length is how
// long checks and halting may take: nobody waits for the rest of it.
func (t *translation) order(at place) *value {
	attempts := plainAt(at, itoa(min(t.from.Config.MaxAttempts, 65535)))
	wait := min(max(t.from.Config.AutoControl.Wait, 100*time.Millisecond), day)
	return mapAt(
		at,
		key("start-attempts", attempts), key("stop-attempts", attempts),
		key("retry-after", timeAt(at, wait)), key("retry-most", timeAt(at, max(wait, room.DefaultConduct().RetryMost))),
		key("start-within", timeAt(at, t.pause())), key("grace", timeAt(at, t.pause())),
	)
}

// ofEntry are the keys of generators that are the entry's own and not of its driver's
// or kind's settings.
var ofEntry = []string{"credential", "feed", "stagger", "at-once", "poll", "verify", "timeout", "every", "retries", "retry-after", "starting"}

// open makes the settings of a type that is ours, and what belongs to the entry itself.
func open(at place, said map[string]string, without ...string) (settings *value, entry []field) {
	settings = mapAt(at)
	for _, name := range slices.Sorted(maps.Keys(said)) {
		switch {
		case slices.Contains(without, name):
		case slices.Contains(ofEntry, name):
			entry = append(entry, key(name, openAt(at, said[name])))
		default:
			settings.fields = append(settings.fields, key(name, openAt(at, said[name])))
		}
	}
	return settings, entry
}

// pdu makes a device of a PDU.
func (t *translation) pdu(g *folder.Generator) {
	if g.Broken != "" {
		return // told already
	}
	at := t.place(g.File, 0)
	if why := plainItem(g.Name); why != "" {
		t.breakPDU(g, at, "it cannot have its name here: "+why)
		return
	}
	var d device
	var settings *value
	var more []field
	driver, credential := "dummy", (*value)(nil)
	switch g.Type {
	case "Dummy":
	case "DummyWithCPU":
		settings = mapAt(at, key("cpu", boolAt(at, true)))
	case "Raritan":
		driver, credential = "snmp", textAt(at, "outlets."+g.Name)
		host := g.Settings["pdu_ip"]
		if port := g.Settings["pdu_port"]; port != "" && !strings.Contains(host, "://") {
			host = net.JoinHostPort(host, port)
		}
		settings = mapAt(
			at, key("address", textAt(at, host)), key("version", textAt(at, "2c")), key("profile", textAt(at, "raritan-px1")),
		)
		d.creds = append(d.creds, key(credential.text, t.communities(g, at)))
	default:
		driver = g.Type
		settings, more = open(at, g.Settings)
	}
	d.entry = key(g.Name, mapAt(at, append([]field{key("driver", textAt(at, driver)), key("settings", settings), key("credential", credential)}, more...)...))
	d.entry.value.wide = true // a room file may say more of it
	if why := t.alone(mapAt(at, key("credentials", mapAt(at, d.creds...)), key("devices", mapAt(at, d.entry)))); why != "" {
		t.breakPDU(g, at, why)
		return
	}
	t.pdus[g.Name] = d
}

func (t *translation) breakPDU(g *folder.Generator, at place, why string) {
	g.Broken = why
	t.warn(at, "pdu %s is set aside: %s", g.Name, why)
}

// communities makes the credential of a Raritan: where its communities stand.
func (t *translation) communities(g *folder.Generator, at place) *value {
	ref := func(key string) *value {
		if g.Settings[key] == "" {
			return nil
		}
		return textAt(at, secret.INI(t.relative(g.File), string(folder.PDU), key).String())
	}
	write, read := ref("write_community"), ref("read_community")
	if write == nil {
		write, read = read, nil
	}
	return mapAt(at, key("password", write), key("passphrase", read))
}

// alone reads a document as if it were the whole room, and gives what is wrong with it,
// or nothing. What it may have from elsewhere is not looked at.
func (t *translation) alone(doc *value) string {
	sub := newLoader(t.ctx, t.o)
	sub.files, sub.result.Files, sub.result.Order = t.files, t.result.Files, t.result.Order
	sub.shelf, sub.found = t.shelf, t.found
	sub.decoder.types = t.decoder.types // to be found out once for all of them
	sub.parts = []part{{file: doc.at.file, doc: doc}}
	sub.sections()
	sub.makeDevices()
	for _, p := range sub.problems {
		p.fill()
		return p.Msg
	}
	if len(sub.draft.Nodes) == 0 {
		return ""
	}
	_, problems := room.New(sub.draft)
	for _, p := range problems {
		if p.Code == room.Unknown && p.Field == "credential" {
			continue // it may be in a room file
		}
		return p.String()
	}
	return ""
}
