package devspec

import "strings"

// sendPart is a piece of a send format: literal text, the plug argument, or a
// secret.
type sendPart struct {
	kind sendKind
	text string // literal text, or the key of a secret
}

type sendKind uint8

const (
	sendText sendKind = iota
	sendPlug
	sendSecret
)

// parseSend splits a send format once, so that running it only joins. bad is the
// first conversion that powermand would hand to printf with nothing behind it; it
// is sent as it is written.
func parseSend(format string) (parts []sendPart, bad string) {
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			parts = append(parts, sendPart{sendText, lit.String()})
			lit.Reset()
		}
	}
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c != '%' {
			lit.WriteByte(c)
			continue
		}
		rest := format[i+1:]
		if key, ok := secretKey(rest); ok {
			flush()
			parts = append(parts, sendPart{sendSecret, key})
			i += len(key) + 2
			continue
		}
		switch {
		case strings.HasPrefix(rest, "%"):
			lit.WriteByte('%')
			i++
		case strings.HasPrefix(rest, "s"):
			flush()
			parts = append(parts, sendPart{sendPlug, ""})
			i++
		default:
			if bad == "" {
				bad = "%" + rest[:min(1, len(rest))]
			}
			lit.WriteByte('%')
		}
	}
	flush()
	return parts, bad
}

// secretKey reads {key} at the start of s.
func secretKey(s string) (string, bool) {
	if !strings.HasPrefix(s, "{") {
		return "", false
	}
	key, _, ok := strings.Cut(s[1:], "}")
	if !ok || key == "" || strings.IndexFunc(key, func(r rune) bool {
		return r != '_' && r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) >= 0 {
		return "", false
	}
	return key, true
}
