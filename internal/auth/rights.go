package auth

import (
	"slices"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/room"
)

// LocalGroup is the unix group whose members may do everything at the local
// socket, for as long as no grant says otherwise: one to group:millwright for all
// of them, one to user:NAME for one.
const LocalGroup = "millwright"

// doorDefaults are what a door's anonymous clients may do while there is no grant
// to the door. PowerMan's protocol and Ockle's know no users, and their daemons let
// everyone switch whom they let connect. To edit the configuration takes a grant.
var doorDefaults = map[string]Role{"powerman": Operate, "ockle": Operate}

// bits is a set of nodes.
type bits []uint64

func (b bits) has(id room.NodeID) bool { return b != nil && b[id>>6]&(1<<(id&63)) != 0 }
func (b bits) put(id room.NodeID)      { b[id>>6] |= 1 << (id & 63) }

// Rights are what one subject may do in one room. They never change.
type Rights struct {
	who        string    // for people
	to         Principal // who could be given more; zero if nobody
	everywhere Role      // on the room as a whole
	room       *room.Room
	on         [Operate + 1]bits // nodes with at least that role, besides everywhere
}

// Everywhere gives the role on the room as a whole.
func (r *Rights) Everywhere() Role { return r.everywhere }

// May says whether the subject has at least a role on a node of the room that
// the rights are for.
func (r *Rights) May(role Role, id room.NodeID) bool {
	return r.everywhere >= role || role <= Operate && r.on[role].has(id)
}

// Any says whether there is a node on which the subject has at least the role.
func (r *Rights) Any(role Role) bool {
	return r.everywhere >= role || role <= Operate && r.on[role] != nil
}

// Only gives those of the nodes on which the subject has at least the role, in
// their order: nodes itself if that is all of them.
func (r *Rights) Only(role Role, nodes []room.NodeID) []room.NodeID {
	if r.everywhere >= role {
		return nodes
	}
	var some []room.NodeID
	for _, id := range nodes {
		if r.May(role, id) {
			some = append(some, id)
		}
	}
	return some
}

// Need gives nil if the subject has at least the role on all the nodes, and
// otherwise an error that says on which not: by their names if the subject may see
// them, or has named them in typed, which is otherwise repeated as it is. With nothing
// typed, it says that they are not shown.
func (r *Rights) Need(role Role, op, typed string, nodes []room.NodeID) error {
	if r.everywhere >= role {
		return nil
	}
	var without []room.NodeID
	for _, id := range nodes {
		if !r.May(role, id) {
			without = append(without, id)
		}
	}
	if len(without) == 0 {
		return nil
	}
	if !r.namable(typed, without) {
		return r.Refuse(role, op, typed)
	}
	return r.Refuse(role, op, r.room.Fold(without))
}

// namable says whether a refusal tells the subject nothing new by naming the nodes.
func (r *Rights) namable(typed string, nodes []room.NodeID) bool {
	hidden := slices.DeleteFunc(slices.Clone(nodes), func(id room.NodeID) bool { return r.May(View, id) })
	if len(hidden) == 0 {
		return true
	}
	list, err := hostlist.Limits{Range: room.MaxNodes, Items: room.MaxNodes, Names: room.MaxNodes}.Parse(typed)
	if err != nil {
		return false
	}
	names := make(map[string]bool)
	for name := range list.All() {
		names[name] = true
	}
	return !slices.ContainsFunc(hidden, func(id room.NodeID) bool { return !names[r.room.Nodes[id].Name] })
}

// NeedAll gives nil if the subject has at least the role on the whole room, and
// otherwise an error that says so.
func (r *Rights) NeedAll(role Role, op string) error {
	if r.everywhere >= role {
		return nil
	}
	return r.Refuse(role, op, All)
}

// NeedAny gives nil if the subject has at least the role on some node.
func (r *Rights) NeedAny(role Role, op string) error {
	if r.Any(role) {
		return nil
	}
	return r.Refuse(role, op, All)
}

// Refuse makes the error for a role that is lacking on nodes (a host list), or, if
// that is empty, on nodes that are not shown.
func (r *Rights) Refuse(role Role, op, nodes string) error {
	why := &Missing{Who: r.who, Role: role, Nodes: nodes}
	if r.to != (Principal{}) && nodes != "" {
		why.To = r.to.String()
	}
	return &room.Error{Code: room.CodeRefused, Op: op, Said: why.Error(), Err: why}
}

