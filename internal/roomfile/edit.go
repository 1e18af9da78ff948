package roomfile

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Edit is one change of one value of a room file.
type Edit struct {
	// Path leads to the value by keys: "nodes", "web3", "cords".
	Path []string `json:"path"`
	// Value is what stands there from now on, as decoded from JSON or YAML; nil
	// takes the key away.
	Value any `json:"value"`
}

// ErrNoPlace says that a file is written in a way that a single value of it
// cannot be changed without touching others.
var ErrNoPlace = errors.New("this value cannot be changed in place; send the whole file")

// ErrNoKey says that what is to be taken away is not there.
var ErrNoKey = errors.New("there is no such key")

// Change makes edits to the text of a room file, and leaves everything else as it
// was, byte for byte: comments, order, blank lines. A member of a range that has
// no entry of its own gets one, which overrides what the range says.
func Change(text []byte, edits ...Edit) ([]byte, error) {
	for _, e := range edits {
		changed, err := change(text, e)
		if err == nil {
			err = onlyChanged(text, changed, e)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", strings.Join(e.Path, "."), err)
		}
		text = changed
	}
	return text, nil
}

// Depth says how many keys of a path a room file has: all, or as many as lead to
// where the rest would be put.
func Depth(text []byte, path []string) int {
	at, _ := parseYAML(0, text)
	for i, key := range path {
		if at = at.get(key); at == nil {
			return i
		}
	}
	return len(path)
}

// maxEditDepth is how deep a path may lead.
const maxEditDepth = 8

