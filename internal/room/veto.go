package room

import (
	"slices"
	"sort"
	"time"
)

// Veto is a hook that is asked before nodes are switched, and may refuse: a
// program, or an address that is asked by HTTP. Package veto asks it.
type Veto struct {
	Name string

	Argv []string // the program and its arguments; nil if URL is set
	URL  string   // http or https; "" if Argv is set

	// How the server of an https URL is trusted, and what it is told of us.
	CA       string   // a PEM file of authorities; "" is the system's
	Pins     []string // SHA-256 of certificates, in hex
	Insecure bool     // whoever answers is believed
	Bearer   string   // the reference of a token's secret, or ""

	Ops []Op // what it is asked about, in order
	// Timeout is how long it may take to answer.
	Timeout time.Duration
	// FailOpen lets a request pass when the hook gives no valid answer. Otherwise
	// no answer is a refusal.
	FailOpen bool

	covers bits // the nodes that it is asked about; nil is every node
}

// Hears says whether the hook is asked about an operation.
func (v *Veto) Hears(op Op) bool { return slices.Contains(v.Ops, op) }

// Covers says whether the hook is asked about a node.
func (v *Veto) Covers(id NodeID) bool { return v.covers == nil || v.covers.has(id) }

// DraftVeto is a hook to be. Members holds names as a group's do; nil is every
// node.
type DraftVeto struct {
	Veto
	Members []string
}

// MaxVetoes is how many hooks a room may have: each of them may be asked before
// each change.
const MaxVetoes = 100

// vetoes takes the hooks in; the groups are there by now.
func (b *builder) vetoes() {
	first := make(map[string]int, len(b.draft.Vetoes))
	if len(b.draft.Vetoes) > MaxVetoes {
		b.bad(TooMuch, "room", "", -1, "", -1, "there are %d vetoes, the limit is %d", len(b.draft.Vetoes), MaxVetoes)
		return
	}
	for i := range b.draft.Vetoes {
		d := &b.draft.Vetoes[i]
		b.name("veto", d.Name, i, false)
		if old, found := first[d.Name]; found {
			b.duplicate("veto", d.Name, i, old)
			continue
		}
		first[d.Name] = i
		v := d.Veto
		if d.Members != nil {
			set := collector{room: b.room}
			v.covers = set.bits()
			group := func(at int) []NodeID { return b.room.Groups[at].Nodes }
			for _, id := range b.members(d.Members, nil, group, func(index int, object, format string) {
				b.unknown("veto", d.Name, i, "nodes", index, object, format, b.hint(object))
			}) {
				v.covers.put(id)
			}
		}
		b.room.Vetoes = append(b.room.Vetoes, v)
	}
	sort.Slice(b.room.Vetoes, func(i, j int) bool { return b.room.Vetoes[i].Name < b.room.Vetoes[j].Name })
}
