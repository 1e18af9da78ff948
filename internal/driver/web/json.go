package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// maxDepth bounds how deep JSON is nested that a JSONPath is followed through.
const maxDepth = 32

// ReadJSON gives the value of a JSON text in which a JSONPath is to be followed, its
// numbers as they are written ([json.Number]). The text may be anybody's: one that is
// nested deep is refused, because what it takes to follow a path with a .. in it grows
// with a power of the depth, and nothing can cut that short. See [CheckPath].
func ReadJSON(text []byte) (any, error) {
	if !shallow(text) {
		return nil, fmt.Errorf("its JSON is nested deeper than %d levels, and is not looked through", maxDepth)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, fmt.Errorf("it is no JSON: %w", err)
	}
	return value, nil
}

// PlainJSON gives a value of [ReadJSON] as text, if it is a text, a number, a boolean or
// null.
func PlainJSON(value any) (text string, plain bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case nil:
		return "null", true
	}
	return "", false
}

// CheckPath looks whether a JSONPath (RFC 9535) may be followed through an answer: with
// more than one .. it may take what grows with the square of the answer.
func CheckPath(path string) error {
	bare, quote, escaped := []byte(nil), byte(0), false // a name in quotes may be anything
	for i := range len(path) {
		switch c := path[i]; {
		case escaped:
			escaped = false
		case quote != 0:
			escaped = c == '\\'
			if c == quote {
				quote = 0
			}
		case c == '"', c == '\'':
			quote = c
		default:
			bare = append(bare, c)
		}
	}
	if bytes.Count(bare, []byte("..")) > 1 {
		return errors.New("at most one .. : what more of them take grows with the square of the answer")
	}
	return nil
}

// shallow says whether JSON is nested no deeper than maxDepth.
func shallow(text []byte) bool {
	depth, quoted, escaped := 0, false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[', c == '{':
			if depth++; depth > maxDepth {
				return false
			}
		case c == ']', c == '}':
			depth--
		}
	}
	return true
}
