package rmcp

import "encoding/binary"

// MaxName is how long a user's name can be, in bytes.
const MaxName = 16

// RoleNameOnly in a role asks the BMC to look the user up by name alone, not by
// name and privilege (section 13.20).
const RoleNameOnly uint8 = 0x10

// RAKP1 says who wants in (section 13.20).
type RAKP1 struct {
	Tag     uint8
	Managed uint32
	Random  [16]byte
	Role    uint8 // the privilege, and RoleNameOnly
	Name    []byte
}

// Append adds the payload.
func (r RAKP1) Append(b []byte) []byte {
	b = append(b, r.Tag, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, r.Managed)
	b = append(b, r.Random[:]...)
	b = append(b, r.Role, 0, 0, uint8(len(r.Name)))
	return append(b, r.Name...)
}

// ParseRAKP1 reads the payload. A name that is too long is FaultLength, with what
// could be read before it, so that the sender can be told.
func ParseRAKP1(b []byte) (RAKP1, error) {
	if len(b) < 28 {
		return RAKP1{}, FaultShort
	}
	r := RAKP1{Tag: b[0], Managed: binary.LittleEndian.Uint32(b[4:]), Random: [16]byte(b[8:24]), Role: b[24] & 0x1f}
	n := int(b[27])
	if n > MaxName || n > len(b)-28 {
		return r, FaultLength
	}
	r.Name = b[28 : 28+n]
	return r, nil
}

// RAKP2 proves that the BMC knows the password (section 13.21).
type RAKP2 struct {
	Tag     uint8
	Status  Status
	Console uint32
	Random  [16]byte
	GUID    [16]byte
	Code    []byte
}

// Append adds the payload.
func (r RAKP2) Append(b []byte) []byte {
	b = append(b, r.Tag, uint8(r.Status), 0, 0)
	b = binary.LittleEndian.AppendUint32(b, r.Console)
	if r.Status != StatusOK {
		return b
	}
	b = append(b, r.Random[:]...)
	b = append(b, r.GUID[:]...)
	return append(b, r.Code...)
}

// ParseRAKP2 reads the payload.
func ParseRAKP2(b []byte) (RAKP2, error) {
	tag, status, id, rest, err := parseRAKP(b)
	r := RAKP2{Tag: tag, Status: status, Console: id}
	if err != nil || status != StatusOK {
		return r, err
	}
	if len(rest) < 32 {
		return r, FaultShort
	}
	r.Random, r.GUID, r.Code = [16]byte(rest[:16]), [16]byte(rest[16:32]), rest[32:]
	return r, nil
}

// RAKP3 proves that the console knows the password (section 13.22).
type RAKP3 struct {
	Tag     uint8
	Status  Status // the console's: what it thinks of RAKP2
	Managed uint32
	Code    []byte
}

// Append adds the payload.
func (r RAKP3) Append(b []byte) []byte {
	b = append(b, r.Tag, uint8(r.Status), 0, 0)
	b = binary.LittleEndian.AppendUint32(b, r.Managed)
	if r.Status != StatusOK {
		return b
	}
	return append(b, r.Code...)
}

// ParseRAKP3 reads the payload.
func ParseRAKP3(b []byte) (RAKP3, error) {
	tag, status, id, rest, err := parseRAKP(b)
	r := RAKP3{Tag: tag, Status: status, Managed: id}
	if err == nil && status == StatusOK {
		r.Code = rest
	}
	return r, err
}

// RAKP4 is the BMC's proof that it has the same keys (section 13.23).
type RAKP4 struct {
	Tag     uint8
	Status  Status
	Console uint32
	Code    []byte
}

// Append adds the payload.
func (r RAKP4) Append(b []byte) []byte {
	b = append(b, r.Tag, uint8(r.Status), 0, 0)
	b = binary.LittleEndian.AppendUint32(b, r.Console)
	if r.Status != StatusOK {
		return b
	}
	return append(b, r.Code...)
}

// ParseRAKP4 reads the payload.
func ParseRAKP4(b []byte) (RAKP4, error) {
	tag, status, id, rest, err := parseRAKP(b)
	r := RAKP4{Tag: tag, Status: status, Console: id}
	if err == nil && status == StatusOK {
		r.Code = rest
	}
	return r, err
}

func parseRAKP(b []byte) (tag uint8, status Status, id uint32, rest []byte, err error) {
	if len(b) >= 2 && len(b) < 8 && b[1] != 0 { // a refusal cut short
		return b[0], Status(b[1]), 0, nil, nil
	}
	if len(b) < 8 {
		return 0, 0, 0, nil, FaultShort
	}
	return b[0], Status(b[1]), binary.LittleEndian.Uint32(b[4:]), b[8:], nil
}
