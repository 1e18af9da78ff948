package ini

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// List reads a list: in JSON if the value begins with "[", no item if it is
// empty, or else the one item that it is. Items that are numbers or truth values
// are taken as they are spelt.
func List(value string) ([]string, error) {
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return nil, nil
	case value[0] != '[':
		return []string{value}, nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal([]byte(value), &items); err != nil {
		return nil, fmt.Errorf("is not a list in JSON: %w", err)
	}
	list := make([]string, len(items))
	for i, item := range items {
		switch item[0] {
		case '"':
			if err := json.Unmarshal(item, &list[i]); err != nil {
				return nil, fmt.Errorf("is not a list in JSON: %w", err)
			}
		case '[', '{', 'n':
			return nil, fmt.Errorf("item %d of the list is not a text", i+1)
		default:
			list[i] = string(item)
		}
	}
	return list, nil
}

// FormatList writes a list as JSON, with a space behind each comma.
func FormatList(list []string) string {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, item := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quoteJSON(item))
	}
	b.WriteByte(']')
	return b.String()
}

func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string into memory
	return strings.TrimSuffix(b.String(), "\n")
}

// Bool reads a truth value: true or false as JSON has them, in any case, and what
// people write instead.
func Bool(value string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("%s is neither true nor false", quoteShort(value))
}

// Int reads a whole number.
func Int(value string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil {
		return 0, fmt.Errorf("%s is not a whole number", quoteShort(value))
	}
	return n, nil
}