func change(text []byte, e Edit) ([]byte, error) {
	if len(e.Path) == 0 || len(e.Path) > maxEditDepth || slices.Contains(e.Path, "") {
		return nil, errors.New("the path must be one to eight keys")
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	if n := len(lines); len(lines[n-1]) == 0 {
		lines = lines[:n-1]
	} else {
		lines[n-1] = append(slices.Clone(lines[n-1]), '\n')
	}
	done, err := changeBlock(lines, e.Path, e.Value)
	return bytes.Join(done, nil), err
}

// keyed is a key of a block mapping, with the lines that are its own.
type keyed struct {
	key       string
	from, end int    // lines; comments and blank lines behind it are not its own
	indent    int    // of the key
	inline    string // what stands behind the colon on the key's line
}

// changeBlock edits the lines of a block mapping.
func changeBlock(lines [][]byte, path []string, value any) ([][]byte, error) {
	entries, err := entriesOf(lines)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(entries, func(e keyed) bool { return e.key == path[0] })
	switch {
	case at < 0 && value == nil:
		return nil, ErrNoKey
	case at < 0:
		return insert(lines, entries, path, value)
	case len(path) == 1 && value == nil:
		return slices.Delete(slices.Clone(lines), entries[at].from, entries[at].end), nil
	}
	own := entries[at]
	var replaced [][]byte
	switch {
	case len(path) == 1:
		replaced, err = rewrite(lines[own.from], own, value)
	case own.inline != "" || own.end == own.from+1:
		replaced, err = changeInline(lines[own.from:own.end], own, path[1:], value)
	default:
		var below [][]byte
		below, err = changeBlock(lines[own.from+1:own.end], path[1:], value)
		replaced = append([][]byte{lines[own.from]}, below...)
	}
	if err != nil {
		return nil, err
	}
	return slices.Replace(slices.Clone(lines), own.from, own.end, replaced...), nil
}

// entriesOf finds the entries of a block mapping.
func entriesOf(lines [][]byte) ([]keyed, error) {
	var list []keyed
	indent := -1
	for i, raw := range lines {
		line := strings.TrimRight(string(raw), "\r\n")
		rest := strings.TrimLeft(line, " ")
		if rest == "" || rest[0] == '#' || strings.HasPrefix(line, "---") {
			continue
		}
		in := len(line) - len(rest)
		if indent < 0 {
			indent = in
		}
		if in < indent {
			return nil, ErrNoPlace
		}
		if in == indent && !(len(list) > 0 && (strings.HasPrefix(rest, "- ") || rest == "-" || rest == "}" || rest == "]")) {
			key, inline, ok := cutKey(rest)
			if !ok {
				return nil, ErrNoPlace
			}
			list = append(list, keyed{key: key, from: i, indent: in, inline: inline})
		}
		if len(list) > 0 {
			list[len(list)-1].end = i + 1
		}
	}
	return list, nil
}

// cutKey divides "key: value" and drops a comment behind it.
func cutKey(line string) (key, inline string, ok bool) {
	at := -1
	switch line[0] {
	case '"', '\'':
		if end := strings.IndexByte(line[1:], line[0]); end >= 0 {
			at = end + 2
		}
	case '?', '&', '*', '!', '{', '[', '|', '>', '%', '@', '`', '-':
		return "", "", false
	default:
		if at = strings.Index(line, ": "); at < 0 && strings.HasSuffix(line, ":") {
			at = len(line) - 1
		}
	}
	if at < 0 || at >= len(line) || line[at] != ':' {
		return "", "", false
	}
	var keys []string
	if err := yaml.Unmarshal([]byte("- "+line[:at]), &keys); err != nil || len(keys) != 1 {
		return "", "", false
	}
	inline = strings.TrimSpace(line[at+1:])
	if strings.HasPrefix(inline, "#") {
		inline = ""
	}
	return keys[0], inline, true
}

// insert adds an entry behind the last one.
func insert(lines [][]byte, entries []keyed, path []string, value any) ([][]byte, error) {
	indent, behind := 0, len(lines)
	if n := len(entries); n > 0 {
		indent, behind = entries[n-1].indent, entries[n-1].end
	}
	for _, key := range slices.Backward(path[1:]) {
		value = yaml.MapSlice{{Key: key, Value: value}}
	}
	line, err := render(indent, path[0], value)
	if err != nil {
		return nil, err
	}
	return slices.Insert(slices.Clone(lines), behind, line), nil
}

// rewrite makes the lines of an entry anew. A comment on the key's line is kept.
func rewrite(keyLine []byte, own keyed, value any) ([][]byte, error) {
	line, err := render(own.indent, own.key, value)
	if err != nil {
		return nil, err
	}
	if c := comment(keyLine); c != "" {
		line = append(bytes.TrimRight(line, "\n"), []byte("  "+c+"\n")...)
	}
	return [][]byte{line}, nil
}

// comment gives the comment at the end of a line, if it surely is one.
func comment(line []byte) string {
	text := strings.TrimRight(string(line), "\r\n")
	i := strings.LastIndex(text, " #")
	if i < 0 || strings.ContainsAny(text[i:], `"'`) {
		return ""
	}
	return strings.TrimSpace(text[i:])
}

// changeInline edits an entry whose value is in flow style, or empty.
func changeInline(lines [][]byte, own keyed, path []string, value any) ([][]byte, error) {
	var doc yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(bytes.Join(lines, nil), &doc, yaml.UseOrderedMap()); err != nil || len(doc) != 1 {
		return nil, ErrNoPlace
	}
	if bytes.Contains(bytes.Join(lines[1:], nil), []byte("#")) {
		return nil, ErrNoPlace // comments inside, which would be lost
	}
	within, isMap := doc[0].Value.(yaml.MapSlice)
	if !isMap && doc[0].Value != nil {
		return nil, ErrNoPlace
	}
	changed, err := set(within, path, value)
	if err != nil {
		return nil, err
	}
	return rewrite(lines[0], own, changed)
}

// set changes a value within an ordered mapping.
func set(m yaml.MapSlice, path []string, value any) (yaml.MapSlice, error) {
	at := slices.IndexFunc(m, func(i yaml.MapItem) bool { return fmt.Sprint(i.Key) == path[0] })
	switch {
	case at < 0 && value == nil:
		return nil, ErrNoKey
	case len(path) == 1 && value == nil:
		return slices.Delete(slices.Clone(m), at, at+1), nil
	case at < 0:
		m, at = append(slices.Clone(m), yaml.MapItem{Key: path[0]}), len(m)
	default:
		m = slices.Clone(m)
	}
	if len(path) == 1 {
		m[at].Value = value
		return m, nil
	}
	within, isMap := m[at].Value.(yaml.MapSlice)
	if !isMap && m[at].Value != nil {
		return nil, ErrNoPlace
	}
	below, err := set(within, path[1:], value)
	m[at].Value = below
	return m, err
}

// render writes "key: value" in flow style.
func render(indent int, key string, value any) ([]byte, error) {
	text, err := yaml.MarshalWithOptions(yaml.MapSlice{{Key: key, Value: value}}, yaml.Flow(true))
	if err != nil {
		return nil, fmt.Errorf("the value cannot be written: %w", err)
	}
	line := strings.TrimSpace(string(text))
	line = strings.TrimSuffix(strings.TrimPrefix(line, "{"), "}")
	if strings.Contains(line, "\n") {
		return nil, ErrNoPlace
	}
	return []byte(strings.Repeat(" ", indent) + line + "\n"), nil
}

// onlyChanged makes sure that an edit did what it should and nothing else.
func onlyChanged(before, after []byte, e Edit) error {
	was, err := tree(before)
	if err != nil {
		return err
	}
	is, err := tree(after)
	if err != nil {
		return ErrNoPlace
	}
	wish, err := plain(e.Value)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(put(was, e.Path, wish), is) {
		return ErrNoPlace
	}
	return nil
}

// tree decodes a document into plain maps.
func tree(text []byte) (map[string]any, error) {
	doc := make(map[string]any)
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	return doc, nil
}

// plain gives a value as it looks once it was written and read.
func plain(value any) (any, error) {
	text, err := yaml.Marshal(map[string]any{"v": value})
	if err != nil {
		return nil, err
	}
	doc, err := tree(text)
	return doc["v"], err
}

// put gives m with the value at path; m is changed.
func put(m map[string]any, path []string, value any) map[string]any {
	if m == nil {
		m = make(map[string]any)
	}
	switch {
	case len(path) > 1:
		below, _ := m[path[0]].(map[string]any)
		m[path[0]] = put(below, path[1:], value)
	case value == nil:
		delete(m, path[0])
	default:
		m[path[0]] = value
	}
	return m
}
