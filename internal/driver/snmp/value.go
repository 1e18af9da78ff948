package snmp

import (
	"strconv"
	"strings"

	"github.com/gosnmp/gosnmp"
)

// binding is an object and its value, independent of the message it came in.
type binding struct {
	oid   string // with a dot before it
	value value
}

// value is what an object has.
type value struct {
	kind   valueKind
	number float64
	text   string // of a text, and why there is none
}

type valueKind uint8

// The kinds of values. The zero value is one that was not read.
const (
	unread valueKind = iota
	number
	text
	absent  // there is no such object
	refused // the device would not say
)

// maxText bounds a text of the device's, in bytes.
const maxText = 256

// valueOf makes a value of what the codec has decoded.
func valueOf(v gosnmp.SnmpPDU) value {
	switch v := v.Value.(type) {
	case int:
		return value{kind: number, number: float64(v)}
	case int64:
		return value{kind: number, number: float64(v)}
	case uint:
		return value{kind: number, number: float64(v)}
	case uint32:
		return value{kind: number, number: float64(v)}
	case uint64:
		return value{kind: number, number: float64(v)}
	case float32:
		return value{kind: number, number: float64(v)}
	case float64:
		return value{kind: number, number: v}
	case []byte:
		return value{kind: text, text: string(v[:min(len(v), maxText)])}
	case string:
		return value{kind: text, text: v[:min(len(v), maxText)]}
	}
	return value{kind: absent, text: "there is no such object"}
}

// String gives a number in decimal and a text as it is.
func (v value) String() string {
	if v.kind == number {
		return strconv.FormatFloat(v.number, 'f', -1, 64)
	}
	return strings.TrimRight(v.text, "\x00")
}

// is says whether there is a value at all.
func (v value) is() bool { return v.kind == number || v.kind == text }
