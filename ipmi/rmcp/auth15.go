package rmcp

import (
	"crypto/md5" //nolint:gosec // IPMI 1.5 has nothing better
	"encoding/binary"
)

// AppendSigned15 adds a packet of IPMI 1.5 with an authentication code, MD5 or the password itself.
// Within a session a [Channel] does it; outside one Activate Session needs it, with the
// temporary id and number 0 (section 22.17).
func AppendSigned15(b []byte, auth AuthType, password *Key, id, seq uint32, payload []byte) []byte {
	start := len(b)
	b = append15Header(b, auth, id, seq)
	code := code15(auth, password, id, seq, payload)
	b = append(b, code[:]...)
	b = append(b, uint8(len(payload)))
	b = append(b, payload...)
	return appendLegacyPad(b, start)
}

// Verify15 looks at the authentication code of a packet of 1.5. One of type none has none to look at.
func (p *Packet) Verify15(password *Key) error {
	switch p.Auth {
	case AuthNone:
		return nil
	case AuthMD5, AuthPassword:
		code := code15(p.Auth, password, p.ID, p.Seq, p.Payload)
		if !Equal(code[:], p.code) {
			return FaultCode
		}
		return nil
	}
	return FaultAlgorithm
}

// code15 is the authentication code of a packet of 1.5 (section 22.17.1).
func code15(auth AuthType, password *Key, id, seq uint32, payload []byte) (code [16]byte) {
	if auth == AuthPassword {
		return [16]byte(password[:MaxPassword15])
	}
	h := md5.New() //nolint:gosec // IPMI 1.5 has nothing better
	h.Write(password[:MaxPassword15])
	h.Write(binary.LittleEndian.AppendUint32(nil, id))
	h.Write(payload)
	h.Write(binary.LittleEndian.AppendUint32(nil, seq))
	h.Write(password[:MaxPassword15])
	h.Sum(code[:0])
	return code
}
