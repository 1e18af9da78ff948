package roomfile

import (
	"errors"
	"strings"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/room"
)

// word opens one text of a member list into e: words separated by commas or
// blanks, each with "-" and "@" in front as may be. It returns false when there
// is too much.
func (l *loader) word(e *expanded, item int32, at place, text string) bool {
	for _, w := range words(text) {
		mark := ""
		if rest, found := strings.CutPrefix(w, "-"); found {
			mark, w = "-", rest
		}
		if rest, found := strings.CutPrefix(w, "@"); found {
			mark, w = mark+"@", rest
		}
		list, err := limits.Parse(w)
		if err != nil {
			l.fail(at, "%s", listError(w, err))
			continue
		}
		if w == "" {
			l.fail(at, "behind %q a name is missing", mark)
			continue
		}
		if len(e.names)+list.Len() > room.MaxNodes {
			l.fail(at, "that makes more than %d names", room.MaxNodes)
			return false
		}
		names := list.Names()
		for i := range names {
			if mark != "" {
				names[i] = mark + names[i]
			}
			e.item = append(e.item, item)
		}
		if e.names == nil {
			e.names = names
		} else {
			e.names = append(e.names, names...)
		}
	}
	return true
}

// words splits a text at commas and blanks that are not inside brackets.
func words(text string) []string {
	var out []string
	depth, from := 0, 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) {
			switch text[i] {
			case '[':
				depth++
				continue
			case ']':
				depth = max(depth-1, 0)
				continue
			case ',', ' ', '\t', '\n', '\r':
				if depth > 0 {
					continue
				}
			default:
				continue
			}
		}
		if i > from {
			out = append(out, text[from:i])
		}
		from = i + 1
	}
	return out
}

// listError words a host list's error for a file, where the place is known
// already.
func listError(text string, err error) string {
	const most = 60
	if len(text) > most {
		text = text[:most] + "…"
	}
	var syntax *hostlist.SyntaxError
	if errors.As(err, &syntax) {
		return "\"" + text + "\" is not a list of names: " + syntax.Err.Error() + ": " + syntax.Reason
	}
	return "\"" + text + "\" is not a list of names: " + err.Error()
}
