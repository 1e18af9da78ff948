package desk

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/run"
)

// Said gives a text as it may be shown: what is said of a node may name others, such as
// one that it waits for, or that hangs on its plug. Those that may not be seen are not
// named.
func (v View) Said(text string) string {
	if v.Everything() || text == "" {
		return text
	}
	var b strings.Builder
	for text != "" {
		n := nameLen(text)
		if n == 0 {
			n = 1
			b.WriteByte(text[0])
		} else {
			b.WriteString(v.word(text[:n]))
		}
		text = text[n:]
	}
	return b.String()
}

// hides says whether data, which are JSON, name a node that may not be seen.
func (v View) hides(data json.RawMessage) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	for {
		token, err := d.Token()
		switch text, is := token.(string); {
		case errors.Is(err, io.EOF):
			return false
		case err != nil, is && v.Said(text) != text:
			return true
		}
	}
}

// mostNamed bounds the names in one word: anybody may have written the text.
const mostNamed = 20_000

// nameLen is how long the name, or the folded names, are with which a text begins.
func nameLen(text string) int {
	depth := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '[':
			depth++
		case c == ']' && depth > 0:
			depth--
		case c == ',' && depth > 0:
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c >= 0x80:
		default:
			return i
		}
	}
	return len(text)
}

// word gives a word of a text, without the nodes in it that may not be seen.
func (v View) word(word string) string {
	bare := strings.TrimRight(word, ".-")
	rest := word[len(bare):]
	if !strings.Contains(bare, "[") {
		if id, found := v.Room.Node(bare); found && !v.Sees(id) {
			return unshown + rest
		}
		return word
	}
	list, err := hostlist.Limits{Range: mostNamed, Items: mostNamed, Names: mostNamed}.Parse(bare)
	if err != nil {
		return unshown + rest
	}
	hides := false
	for name := range list.All() {
		id, found := v.Room.Node(name)
		hides = hides || found && !v.Sees(id)
	}
	if !hides {
		return word
	}
	if seen := v.seen(list); len(seen) > 0 {
		return hostlist.Fold(seen) + "," + unshown + rest
	}
	return unshown + rest
}

// info gives a run as it may be shown.
func (v View) info(info run.Info) run.Info {
	if v.Everything() {
		return info
	}
	info.Said, info.Trouble = v.Said(info.Said), v.Said(info.Trouble)
	if info.Outcomes != nil {
		o := *info.Outcomes
		for _, names := range []*string{&o.OK, &o.Unverified, &o.Failed, &o.Unknown, &o.NotBegun, &o.Blocked, &o.Passed, &o.Skipped} {
			*names = v.Said(*names)
		}
		info.Outcomes = &o
	}
	return info
}

// updates gives what a run has told as it may be shown. The list given stays as it is.
func (v View) updates(list []run.Update) []run.Update {
	if v.Everything() {
		return list
	}
	out := make([]run.Update, len(list))
	for i, u := range list {
		u.Nodes, u.By, u.Said = v.Said(u.Nodes), v.Said(u.By), v.Said(u.Said)
		out[i] = u
	}
	return out
}
