package roomfile

import (
	"reflect"
	"slices"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// entrySource says where an entry of a section stands.
type entrySource struct {
	at      place // of its key
	value   *value
	members expanded
}

// expanded is a list of names after its ranges were opened, with the item of
// the written list that each came from.
type expanded struct {
	names []string
	item  []int32
}

// nodeSource says where a node was written: in an entry, and in the entry of a
// single name, perhaps, that changes some of it.
type nodeSource struct{ entry, over *nodeEntry }

type nodeEntry struct {
	entrySource // members are the needs
	part        nodePart
}

// deviceSource is the same for a device, with its place in the range.
type deviceSource struct {
	entry, over  *deviceEntry
	index, count int
}

type deviceEntry struct {
	entrySource
	part  devicePart
	walks map[string][]string // bracket ranges in the settings that go along with the devices
}

// sections takes all files' sections into the draft, file by file.
func (l *loader) sections() {
	l.takeConsoles()
	l.takeOrder()
	l.takeCalendars()
	if slices.ContainsFunc(l.parts, func(p part) bool { return p.conf == nil }) { // PowerMan's rooms are asked nothing unasked
		l.samples(nil)
	}
	for _, p := range l.parts {
		if p.conf != nil {
			l.takePowerMan(p)
			continue
		}
		l.document(p.doc)
	}
	// A room file's word on the PowerMan door goes before a powerman.conf's,
	// wherever it stands.
	for _, p := range l.parts {
		if v := p.doc.get("powerman"); v != nil {
			l.powermanDoor(v)
		}
	}
	l.placeIPMI()
}

// decode puts a value into the struct that dst points to.
func (l *loader) decode(v *value, dst any) {
	l.decoder.decode(v, reflect.ValueOf(dst).Elem())
}

// document takes one room file. Section by section it does what a decoder does
// for a struct, but keeps places and order.
func (l *loader) document(doc *value) {
	l.decoder.repeats(doc)
	known := l.decoder.attributes(reflect.TypeFor[document]())
	unknown := 0
	for _, f := range doc.fields {
		switch f.key {
		case "room":
			if l.onlyOnce(f) {
				l.draft.Name, _ = l.decoder.text(f.value)
			}
		case "settings":
			if l.onlyOnce(f) {
				l.settings(f.value)
			}
		case "powerman":
			l.onlyOnce(f)
		case "secrets":
			if l.onlyOnce(f) {
				l.secrets(f.value)
			}
		case "http":
			if l.onlyOnce(f) {
				l.http(f.value)
			}
		case "redfish":
			if l.onlyOnce(f) {
				l.redfish(f.value)
			}
		case "ipmi":
			if l.onlyOnce(f) {
				l.ipmi(f.value)
			}
		case "ockle":
			if l.onlyOnce(f) {
				l.ockleDoor(f.value)
			}
		case "consoles", "order", "calendars": // before this, by takeConsoles and its like
		case "controls":
			l.entries(f.value, l.control)
		case "checks":
			l.entries(f.value, l.check)
		case "samples":
			if l.onlyOnce(f) {
				l.samples(f.value)
			}
		case "ups":
			l.entries(f.value, l.ups)
		case "battery":
			if l.onlyOnce(f) {
				l.battery(f.value)
			}
		case "schedules":
			l.entries(f.value, l.schedule)
		case "plugins":
			l.entries(f.value, l.plugin)
		case "vetoes":
			l.entries(f.value, l.veto)
		case "credentials":
			l.entries(f.value, l.credential)
		case "feeds":
			l.entries(f.value, l.feed)
		case "devices":
			l.entries(f.value, l.device)
		case "nodes":
			l.entries(f.value, l.node)
		case "groups":
			l.entries(f.value, l.group)
		case "aliases":
			l.entries(f.value, l.alias)
		case "include", "specifications": // done before
		default:
			if unknown++; unknown <= manyUnknown {
				l.fail(f.at, "%s", unknownKey(f.key, known))
			}
		}
	}
}

// onlyOnce holds that a section stands in one file of the room only.
func (l *loader) onlyOnce(f field) bool {
	if old, found := l.once[f.key]; found && old != f.at {
		l.fail(f.at, "%q is said twice (first at %s)", f.key, l.where(old, f.at))
		return false
	}
	l.once[f.key] = f.at
	return true
}

// entries walks a section.
func (l *loader) entries(v *value, take func(field)) {
	switch v.shape {
	case mapping:
		for _, f := range v.fields {
			take(f)
		}
	case nothing:
	case scalar, list:
		l.fail(v.at, "names and what belongs to them are expected here, one per line: \"name: …\"")
	}
}

const (
	day      = 24 * time.Hour
	mostDays = 100_000 // as a time.Duration can hold
)

func (l *loader) settings(v *value) {
	unsaid := defaultSettings()
	s := settingsPart{Verify: timeOrNever(unsaid.Verify), Rest: unsaid.Rest, KeepEvents: uint32(unsaid.KeepEvents / day)}
	l.decode(v, &s)
	l.draft.Settings.AuditReads = s.AuditReads
	l.draft.Settings.Rest = s.Rest
	l.draft.Settings.KeepEvents = time.Duration(min(s.KeepEvents, mostDays)) * day
	l.draft.Settings.Verify = max(time.Duration(s.Verify), 0)
}

func (l *loader) powermanDoor(v *value) {
	s := powermanPart{PlugLogLevel: "debug"}
	l.decode(v, &s)
	door := &l.draft.Settings.PowerMan
	if v.get("listen") != nil {
		door.Listen = s.Listen
	}
	if v.get("tcpwrappers") != nil {
		door.TCPWrappers = s.TCPWrappers
	}
	if v.get("plug-log-level") != nil {
		door.PlugLogLevel = logLevel(s.PlugLogLevel)
	}
	door.Off = s.Off
}

// logLevel gives a syslog priority's number. None has none of its own and
// counts as debug, as in PowerMan.
func logLevel(name string) int {
	levels := [][]string{{"emerg", "panic"}, {"alert"}, {"crit"}, {"err", "error"}, {"warning", "warn"}, {"notice"}, {"info"}}
	for i, names := range levels {
		if slices.Contains(names, name) {
			return i
		}
	}
	return len(levels)
}

// reference is where a secret is kept.
type reference struct{ secret.Ref }

// UnmarshalText reads a reference, and tells those who write the secret itself
// how it is done.
func (r *reference) UnmarshalText(text []byte) error {
	ref, err := secret.Parse(string(text))
	if err != nil {
		return errPlainSecret
	}
	r.Ref = ref
	return nil
}

type plainSecret struct{}

var errPlainSecret plainSecret

func (plainSecret) Error() string {
	return "secrets do not stand in a room file; say where this one is kept: secret:NAME (the encrypted store; see millwright secret set), env:NAME (a variable of the daemon) or file:PATH (readable by the daemon alone)"
}

func (l *loader) credential(f field) {
	l.plainName(f, "credential")
	var part credentialPart
	l.decode(f.value, &part)
	c := room.Credential{Name: f.key, User: part.User, Secrets: make(map[string]string)}
	for name, ref := range map[string]reference{secret.Password: part.Password, secret.Key: part.Key, secret.Passphrase: part.Passphrase, secret.Kg: part.Kg} {
		if !ref.IsZero() {
			c.Secrets[name] = ref.String()
		}
	}
	l.draft.Credentials = append(l.draft.Credentials, c)
	l.creds = append(l.creds, entrySource{at: f.at, value: f.value})
}

func (l *loader) feed(f field) {
	part := feedPart{Volts: 230, Reserve: 0.2}
	l.decode(f.value, &part)
	if part.Volts <= 0 || part.Volts > 1e6 {
		l.fail(at(f.value, "volts"), "a voltage is more than nothing")
	}
	if part.Reserve < 0 || part.Reserve >= 1 {
		l.fail(at(f.value, "reserve"), "a reserve is a part of the rating, from 0 up to, but not including, 1")
	}
	if part.Amps < 0 {
		l.fail(f.value.get("amps").at, "a rating cannot be negative")
	}
	for _, name := range l.names(f, "feed") {
		l.draft.Feeds = append(l.draft.Feeds, room.Feed{Name: name, Amps: part.Amps, From: part.From, Volts: part.Volts, Reserve: part.Reserve})
		l.feeds = append(l.feeds, entrySource{at: f.at, value: f.value})
	}
}

func (l *loader) group(f field) {
	l.plainName(f, "group")
	source := entrySource{at: f.at, value: f.value, members: l.members(f.value, l.texts(f.value))}
	l.draft.Groups = append(l.draft.Groups, room.DraftGroup{Name: f.key, Members: source.members.names})
	l.groups = append(l.groups, source)
}

func (l *loader) alias(f field) {
	l.plainName(f, "alias")
	source := entrySource{at: f.at, value: f.value, members: l.members(f.value, l.texts(f.value))}
	l.draft.Aliases = append(l.draft.Aliases, room.DraftGroup{Name: f.key, Members: source.members.names})
	l.aliases = append(l.aliases, source)
}

// node takes one entry of `nodes:`.
func (l *loader) node(f field) {
	e := &nodeEntry{entrySource: entrySource{at: f.at, value: f.value}}
	l.decode(f.value, &e.part)
	names := l.names(f, "node")
	e.members = l.members(f.value.get("needs"), e.part.Needs)
	cords := l.cords(e, len(names))
	bmcs := l.bmcs(e, len(names))
	consoles := l.consoles(e, len(names))
	order := l.order(e, len(names))
	per := 0
	if len(names) > 0 {
		per = len(cords) / len(names)
	}
	l.draft.Nodes = slices.Grow(l.draft.Nodes, len(names))
	l.nodes = slices.Grow(l.nodes, len(names))
	for i, name := range names {
		mine := cords[i*per : (i+1)*per : (i+1)*per]
		at, found := l.nodeAt[name]
		if !found {
			l.nodeAt[name] = len(l.draft.Nodes)
			l.nodes = append(l.nodes, nodeSource{entry: e})
			l.draft.Nodes = append(l.draft.Nodes, room.DraftNode{
				Name: name, Cords: mine, BMC: bmcs[i], Needs: e.members.names, Groups: e.part.Groups, Settle: e.part.Settle, Console: consoles(i),
			})
			order(i, &l.draft.Nodes[len(l.draft.Nodes)-1])
			continue
		}
		if old := &l.nodes[at]; l.mayChange("node", name, f, len(names), old.entry.key(), old.over != nil) {
			old.over = e
			l.changeNode(&l.draft.Nodes[at], e, mine, bmcs[i])
			if e.value.get("console") != nil {
				l.draft.Nodes[at].Console = consoles(i)
			}
			order(i, &l.draft.Nodes[at])
		}
	}
}

// changeNode lets the fields that an entry gives replace a node's.
func (l *loader) changeNode(n *room.DraftNode, e *nodeEntry, cords []room.DraftCord, bmc room.DraftCord) {
	if e.value.get("cords") != nil {
		n.Cords = cords
	}
	if e.value.get("bmc") != nil {
		n.BMC = bmc
	}
	if e.value.get("needs") != nil {
		n.Needs = e.members.names
	}
	if e.value.get("groups") != nil {
		n.Groups = e.part.Groups
	}
	if e.value.get("settle") != nil {
		n.Settle = e.part.Settle
	}
}

// key gives an entry's name as written, and its place.
func (e *nodeEntry) key() field { return field{at: e.at, value: e.value} }

// mayChange says whether an entry for a name that is there already is a change
// to one member of a range, and complains if it is not.
func (l *loader) mayChange(kind, name string, f field, count int, old field, changed bool) bool {
	switch {
	case !changed && kind == "node" && l.fromPowerMan(old):
		return true // there is no other way to say what such a node needs
	case count == 1 && f.key == name && !changed && l.isRange(old):
		return true
	case old.at.file == f.at.file && old.at.line == f.at.line && old.at.col == f.at.col:
		l.fail(f.at, "%s %s is in this list twice", kind, name)
	case changed:
		l.fail(f.at, "%s %s is defined three times (first at %s)", kind, name, l.where(old.at, f.at))
	case count > 1:
		l.fail(f.at, "%s %s is defined already at %s; only an entry for it alone, below the range, changes one member of a range", kind, name, l.where(old.at, f.at))
	default:
		l.fail(f.at, "%s %s is defined twice (first at %s)", kind, name, l.where(old.at, f.at))
	}
	return false
}

// fromPowerMan says whether an entry stands for nodes of a powerman.conf.
func (l *loader) fromPowerMan(f field) bool { return f.value == nil }

// isRange says whether an entry's key stands for several names.
func (l *loader) isRange(f field) bool {
	if int(f.at.file) >= len(l.files) || f.value == nil {
		return false
	}
	return f.value.wide
}

// names opens the range that an entry's key is.
func (l *loader) names(f field, kind string) []string {
	names := l.openNames(f, kind)
	l.partial = l.partial || names == nil
	return names
}

func (l *loader) openNames(f field, kind string) []string {
	list, err := limits.Parse(f.key)
	if err != nil {
		l.fail(f.at, "%s", listError(f.key, err))
		return nil
	}
	n := list.Len()
	if n == 0 {
		l.fail(f.at, "the name of a %s is missing", kind)
		return nil
	}
	if n > room.MaxNodes || len(l.draft.Nodes)+n > room.MaxNodes || len(l.devices)+n > room.MaxNodes {
		l.fail(f.at, "that makes more than %d %ss", room.MaxNodes, kind)
		return nil
	}
	names := list.Names()
	f.value.wide = f.value.wide || n > 1
	for _, name := range names {
		if why := badName(name); why != "" {
			l.fail(f.at, "%q cannot be the name of a %s: %s", name, kind, why)
			return nil
		}
	}
	return names
}

func (l *loader) plainName(f field, kind string) {
	if why := badName(f.key); why != "" {
		l.fail(f.at, "%q cannot be the name of a %s: %s", f.key, kind, why)
	}
}

// badName says why a name is none. PowerMan's rules are wider; here a name must
// be one that can be typed as a target.
func badName(name string) string {
	if name == "" {
		return "it is empty"
	}
	if len(name) > 255 {
		return "it is longer than 255 bytes"
	}
	if name[0] == '-' || name[0] == '@' {
		return "- and @ at the beginning have a meaning in target lists"
	}
	for _, c := range name {
		switch {
		case c <= ' ' || c == 0x7f || c == 0xa0 || c == '\u2028' || c == '\u2029':
			return "it holds blanks or control characters"
		case c == ',' || c == '[' || c == ']' || c == '"' || c == '\'' || c == '\\':
			return "it holds " + string(c)
		}
	}
	return ""
}

// limits lets one range be as large as a room.
var limits = hostlist.Limits{Range: room.MaxNodes, Items: room.MaxNodes, Names: room.MaxNodes}

// members opens the host lists, @groups and exclusions that v holds as items.
func (l *loader) members(v *value, items []string) expanded {
	var e expanded
	for i, item := range items {
		if !l.word(&e, int32(i), v.item(i), item) {
			break
		}
	}
	return e
}
