package user

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
)

// The commands of this package, all of network function App.
const (
	CmdSetAccess   = 0x43
	CmdGetAccess   = 0x44
	CmdSetName     = 0x45
	CmdGetName     = 0x46
	CmdSetPassword = 0x47
)

// MaxID is the highest number that a user can have. 1 is the user without a name, or a
// normal one on newer BMCs.
const MaxID = 63

// Access is what one user may do on one channel.
type Access struct {
	// CallbackOnly lets the user only be called back (serial lines).
	CallbackOnly bool
	LinkAuth     bool // may authenticate a link (PPP)
	Messaging    bool // may send commands: without it there is no login
	Limit        channel.Privilege
}

func parseAccess(flags, limit byte) Access {
	return Access{
		CallbackOnly: flags&0x40 != 0, LinkAuth: flags&0x20 != 0, Messaging: flags&0x10 != 0,
		Limit: channel.Privilege(limit & 0x0f),
	}
}

func (a Access) flags() byte {
	return bit(a.CallbackOnly, 0x40) | bit(a.LinkAuth, 0x20) | bit(a.Messaging, 0x10)
}

func bit(on bool, mask byte) byte {
	if on {
		return mask
	}
	return 0
}

// Status says whether a user is enabled, where a BMC tells it.
type Status uint8

// The values of Status.
const (
	StatusUnknown  Status = 0
	StatusEnabled  Status = 1
	StatusDisabled Status = 2
)

func (s Status) String() string {
	return [4]string{"unknown", "enabled", "disabled", "reserved"}[s&3]
}

// AccessAnswer is the answer of Get User Access (section 22.27).
type AccessAnswer struct {
	Max     uint8 // ids go from 1 to Max
	Enabled uint8 // how many users are enabled
	Status  Status
	Fixed   uint8 // how many users have names that cannot be changed
	Access
}

// ParseAccessAnswer reads the answer.
func ParseAccessAnswer(b []byte) (AccessAnswer, error) {
	if err := ipmi.Short("user access", b, 4); err != nil {
		return AccessAnswer{}, err
	}
	return AccessAnswer{b[0] & 0x3f, b[1] & 0x3f, Status(b[1] >> 6), b[2] & 0x3f, parseAccess(b[3], b[3])}, nil
}

// Append adds the answer to b.
func (a AccessAnswer) Append(b []byte) []byte {
	return append(b, a.Max&0x3f, a.Enabled&0x3f|byte(a.Status)&3<<6, a.Fixed&0x3f, a.flags()|byte(a.Limit)&0x0f)
}

// AccessQuery is the request of Get User Access.
type AccessQuery struct{ Channel, User uint8 }

// ParseAccessQuery reads the request.
func ParseAccessQuery(b []byte) (AccessQuery, error) {
	if err := ipmi.Short("user access query", b, 2); err != nil {
		return AccessQuery{}, err
	}
	return AccessQuery{b[0] & 0x0f, b[1] & 0x3f}, nil
}

// Append adds the request to b.
func (q AccessQuery) Append(b []byte) []byte { return append(b, q.Channel&0x0f, q.User&0x3f) }

// AccessSetting is the request of Set User Access (section 22.26).
type AccessSetting struct {
	Channel, User uint8
	Access
	// Change has all of Access set; else Limit alone.
	Change   bool
	Sessions uint8 // how many at a time, 0 for no limit; sent only where HasLimit
	HasLimit bool
}

// ParseAccessSetting reads the request, of 3 or 4 bytes.
func ParseAccessSetting(b []byte) (AccessSetting, error) {
	if err := ipmi.Short("user access setting", b, 3); err != nil {
		return AccessSetting{}, err
	}
	s := AccessSetting{Channel: b[0] & 0x0f, Change: b[0]&0x80 != 0, User: b[1] & 0x3f, Access: parseAccess(b[0], b[2])}
	if len(b) > 3 {
		s.Sessions, s.HasLimit = b[3]&0x0f, true
	}
	return s, nil
}

// Append adds the request to b.
func (s AccessSetting) Append(b []byte) []byte {
	b = append(b, bit(s.Change, 0x80)|s.flags()|s.Channel&0x0f, s.User&0x3f, byte(s.Limit)&0x0f)
	if s.HasLimit {
		b = append(b, s.Sessions&0x0f)
	}
	return b
}

// GetAccess asks what a user may do on a channel; the answer also tells how many users
// there can be.
func GetAccess(ctx context.Context, d ipmi.Doer, number, id uint8) (AccessAnswer, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdGetAccess, Data: AccessQuery{number, id}.Append(nil)}
	return ipmi.Ask(ctx, d, fmt.Sprintf("read the access of user %d on channel %d", id, number), r, ParseAccessAnswer)
}

// SetAccess says what a user may do on a channel.
func SetAccess(ctx context.Context, d ipmi.Doer, s AccessSetting) error {
	return ipmi.Tell(ctx, d, fmt.Sprintf("set the access of user %d on channel %d", s.User, s.Channel),
		ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdSetAccess, Data: s.Append(nil)})
}
