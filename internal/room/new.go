package room

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode"

	"millwright.dev/millwright/hostlist"
)

// New checks a Draft and makes a Room of it. It gives either a Room or all the
// problems found, in the order of the Draft, never both. After a thousand
// problems it stops looking.
func New(d Draft) (*Room, []Problem) {
	b := builder{draft: &d, room: &Room{
		Name:        d.Name,
		Settings:    d.Settings,
		Feeds:       slices.Clone(d.Feeds),
		Credentials: slices.Clone(d.Credentials),
	}}
	if b.room.Settings.Conduct == (Conduct{}) {
		b.room.Settings.Conduct = DefaultConduct()
	}
	if d.Name != "" {
		b.name("room", d.Name, -1, false)
	}
	b.nodes()
	b.devices()
	b.feeds()
	b.credentials()
	b.aliases()
	b.groups()
	b.vetoes()
	b.plugins()
	b.cords()
	b.consoles()
	b.needs()
	b.choices()
	b.needLoops()
	b.controls()
	b.checks()
	b.limits()
	b.upses()
	b.battery()
	b.schedules()
	if len(b.problems) > 0 {
		return nil, b.problems
	}
	b.finish()
	return b.room, nil
}

// builder is what New works with.
type builder struct {
	draft    *Draft
	room     *Room
	problems []Problem

	feedAt, credentialAt map[string]int
	plugs                []map[string]int32 // by device: plug name to place
	suggested            map[string]string
}

func (b *builder) full() bool { return len(b.problems) >= maxProblems }

func (b *builder) problem(p Problem) {
	if len(b.problems) == maxProblems-1 {
		p = Problem{Code: TooMuch, Kind: "room", Item: -1, Index: -1, Other: -1, Msg: "too many problems; the rest is not shown"}
	}
	if !b.full() {
		b.problems = append(b.problems, p)
	}
}

func (b *builder) bad(code ProblemCode, kind, name string, item int, field string, index int, format string, args ...any) {
	if b.full() {
		return
	}
	b.problem(Problem{Code: code, Kind: kind, Name: name, Item: item, Field: field, Index: index, Other: -1, Msg: fmt.Sprintf(format, args...)})
}

// unknown is bad for a reference to what is not there; the format's first verb
// is %q for the object.
func (b *builder) unknown(kind, name string, item int, field string, index int, object, format string, args ...any) {
	if b.full() {
		return
	}
	b.problem(Problem{
		Code: Unknown, Kind: kind, Name: name, Item: item, Field: field, Index: index, Other: -1,
		Msg: fmt.Sprintf(format, append([]any{object}, args...)...), Object: object,
	})
}

func (b *builder) duplicate(kind, name string, item, other int) {
	b.problem(Problem{
		Code: Duplicate, Kind: kind, Name: name, Item: item, Field: "name", Index: -1, Other: other,
		Msg: "is defined twice",
	})
}

// name checks what every name must satisfy: those that stand in target lists
// (listed) must be reachable there.
func (b *builder) name(kind, name string, item int, listed bool) {
	switch {
	case name == "":
		b.bad(BadName, kind, name, item, "name", -1, "has an empty name")
	case strings.ContainsFunc(name, unseen):
		b.bad(BadName, kind, strings.Map(marked, name), item, "name", -1, "a name holds no control or format characters")
	case listed && strings.ContainsAny(name, " ,"):
		b.bad(BadName, kind, name, item, "name", -1, "a name holds no blanks or commas")
	}
}

