package bmc

import (
	"bytes"
	"crypto/subtle"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
	"millwright.dev/millwright/ipmi/user"
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
	s, err := user.ParseAccessSetting(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if err := c.lan(s.Channel); err != nil {
		return nil, err
	}
	a, err := c.m.account(s.User)
	if err != nil {
		return nil, err
	}
	if s.Limit == 0 || s.Limit > OEM && s.Limit != NoAccess {
		return nil, ipmi.CodeInvalidField
	}
	if s.Change {
		a.callback, a.link, a.ipmi = s.CallbackOnly, s.LinkAuth, s.Messaging
	}
	a.level = s.Limit
	c.endUser(s.User)
	return nil, nil
}

func getUserAccess(c *call) ([]byte, error) {
	q, err := user.ParseAccessQuery(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if err := c.lan(q.Channel); err != nil {
		return nil, err
	}
	a, err := c.m.account(q.User)
	if err != nil {
		return nil, err
	}
	state := user.StatusDisabled
	if a.enabled {
		state = user.StatusEnabled
	}
	return user.AccessAnswer{
		Max: uint8(len(c.m.accounts)), Enabled: c.m.enabledUsers(), Status: state,
		Access: user.Access{CallbackOnly: a.callback, LinkAuth: a.link, Messaging: a.ipmi, Limit: a.level},
	}.Append(nil), nil
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

// What Set User Password answers beside the general codes (section 22.30).
const (
	codePasswordWrong ipmi.Code = 0x80
	codePasswordSize  ipmi.Code = 0x81
)

func setUserPassword(c *call) ([]byte, error) {
	p, err := user.ParsePassword(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	a, err := c.m.account(p.User)
	if err != nil {
		return nil, err
	}
	switch p.Operation {
	case user.Disable:
		a.enabled, a.told = false, true
		c.endUser(p.User)
		return nil, nil
	case user.Enable:
		a.enabled, a.told = true, true
		return nil, nil
	}
	return nil, c.password(a, p)
}

// password sets or tests one.
func (c *call) password(a *account, p user.Password) error {
	size := rmcp.MaxPassword15
	if p.Long {
		size = rmcp.MaxPassword
	}
	if len(c.data) != 2+size {
		return ipmi.CodeLength
	}
	var k rmcp.Key
	copy(k[:], p.Secret)
	if p.Operation == user.TestSecret {
		switch {
		case !a.set || subtle.ConstantTimeCompare(k[:], a.password[:]) != 1:
			return codePasswordWrong
		case a.long != p.Long:
			return codePasswordSize
		}
		return nil
	}
	if c.sess != nil && !c.sess.encrypted() && !c.m.cfg.InsecurePasswords {
		return ipmi.CodeState // it came in clear for all to see
	}
	a.password, a.set, a.long = k, true, p.Long
	c.endUser(p.User)
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
