package bmc

import (
	"bytes"
	"crypto/subtle"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// account is a user as a machine remembers it.
type account struct {
	name     [rmcp.MaxName]byte
	password rmcp.Key
	long     bool // the password was given as one of 20 bytes
	set      bool // there is a password
	enabled  bool
	told     bool // enabled or disabled by Set User Password, not only from the start
	level    Privilege
	callback bool // only for callback connections
	link     bool // may be used for link authentication
	ipmi     bool // may be used for IPMI messages
	sol      bool
}

func newAccounts(c Config) []account {
	all := make([]account, c.UserSlots)
	for i := range all {
		all[i].level = NoAccess
	}
	for i, u := range c.Users {
		a := &all[i]
		copy(a.name[:], u.Name)
		copy(a.password[:], u.Password)
		a.long, a.set = len(u.Password) > rmcp.MaxPassword15, true
		a.enabled, a.ipmi, a.sol = !u.Disabled, u.Privilege != NoAccess, !u.NoSOL
		a.level = u.Privilege
		if a.level == 0 {
			a.level = NoAccess
		}
	}
	return all
}

// usable says whether the account can log in at all: a name, a password, and access.
func (a *account) usable() bool {
	return a.enabled && a.ipmi && a.set && a.name[0] != 0 && !a.password.IsZero() &&
		a.level >= Callback && a.level <= OEM && !a.callback
}

// findUser finds who logs in by a name. With exact, the privilege is looked up too: the
// first user of the name who may have it (section 13.20). It takes the same time
// whether the name is known or not.
func (m *Machine) findUser(name []byte, level Privilege, nameOnly bool) (number int) {
	var padded [rmcp.MaxName]byte
	copy(padded[:], name)
	best := 0
	for i := range m.accounts {
		a := &m.accounts[i]
		same := subtle.ConstantTimeCompare(a.name[:], padded[:]) == 1
		if !same || !a.usable() || len(name) == 0 || len(name) > len(padded) {
			continue
		}
		if best == 0 || !nameOnly && a.level >= level && m.accounts[best-1].level < level {
			best = i + 1
		}
	}
	return best
}

func (m *Machine) account(number byte) (*account, error) {
	number &= 0x3f
	if number == 0 || int(number) > len(m.accounts) {
		return nil, ipmi.CodeOutOfRange
	}
	return &m.accounts[number-1], nil
}

func (m *Machine) enabledUsers() (n byte) {
	for i := range m.accounts {
		if m.accounts[i].enabled {
			n++
		}
	}
	return n
}

// setUserAccess changes what a user may do on a channel (section 22.26).
func setUserAccess(c *call) ([]byte, error) {
	if err := c.lan(c.data[0] & 0x0f); err != nil {
		return nil, err
	}
	a, err := c.m.account(c.data[1])
	if err != nil {
		return nil, err
	}
	level := Privilege(c.data[2] & 0x0f)
	if level == 0 || level > OEM && level != NoAccess {
		return nil, ipmi.CodeInvalidField
	}
	if c.data[0]&0x80 != 0 {
		a.callback, a.link, a.ipmi = c.data[0]&0x40 != 0, c.data[0]&0x20 != 0, c.data[0]&0x10 != 0
	}
	a.level = level
	c.endUser(c.data[1] & 0x3f)
	return nil, nil
}

func getUserAccess(c *call) ([]byte, error) {
	if err := c.lan(c.data[0] & 0x0f); err != nil {
		return nil, err
	}
	a, err := c.m.account(c.data[1])
	if err != nil {
		return nil, err
	}
	state := byte(0x80) // disabled by Set User Password
	if a.enabled {
		state = 0x40
	}
	access := byte(a.level) & 0x0f
	for i, on := range []bool{a.ipmi, a.link, a.callback} {
		if on {
			access |= 0x10 << i
		}
	}
	return []byte{byte(len(c.m.accounts)), state | c.m.enabledUsers()&0x3f, 0, access}, nil
}

func setUserName(c *call) ([]byte, error) {
	a, err := c.m.account(c.data[0])
	if err != nil {
		return nil, err
	}
	name := [rmcp.MaxName]byte(c.data[1:17])
	for i := range c.m.accounts {
		if other := &c.m.accounts[i]; other != a && name[0] != 0 && other.name == name && other.level == a.level {
			return nil, ipmi.CodeInvalidField
		}
	}
	if a.name != name {
		a.name = name
		c.endUser(c.data[0] & 0x3f)
	}
	return nil, nil
}

func getUserName(c *call) ([]byte, error) {
	a, err := c.m.account(c.data[0])
	if err != nil {
		return nil, err
	}
	return bytes.Clone(a.name[:]), nil
}

// What Set User Password does, and what it answers (section 22.30).
const (
	passwordDisable = 0
	passwordEnable  = 1
	passwordSet     = 2
	passwordTest    = 3

	codePasswordWrong ipmi.Code = 0x80
	codePasswordSize  ipmi.Code = 0x81
)

func setUserPassword(c *call) ([]byte, error) {
	a, err := c.m.account(c.data[0])
	if err != nil {
		return nil, err
	}
	switch op := c.data[1] & 0x03; op {
	case passwordDisable:
		a.enabled, a.told = false, true
		c.endUser(c.data[0] & 0x3f)
		return nil, nil
	case passwordEnable:
		a.enabled, a.told = true, true
		return nil, nil
	default:
		return nil, c.password(a, op)
	}
}

// password sets or tests one.
func (c *call) password(a *account, op byte) error {
	size := rmcp.MaxPassword15
	if c.data[0]&0x80 != 0 {
		size = rmcp.MaxPassword
	}
	given := c.data[2:]
	if len(given) != size {
		return ipmi.CodeLength
	}
	var k rmcp.Key
	copy(k[:], given)
	if op == passwordTest {
		switch {
		case !a.set || subtle.ConstantTimeCompare(k[:], a.password[:]) != 1:
			return codePasswordWrong
		case a.long != (size == rmcp.MaxPassword):
			return codePasswordSize
		}
		return nil
	}
	if c.sess != nil && !c.sess.encrypted() && !c.m.cfg.InsecurePasswords {
		return ipmi.CodeState // it came in clear for all to see
	}
	a.password, a.set, a.long = k, true, size == rmcp.MaxPassword
	c.endUser(c.data[0] & 0x3f)
	return nil
}

// endUser ends the sessions of a user who was changed, once the change was answered; the
// session that asked lives on.
func (c *call) endUser(number byte) {
	m, me := c.m, c.sess
	m.sessions.all(func(s *session) {
		if s != me && s.user == int(number) {
			m.drop(s)
		}
	})
}
