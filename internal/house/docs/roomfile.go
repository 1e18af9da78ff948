package docs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// schema is as much of a JSON Schema as the room file's uses.
type schema struct {
	Ref         string             `json:"$ref"`
	Description string             `json:"description"`
	Title       string             `json:"title"`
	Type        any                `json:"type"`
	Default     any                `json:"default"`
	Pattern     string             `json:"pattern"`
	Const       any                `json:"const"`
	Enum        []any              `json:"enum"`
	AnyOf       []schema           `json:"anyOf"`
	OneOf       []schema           `json:"oneOf"`
	Required    []string           `json:"required"`
	Properties  map[string]*schema `json:"properties"`
	Items       *schema            `json:"items"`
	Defs        map[string]*schema `json:"$defs"`

	AdditionalProperties json.RawMessage `json:"additionalProperties"`
}

// RoomFile gives the reference of all keys of a room file, from its schema.
func RoomFile(text []byte) (string, error) {
	var root schema
	if err := json.Unmarshal(text, &root); err != nil {
		return "", fmt.Errorf("read the schema: %w", err)
	}
	var b strings.Builder
	b.WriteString("\n### The file\n\n")
	b.WriteString(tableHead)
	rows(&b, &root, "", false)
	for _, name := range sections(&root) {
		part := root.Properties[name]
		if part == nil {
			return "", fmt.Errorf("the schema has no section %q", name)
		}
		title, entry := "### "+name, part
		if each := part.each(&root); each != nil {
			title, entry = "### "+name+": NAME:", each
		}
		fmt.Fprintf(&b, "\n%s\n\n%s\n\n", title, part.Description)
		keys(&b, entry)
	}
	for _, of := range settingsOf {
		for _, name := range slices.Sorted(maps.Keys(root.Defs)) {
			kind, is := strings.CutPrefix(name, of.prefix)
			if !is {
				continue
			}
			fmt.Fprintf(&b, "\n### settings of %s %s\n\n%s\n\n", of.what, kind, sentence(of.lead+root.Defs[name].Description))
			if len(root.Defs[name].Properties) == 0 {
				b.WriteString("It has no settings.\n")
				continue
			}
			keys(&b, root.Defs[name])
		}
	}
	return b.String() + "\n", nil
}

// settingsOf says which definitions of the schema are settings, and of what.
var settingsOf = []struct{ prefix, what, lead string }{
	{"settings-", "driver", "for "},
	{"check-", "check", ""},
	{"control-", "control", ""},
}

// sections gives the parts of a room file that have keys of their own: those that people
// look for first, and then the others.
func sections(root *schema) []string {
	list := []string{
		"settings", "credentials", "feeds", "devices", "nodes", "order", "checks", "controls", "samples", "ups", "battery", "calendars",
		"schedules", "consoles", "secrets", "vetoes", "powerman", "http", "ipmi", "redfish",
	}
	for _, name := range slices.Sorted(maps.Keys(root.Properties)) {
		part := root.Properties[name]
		if !slices.Contains(list, name) && (len(part.Properties) > 0 || part.each(root) != nil) {
			list = append(list, name)
		}
	}
	return list
}

// each gives what stands behind every name of a section, if that has names.
func (s *schema) each(root *schema) *schema {
	var under schema
	if json.Unmarshal(s.AdditionalProperties, &under) != nil || len(s.AdditionalProperties) == 0 {
		return nil
	}
	if name, is := strings.CutPrefix(under.Ref, "#/$defs/"); is {
		return root.Defs[name]
	}
	if under.Properties == nil {
		return nil
	}
	return &under
}

func keys(b *strings.Builder, s *schema) {
	b.WriteString(tableHead)
	rows(b, s, "", true)
}

const tableHead = "| Key | Value | Meaning |\n|---|---|---|\n"

// rows writes a row for each key, and behind one that has keys itself a row for each of
// those: tls.ca.
func rows(b *strings.Builder, s *schema, under string, deep bool) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name].given()
		text := sentence(strings.ReplaceAll(p.Description, "|", `\|`))
		if slices.Contains(s.Required, name) || name == "driver" {
			text += " Must be given."
		}
		if p.Default != nil {
			text += fmt.Sprintf(" Default: `%v`.", p.Default)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", under+name, p.kind(), strings.TrimSpace(text))
		if deep {
			rows(b, p, under+name+".", deep)
		}
		if deep && p.Items != nil {
			rows(b, p.Items, under+name+".", deep)
		}
	}
}

// sentence makes one of a text that is none yet.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}

// given gives what a value is that may be left out by null.
func (s *schema) given() *schema {
	if len(s.AnyOf) != 2 || s.AnyOf[1].Type != "null" {
		return s
	}
	value := s.AnyOf[0]
	value.Description, value.Default = s.Description, s.Default
	return &value
}

// kind says in a word or two what a value is.
func (s *schema) kind() string {
	switch {
	case len(s.OneOf) > 0:
		var words []string
		for _, o := range s.OneOf {
			words = append(words, fmt.Sprintf("`%v`", o.Const))
		}
		return strings.Join(words, ", ")
	case len(s.Enum) == 4 && s.Enum[2] == "yes":
		return "yes or no"
	case len(s.Enum) > 0:
		var words []string
		for _, e := range s.Enum {
			words = append(words, fmt.Sprintf("`%v`", e))
		}
		return strings.Join(words, ", ")
	case len(s.AnyOf) > 0:
		return s.alternatives()
	case strings.Contains(s.Pattern, "env:"):
		return "`env:NAME` or `file:PATH`"
	case s.Properties != nil || len(s.AdditionalProperties) > 0 && string(s.AdditionalProperties) != "false":
		return "keys"
	}
	switch t := s.Type.(type) {
	case string:
		return map[string]string{"integer": "whole number", "array": "list"}[t] + word(t)
	case []any:
		if slices.Contains(t, any("object")) {
			return "keys"
		}
	}
	return "text"
}

func word(t string) string {
	if t == "integer" || t == "array" {
		return ""
	}
	return map[string]string{"number": "number", "string": "text"}[t]
}

func (s *schema) alternatives() string {
	for _, a := range s.AnyOf {
		switch {
		case a.Const == "never":
			return "time, or `never`"
		case a.Type == "array":
			return "text or list"
		}
	}
	for _, a := range s.AnyOf {
		if a.Pattern != "" {
			return "time"
		}
	}
	return "text"
}
