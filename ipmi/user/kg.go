package user

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
)

// kgSize is the size of a BMC's key, in bytes.
const kgSize = 20

// KeyOp is what Set Channel Security Keys does (section 22.25).
type KeyOp uint8

// The operations.
const (
	KeyRead KeyOp = 0
	KeySet  KeyOp = 1
	KeyLock KeyOp = 2 // it cannot be read or set any more
)

// KeyID chooses one of a channel's two keys.
type KeyID uint8

// The keys.
const (
	KeyR KeyID = 0
	KeyG KeyID = 1 // the one that logins need beside the password
)

// Key is the request of Set Channel Security Keys.
type Key struct {
	Channel uint8
	Op      KeyOp
	ID      KeyID
	Secret  []byte // 20 bytes, only with KeySet
}

// ParseKey reads the request.
func ParseKey(b []byte) (Key, error) {
	if err := ipmi.Short("channel security key", b, 3); err != nil {
		return Key{}, err
	}
	k := Key{Channel: b[0] & 0x0f, Op: KeyOp(b[1] & 3), ID: KeyID(b[2])}
	if k.Op == KeySet {
		if err := ipmi.Short("channel security key", b, 3+kgSize); err != nil {
			return Key{}, err
		}
		k.Secret = append([]byte(nil), b[3:3+kgSize]...)
	}
	return k, nil
}

// Append adds the request to b.
func (k Key) Append(b []byte) []byte {
	b = append(b, k.Channel&0x0f, byte(k.Op)&3, byte(k.ID))
	if k.Op == KeySet {
		var field [kgSize]byte
		copy(field[:], k.Secret)
		b = append(b, field[:]...)
	}
	return b
}

// SetKg sets the key that logins on a channel need beside the password, up to 20 bytes; all
// zero is none. It goes over encrypted sessions only, see [Encrypted]. Code 80 says that it
// is locked.
func SetKg(ctx context.Context, d ipmi.Doer, number uint8, key []byte) error {
	what := fmt.Sprintf("set the key of channel %d", number)
	if len(key) > kgSize {
		return fmt.Errorf("%s: it has %d bytes, more than %d", what, len(key), kgSize)
	}
	if e, ok := d.(Encrypted); ok && !e.Encrypted() {
		return fmt.Errorf("%s: %w", what, ErrUnencrypted)
	}
	data := Key{number, KeySet, KeyG, key}.Append(nil)
	defer clear(data)
	return ipmi.Tell(ctx, d, what, ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: channel.CmdSetSecurityKeys, Data: data})
}