// allow adds what a grant gives.
func (r *Rights) allow(g Grant) {
	if g.Nodes == All {
		r.everywhere = max(r.everywhere, g.Role)
		return
	}
	nodes, err := r.room.ResolveKnown(g.Nodes)
	if err != nil || len(nodes) == 0 {
		return // what cannot be understood gives nothing
	}
	for role := View; role <= min(g.Role, Operate); role++ {
		if r.on[role] == nil {
			r.on[role] = make(bits, (len(r.room.Nodes)+63)/64)
		}
		for _, id := range nodes {
			r.on[role].put(id)
		}
	}
}

// within gives what both have.
func (r *Rights) within(other *Rights) *Rights {
	both := *r
	both.everywhere = min(r.everywhere, other.everywhere)
	for role := View; role <= Operate; role++ {
		both.on[role] = nil
		for i := range r.room.Nodes {
			if id := room.NodeID(i); r.May(role, id) && other.May(role, id) {
				if both.on[role] == nil {
					both.on[role] = make(bits, (len(r.room.Nodes)+63)/64)
				}
				both.on[role].put(id)
			}
		}
	}
	return &both
}

// maxRemembered bounds the subjects whose rights are kept (some 25 KB each in a
// room of 100,000 nodes, if not on all of them); beyond it all are
// worked out again.
const maxRemembered = 512

// remembered holds rights that were worked out for one room and one state of
// the book.
type remembered struct {
	room   *room.Room
	ledger *ledger

	mu sync.RWMutex
	by map[string]*Rights
}

// Rights gives what a subject may do in a room now.
func (b *Book) Rights(r *room.Room, s Subject) *Rights {
	if s.Standing == Daemon {
		return &Rights{who: "the daemon", room: r, everywhere: Admin}
	}
	l := b.now.Load()
	if s.Token != "" && !l.valid(s.Token, s.User, time.Now()) {
		return &Rights{who: s.name(), room: r}
	}
	m := b.remembered.Load()
	if m == nil || m.room != r || m.ledger != l {
		m = &remembered{room: r, ledger: l, by: make(map[string]*Rights)}
		b.remembered.Store(m)
	}
	key := s.key()
	m.mu.RLock()
	found := m.by[key]
	m.mu.RUnlock()
	if found == nil {
		found = l.rights(r, s)
		m.mu.Lock()
		if len(m.by) >= maxRemembered {
			clear(m.by)
		}
		m.by[key] = found
		m.mu.Unlock()
	}
	return found
}

// key tells subjects apart that may have different rights.
func (s Subject) key() string {
	var b strings.Builder
	b.WriteByte('0' + byte(s.Standing))
	for _, part := range []string{s.User, s.Token, s.Door} {
		b.WriteString(part)
		b.WriteByte(0)
	}
	for _, g := range s.Groups {
		b.WriteString(g)
		b.WriteByte(0)
	}
	return b.String()
}

// name is for people.
func (s Subject) name() string {
	switch {
	case s.Token != "":
		return s.User + " (by token " + s.Token + ")"
	case s.User != "":
		return s.User
	}
	return "an anonymous client of the " + s.Door + " door"
}

// rights works out what a subject may do. See docs/access.md for the rules in
// the same order.
func (l *ledger) rights(r *room.Room, s Subject) *Rights {
	own := &Rights{who: s.name(), room: r, to: Principal{KindUser, s.User}}
	switch s.Standing {
	case Daemon, Owner:
		own.everywhere = Admin
	case Anonymous:
		own.to = Principal{KindDoor, s.Door}
		grants, said := l.grants[own.to]
		if !said {
			own.everywhere = doorDefaults[s.Door]
		}
		for _, g := range grants {
			own.allow(g)
		}
	case Known, Local:
		u, found := l.users[s.User]
		if found && u.Disabled {
			own.to = Principal{}
			return own
		}
		if s.Standing == Local && l.localDefault(s) {
			own.everywhere = Admin
		}
		for _, g := range l.grants[own.to] {
			own.allow(g)
		}
		for _, name := range slices.Concat(s.Groups, u.Groups) {
			for _, g := range l.grants[Principal{KindGroup, name}] {
				own.allow(g)
			}
		}
	}
	if s.Token == "" {
		return own
	}
	bound := &Rights{room: r}
	for _, g := range l.grants[Principal{KindToken, s.Token}] {
		bound.allow(g)
	}
	both := own.within(bound)
	both.to = Principal{} // it may be the token or its owner that lacks
	return both
}

// localDefault says whether somebody at the local socket may do everything
// because no grant says otherwise.
func (l *ledger) localDefault(s Subject) bool {
	_, one := l.grants[Principal{KindUser, s.User}]
	_, all := l.grants[Principal{KindGroup, LocalGroup}]
	return !one && !all && slices.Contains(s.Groups, LocalGroup)
}

// Unbounded gives the rights to do everything.
func Unbounded(r *room.Room) *Rights { return &Rights{who: "anybody", room: r, everywhere: Admin} }
