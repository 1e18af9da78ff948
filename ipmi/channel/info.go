package channel

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// Medium is what a channel runs over (table 6-3).
type Medium uint8

// The media.
const (
	IPMB       Medium = 0x01
	ICMB10     Medium = 0x02
	ICMB09     Medium = 0x03
	LAN        Medium = 0x04 // 802.3
	Serial     Medium = 0x05
	OtherLAN   Medium = 0x06
	PCISMBus   Medium = 0x07
	SMBus1     Medium = 0x08
	SMBus2     Medium = 0x09
	USB1       Medium = 0x0a
	USB2       Medium = 0x0b
	SystemBus  Medium = 0x0c
	mediumsEnd Medium = 0x0d
)

func (m Medium) String() string {
	names := [mediumsEnd]string{
		"reserved", "IPMB", "ICMB 1.0", "ICMB 0.9", "802.3 LAN", "serial/modem", "other LAN", "PCI SMBus",
		"SMBus 1.0/1.1", "SMBus 2.0", "USB 1.x", "USB 2.x", "system interface",
	}
	if m < mediumsEnd {
		return names[m]
	}
	return fmt.Sprintf("medium %02x", uint8(m))
}

// IsLAN says whether a channel of this medium is a network.
func (m Medium) IsLAN() bool { return m == LAN || m == OtherLAN }

// Sessions says how many sessions a channel takes.
type Sessions uint8

// The values of Sessions.
const (
	Sessionless   Sessions = 0
	SingleSession Sessions = 1
	MultiSession  Sessions = 2
	SessionBased  Sessions = 3 // none or some, as it is set
)

func (s Sessions) String() string {
	return [4]string{"session-less", "single-session", "multi-session", "session-based"}[s&3]
}

// Info is the answer of Get Channel Info (section 22.24).
type Info struct {
	Channel  uint8
	Medium   Medium
	Protocol uint8 // table 6-2: 1 is IPMB-1.0, which a LAN has too
	Sessions Sessions
	Active   uint8  // sessions on this channel now
	Vendor   uint32 // the IANA number of who defined the protocol, 7154 for IPMI itself
	Aux      [2]byte
}

// ParseInfo reads the answer.
func ParseInfo(b []byte) (Info, error) {
	if err := ipmi.Short("channel info", b, 9); err != nil {
		return Info{}, err
	}
	return Info{
		Channel: b[0] & 0x0f, Medium: Medium(b[1] & 0x7f), Protocol: b[2] & 0x1f, Sessions: Sessions(b[3] >> 6),
		Active: b[3] & 0x3f, Vendor: uint32(b[4]) | uint32(b[5])<<8 | uint32(b[6])<<16, Aux: [2]byte(b[7:9]),
	}, nil
}

// Append adds the answer to b.
func (i Info) Append(b []byte) []byte {
	return append(b, i.Channel&0x0f, byte(i.Medium)&0x7f, i.Protocol&0x1f, byte(i.Sessions)&3<<6|i.Active&0x3f,
		byte(i.Vendor), byte(i.Vendor>>8), byte(i.Vendor>>16), i.Aux[0], i.Aux[1])
}

// GetInfo asks what a channel is. Number 0 to 0x0b, 0x0f is the system interface; [Present]
// is the one in use, whose real number is in the answer.
func GetInfo(ctx context.Context, d ipmi.Doer, number uint8) (Info, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdInfo, Data: []byte{number & maxChannel}}
	return ipmi.Ask(ctx, d, fmt.Sprintf("read what channel %d is", number), r, ParseInfo)
}

// Privilege is a level of privilege: the one type of the whole library.
type Privilege = ipmi.Privilege

// The levels by the names that they have here. Each may do what those below it may.
const (
	Callback      = ipmi.PrivilegeCallback
	User          = ipmi.PrivilegeUser
	Operator      = ipmi.PrivilegeOperator
	Administrator = ipmi.PrivilegeAdmin
	OEM           = ipmi.PrivilegeOEM
	NoAccess      = ipmi.PrivilegeNone
)

// ParsePrivilegeName gives the limit of a user by a name as String has it; "admin",
// "proprietary" and "none" work as well. There is no "auto".
func ParsePrivilegeName(name string) (Privilege, error) {
	switch name {
	case "no_access", "none":
		return NoAccess, nil
	case "proprietary":
		return OEM, nil
	}
	if p, err := ipmi.ParsePrivilege(name); err == nil && p != ipmi.PrivilegeAuto {
		return p, nil
	}
	return 0, fmt.Errorf("no privilege %q: it is one of callback, user, operator, administrator, oem or no_access", name)
}

// Mode says when a channel lets people in.
type Mode uint8