// unseen tells control characters, and those that change how others are shown.
// Bytes that are no UTF-8, as in a Latin-1 name of PowerMan's, are neither.
func unseen(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// marked makes a character that is unseen a mark.
func marked(r rune) rune {
	if unseen(r) {
		return '?'
	}
	return r
}

func (b *builder) nodes() {
	b.room.nodes = make(map[string]NodeID, len(b.draft.Nodes))
	b.room.Nodes = make([]Node, len(b.draft.Nodes))
	if len(b.draft.Nodes) > MaxNodes {
		b.bad(TooMuch, "room", "", -1, "", -1, "there are %d nodes, the limit is %d", len(b.draft.Nodes), MaxNodes)
	}
	for i := range b.draft.Nodes {
		n := &b.draft.Nodes[i]
		b.name("node", n.Name, i, true)
		if old, found := b.room.nodes[n.Name]; found {
			b.duplicate("node", n.Name, i, int(old))
		} else {
			b.room.nodes[n.Name] = NodeID(i)
		}
		// It becomes an argument of programs, and a part of URLs.
		if strings.HasPrefix(n.Address, "-") || strings.ContainsFunc(n.Address, func(r rune) bool { return unseen(r) || unicode.IsSpace(r) }) {
			b.bad(BadName, "node", n.Name, i, "address", -1, "%q cannot be an address", strings.Map(marked, n.Address))
		}
		b.room.Nodes[i] = Node{
			Name: n.Name, Settle: n.Settle, Priority: n.Priority, Address: n.Address,
			Conduct: n.Conduct, Watts: n.Watts, Inrush: n.Inrush,
		}
	}
}

func (b *builder) devices() {
	b.room.devices = make(map[string]DeviceID, len(b.draft.Devices))
	b.room.Devices = make([]Device, len(b.draft.Devices))
	b.plugs = make([]map[string]int32, len(b.draft.Devices))
	for i := range b.draft.Devices {
		d := &b.draft.Devices[i]
		b.name("device", d.Name, i, false)
		if old, found := b.room.devices[d.Name]; found {
			b.duplicate("device", d.Name, i, int(old))
		} else {
			b.room.devices[d.Name] = DeviceID(i)
		}
		dev := d.Device
		dev.Plugs = make([]Plug, len(d.Fixed))
		b.plugs[i] = make(map[string]int32, len(d.Fixed))
		for p, name := range d.Fixed {
			dev.Plugs[p] = Plug{Name: name, Node: None}
			if _, found := b.plugs[i][name]; !found {
				b.plugs[i][name] = int32(p)
			}
		}
		b.room.Devices[i] = dev
	}
}

func (b *builder) feeds() {
	b.feedAt = make(map[string]int, len(b.draft.Feeds))
	for i, f := range b.draft.Feeds {
		b.name("feed", f.Name, i, false)
		if old, found := b.feedAt[f.Name]; found {
			b.duplicate("feed", f.Name, i, old)
		} else {
			b.feedAt[f.Name] = i
		}
	}
	for i, f := range b.draft.Feeds {
		if _, found := b.feedAt[f.From]; f.From != "" && !found {
			b.unknown("feed", f.Name, i, "from", -1, f.From, "there is no feed %q%s", nearest(b, f.From, b.feedAt))
		}
	}
	b.feedLoops()
	for i := range b.draft.Devices {
		d := &b.draft.Devices[i]
		if _, found := b.feedAt[d.Feed]; d.Feed != "" && !found {
			b.unknown("device", d.Name, i, "feed", -1, d.Feed, "there is no feed %q%s", nearest(b, d.Feed, b.feedAt))
		}
	}
}

// feedLoops follows each feed upstream once.
func (b *builder) feedLoops() {
	const fresh, under, done = 0, 1, 2
	mark := make([]int, len(b.draft.Feeds))
	for i := range b.draft.Feeds {
		var path []string
		at, found := i, true
		for found && mark[at] == fresh {
			mark[at] = under
			path = append(path, b.draft.Feeds[at].Name)
			at, found = lookUp(b.feedAt, b.draft.Feeds[at].From)
		}
		if found && mark[at] == under {
			first := slices.Index(path, b.draft.Feeds[at].Name)
			loop := append(path[first:len(path):len(path)], b.draft.Feeds[at].Name)
			b.bad(Looped, "feed", b.draft.Feeds[at].Name, at, "from", -1, "feeds itself: %s", strings.Join(loop, " → "))
		}
		for _, name := range path {
			mark[b.feedAt[name]] = done
		}
	}
}

func lookUp(m map[string]int, name string) (int, bool) {
	i, found := m[name]
	return i, found
}

func (b *builder) credentials() {
	b.credentialAt = make(map[string]int, len(b.draft.Credentials))
	for i, c := range b.draft.Credentials {
		b.name("credential", c.Name, i, false)
		if old, found := b.credentialAt[c.Name]; found {
			b.duplicate("credential", c.Name, i, old)
		} else {
			b.credentialAt[c.Name] = i
		}
	}
	for i := range b.draft.Devices {
		d := &b.draft.Devices[i]
		if _, found := b.credentialAt[d.Credential]; d.Credential != "" && !found {
			b.unknown("device", d.Name, i, "credential", -1, d.Credential, "there is no credential %q%s",
				nearest(b, d.Credential, b.credentialAt))
		}
	}
	sort.Slice(b.room.Credentials, func(i, j int) bool { return b.room.Credentials[i].Name < b.room.Credentials[j].Name })
}

// finish fills in what only a room without problems has.
func (b *builder) finish() {
	b.room.needed = reverse(b.room.Nodes)
	b.newestFirst()
	for i := range b.room.Devices {
		b.room.Devices[i].Identity = identity(&b.room.Devices[i])
	}
}

// newestFirst turns the plugs of those devices round that ask for it, and the
// cords with them.
func (b *builder) newestFirst() {
	turned := make(map[DeviceID]int32) // the last plug of each
	for i := range b.room.Devices {
		if b.draft.Devices[i].NewestFirst && b.draft.Devices[i].Fixed == nil {
			slices.Reverse(b.room.Devices[i].Plugs)
			turned[DeviceID(i)] = int32(len(b.room.Devices[i].Plugs) - 1)
		}
	}
	if len(turned) == 0 {
		return
	}
	for i := range b.room.Nodes {
		cords := b.room.Nodes[i].Cords
		for c := range cords {
			if last, found := turned[cords[c].Device]; found {
				cords[c].Plug = last - cords[c].Plug
			}
		}
	}
}

// identity mixes the identity that the draft gave (driver, settings and
// credential) with the plugs: their names, and whether a node hangs on each,
// which is what a session may have based its work on.
func identity(d *Device) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00", d.Driver, d.Identity, d.Credential)
	for _, p := range d.Plugs {
		used := byte('-')
		if p.Node != None {
			used = '+'
		}
		h.Write([]byte(p.Name))
		h.Write([]byte{0, used})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// fold is hostlist.Fold for a list that may be long, cut for messages.
func fold(names []string) string {
	const most = 500
	text := hostlist.Fold(names)
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
