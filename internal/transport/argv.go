package transport

import "strings"

// argv splits the words of an exec address.
func (p *urlParser) argv(at int, s string) {
	words, bad := splitWords(s)
	switch {
	case bad >= 0:
		p.fail(at+bad, s[bad:], "the double quote is not closed")
	case len(words) == 0 || words[0] == "":
		p.fail(at, s, "exec: needs a program")
	case strings.IndexByte(s, 0) >= 0:
		p.fail(at+strings.IndexByte(s, 0), "\x00", "an argument cannot have a NUL byte")
	default:
		p.addr.Argv = words
	}
}

// splitWords splits at blanks outside double quotes. open is where a quote that
// is not closed begins, or -1.
func splitWords(s string) (words []string, open int) {
	var word strings.Builder
	started, quote := false, -1
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' && quote < 0:
			quote, started = i, true
		case c == '"':
			quote = -1
		case c == '\\' && quote >= 0 && i+1 < len(s):
			i++
			word.WriteByte(s[i])
		case quote < 0 && isBlank(c):
			if started {
				words = append(words, word.String())
				word.Reset()
				started = false
			}
		default:
			word.WriteByte(c)
			started = true
		}
	}
	if started {
		words = append(words, word.String())
	}
	return words, quote
}

// quoteArg writes a word so that splitWords reads it back.
func quoteArg(s string) string {
	if s != "" && !strings.ContainsAny(s, "\" \t\r\n\v\f") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func isBlank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }
