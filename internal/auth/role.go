package auth

import "fmt"

// Role is what somebody may do. Each role includes those below it.
type Role uint8

// The roles, from the least to the greatest.
const (
	None      Role = iota
	View           // read states, events, runs, readings
	Operate        // switch power, carry out plans, let go of held nodes, answer questions
	Configure      // reload, edit the configuration, write secrets; room-wide
	Admin          // users, tokens, grants, backups; room-wide
)

// roleNames are in the order of the roles.
var roleNames = [...]string{"none", "view", "operate", "configure", "admin"}

// String gives the role's name.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// RoomWide says whether the role is about the room as a whole, so that it can
// only be given on @all.
func (r Role) RoomWide() bool { return r >= Configure }

// ParseRole reads the name of a role that can be given: view, operate,
// configure or admin.
func ParseRole(name string) (Role, bool) {
	for r := View; r <= Admin; r++ {
		if roleNames[r] == name {
			return r, true
		}
	}
	return None, false
}

// MarshalText gives the role's name.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (r *Role) UnmarshalText(text []byte) error {
	if string(text) == roleNames[None] {
		*r = None
		return nil
	}
	found, ok := ParseRole(string(text))
	if !ok {
		return fmt.Errorf("there is no role %q; the roles are view, operate, configure and admin", cut(string(text), maxShown))
	}
	*r = found
	return nil
}
