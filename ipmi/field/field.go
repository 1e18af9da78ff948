package field

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Type says how the bytes of a field stand for text: bits 7 and 6 of its type/length byte.
type Type uint8

// The types.
const (
	Binary  Type = 0 // FRU: anything; a sensor record: UTF-16, least significant byte first
	BCDPlus Type = 1 // two of the 16 characters "0123456789 -.:,_" in a byte
	Packed  Type = 2 // four characters, from blank to underscore, in three bytes
	Text    Type = 3 // Latin-1; in FRU areas of another language than English UTF-16
)

// MaxSDR and MaxFRU are the most bytes that a field can hold.
const (
	MaxSDR = 30
	MaxFRU = 63
)

var (
	// ErrShort is the cause of errors about fields that end too early.
	ErrShort = errors.New("the field is cut off")
	// ErrLong is the cause of errors about text that does not fit into a field.
	ErrLong = errors.New("the text is too long")
	// ErrCharacter is the cause of errors about text that the field's type cannot hold.
	ErrCharacter = errors.New("the text has characters that cannot be written there")
)

const bcdPlus = "0123456789 -.:,_"

func (t Type) String() string {
	switch t {
	case Binary:
		return "binary"
	case BCDPlus:
		return "BCD plus"
	case Packed:
		return "packed ASCII"
	case Text:
		return "text"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// ParseSDR takes one field off the front of b, which starts with the type/length byte
// (section 43.15), and gives its text and what follows it. A field that ends
// too early gives what is there of it, and an error with [ErrShort].
func ParseSDR(b []byte) (text string, rest []byte, err error) {
	if len(b) == 0 {
		return "", nil, ErrShort
	}
	data, rest, err := take(b, int(b[0]&0x1f))
	return DecodeSDR(Type(b[0]>>6), data), rest, err
}

// DecodeSDR gives the text of a sensor record's field.
func DecodeSDR(t Type, data []byte) string {
	if t == Binary {
		return wide(data)
	}
	return narrow(t, data)
}

// AppendSDR writes text as a field of a sensor record: as Latin-1 or, if it has other
// characters, as UTF-16. Text that needs more than [MaxSDR] bytes is [ErrLong]; the records'
// own limit, 16 bytes for names, is the caller's.
func AppendSDR(b []byte, text string) ([]byte, error) {
	t, data := Text, latin1(text)
	if data == nil && text != "" {
		t, data = Binary, utf16le(text)
	}
	if len(data) == 1 {
		data = append(data, ' ') // a length of 1 is reserved for this type
	}
	return appendField(b, t, data, MaxSDR)
}

// AppendSDRAs is AppendSDR with a type of the caller's choice.
func AppendSDRAs(b []byte, t Type, text string) ([]byte, error) {
	data, err := encode(t, t == Binary, text)
	if err != nil {
		return b, err
	}
	return appendField(b, t, data, MaxSDR)
}

// FRU is one field of a FRU area as it stands there.
type FRU struct {
	Type Type
	Data []byte
}

// ParseFRU takes one field off the front of b, which starts with the type/length byte,
// and gives what follows it. end is true at the byte C1, which ends the
// fields of an area. A field that ends too early gives what is there of it, and an
// error with [ErrShort].
func ParseFRU(b []byte) (f FRU, rest []byte, end bool, err error) {
	if len(b) == 0 {
		return FRU{}, nil, false, ErrShort
	}
	if b[0] == 0xc1 {
		return FRU{}, b[1:], true, nil
	}
	data, rest, err := take(b, int(b[0]&0x3f))
	return FRU{Type: Type(b[0] >> 6), Data: data}, rest, false, err
}

// English says whether a language code of an area stands for English (25, or 0), whose
// text is Latin-1.
func English(language uint8) bool { return language == 0 || language == 25 }

// Text gives the field's text; language is the code of its area. What is binary is given in
// hexadecimal digits. Padding after the text is left out.
func (f FRU) Text(language uint8) string {
	switch {
	case f.Type == Binary:
		return hex.EncodeToString(f.Data)
	case f.Type == Text && !English(language) && len(f.Data)%2 == 0: // an odd byte cannot be UTF-16
		return wide(f.Data)
	}
	return narrow(f.Type, f.Data)
}

// NewFRU makes a field of text for an area in a language. In English, text beyond
// Latin-1 is [ErrCharacter].
func NewFRU(language uint8, text string) (FRU, error) {
	return EncodeFRU(Text, language, text)
}

// EncodeFRU makes a field of a type of the caller's choice; for [Binary], text is
// hexadecimal digits.
func EncodeFRU(t Type, language uint8, text string) (FRU, error) {
	if t == Binary {
		data, err := hex.DecodeString(text)
		if err != nil {
			return FRU{}, fmt.Errorf("%w: not hexadecimal digits", ErrCharacter)
		}
		return bounded(t, data)
	}
	data, err := encode(t, t == Text && !English(language), text)
	if err != nil {
		return FRU{}, err
	}
	return bounded(t, data)
}

func bounded(t Type, data []byte) (FRU, error) {
	if len(data) > MaxFRU {
		return FRU{}, fmt.Errorf("%w: %d bytes, and %d fit", ErrLong, len(data), MaxFRU)
	}
	return FRU{Type: t, Data: data}, nil
}

// AppendFRU writes the field. One byte of [Text] gets a blank, because its
// type/length byte would end the area.
func AppendFRU(b []byte, f FRU) []byte {
	data := f.Data[:min(len(f.Data), MaxFRU)]
	if f.Type == Text && len(data) == 1 {
		data = []byte{data[0], ' '}
	}
	b, _ = appendField(b, f.Type&3, data, MaxFRU)
	return b
}

// take splits the field of n bytes after a type/length byte from what follows.
func take(b []byte, n int) (data, rest []byte, err error) {
	if n > len(b)-1 {
		return b[1:], nil, fmt.Errorf("%w: it should have %d bytes and has %d", ErrShort, n, len(b)-1)
	}
	return b[1 : 1+n], b[1+n:], nil
}

func appendField(b []byte, t Type, data []byte, most int) ([]byte, error) {
	if len(data) > most {
		return b, fmt.Errorf("%w: %d bytes, and %d fit", ErrLong, len(data), most)
	}
	return append(append(b, byte(t)<<6|byte(len(data))), data...), nil
}

// narrow decodes all but UTF-16.
func narrow(t Type, data []byte) string {
	var s strings.Builder
	switch t {
	case BCDPlus:
		for _, c := range data {
			s.WriteByte(bcdPlus[c>>4])
			s.WriteByte(bcdPlus[c&0x0f])
		}
	case Packed:
		for i := range len(data) * 8 / 6 {
			s.WriteByte(sixBits(data, i) + ' ')
		}
	default:
		// Some makers pad with what an EEPROM holds when empty, or with odd control bytes.
		data = trim(data)
		for _, c := range data {
			s.WriteRune(rune(c))
		}
	}
	return strings.TrimRight(s.String(), " ")
}

func trim(data []byte) []byte {
	for len(data) > 0 {
		switch data[len(data)-1] {
		case 0xff, 0xfe, 0x10, 0x03, 0x00, ' ':
			data = data[:len(data)-1]
		default:
			return data
		}
	}
	return data
}

// sixBits gives the i-th group of six bits, counted from the lowest bit of the first byte.
func sixBits(data []byte, i int) byte {
	at, shift := i*6/8, i*6%8
	v := uint16(data[at])
	if at+1 < len(data) {
		v |= uint16(data[at+1]) << 8
	}
	return byte(v>>shift) & 0x3f
}

func wide(data []byte) string {
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		units = append(units, uint16(data[i])|uint16(data[i+1])<<8)
	}
	return strings.TrimRight(string(utf16.Decode(units)), " \x00")
}

func encode(t Type, unicode bool, text string) ([]byte, error) {
	var data []byte
	switch {
	case unicode:
		data = utf16le(text)
	case t == BCDPlus:
		data = bcd(text)
	case t == Packed:
		data = pack(text)
	default:
		data = latin1(text)
	}
	if data == nil && text != "" {
		return nil, fmt.Errorf("%w as %s: %q", ErrCharacter, t, text)
	}
	return data, nil
}

func utf16le(text string) []byte {
	var data []byte
	for _, u := range utf16.Encode([]rune(text)) {
		data = append(data, byte(u), byte(u>>8))
	}
	return data
}

// latin1 gives nil for what Latin-1 does not have; so do the two below.
func latin1(text string) []byte {
	var data []byte
	for _, r := range text {
		if r > 0xff {
			return nil
		}
		data = append(data, byte(r))
	}
	return data
}

func bcd(text string) []byte {
	data := make([]byte, 0, (len(text)+1)/2)
	for i := range len(text) {
		v := strings.IndexByte(bcdPlus, text[i])
		switch {
		case v < 0:
			return nil
		case i%2 == 0:
			data = append(data, byte(v)<<4|0x0a) // a blank follows if nothing does
		default:
			data[len(data)-1] = data[len(data)-1]&0xf0 | byte(v)
		}
	}
	return data
}

func pack(text string) []byte {
	data := make([]byte, (len(text)*6+7)/8)
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '_' {
			return nil
		}
		v := uint16(text[i]-' ') << (i * 6 % 8)
		data[i*6/8] |= byte(v)
		if v > 0xff {
			data[i*6/8+1] |= byte(v >> 8)
		}
	}
	return data
}