// The modes.
const (
	Disabled Mode = 0
	PreBoot  Mode = 1 // only before the operating system
	Always   Mode = 2
	Shared   Mode = 3 // like Always; a serial port is not kept from the system
)

func (m Mode) String() string {
	return [4]string{"disabled", "pre_boot", "always", "shared"}[m&3]
}

// ParseMode gives the mode of a name as String has it.
func ParseMode(name string) (Mode, error) {
	for m := Disabled; m <= Shared; m++ {
		if m.String() == name {
			return m, nil
		}
	}
	return 0, fmt.Errorf("no access mode %q: it is one of disabled, pre_boot, always or shared", name)
}

// Store says which of the two copies of a setting is meant: what counts now, or what will
// count after the controller's next start.
type Store uint8

// The values of Store.
const (
	Unchanged   Store = 0 // in requests that set: leave this part as it is
	NonVolatile Store = 1
	Volatile    Store = 2
)

func (s Store) String() string {
	switch s {
	case Unchanged:
		return "dont_change"
	case NonVolatile:
		return "non_volatile"
	case Volatile:
		return "volatile"
	}
	return fmt.Sprintf("store %d", uint8(s))
}

// Access says who may come in by a channel: the answer of Get Channel Access (section 22.23).
type Access struct {
	Mode       Mode
	NoAlerting bool      // PEF alerts do not go out here
	NoPerMsg   bool      // packets after the first of a session need no authentication (IPMI 1.5)
	NoUserAuth bool      // commands of privilege User need none (IPMI 1.5)
	Limit      Privilege // the most that a session here can get
}

func parseModes(b byte) Access {
	return Access{Mode: Mode(b & 0x07 & 3), NoAlerting: b&0x20 != 0, NoPerMsg: b&0x10 != 0, NoUserAuth: b&0x08 != 0}
}

func (a Access) modes() byte {
	return byte(a.Mode)&0x07 | bit(a.NoAlerting, 0x20) | bit(a.NoPerMsg, 0x10) | bit(a.NoUserAuth, 0x08)
}

// ParseAccess reads the answer of Get Channel Access.
func ParseAccess(b []byte) (Access, error) {
	if err := ipmi.Short("channel access", b, 2); err != nil {
		return Access{}, err
	}
	a := parseModes(b[0])
	a.Limit = Privilege(b[1] & 0x0f)
	return a, nil
}

// Append adds the answer to b.
func (a Access) Append(b []byte) []byte { return append(b, a.modes(), byte(a.Limit)&0x0f) }

// AccessQuery is the request of Get Channel Access.
type AccessQuery struct {
	Channel uint8
	Store   Store // NonVolatile or Volatile
}

// ParseAccessQuery reads the request.
func ParseAccessQuery(b []byte) (AccessQuery, error) {
	if err := ipmi.Short("channel access query", b, 2); err != nil {
		return AccessQuery{}, err
	}
	return AccessQuery{b[0] & 0x0f, Store(b[1] >> 6)}, nil
}

// Append adds the request to b.
func (q AccessQuery) Append(b []byte) []byte { return append(b, q.Channel&0x0f, byte(q.Store)&3<<6) }

// AccessSetting is the request of Set Channel Access (section 22.22).
type AccessSetting struct {
	Channel uint8
	Access
	Modes      Store // where all but Limit is written
	LimitStore Store // where Limit is written
}

// ParseAccessSetting reads the request.
func ParseAccessSetting(b []byte) (AccessSetting, error) {
	if err := ipmi.Short("channel access setting", b, 3); err != nil {
		return AccessSetting{}, err
	}
	s := AccessSetting{Channel: b[0] & 0x0f, Access: parseModes(b[1]), Modes: Store(b[1] >> 6), LimitStore: Store(b[2] >> 6)}
	s.Limit = Privilege(b[2] & 0x0f)
	return s, nil
}

// Append adds the request to b.
func (s AccessSetting) Append(b []byte) []byte {
	return append(b, s.Channel&0x0f, s.modes()|byte(s.Modes)&3<<6, byte(s.Limit)&0x0f|byte(s.LimitStore)&3<<6)
}

// GetAccess asks who may come in by a channel.
func GetAccess(ctx context.Context, d ipmi.Doer, number uint8, from Store) (Access, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdGetAccess, Data: AccessQuery{number, from}.Append(nil)}
	return ipmi.Ask(ctx, d, fmt.Sprintf("read the access of channel %d", number), r, ParseAccess)
}

// SetAccess says who may come in by a channel.
func SetAccess(ctx context.Context, d ipmi.Doer, s AccessSetting) error {
	return ipmi.Tell(ctx, d, fmt.Sprintf("set the access of channel %d", s.Channel),
		ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdSetAccess, Data: s.Append(nil)})
}
