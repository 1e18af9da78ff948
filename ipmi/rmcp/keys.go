package rmcp

import (
	"crypto/hmac"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// MaxPassword is how long a password can be, in bytes; in IPMI 1.5 it is MaxPassword15.
const (
	MaxPassword   = 20
	MaxPassword15 = 16
)

// Key is a password or a BMC's key Kg, filled up with zeros.
type Key [20]byte

// PasswordKey makes a key of a password.
func PasswordKey(password string) (Key, error) {
	var k Key
	if len(password) > MaxPassword {
		return k, fmt.Errorf("the password has %d bytes; IPMI has at most %d", len(password), MaxPassword)
	}
	copy(k[:], password)
	return k, nil
}

// ParseKg reads a BMC's key as people write it: up to 20 bytes of text, or as
// hexadecimal digits, after 0x or 40 of them.
func ParseKg(text string) (Key, error) {
	digits, isHex := strings.CutPrefix(text, "0x")
	if !isHex && len(text) == 2*len(Key{}) {
		digits, isHex = text, true
	}
	if !isHex {
		k, err := PasswordKey(text)
		if err != nil {
			return k, errors.New("the key Kg is too long: it has at most 20 bytes, or 40 hexadecimal digits")
		}
		return k, nil
	}
	var k Key
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) > len(k) {
		return k, errors.New("the key Kg is not 20 bytes in hexadecimal digits")
	}
	copy(k[:], raw)
	return k, nil
}

// IsZero tells whether no key is set.
func (k *Key) IsZero() bool { return *k == Key{} }

// Zero forgets the key.
func (k *Key) Zero() { clear(k[:]) }

// Exchange is what both ends know of a handshake (section 13.31): from it each makes the
// codes that it sends, and those that it expects.
type Exchange struct {
	Algorithms    Algorithms
	Console       uint32
	Managed       uint32
	ConsoleRandom [16]byte
	ManagedRandom [16]byte
	GUID          [16]byte
	Role          uint8 // as sent in RAKP message 1
	Name          []byte
}

// AppendCode2 adds the code of RAKP message 2; user is the password.
func (x *Exchange) AppendCode2(b []byte, user *Key) []byte {
	h := x.hmac(user[:])
	if h == nil {
		return b
	}
	var m [72]byte
	id := binary.LittleEndian.AppendUint32(m[:0], x.Console)
	id = binary.LittleEndian.AppendUint32(id, x.Managed)
	id = append(id, x.ConsoleRandom[:]...)
	id = append(id, x.ManagedRandom[:]...)
	id = append(id, x.GUID[:]...)
	h.Write(id)
	x.writeUser(h)
	return h.Sum(b)
}

// AppendCode3 adds the code of RAKP message 3.
func (x *Exchange) AppendCode3(b []byte, user *Key) []byte {
	h := x.hmac(user[:])
	if h == nil {
		return b
	}
	h.Write(x.ManagedRandom[:])
	h.Write(binary.LittleEndian.AppendUint32(nil, x.Console))
	x.writeUser(h)
	return h.Sum(b)
}

func (x *Exchange) hmac(key []byte) hash.Hash {
	if new := hasher(x.Algorithms.Auth); new != nil {
		return hmac.New(new, key)
	}
	return nil
}

func (x *Exchange) writeUser(h hash.Hash) {
	h.Write([]byte{x.Role, uint8(len(x.Name))})
	h.Write(x.Name)
}

// Keys are a session's keys (section 13.31 and 13.32).
type Keys struct {
	algorithms Algorithms
	check      [16]byte // the integrity check value of RAKP message 4
	checkSize  int
	k1, k2     [32]byte
	size       int
	user       Key // MD5-128 is made of the password
}

// Keys derives the session's keys. Where kg is zero the user's key stands for it.
func (x *Exchange) Keys(kg, user *Key) Keys {
	k := Keys{algorithms: x.Algorithms, user: *user, size: codeSize(x.Algorithms.Auth)}
	if kg.IsZero() {
		kg = user
	}
	h := x.hmac(kg[:])
	if h == nil {
		return k
	}
	h.Write(x.ConsoleRandom[:])
	h.Write(x.ManagedRandom[:])
	x.writeUser(h)
	var sik, sum [32]byte
	h = x.hmac(h.Sum(sik[:0]))
	k.derive(h, 1, &k.k1)
	k.derive(h, 2, &k.k2)
	h.Reset()
	h.Write(x.ConsoleRandom[:])
	h.Write(binary.LittleEndian.AppendUint32(nil, x.Managed))
	h.Write(x.GUID[:])
	k.checkSize = copy(k.check[:checkSize(x.Algorithms.Auth)], h.Sum(sum[:0]))
	clear(sik[:])
	return k
}

// derive makes one of the additional keys: the code of a constant of 20 equal bytes.
func (k *Keys) derive(h hash.Hash, constant byte, key *[32]byte) {
	var c [20]byte
	for i := range c {
		c[i] = constant
	}
	h.Reset()
	h.Write(c[:])
	h.Sum(key[:0])
}

// Check is the integrity check value of RAKP message 4.
func (k *Keys) Check() []byte { return k.check[:k.checkSize] }

// Zero forgets the keys. A [Channel] that was made of them has what it needs.
func (k *Keys) Zero() { *k = Keys{} }

// Equal compares two codes, in a time that does not tell where they differ.
func Equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
