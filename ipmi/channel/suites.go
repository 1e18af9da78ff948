package channel

import (
	"context"
	"errors"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// Suite is a record of a cipher suite (table 22-18): the algorithms by their numbers. A
// suite of the specification has one of each kind.
type Suite struct {
	ID              uint8
	Maker           uint32 // its IANA number, for a maker's own suite; else 0
	Authentication  uint8  // 0 none, 1 HMAC-SHA1, 2 HMAC-MD5, 3 HMAC-SHA256
	Integrity       []uint8
	Confidentiality []uint8
}

// StandardSuite gives a suite of the specification, 0 to 19 (table 22-20; 15 to 19 came
// with addendum E7).
func StandardSuite(id uint8) (Suite, bool) {
	// authentication, integrity, confidentiality
	table := [20][3]uint8{
		{0, 0, 0},
		{1, 0, 0},
		{1, 1, 0},
		{1, 1, 1},
		{1, 1, 2},
		{1, 1, 3},
		{2, 0, 0},
		{2, 2, 0},
		{2, 2, 1},
		{2, 2, 2},
		{2, 2, 3},
		{2, 3, 0},
		{2, 3, 1},
		{2, 3, 2},
		{2, 3, 3},
		{3, 0, 0},
		{3, 4, 0},
		{3, 4, 1},
		{3, 4, 2},
		{3, 4, 3},
	}
	if int(id) >= len(table) {
		return Suite{}, false
	}
	x := table[id]
	return Suite{ID: id, Authentication: x[0], Integrity: []uint8{x[1]}, Confidentiality: []uint8{x[2]}}, true
}

// Append adds the record to b.
func (s Suite) Append(b []byte) []byte {
	if s.Maker != 0 {
		b = append(b, recordOEM, s.ID, byte(s.Maker), byte(s.Maker>>8), byte(s.Maker>>16))
	} else {
		b = append(b, recordStandard, s.ID)
	}
	b = append(b, s.Authentication&0x3f)
	for _, x := range s.Integrity {
		b = append(b, 0x40|x&0x3f)
	}
	for _, x := range s.Confidentiality {
		b = append(b, 0x80|x&0x3f)
	}
	return b
}

// ParseSuites reads records one after the other. A record that is cut off ends the list
// with an error, beside what was read up to there.
func ParseSuites(b []byte) ([]Suite, error) {
	var suites []Suite
	for len(b) > 0 {
		var s Suite
		head := 2
		switch b[0] {
		case recordStandard:
		case recordOEM:
			head = 5
		default:
			return suites, fmt.Errorf("cipher suite record starts with %02x", b[0])
		}
		if err := ipmi.Short("cipher suite record", b, head+1); err != nil {
			return suites, err
		}
		s.ID = b[1]
		if head == 5 {
			s.Maker = uint32(b[2]) | uint32(b[3])<<8 | uint32(b[4])<<16
		}
		b = b[head:]
		for len(b) > 0 && b[0] != recordStandard && b[0] != recordOEM {
			switch n := b[0] & 0x3f; b[0] >> 6 {
			case 0:
				s.Authentication = n
			case 1:
				s.Integrity = append(s.Integrity, n)
			case 2:
				s.Confidentiality = append(s.Confidentiality, n)
			}
			b = b[1:]
		}
		suites = append(suites, s)
	}
	return suites, nil
}

// SuitesQuery is the request of Get Channel Cipher Suites (section 22.15).
type SuitesQuery struct {
	Channel uint8
	Payload uint8 // 0 for commands, 1 for the serial console
	BySuite bool  // records of suites; else only the numbers of all algorithms
	Index   uint8 // 0 to 63, which 16 bytes of the list
}

// ParseSuitesQuery reads the request.
func ParseSuitesQuery(b []byte) (SuitesQuery, error) {
	if err := ipmi.Short("cipher suites query", b, 3); err != nil {
		return SuitesQuery{}, err
	}
	return SuitesQuery{b[0] & 0x0f, b[1] & 0x3f, b[2]&cipherListBySuite != 0, b[2] & 0x3f}, nil
}

// Append adds the request to b.
func (q SuitesQuery) Append(b []byte) []byte {
	return append(b, q.Channel&0x0f, q.Payload&0x3f, bit(q.BySuite, cipherListBySuite)|q.Index&0x3f)
}

// SuitesAnswer is the answer of Get Channel Cipher Suites: up to 16 bytes of the list. A
// shorter piece is the last.
type SuitesAnswer struct {
	Channel uint8
	Piece   []byte
}

// ParseSuitesAnswer reads the answer.
func ParseSuitesAnswer(b []byte) (SuitesAnswer, error) {
	if err := ipmi.Short("cipher suites", b, 1); err != nil {
		return SuitesAnswer{}, err
	}
	return SuitesAnswer{b[0] & 0x0f, append([]byte(nil), b[1:min(len(b), 1+cipherChunk)]...)}, nil
}

// Append adds the answer to b.
func (a SuitesAnswer) Append(b []byte) []byte { return append(append(b, a.Channel&0x0f), a.Piece...) }

// AnswerSuites cuts a list of records for the answer to q.
func AnswerSuites(q SuitesQuery, channel uint8, records []byte) SuitesAnswer {
	from := min(int(q.Index)*cipherChunk, len(records))
	return SuitesAnswer{channel, records[from:min(from+cipherChunk, len(records))]}
}

// GetSuites asks which cipher suites a channel has. BMCs announce suites that they then
// refuse and accept some that they do not announce: it is a hint. It works with and, where
// the Doer can do that, without a session.
func GetSuites(ctx context.Context, d ipmi.Doer, number, payload uint8) ([]Suite, error) {
	what := fmt.Sprintf("read the cipher suites of channel %d", number)
	var list []byte
	for i := range uint8(cipherMaxChunks) {
		q := SuitesQuery{Channel: number, Payload: payload, BySuite: true, Index: i}
		r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdCipherSuites, Data: q.Append(nil)}
		a, err := ipmi.Ask(ctx, d, what, r, ParseSuitesAnswer)
		if i > 0 && (errors.Is(err, ipmi.CodeOutOfRange) || errors.Is(err, ipmi.CodeInvalidField)) {
			break // the list was a multiple of 16 bytes long
		}
		if err != nil {
			return nil, err
		}
		list = append(list, a.Piece...)
		if len(a.Piece) < cipherChunk {
			break
		}
	}
	suites, err := ParseSuites(list)
	if err != nil {
		return suites, fmt.Errorf("%s: %w", what, err)
	}
	return suites, nil
}
