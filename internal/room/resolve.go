package room

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"millwright.dev/millwright/hostlist"
)

// Targets is what somebody meant: nodes, in the order they were named.
type Targets struct {
	Nodes []NodeID
	// Names are the nodes as they were typed, one for each of Nodes: a node that
	// was named by an alias of it alone has the alias here. Nil means that all
	// of them are the nodes' own names.
	Names []string
}

// Name gives the name under which the i-th target is told of.
func (t Targets) Name(r *Room, i int) string {
	if t.Names != nil {
		return t.Names[i]
	}
	return r.Nodes[t.Nodes[i]].Name
}

// NoSuch is the cause of a CodeNotFound of [Room.Resolve] and
// [Room.ResolvePowerMan]: the names that are not there, in the order typed.
type NoSuch struct{ Names []string }

func (e *NoSuch) Error() string {
	if strings.HasPrefix(e.Names[0], "@") {
		return "no such group: " + fold(e.Names)
	}
	return "no such node: " + fold(e.Names)
}

// nameLimits allows a range as large as a room may be.
var nameLimits = hostlist.Limits{Range: MaxNodes, Items: MaxNodes, Names: MaxNodes}

// Resolve reads a target expression:
//
//	web[1-40],db1     host lists, separated by commas or blanks
//	frontend          an alias: its nodes
//	@compute          a group; @all is every node; @rack[1-3] is three groups
//	-web7,-@rack2     what to leave out, wherever it stands
//
// Each node comes once, at the place where it was first named. An error is a
// *[Error]: CodeNotFound names all that is not there, with a hint (the cause is
// a *[NoSuch]); CodeInvalid says what makes no sense, and where.
func (r *Room) Resolve(expr string) (Targets, error) {
	if id, found := r.plain(expr); found {
		return Targets{Nodes: []NodeID{id}}, nil
	}
	s := resolver{room: r, set: collector{room: r}}
	for at := 0; at < len(expr); {
		if separates(expr[at]) {
			at++
			continue
		}
		end := wordEnd(expr, at)
		if err := s.word(expr[at:end], at); err != nil {
			return Targets{}, err
		}
		at = end
	}
	return s.targets(expr)
}

// plain finds a node that no alias hides; see DraftGroup.Loose.
func (r *Room) plain(name string) (NodeID, bool) {
	id, found := r.nodes[name]
	if found && len(r.aliases) > 0 {
		_, hidden := r.aliases[name]
		found = !hidden
	}
	return id, found
}

