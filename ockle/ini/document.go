package ini

import (
	"slices"
	"strings"
)

// Document is a configuration file that can be asked and edited. The zero value
// is not one; see [Parse] and [New]. It is not for use by several goroutines at
// once if one of them edits.
type Document struct {
	parts   []*part // the first one is what stands before any section
	keys    map[place][]*item
	names   map[string][]*part
	newline string // of lines that are added
	bom     bool
}

// place is where a key is.
type place struct{ section, key string }

// part is a section's heading and what follows it up to the next one.
type part struct {
	name    string
	heading string // its line as it is, "" for the first part
	line    int
	items   []*item
	tail    []*item // blank lines and comments behind the last of them
}

// item is a key with its value, or a line that is something else.
type item struct {
	key   string // "" for a comment, a blank line, a line that makes no sense, and what was deleted
	value string
	rows  []row
	line  int
}

// row is one line with its end. What is aside is no part of the value.
type row struct {
	raw   string
	aside bool
}

// New gives a document without a line.
func New() *Document {
	return &Document{
		parts: []*part{{}}, newline: "\n",
		keys: make(map[place][]*item), names: make(map[string][]*part),
	}
}

func (p *part) add(it *item) {
	if it.aside() {
		p.tail = append(p.tail, it)
		return
	}
	p.items = append(append(p.items, p.tail...), it)
	p.tail = nil
}

// aside reports whether an item is a comment or a blank line.
func (it *item) aside() bool {
	return it.key == "" && len(it.rows) == 1 && it.rows[0].aside
}

func (d *Document) addPart(name, heading string, line int) *part {
	p := &part{name: name, heading: heading, line: line}
	d.parts = append(d.parts, p)
	d.names[name] = append(d.names[name], p)
	return p
}

func (d *Document) index(section string, it *item) {
	at := place{section, it.key}
	d.keys[at] = append(d.keys[at], it)
}

// Sections gives the names of the sections in the order of the file, each once,
// without DEFAULT.
func (d *Document) Sections() []string {
	var names []string
	for _, p := range d.parts[1:] {
		if p.name != "" && p.name != defaultSection && d.names[p.name][0] == p {
			names = append(names, p.name)
		}
	}
	return names
}

// Has reports whether there is such a section.
func (d *Document) Has(section string) bool { return len(d.names[section]) > 0 }

// Keys gives the keys of a section in the order of the file, each once, and then
// those that it has from DEFAULT.
func (d *Document) Keys(section string) []string {
	keys := d.own(section)
	if section == defaultSection || len(d.names[defaultSection]) == 0 || !d.Has(section) {
		return keys
	}
	for _, key := range d.own(defaultSection) {
		if len(d.keys[place{section, key}]) == 0 {
			keys = append(keys, key)
		}
	}
	return keys
}

func (d *Document) own(section string) []string {
	var keys []string
	for _, p := range d.names[section] {
		for _, it := range p.items {
			if it.key != "" && d.keys[place{section, it.key}][0] == it {
				keys = append(keys, it.key)
			}
		}
	}
	return keys
}

// Get gives the value of a key, and whether there is one. The key may be in any
// case.
func (d *Document) Get(section, key string) (value string, found bool) {
	it := d.find(section, key)
	if it == nil {
		return "", false
	}
	return it.value, true
}

// Line gives the line of a key when the file was read, the section's if the key is
// not there or "", and zero if that is not there either.
func (d *Document) Line(section, key string) int {
	if it := d.find(section, key); it != nil {
		return it.line
	}
	if parts := d.names[section]; len(parts) > 0 {
		return parts[0].line
	}
	return 0
}

func (d *Document) find(section, key string) *item {
	if !d.Has(section) {
		return nil
	}
	key = strings.ToLower(key)
	for _, section := range []string{section, defaultSection} {
		if all := d.keys[place{section, key}]; len(all) > 0 {
			return all[len(all)-1]
		}
	}
	return nil
}

// Repeated gives what comes more than once: of such keys the last value counts.
func (d *Document) Repeated() Errors {
	var found Errors
	for at, all := range d.keys {
		for _, it := range all[:max(0, len(all)-1)] {
			found = append(found, &Error{Line: it.line, Msg: "the key " + quoteShort(at.key) + " comes again below, and that one counts"})
		}
	}
	slices.SortFunc(found, func(x, y *Error) int { return x.Line - y.Line })
	return found[:min(len(found), maxErrors)]
}
