package roomfile

import (
	"bytes"

	"millwright.dev/millwright/devspec"
)

// specText gives the text of one specification, from its keyword to its closing
// brace, and whether it is all of it: one that includes files inside is not.
func specText(data []byte, pos devspec.Pos) (text []byte, whole bool) {
	rest := data
	for range pos.Line - 1 {
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	rest = rest[min(max(pos.Col-1, 0), len(rest)):]
	depth, whole := 0, true
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			for i++; i < len(rest) && rest[i] != '"'; i++ {
				if rest[i] == '\\' {
					i++
				}
			}
		case c == '#':
			for i < len(rest) && rest[i] != '\n' {
				i++
			}
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return rest[:i+1], whole
			}
		case c == 'i' && bytes.HasPrefix(rest[i:], []byte("include")):
			whole = false
		}
	}
	return rest, false
}