func separates(c byte) bool { return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// wordEnd finds the end of the word at from: the next separator that is not
// inside brackets.
func wordEnd(expr string, from int) int {
	depth := 0
	for i := from; i < len(expr); i++ {
		switch c := expr[i]; {
		case c == '[':
			depth++
		case c == ']' && depth > 0:
			depth--
		case depth == 0 && separates(c):
			return i
		}
	}
	return len(expr)
}

type resolver struct {
	room    *Room
	set     collector
	names   []string // parallel to set.list, once an alias made it needed
	unknown []string
	walked  int // names looked up so far
	added   bool
	dropped bool
}

func invalid(at int, what, why string) *Error {
	const most = 60
	if len(what) > most {
		what = what[:most] + "…"
	}
	return &Error{Code: CodeInvalid, Op: "read targets", Said: fmt.Sprintf("%q (at character %d): %s", what, at+1, why)}
}

// word takes one word, which begins at the given byte of the expression.
func (s *resolver) word(word string, at int) error {
	if id, found := s.room.plain(word); found { // also names that a host list would take apart
		s.added = true
		s.add(id, "")
		return nil
	}
	plain, minus := strings.CutPrefix(word, "-")
	if minus {
		s.dropped = true
	} else {
		s.added = true
	}
	list, isGroup := strings.CutPrefix(plain, "@")
	if list == "" {
		return invalid(at, word, "a name is missing behind it")
	}
	names, err := nameLimits.Parse(list)
	if err != nil {
		why := "not a host list"
		var syntax *hostlist.SyntaxError
		if errors.As(err, &syntax) {
			at, why = at+len(word)-len(list)+syntax.Offset, syntax.Err.Error()+": "+syntax.Reason
		}
		return invalid(at, word, why)
	}
	if s.walked += names.Len(); s.walked > MaxNodes {
		return invalid(at, word, fmt.Sprintf("that makes more than %d names", MaxNodes))
	}
	for name := range names.All() {
		if isGroup {
			s.group(name, minus)
		} else {
			s.name(name, minus)
		}
	}
	return nil
}

func (s *resolver) name(name string, minus bool) {
	if id, found := s.room.plain(name); found {
		s.one(id, minus)
		return
	}
	nodes, found := s.room.AliasNodes(name)
	if !found {
		s.unknown = append(s.unknown, name)
		return
	}
	if len(nodes) == 1 && !minus {
		s.add(nodes[0], name)
		return
	}
	for _, id := range nodes {
		s.one(id, minus)
	}
}

func (s *resolver) group(name string, minus bool) {
	nodes, found := s.room.GroupNodes(name)
	if !found {
		s.unknown = append(s.unknown, "@"+name)
	}
	if !minus {
		s.set.list = slices.Grow(s.set.list, len(nodes))
	}
	for _, id := range nodes {
		s.one(id, minus)
	}
}

func (s *resolver) one(id NodeID, minus bool) {
	if minus {
		s.set.drop(id)
	} else {
		s.add(id, "")
	}
}

// add takes a node in; alias is how it was called, or "" for its own name.
func (s *resolver) add(id NodeID, alias string) {
	if !s.set.fresh(id) {
		return
	}
	if alias != "" && s.names == nil {
		s.names = s.room.Names(s.set.list[:len(s.set.list)-1])
	}
	if s.names != nil {
		if alias == "" {
			alias = s.room.Nodes[id].Name
		}
		s.names = append(s.names, alias)
	}
}

func (s *resolver) targets(expr string) (Targets, error) {
	switch {
	case len(s.unknown) > 0:
		return Targets{}, s.room.noSuch(s.unknown, true)
	case !s.added && !s.dropped:
		return Targets{}, &Error{Code: CodeInvalid, Op: "read targets", Said: "no node is named"}
	case !s.added:
		return Targets{}, invalid(0, expr, "there is nothing to leave these out of; for all others write @all,"+strings.TrimSpace(expr))
	}
	t := Targets{Nodes: s.set.list, Names: s.names}
	if s.set.dropped != nil {
		t = t.without(s.set.dropped)
	}
	if len(t.Nodes) == 0 {
		return Targets{}, invalid(0, expr, "no node is left of it")
	}
	return t, nil
}

func (t Targets) without(dropped bits) Targets {
	kept := 0
	for i, id := range t.Nodes {
		if dropped.has(id) {
			continue
		}
		t.Nodes[kept] = id
		if t.Names != nil {
			t.Names[kept] = t.Names[i]
		}
		kept++
	}
	t.Nodes = t.Nodes[:kept]
	if t.Names != nil {
		t.Names = t.Names[:kept]
	}
	return t
}

// noSuch makes the error for names that are not there.
func (r *Room) noSuch(names []string, hints bool) *Error {
	none := &NoSuch{Names: names}
	e := &Error{Code: CodeNotFound, Op: "read targets", Said: none.Error(), Err: none}
	if hints {
		e.Said += didYouMean(r.Suggest(names[0]))
	}
	return e
}

// ResolvePowerMan reads a host list as PowerMan's daemon does (PowerMan 2.4
// behaviour): no groups and no exclusions; nodes named literally come first, in
// order, then what aliases stand for; what is named twice is there twice. An
// alias goes before a node of the same name.
//
// An error is a *[Error]: CodeNotFound, with a *[NoSuch] as its cause that lists
// only the names that are not there, for reply 209; or CodeInvalid, with the
// host list's own error as its cause, for reply 205.
func (r *Room) ResolvePowerMan(expr string) (Targets, error) {
	if id, found := r.plain(expr); found {
		return Targets{Nodes: []NodeID{id}}, nil
	}
	list, err := hostlist.Parse(expr)
	if err != nil {
		return Targets{}, &Error{Code: CodeInvalid, Op: "read targets", Err: err}
	}
	t := Targets{Nodes: make([]NodeID, 0, min(list.Len(), len(r.Nodes)))}
	var aliased []NodeID
	var unknown []string
	for name := range list.All() {
		if id, found := r.plain(name); found {
			t.Nodes = append(t.Nodes, id)
		} else if nodes, found := r.AliasNodes(name); found {
			if aliased = append(aliased, nodes...); len(aliased) > MaxNodes {
				return Targets{}, invalid(0, expr, fmt.Sprintf("that makes more than %d names", MaxNodes))
			}
		} else {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return Targets{}, r.noSuch(unknown, false)
	}
	t.Nodes = append(t.Nodes, aliased...)
	return t, nil
}
