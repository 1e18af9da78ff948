package ini

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Change is one edit. With a Key, it sets the key to Value or deletes it; without
// one, it adds the section or deletes it with all that is in it.
type Change struct {
	Section, Key, Value string
	Delete              bool
}

// Apply makes changes in their order, all or, if one of them cannot be written in
// this dialect, none. What is to be deleted need not be there.
func (d *Document) Apply(changes ...Change) error {
	for _, c := range changes {
		if err := c.check(); err != nil {
			return err
		}
	}
	for _, c := range changes {
		key := strings.ToLower(c.Key)
		switch {
		case c.Delete && key == "":
			d.deleteSection(c.Section)
		case c.Delete:
			d.deleteKey(c.Section, key)
		case key == "":
			d.section(c.Section)
		default:
			d.set(c.Section, key, c.Value)
		}
	}
	return nil
}

// Set gives a key a value and adds what is missing, key and section. White space
// around each line of the value is not kept, nor are its blank lines.
func (d *Document) Set(section, key, value string) error {
	if key == "" {
		return errors.New("a key has no name")
	}
	return d.Apply(Change{Section: section, Key: key, Value: value})
}

// AddSection adds a section at the end if there is none of this name.
func (d *Document) AddSection(section string) error {
	return d.Apply(Change{Section: section})
}

// Delete deletes a key and reports whether it was there, [DEFAULT] aside.
func (d *Document) Delete(section, key string) bool {
	return key != "" && d.deleteKey(section, strings.ToLower(key))
}

// DeleteSection deletes a section with all that is in it and reports whether it
// was there. Comments that stand right above the next section, behind a blank
// line, are about that one and stay.
func (d *Document) DeleteSection(section string) bool { return d.deleteSection(section) }

// check says whether a change can be written so that it is read as it was meant.
func (c Change) check() error {
	if err := plain("section", c.Section, "]"); err != nil {
		return err
	}
	if c.Delete || c.Key == "" {
		return nil
	}
	if err := plain("key", c.Key, "=:"); err != nil {
		return err
	}
	if strings.Trim(c.Key, blanks) != c.Key || strings.ContainsAny(c.Key[:1], "[#;") || strings.HasPrefix(c.Key, bom) {
		return fmt.Errorf("the key %s would not be read as one", quoteShort(c.Key))
	}
	for i, line := range valueLines(c.Value) {
		switch {
		case !utf8.ValidString(line):
			return fmt.Errorf("the value of %s is not UTF-8", quoteShort(c.Key))
		case strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }):
			return fmt.Errorf("the value of %s holds a control character", quoteShort(c.Key))
		case i > 0 && (line[0] == '#' || line[0] == ';'):
			return fmt.Errorf("line %d of the value of %s would be read as a comment", i+1, quoteShort(c.Key))
		}
	}
	return nil
}

// plain checks a name that may not hold some characters.
func plain(what, name, not string) error {
	switch {
	case name == "":
		return fmt.Errorf("a %s has no name", what)
	case !utf8.ValidString(name):
		return fmt.Errorf("the name of a %s is not UTF-8: %s", what, quoteShort(name))
	case strings.ContainsFunc(name, unicode.IsControl) || strings.ContainsAny(name, not):
		return fmt.Errorf("the name of a %s cannot hold a control character or one of %s: %s", what, not, quoteShort(name))
	}
	return nil
}

// valueLines gives the lines of a value that are kept.
func valueLines(value string) []string {
	lines := strings.Split(value, "\n")
	for i, line := range lines {
		lines[i] = strings.Trim(line, blanks)
	}
	return slices.DeleteFunc(lines, func(line string) bool { return line == "" })
}

func (d *Document) set(section, key, value string) {
	lines := valueLines(value)
	value = strings.Join(lines, "\n")
	all := d.keys[place{section, key}]
	if len(all) == 0 {
		it := &item{key: key, value: value}
		d.insert(d.section(section), it, lines)
		d.index(section, it)
		return
	}
	it := all[len(all)-1]
	if it.value == value {
		return
	}
	d.rewrite(it, lines)
	it.value = value
}

// rewrite puts new lines in the place of a value's old ones; the key stays as it is
// spelt, and comments in the midst of the value go behind it.
func (d *Document) rewrite(it *item, lines []string) {
	first := it.rows[0].raw
	at := strings.IndexAny(first, "=:") + 1
	for at < len(first) && (first[at] == ' ' || first[at] == '\t') {
		at++
	}
	head := first[:at]
	if end := head[len(head)-1]; (end == '=' || end == ':') && len(lines) > 0 && strings.Trim(first[at:], blanks+"\n") == "" {
		head += " " // it had no value, and so perhaps no space
	}
	last := it.rows[len(it.rows)-1]
	rows := d.rows(head, lines, lineEnd(first))
	for _, r := range it.rows[1:] {
		if r.aside {
			rows = append(rows, r)
		}
	}
	if lineEnd(last.raw) == "" {
		endWithout(rows)
	}
	it.rows = rows
}

