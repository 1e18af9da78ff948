package ipmi

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
)

// Options say how to log in to a BMC, and how to treat it. The zero value is a user
// without name and password, the best of suites 17 and 3, and the highest privilege that the user has.
type Options struct {
	User     string // at most 16 bytes
	Password string // at most 20 bytes; 16 for IPMI 1.5
	Kg       string // the BMC's key if it has one: text, or hexadecimal as rmcp.ParseKg reads it

	// Suites are the cipher suites to try, in this order; none: 17 and then 3.
	// Suites without encryption, and suite 0, which protects nothing, are only tried when they are named here.
	Suites      []rmcp.Suite
	NoDowngrade bool // without Suites: 17 or nothing

	Privilege        Privilege // auto: administrator, then operator, then user
	NameAndPrivilege bool      // the BMC looks the user up by both, not by name alone

	// IPMI15 allows IPMI 1.5 where a BMC has nothing better: its messages are not
	// encrypted, and their codes are of MD5.
	IPMI15 bool
	// PlainPassword lets IPMI 1.5 send the password in clear, or do without any
	// authentication, where a BMC knows no MD5.
	PlainPassword bool

	Quirks Quirks
	GUID   *[16]byte // the BMC must say that this is its GUID; nil: any

	KeepAlive time.Duration // how long a session may idle before it is kept alive; 0: 25 s, less than 0: never
	Pipeline  int           // requests under way at a time; 0: 1. More only for BMCs known to bear it.
	Timeout   time.Duration // after which a login, or a request, is given up if its context does not end it; 0: 15 s
}

const (
	defaultKeepAlive = 25 * time.Second
	defaultTimeout   = 15 * time.Second
	maxPipeline      = 16
)

// account is what a session keeps of its options.
type account struct {
	name      []byte
	password  rmcp.Key
	kg        rmcp.Key
	suites    []rmcp.Suite
	privilege Privilege
	byBoth    bool
	old       bool // 1.5 is allowed
	plain     bool
	quirks    Quirks
	guid      *[16]byte
	keepAlive time.Duration
	timeout   time.Duration
	pipeline  uint8
}

func (o *Options) account() (*account, error) {
	a := &account{
		name: []byte(o.User), privilege: o.Privilege, byBoth: o.NameAndPrivilege,
		old: o.IPMI15, plain: o.PlainPassword, quirks: o.Quirks, guid: o.GUID,
		keepAlive: o.KeepAlive, timeout: o.Timeout, suites: o.Suites,
		pipeline: uint8(min(max(o.Pipeline, 1), maxPipeline)),
	}
	if len(o.User) > rmcp.MaxName {
		return nil, fmt.Errorf("the user's name has %d bytes; IPMI has at most %d", len(o.User), rmcp.MaxName)
	}
	if o.Privilege > PrivilegeOEM {
		return nil, fmt.Errorf("there is no %v", o.Privilege)
	}
	var err error
	if a.password, err = rmcp.PasswordKey(o.Password); err != nil {
		return nil, err
	}
	if a.kg, err = rmcp.ParseKg(o.Kg); err != nil {
		return nil, err
	}
	if len(a.suites) == 0 {
		a.suites = []rmcp.Suite{17, 3}
		if o.NoDowngrade {
			a.suites = a.suites[:1]
		}
	}
	for _, s := range a.suites {
		if _, ok := s.Algorithms(); !ok {
			return nil, fmt.Errorf("cipher suite %d is not one of ours: %v", uint8(s), slices.Sorted(slices.Values(rmcp.Suites())))
		}
	}
	if a.keepAlive == 0 {
		a.keepAlive = defaultKeepAlive
	}
	if a.timeout == 0 {
		a.timeout = defaultTimeout
	}
	if a.timeout < 0 {
		return nil, errors.New("the timeout is less than 0")
	}
	if a.quirks.has(QuirkIntel20) {
		a.name = append(a.name, make([]byte, rmcp.MaxName-len(a.name))...)
		clear(a.password[rmcp.MaxPassword15:])
	}
	return a, nil
}
