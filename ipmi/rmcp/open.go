package rmcp

import (
	"encoding/binary"
	"fmt"
)

// Status is what the BMC, or the console, thinks of an RMCP+ message (section 13.24).
// Any but 0 is an error.
type Status uint8

// The statuses.
const (
	StatusOK               Status = 0x00
	StatusNoResources      Status = 0x01
	StatusSessionID        Status = 0x02
	StatusPayloadType      Status = 0x03
	StatusAuthAlgorithm    Status = 0x04
	StatusIntegrityAlg     Status = 0x05
	StatusNoAuthMatch      Status = 0x06
	StatusNoIntegrityMatch Status = 0x07
	StatusInactiveSession  Status = 0x08
	StatusRole             Status = 0x09
	StatusPrivilege        Status = 0x0a
	StatusNoRoleResources  Status = 0x0b
	StatusNameLength       Status = 0x0c
	StatusName             Status = 0x0d
	StatusGUID             Status = 0x0e
	StatusIntegrity        Status = 0x0f
	StatusConfidentiality  Status = 0x10
	StatusNoSuite          Status = 0x11
	StatusParameter        Status = 0x12
)

// String gives the status in words.
func (s Status) String() string {
	words := [...]string{
		"accepted",
		"no room for another session",
		"invalid session id",
		"invalid payload type",
		"invalid authentication algorithm",
		"invalid integrity algorithm",
		"no matching authentication payload",
		"no matching integrity payload",
		"inactive session id",
		"invalid role",
		"role or privilege not allowed",
		"no room for another session at this privilege",
		"invalid length of the user name",
		"user name not allowed",
		"GUID not accepted",
		"invalid integrity check value",
		"invalid confidentiality algorithm",
		"no cipher suite matches",
		"illegal parameter",
	}
	if int(s) < len(words) {
		return words[s]
	}
	return fmt.Sprintf("status %02x", uint8(s))
}

func (s Status) Error() string { return s.String() }

// OpenRequest asks for a session (RMCP+ Open Session request, section 13.17).
type OpenRequest struct {
	Tag        uint8
	Privilege  uint8 // at most; 0: the highest that the suite allows
	Console    uint32
	Algorithms Algorithms // each may be AnyAlgorithm
}

// Append adds the payload.
func (o OpenRequest) Append(b []byte) []byte {
	b = append(b, o.Tag, o.Privilege, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, o.Console)
	return o.Algorithms.append(b)
}

func (a Algorithms) append(b []byte) []byte {
	for kind, alg := range [...]uint8{a.Auth, a.Integrity, a.Confidentiality} {
		if alg == AnyAlgorithm {
			b = append(b, uint8(kind), 0, 0, 0, 0, 0, 0, 0)
		} else {
			b = append(b, uint8(kind), 0, 0, 8, alg, 0, 0, 0)
		}
	}
	return b
}

func parseAlgorithms(b []byte) (Algorithms, error) {
	if len(b) < 24 {
		return Algorithms{}, FaultShort
	}
	var alg [3]uint8
	for kind := range alg {
		p := b[kind*8:]
		if p[0] != uint8(kind) || p[3] != 8 && p[3] != 0 {
			return Algorithms{}, FaultFormat
		}
		alg[kind] = p[4] & 0x3f
		if p[3] == 0 {
			alg[kind] = AnyAlgorithm
		}
	}
	return Algorithms{alg[0], alg[1], alg[2]}, nil
}

// ParseOpenRequest reads the payload.
func ParseOpenRequest(b []byte) (OpenRequest, error) {
	if len(b) < 8 {
		return OpenRequest{}, FaultShort
	}
	alg, err := parseAlgorithms(b[8:])
	return OpenRequest{Tag: b[0], Privilege: b[1] & 0x0f, Console: binary.LittleEndian.Uint32(b[4:]), Algorithms: alg}, err
}

// OpenResponse is the answer (section 13.18). With a status other than OK it has
// a tag and the console's id and nothing else.
type OpenResponse struct {
	Tag        uint8
	Status     Status
	Privilege  uint8 // at most, for the suite; must not be 0
	Console    uint32
	Managed    uint32 // the BMC's id of the session
	Algorithms Algorithms
}

// Append adds the payload.
func (o OpenResponse) Append(b []byte) []byte {
	b = append(b, o.Tag, uint8(o.Status), o.Privilege, 0)
	b = binary.LittleEndian.AppendUint32(b, o.Console)
	if o.Status != StatusOK {
		return b
	}
	b = binary.LittleEndian.AppendUint32(b, o.Managed)
	return o.Algorithms.append(b)
}

// ParseOpenResponse reads the payload. Some BMCs leave out the console's id
// when they refuse: it is 0 then.
func ParseOpenResponse(b []byte) (OpenResponse, error) {
	if len(b) < 2 {
		return OpenResponse{}, FaultShort
	}
	o := OpenResponse{Tag: b[0], Status: Status(b[1])}
	if len(b) >= 8 {
		o.Privilege = b[2] & 0x0f
		o.Console = binary.LittleEndian.Uint32(b[4:])
	}
	if o.Status != StatusOK {
		return o, nil
	}
	if len(b) < 12 {
		return OpenResponse{}, FaultShort
	}
	o.Managed = binary.LittleEndian.Uint32(b[8:])
	var err error
	o.Algorithms, err = parseAlgorithms(b[12:])
	return o, err
}