// rows gives the lines of a value behind its head, which ends with the separator.
func (d *Document) rows(head string, lines []string, end string) []row {
	if end == "" {
		end = d.newline
	}
	if len(lines) == 0 {
		return []row{{raw: strings.TrimRight(head, " \t") + end}}
	}
	rows := make([]row, len(lines))
	for i, line := range lines {
		rows[i].raw = head + escape(line) + end
		head = "\t"
	}
	return rows
}

// endWithout takes the line end from the last row, and gives one to the others.
func endWithout(rows []row) {
	last := &rows[len(rows)-1]
	last.raw = strings.TrimSuffix(strings.TrimSuffix(last.raw, "\n"), "\r")
}

// insert adds a key behind the last one of a part, and in its manner. It goes
// behind lines that make no sense too: before one that is indented, it would
// swallow it.
func (d *Document) insert(p *part, it *item, lines []string) {
	head, before := it.key+" = ", p.lastItemLine()
	for i := len(p.items) - 1; i >= 0; i-- {
		if other := p.items[i]; other.key != "" {
			head = manner(other, it.key)
			break
		}
	}
	it.rows = d.rows(head, lines, "")
	if lineEnd(*before) == "" {
		*before += d.newline
		endWithout(it.rows)
	}
	p.items = append(p.items, it)
}

// lastItemLine gives the last line of a part, its tail aside.
func (p *part) lastItemLine() *string {
	for i := len(p.items) - 1; i >= 0; i-- {
		if rows := p.items[i].rows; len(rows) > 0 {
			return &rows[len(rows)-1].raw
		}
	}
	return &p.heading
}

// manner gives a key with the separator that another one has.
func manner(other *item, key string) string {
	first := strings.TrimSuffix(other.rows[0].raw, "\n")
	at := strings.IndexAny(first, "=:")
	before := len(strings.TrimRight(first[:at], blanks))
	after := len(first) - len(strings.TrimLeft(first[at+1:], " \t"))
	if strings.Trim(first[at+1:], blanks) == "" {
		return key + first[before:at+1] + " "
	}
	return key + first[before:after]
}

// section gives the last part of a section, which it adds if need be.
func (d *Document) section(name string) *part {
	if parts := d.names[name]; len(parts) > 0 {
		return parts[len(parts)-1]
	}
	heading := "[" + name + "]"
	last := d.lastLine()
	switch {
	case last == nil: // the first line of the file
		heading += d.newline
	case lineEnd(*last) == "":
		*last += d.newline
		heading = d.newline + heading
	case strings.Trim(*last, blanks+"\n") == "":
		heading += d.newline
	default:
		heading = d.newline + heading + d.newline
	}
	return d.addPart(name, heading, 0)
}

// lastLine gives the last line of the file, nil if there is none.
func (d *Document) lastLine() *string {
	for i := len(d.parts) - 1; i >= 0; i-- {
		p := d.parts[i]
		if n := len(p.tail); n > 0 {
			return &p.tail[n-1].rows[0].raw
		}
		if last := p.lastItemLine(); *last != "" {
			return last
		}
	}
	return nil
}

func (d *Document) deleteKey(section, key string) bool {
	at := place{section, key}
	all := d.keys[at]
	for _, it := range all {
		it.key, it.value = "", ""
		it.rows = slices.DeleteFunc(it.rows, func(r row) bool { return !r.aside })
	}
	delete(d.keys, at)
	return len(all) > 0
}

func (d *Document) deleteSection(section string) bool {
	parts := d.names[section]
	for _, p := range parts {
		for _, it := range p.items {
			if it.key != "" {
				delete(d.keys, place{section, it.key})
			}
		}
		p.items, p.tail = nil, aboveNext(p.tail)
		p.name, p.heading = "", ""
	}
	delete(d.names, section)
	return len(parts) > 0
}

// aboveNext gives the comments at the end that stand behind a blank line.
func aboveNext(tail []*item) []*item {
	for i := len(tail) - 1; i >= 0; i-- {
		if strings.Trim(tail[i].rows[0].raw, blanks+"\n") == "" {
			return tail[i+1:]
		}
	}
	return nil
}
