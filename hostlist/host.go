package hostlist

import (
	"cmp"
	"strings"
)

// MaxNumber is the largest number that counts as one. A name that ends in a
// larger number is opaque.
const MaxNumber = 1 << 25

// maxDigits is how many digits a number may be typed with. A name that ends in
// more is opaque: one range of such names would be an easy way to ask for much
// memory, and no name system allows them.
const maxDigits = 64

// Host is one name taken apart.
type Host struct {
	Prefix string // all before the trailing digits; the whole name if Opaque
	Num    uint64 // value of the trailing digits, at most MaxNumber
	Width  int    // how many digits were typed, leading zeros included
	Opaque bool   // no trailing digits, more than 64, or a number above MaxNumber
}

// ParseHost takes a name apart. It accepts any text and does not allocate.
func ParseHost(name string) Host {
	start := len(name) - trailingDigits(name)
	num, ok := parseNumber(name[start:], MaxNumber)
	if !ok || len(name)-start > maxDigits {
		return Host{Prefix: name, Opaque: true}
	}
	return Host{Prefix: name[:start], Num: num, Width: len(name) - start}
}

// String puts the name together again.
func (h Host) String() string {
	if h.Opaque {
		return h.Prefix
	}
	return string(appendPadded([]byte(h.Prefix), h.Num, h.Width))
}

// Compare orders two names as sorted lists print them: by prefix in byte order;
// for one prefix the opaque name first; then by number, except that two numbers
// which no single width can print as typed (9 and 09, 99 and 010) are ordered
// by width.
//
// That rule is the same as ordering by width and then by number, which is how
// it is computed and why it is a proper total order: two different names never
// compare equal.
func Compare(a, b string) int {
	x, y := ParseHost(a), ParseHost(b)
	if c := strings.Compare(x.Prefix, y.Prefix); c != 0 {
		return c
	}
	if x.Opaque != y.Opaque {
		if x.Opaque {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(x.Width, y.Width), cmp.Compare(x.Num, y.Num))
}

// trailingDigits returns how many decimal digits s ends in.
func trailingDigits(s string) int {
	i := len(s)
	for i > 0 && isDigit(s[i-1]) {
		i--
	}
	return len(s) - i
}

// parseNumber reads s, which holds only decimal digits, if it is not empty and
// its value is at most limit; limit must be below 10^18.
func parseNumber(s string, limit uint64) (uint64, bool) {
	if s == "" {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		n = n*10 + uint64(s[i]-'0')
		if n > limit {
			return 0, false
		}
	}
	return n, true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// digits returns how many decimal digits n prints as.
func digits(n uint64) int {
	d := 1
	for n >= 10 {
		n /= 10
		d++
	}
	return d
}
