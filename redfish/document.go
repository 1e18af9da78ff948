package redfish

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Document is a piece of what a service has said: a resource, or a part of one. It is
// read by its accessors, which take a path of members; a step into an array is its
// index in digits. Where there is nothing, or something of another kind that cannot
// stand for what was asked, they give the zero value: services leave out, and get
// wrong, any member that they have. The zero Document is empty. A Document does not
// change, and may be used by several goroutines.
type Document struct {
	value any // as encoding/json decodes it, with json.Number
	etag  string
}

// The bounds of a document: how deep it may be nested, where real ones stay below
// twenty, and how many values may be in it, each of which takes far more memory than
// text. The largest that there are, registries of attributes, have some 100,000.
const (
	maxDepth  = 100
	maxValues = 1 << 20
)

// ErrNotJSON says that an answer is not what a service of Redfish says.
var ErrNotJSON = errors.New("no JSON document")

// ParseDocument reads a document. It takes what JSON allows, with a byte order mark in
// front and zero bytes behind, which some services send.
func ParseDocument(text []byte) (Document, error) {
	text = bytes.TrimRight(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), "\x00 \t\r\n")
	switch deep, values := measure(text); {
	case deep > maxDepth:
		return Document{}, fmt.Errorf("%w: nested deeper than %d", ErrNotJSON, maxDepth)
	case values > maxValues:
		return Document{}, fmt.Errorf("%w: more than %d values", ErrNotJSON, maxValues)
	}
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	var d Document
	if err := in.Decode(&d.value); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrNotJSON, err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return Document{}, fmt.Errorf("%w: something behind its end", ErrNotJSON)
	}
	d.etag = d.String("@odata.etag")
	return d, nil
}

// measure gives how deep a text is nested, and about how many values are in it, before
// anything is decoded.
func measure(text []byte) (deepest, values int) {
	now, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			values++
			deepest = max(deepest, now)
		case c == ',':
			values++
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest, values
}

// At gives the part at a path.
func (d Document) At(path ...string) Document {
	v := d.value
	for _, step := range path {
		switch at := v.(type) {
		case map[string]any:
			v = at[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(at) {
				return Document{}
			}
			v = at[i]
		default:
			return Document{}
		}
	}
	if len(path) == 0 {
		return d
	}
	return Document{value: v}
}

// Has says whether there is anything but null at a path.
func (d Document) Has(path ...string) bool { return d.At(path...).value != nil }

// String gives a text. Numbers and truth values are given as they are written.
func (d Document) String(path ...string) string {
	switch v := d.At(path...).value.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// Float gives a number, also one that is written as a text. It is not ok where there
// is none.
func (d Document) Float(path ...string) (v float64, ok bool) {
	at := d.At(path...)
	if _, is := at.value.(bool); is {
		return 0, false
	}
	v, err := strconv.ParseFloat(at.String(), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, false
	}
	return v, true
}

// Int gives a whole number; a fraction is cut off. It is not ok where there is none.
func (d Document) Int(path ...string) (n int, ok bool) {
	v, ok := d.Float(path...)
	if !ok || math.Abs(v) > 1<<52 {
		return 0, false
	}
	return int(v), true
}

// Bool gives a truth value, also one that is written as a text or as 0 and 1. It is
// not ok where there is none.
func (d Document) Bool(path ...string) (is, ok bool) {
	switch strings.ToLower(d.String(path...)) {
	case "true", "1", "yes", "enabled", "on":
		return true, true
	case "false", "0", "no", "disabled", "off":
		return false, true
	}
	return false, false
}

// True is Bool, where nothing said is no.
func (d Document) True(path ...string) bool {
	is, _ := d.Bool(path...)
	return is
}

// Time gives a date with time (DSP0266 "Date-time values"). One without a zone is of
// UTC. It is zero where there is none.
func (d Document) Time(path ...string) time.Time {
	text := d.String(path...)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return time.Time{}
}

// List gives the elements of an array. What is there and is no array is its only
// element; nulls are left out.
func (d Document) List(path ...string) []Document {
	at := d.At(path...)
	elements, is := at.value.([]any)
	if !is {
		if at.value == nil {
			return nil
		}
		return []Document{at}
	}
	list := make([]Document, 0, len(elements))
	for _, e := range elements {
		if e != nil {
			list = append(list, Document{value: e})
		}
	}
	return list
}

// Strings gives the texts of an array, without those that are empty.
func (d Document) Strings(path ...string) []string {
	var texts []string
	for _, e := range d.List(path...) {
		if s := e.String(); s != "" {
			texts = append(texts, s)
		}
	}
	return texts
}

// Keys gives the names of an object's members, sorted.
func (d Document) Keys(path ...string) []string {
	members, _ := d.At(path...).value.(map[string]any)
	keys := make([]string, 0, len(members))
	for k := range members {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Link gives the address of the resource that is referred to at a path (DSP0266
// "Reference properties"): that of a member "@odata.id", of the older "href", or a
// plain text. Of the document itself, Link() is where it is.
func (d Document) Link(path ...string) string {
	at := d.At(path...)
	for _, name := range []string{"@odata.id", "href"} {
		if s := at.String(name); s != "" {
			return s
		}
	}
	if s, is := at.value.(string); is {
		return strings.TrimSpace(s)
	}
	return ""
}

// Links gives the addresses of the resources that an array refers to.
func (d Document) Links(path ...string) []string {
	var links []string
	for _, e := range d.List(path...) {
		if l := e.Link(); l != "" && !slices.Contains(links, l) {
			links = append(links, l)
		}
	}
	return links
}

// ETag gives what tells this version of a resource from others; empty if the service
// has none.
func (d Document) ETag() string { return d.etag }

// Type gives the kind of a resource, without its version: "ComputerSystem" for
// "#ComputerSystem.v1_20_0.ComputerSystem".
func (d Document) Type() string {
	kind := strings.TrimPrefix(d.String("@odata.type"), "#")
	if i := strings.LastIndexByte(kind, '.'); i >= 0 {
		kind = kind[i+1:]
	}
	return kind
}

// IsObject says whether this is an object, rather than nothing or a plain value.
func (d Document) IsObject() bool {
	_, is := d.value.(map[string]any)
	return is
}

// MarshalJSON implements [json.Marshaler].
func (d Document) MarshalJSON() ([]byte, error) { return json.Marshal(d.value) }

// Decode reads the document into a value of the caller's, as [json.Unmarshal] does.
func (d Document) Decode(into any) error {
	text, err := json.Marshal(d.value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
