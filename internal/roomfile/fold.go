package roomfile

import (
	"fmt"
	"strings"

	"millwright.dev/millwright/hostlist"
)

// foldTexts writes texts that differ in one number, counted up, as one text
// with a range. What it gives must be checked: it only tries.
func foldTexts(texts []string) string {
	first, last := texts[0], texts[len(texts)-1]
	if first == last {
		return first
	}
	at := 0
	for at < min(len(first), len(last)) && first[at] == last[at] {
		at++
	}
	for at > 0 && isDigit(first[at-1]) {
		at--
	}
	x, y := digits(first[at:]), digits(last[at:])
	if x == "" || y == "" {
		return first
	}
	return first[:at] + "[" + x + "-" + y + "]" + first[at+len(x):]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func digits(s string) string {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return s[:n]
}

// follows says whether two names are neighbours in one range.
func follows(a, b string) bool {
	x, y := hostlist.ParseHost(a), hostlist.ParseHost(b)
	if x.Opaque || y.Opaque || x.Prefix != y.Prefix || y.Num != x.Num+1 {
		return false
	}
	next := hostlist.Host{Prefix: x.Prefix, Num: y.Num, Width: x.Width}
	return next.String() == b
}

// quote writes a text as YAML, plain where that is safe.
func quote(s string) string {
	plain := s != "" && !strings.HasSuffix(s, ":")
	letters := false
	for i, c := range []byte(s) {
		letter := c == '_' || c == '/' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		letters = letters || letter
		plain = plain && (letter || isDigit(c) || i > 0 && strings.IndexByte(".:-,[]+=%", c) >= 0)
	}
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf":
		plain = false
	}
	// What could be read as a number: 1e5, 0x10, 10.
	if plain && letters && (!isDigit(s[0]) || strings.ContainsAny(s, "/[")) {
		return s
	}
	return doubleQuoted(s)
}

func doubleQuoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f || r == 0x85 || r == 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
