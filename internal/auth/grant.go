package auth

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"millwright.dev/millwright/internal/room"
)

// All is the node set that is every node, now and later. Rights on the room as a
// whole can only be given on it.
const All = "@" + room.AllGroup

// Bounds on what is kept, so that nobody can make the book large.
const (
	maxName  = 128      // bytes of a name
	maxNodes = 16 << 10 // bytes of a node set
	maxNote  = 200      // bytes of a token's note
	maxRows  = 10_000   // of users, of tokens, of grants
	maxShown = 60       // bytes of a wrong text in an error
)

// The kinds of principal.
const (
	KindUser  = "user"
	KindGroup = "group"
	KindToken = "token"
	KindDoor  = "door"
)

// Principal is one who can be given a role: "user:alice", "group:ops",
// "token:ID", or "door:powerman", which is whoever comes through that door
// without saying who they are.
type Principal struct{ Kind, Name string }

// String gives the principal as [ParsePrincipal] reads it.
func (p Principal) String() string { return p.Kind + ":" + p.Name }

// ParsePrincipal reads a principal.
func ParsePrincipal(text string) (Principal, error) {
	kind, name, found := strings.Cut(text, ":")
	if !found {
		return Principal{}, invalid("%q names nobody; write user:NAME, group:NAME, token:ID or door:NAME", cut(text, maxShown))
	}
	switch kind {
	case KindUser, KindGroup, KindToken, KindDoor:
	default:
		return Principal{}, invalid("%q is none of user, group, token and door", cut(kind, maxShown))
	}
	if why := badName(name); why != "" {
		return Principal{}, invalid("%q cannot be the name of a %s: %s", cut(name, maxShown), kind, why)
	}
	return Principal{kind, name}, nil
}

// badName says why a text cannot be the name of a user, a group or a door.
func badName(name string) string {
	switch {
	case name == "":
		return "it is empty"
	case len(name) > maxName:
		return fmt.Sprintf("it is longer than %d bytes", maxName)
	case !utf8.ValidString(name):
		return "it is not UTF-8"
	case name[0] == '-':
		return "it begins with -"
	}
	for _, c := range name {
		if !unicode.IsPrint(c) || c == ' ' || strings.ContainsRune(`"'\,`, c) {
			return fmt.Sprintf("it holds %q", c)
		}
	}
	return ""
}

// Grant gives a role on a set of nodes.
type Grant struct {
	To      Principal
	Role    Role
	Nodes   string // a target expression, such as "@rack1,web[1-3]"
	Created time.Time
	Author  string
}

// check says what is wrong with a grant that is to be made in a room.
func (g Grant) check(r *room.Room) error {
	if g.Role < View || g.Role > Admin {
		return invalid("there is no such role; the roles are view, operate, configure and admin")
	}
	if len(g.Nodes) > maxNodes {
		return invalid("the nodes of a grant take more than %d bytes; make a group of them", maxNodes)
	}
	if g.Nodes == All {
		return nil
	}
	if g.Role.RoomWide() {
		return invalid("the role %s is about the whole room: it can only be given on %s", g.Role, All)
	}
	_, err := r.Resolve(g.Nodes)
	return err
}

func invalid(format string, args ...any) error {
	return &room.Error{Code: room.CodeInvalid, Said: fmt.Sprintf(format, args...)}
}

// cut bounds a text that somebody sent.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
