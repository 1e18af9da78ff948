package ockle

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Class is the kind of a message.
type Class string

// The classes, and beside each the attribute that names the message.
const (
	ClientSend  Class = "MessageClientSend"  // Command: a request
	ServerSend  Class = "MessageServerSend"  // Reply: an answer, named as the request
	ServerError Class = "MessageServerError" // Error: what went wrong
)

// attribute gives the attribute of MessageAttr that names a message.
func (c Class) attribute() string {
	switch c {
	case ClientSend:
		return "Command"
	case ServerError:
		return "Error"
	}
	return "Reply"
}

// Message is one message of either side.
type Message struct {
	Class  Class
	Name   string // the command, or the text of an error
	Values Values
}

// Values are the parameters of a request, or what an answer holds: texts by
// their keys, in the order of the message.
type Values []Value

// Value is one text with its key.
type Value struct{ Key, Text string }

// Get gives the text of a key, and whether there is one. Of a key that comes
// twice, the first counts.
func (v Values) Get(key string) (text string, found bool) {
	for _, one := range v {
		if one.Key == key {
			return one.Text, true
		}
	}
	return "", false
}

// Text gives the text of a key, "" if there is none.
func (v Values) Text(key string) string {
	text, _ := v.Get(key)
	return text
}

// Bool spells a truth value as the protocol does.
func Bool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// Encode gives the XML of a message as the original writes it: with a
// declaration, without white space between elements, and with quotes and ">"
// escaped everywhere. Characters that XML cannot hold become U+FFFD.
func (m Message) Encode() []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><MessageType name="`)
	escape(&b, string(m.Class), true)
	b.WriteString(`"><MessageAttr ` + m.Class.attribute() + `="`)
	escape(&b, m.Name, true)
	b.WriteString(`">`)
	if len(m.Values) == 0 {
		b.WriteString("<data/>")
	} else {
		b.WriteString("<data>")
		for _, v := range m.Values {
			key := encodeKey(v.Key)
			b.WriteString("<" + key + ">")
			escape(&b, v.Text, false)
			b.WriteString("</" + key + ">")
		}
		b.WriteString("</data>")
	}
	b.WriteString("</MessageAttr></MessageType>")
	return []byte(b.String())
}

// escape writes text as XML holds it. A carriage return, and in an attribute all
// white space but blanks, would be read back as something else.
func escape(b *strings.Builder, text string, attribute bool) {
	for _, r := range text { // a byte that is not UTF-8 is U+FFFD
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\r' || attribute && (r == '\n' || r == '\t'):
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		case !xmlChar(r):
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
}

// xmlChar reports whether XML 1.0 can hold a character (section 2.2, Char).
func xmlChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= 0xd7ff ||
		r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= utf8.MaxRune
}

// keyChar reports whether a character may stand in the name of an element. These
// are fewer than XML allows; a colon would make a name space of what is before it.
func keyChar(r rune, first bool) bool {
	switch {
	case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_':
		return true
	case r >= '0' && r <= '9' || r == '-' || r == '.':
		return !first
	}
	return r >= 0xc0 && r <= 0x2ff && r != 0xd7 && r != 0xf7
}

// encodeKey makes the name of an element of a key.
func encodeKey(key string) string {
	var b strings.Builder
	for i, r := range key {
		if keyChar(r, i == 0) && !(r == '_' && spelt(key[i:]) > 0) {
			b.WriteRune(r)
			continue
		}
		hex := strconv.FormatInt(int64(r), 16)
		b.WriteString("_x" + strings.Repeat("0", max(0, 4-len(hex))) + strings.ToUpper(hex) + "_")
	}
	if b.Len() == 0 {
		return "_x_" // no key at all
	}
	return b.String()
}

// spelt gives the length of a spelt character, _xHHHH_ or _x_ for none, at the
// beginning of text; zero if there is none.
func spelt(text string) int {
	if !strings.HasPrefix(text, "_x") {
		return 0
	}
	i := 2
	for i < len(text) && i < 8 && strings.IndexByte("0123456789ABCDEF", text[i]) >= 0 {
		i++
	}
	if i < len(text) && text[i] == '_' && (i == 2 || i >= 6) {
		return i + 1
	}
	return 0
}

// decodeKey gives the key that was made the name of an element.
func decodeKey(name string) string {
	if !strings.Contains(name, "_x") {
		return name
	}
	var b strings.Builder
	for name != "" {
		n := spelt(name)
		if n == 0 {
			b.WriteByte(name[0])
			name = name[1:]
			continue
		}
		if r, err := strconv.ParseInt(name[2:n-1], 16, 32); err == nil && r <= unicode.MaxRune {
			b.WriteRune(rune(r))
		}
		name = name[n:]
	}
	return b.String()
}
