package roomfile

import (
	"encoding/json"
	"strings"
)

// json writes the value as JSON: words that mean yes and no are booleans, and what looks
// like a number is one, if they are not quoted.
func (v *value) json() string {
	parts := make([]string, 0, len(v.items)+len(v.fields))
	switch v.shape {
	case list:
		for _, item := range v.items {
			parts = append(parts, item.json())
		}
		return "[" + strings.Join(parts, ",") + "]"
	case mapping:
		for _, f := range v.fields {
			parts = append(parts, jsonText(f.key)+":"+f.value.json())
		}
		return "{" + strings.Join(parts, ",") + "}"
	case scalar:
		number := v.text != "" && strings.ContainsRune("-0123456789", rune(v.text[0])) && json.Valid([]byte(v.text))
		switch {
		case v.quoted:
		case v.text == "true" || v.text == "yes":
			return "true"
		case v.text == "false" || v.text == "no":
			return "false"
		case number:
			return v.text
		}
		return jsonText(v.text)
	}
	return "null"
}

func jsonText(text string) string {
	quoted, _ := json.Marshal(text) // texts can all be written
	return string(quoted)
}
