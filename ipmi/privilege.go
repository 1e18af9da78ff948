package ipmi

import (
	"fmt"
	"strings"
)

// Privilege is what somebody may do on a BMC (section 6.8). More is higher.
type Privilege uint8

// The privileges. 0 leaves the choice to [Client.Open].
const (
	PrivilegeAuto     Privilege = 0
	PrivilegeCallback Privilege = 1
	PrivilegeUser     Privilege = 2
	PrivilegeOperator Privilege = 3
	PrivilegeAdmin    Privilege = 4
	PrivilegeOEM      Privilege = 5
	// PrivilegeNone is of users that may not log in at all; no session can have it.
	PrivilegeNone Privilege = 0x0f
)

// String names the privilege as people write it.
func (p Privilege) String() string {
	switch p {
	case PrivilegeAuto:
		return "auto"
	case PrivilegeCallback:
		return "callback"
	case PrivilegeUser:
		return "user"
	case PrivilegeOperator:
		return "operator"
	case PrivilegeAdmin:
		return "administrator"
	case PrivilegeOEM:
		return "oem"
	case PrivilegeNone:
		return "no_access"
	}
	return fmt.Sprintf("privilege %d", uint8(p))
}

// Append adds the privilege to b as messages have it: its number in the lower four bits.
func (p Privilege) Append(b []byte) []byte { return append(b, byte(p)&0x0f) }

// ParsePrivilege reads a privilege to log in with, as people write it. For a user's limit
// there is also ParsePrivilegeName of package channel.
func ParsePrivilege(text string) (Privilege, error) {
	switch strings.ToLower(text) {
	case "", "auto":
		return PrivilegeAuto, nil
	case "callback":
		return PrivilegeCallback, nil
	case "user":
		return PrivilegeUser, nil
	case "operator":
		return PrivilegeOperator, nil
	case "admin", "administrator":
		return PrivilegeAdmin, nil
	case "oem":
		return PrivilegeOEM, nil
	}
	return 0, fmt.Errorf("%q is no privilege; there are callback, user, operator, administrator, oem and auto", text)
}
