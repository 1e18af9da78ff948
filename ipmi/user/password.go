package user

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// nameSize is the size of a name's field, in bytes (section 22.28).
const nameSize = 16

// NameSetting is the request of Set User Name (section 22.28).
type NameSetting struct {
	User uint8
	Name string // up to 16 bytes
}

// ParseNameSetting reads the request.
func ParseNameSetting(b []byte) (NameSetting, error) {
	if err := ipmi.Short("user name setting", b, 1+nameSize); err != nil {
		return NameSetting{}, err
	}
	return NameSetting{b[0] & 0x3f, cut(b[1 : 1+nameSize])}, nil
}

// Append adds the request to b.
func (s NameSetting) Append(b []byte) []byte { return AppendName(append(b, s.User&0x3f), s.Name) }

// ParseName reads the answer of Get User Name (section 22.29).
func ParseName(b []byte) (string, error) {
	if err := ipmi.Short("user name", b, nameSize); err != nil {
		return "", err
	}
	return cut(b[:nameSize]), nil
}

// AppendName adds the answer of Get User Name to b. What is longer than 16 bytes is cut off.
func AppendName(b []byte, name string) []byte {
	var field [nameSize]byte
	copy(field[:], name)
	return append(b, field[:]...)
}

func cut(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}

// GetName asks for the name of a user. BMCs differ in what they do for a user who has none:
// an empty name, or code CC.
func GetName(ctx context.Context, d ipmi.Doer, id uint8) (string, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdGetName, Data: []byte{id & 0x3f}}
	return ipmi.Ask(ctx, d, fmt.Sprintf("read the name of user %d", id), r, ParseName)
}

// SetName gives a user a name; "" takes it away. BMCs refuse a name that another user has
// (code CC).
func SetName(ctx context.Context, d ipmi.Doer, id uint8, name string) error {
	if len(name) > nameSize {
		return fmt.Errorf("set the name of user %d: %q has %d bytes, more than %d", id, name, len(name), nameSize)
	}
	return ipmi.Tell(ctx, d, fmt.Sprintf("set the name of user %d", id),
		ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdSetName, Data: NameSetting{id, name}.Append(nil)})
}

// Operation is what Set User Password does (section 22.30).
type Operation uint8

// The operations.
const (
	Disable      Operation = 0
	Enable       Operation = 1
	SetSecret    Operation = 2 // sets the password
	TestSecret   Operation = 3 // compares it: code 80 another, 81 another size
	shortSecret            = 16
	longSecret             = 20
	longFlag     byte      = 0x80
	operationEnd           = 4
)

func (o Operation) what(id uint8) string {
	verb := [operationEnd]string{"disable", "enable", "set the password of", "test the password of"}[o%operationEnd]
	return fmt.Sprintf("%s user %d", verb, id)
}

// Password is the request of Set User Password.
type Password struct {
	User      uint8
	Operation Operation
	Long      bool // stored in 20 bytes, else in 16
	Secret    []byte
}

// ParsePassword reads the request. For Disable and Enable the password may be missing. Secret
// is the field without the zeros at its end.
func ParsePassword(b []byte) (Password, error) {
	if err := ipmi.Short("user password", b, 2); err != nil {
		return Password{}, err
	}
	p := Password{User: b[0] & 0x3f, Long: b[0]&longFlag != 0, Operation: Operation(b[1] & 3)}
	size := p.size()
	if p.Operation >= SetSecret {
		if err := ipmi.Short("user password", b, 2+size); err != nil {
			return Password{}, err
		}
	}
	if len(b) >= 2+size {
		p.Secret = bytes.TrimRight(bytes.Clone(b[2:2+size]), "\x00")
	}
	return p, nil
}

func (p Password) size() int {
	if p.Long {
		return longSecret
	}
	return shortSecret
}

// Append adds the request to b. Disable and Enable carry zeros for the password, as some
// BMCs want the field there.
func (p Password) Append(b []byte) []byte {
	b = append(b, p.User&0x3f|bit(p.Long, longFlag), byte(p.Operation)&3)
	field := make([]byte, p.size())
	if p.Operation >= SetSecret {
		copy(field, p.Secret)
	}
	return append(b, field...)
}

// ErrUnencrypted is the cause of errors about commands that would have sent a password over
// a session that is not encrypted.
var ErrUnencrypted = errors.New("the session is not encrypted, so it would show the password")

// Encrypted is what a Doer may tell of itself: whether what it sends is encrypted. One that
// cannot tell is trusted, as a local interface is.
type Encrypted interface{ Encrypted() bool }

// AllowUnencrypted gives a Doer over which passwords are sent even if everybody can
// read them.
func AllowUnencrypted(d ipmi.Doer) ipmi.Doer { return open{d} }

type open struct{ ipmi.Doer }

func (open) Encrypted() bool { return true }

// SetPassword sets the password of a user: up to 16 bytes, or up to 20 with long, which IPMI
// 2.0 brought. A BMC that has stored a long one takes no login by IPMI 1.5.
func SetPassword(ctx context.Context, d ipmi.Doer, id uint8, secret []byte, long bool) error {
	return sendSecret(ctx, d, Password{id, SetSecret, long, secret})
}

// TestPassword says whether the password of a user is this one.
func TestPassword(ctx context.Context, d ipmi.Doer, id uint8, secret []byte, long bool) (bool, error) {
	err := sendSecret(ctx, d, Password{id, TestSecret, long, secret})
	if errors.Is(err, ipmi.Code(0x80)) || errors.Is(err, ipmi.Code(0x81)) {
		return false, nil
	}
	return err == nil, err
}

func sendSecret(ctx context.Context, d ipmi.Doer, p Password) error {
	if e, ok := d.(Encrypted); ok && !e.Encrypted() {
		return fmt.Errorf("%s: %w", p.Operation.what(p.User), ErrUnencrypted)
	}
	if len(p.Secret) > p.size() {
		return fmt.Errorf("%s: the password has %d bytes, more than %d", p.Operation.what(p.User), len(p.Secret), p.size())
	}
	data := p.Append(nil)
	defer clear(data)
	return ipmi.Tell(ctx, d, p.Operation.what(p.User), ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdSetPassword, Data: data})
}

// SetEnabled enables or disables a user. BMCs that have nothing to enable answer CC, which
// counts as done.
func SetEnabled(ctx context.Context, d ipmi.Doer, id uint8, on bool) error {
	p := Password{User: id, Operation: Disable}
	if on {
		p.Operation = Enable
	}
	err := ipmi.Tell(ctx, d, p.Operation.what(id), ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdSetPassword, Data: p.Append(nil)})
	if errors.Is(err, ipmi.CodeInvalidField) {
		return nil
	}
	return err
}
