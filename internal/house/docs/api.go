package docs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// description is what the page needs of an OpenAPI document.
type description struct {
	Info       struct{ Title, Description string }
	Tags       []struct{ Name, Description string }
	Paths      map[string]map[string]apiOperation
	Components struct{ Schemas map[string]apiSchema }
}

type apiOperation struct {
	OperationID, Summary, Description string
	Tags                              []string
	Security                          *[]map[string][]string
	Parameters                        []struct {
		Name, In, Description string
		Required              bool
		Schema                apiSchema
	}
	RequestBody *struct{ Content map[string]apiMedia }
	Responses   map[string]struct {
		Description string
		Content     map[string]apiMedia
	}
}

type apiMedia struct{ Schema apiSchema }

type apiSchema struct {
	Ref                  string `json:"$ref"`
	Type                 any
	Format, Description  string
	Items                *apiSchema
	Properties           map[string]apiSchema
	AdditionalProperties any
	Required             []string
	Enum                 []any
	Default              any
}

// API gives the page of the HTTP API in Markdown, from its OpenAPI document.
func API(document []byte) (string, error) {
	var d description
	if err := json.Unmarshal(document, &d); err != nil {
		return "", fmt.Errorf("read the description of the API: %w", err)
	}
	var b strings.Builder
	b.WriteString("# The HTTP API\n\nMade from the daemon's own description, which it gives as `/openapi.json` and shows as a page at `/docs`.\n")
	b.WriteString("How to do things with it, by example: [the API by example](api-howto.md).\n\n" + d.Info.Description + "\n")
	for _, tag := range d.Tags {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", tag.Name, tag.Description)
		for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
			for _, method := range []string{"get", "post", "put", "patch", "delete"} {
				if op, found := d.Paths[path][method]; found && slices.Contains(op.Tags, tag.Name) {
					op.write(&b, method, path)
				}
			}
		}
	}
	b.WriteString("\n## Types\n")
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		s := d.Components.Schemas[name]
		fmt.Fprintf(&b, "\n### <a id=\"type-%s\"></a>%s\n", strings.ToLower(name), name)
		if s.Description != "" {
			fmt.Fprintf(&b, "\n%s\n", s.Description)
		}
		s.fields(&b)
	}
	return b.String(), nil
}

func (op *apiOperation) write(b *strings.Builder, method, path string) {
	fmt.Fprintf(b, "\n### %s\n\n`%s %s`", op.Summary, strings.ToUpper(method), path)
	if op.Security != nil && len(*op.Security) == 0 {
		b.WriteString(" · needs no log-in")
	}
	fmt.Fprintf(b, "\n\n%s\n", op.Description)
	if len(op.Parameters) > 0 {
		b.WriteString("\n| Parameter | In | Type | Meaning |\n|---|---|---|---|\n")
		for _, p := range op.Parameters {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", p.Name, p.In, p.Schema.name(), cell(p.Description, p.Schema))
		}
	}
	if op.RequestBody != nil {
		for _, media := range op.RequestBody.Content {
			fmt.Fprintf(b, "\nBody: %s.\n", media.Schema.name())
		}
	}
	var good, problems []string
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		if status >= "400" {
			problems = append(problems, status)
			continue
		}
		text := "`" + status + "`"
		content := op.Responses[status].Content
		for i, kind := range slices.Sorted(maps.Keys(content)) {
			text += map[bool]string{true: " ", false: " or "}[i == 0]
			if kind != "application/json" {
				text += "`" + kind + "` "
			}
			s := content[kind].Schema
			text += s.name()
		}
		good = append(good, text)
	}
	fmt.Fprintf(b, "\nAnswers: %s. Problems: %s.\n", strings.Join(good, "; "), strings.Join(problems, ", "))
}

// fields writes the table of an object's fields: those that are always there first.
func (s *apiSchema) fields(b *strings.Builder) {
	if len(s.Properties) == 0 {
		return
	}
	names := slices.SortedFunc(maps.Keys(s.Properties), func(x, y string) int {
		needed := func(n string) int { return map[bool]int{true: 0, false: 1}[slices.Contains(s.Required, n)] }
		return cmp.Or(needed(x)-needed(y), strings.Compare(x, y))
	})
	b.WriteString("\n| Field | Type | Meaning |\n|---|---|---|\n")
	for _, name := range names {
		p := s.Properties[name]
		mark := ""
		if slices.Contains(s.Required, name) {
			mark = " \\*"
		}
		fmt.Fprintf(b, "| `%s`%s | %s | %s |\n", name, mark, p.name(), cell(p.Description, p))
	}
}

// cell gives what a table says of a value.
func cell(text string, s apiSchema) string {
	inner := s
	if s.Items != nil {
		inner = *s.Items
	}
	if len(inner.Enum) > 0 {
		var words []string
		for _, w := range inner.Enum {
			words = append(words, fmt.Sprintf("`%v`", w))
		}
		text += " One of " + strings.Join(words, ", ") + "."
	}
	if s.Default != nil {
		text += fmt.Sprintf(" Otherwise `%v`.", s.Default)
	}
	return strings.ReplaceAll(text, "|", `\|`)
}

// name gives a type's name, with a link if it has a table.
func (s *apiSchema) name() string {
	if s.Ref != "" {
		name := s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
		return fmt.Sprintf("[%s](#type-%s)", name, strings.ToLower(name))
	}
	kind, _ := s.Type.(string)
	if list, is := s.Type.([]any); is && len(list) > 0 {
		kind, _ = list[0].(string)
	}
	switch {
	case kind == "array" && s.Items != nil:
		return "list of " + s.Items.name()
	case kind == "string" && s.Format == "date-time":
		return "time"
	case kind == "":
		return "any"
	}
	return kind
}
