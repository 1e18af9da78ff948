package ini

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxBytes is the size of the largest file that is read, in bytes. It also
// bounds how many sections and keys there can be.
const MaxBytes = 1 << 20

// defaultSection holds keys for all other sections.
const defaultSection = "DEFAULT"

// maxDefaults is how many keys every section can have from there.
const maxDefaults = 100

// blanks are the white space of the dialect, line ends aside.
const blanks = " \t\r\v\f"

// Error is one mistake in one line of a file.
type Error struct {
	Line int // from one; zero if it is about the whole file
	Msg  string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Msg
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Msg)
}

// Errors are all mistakes of a file, in the order of their lines.
type Errors []*Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// maxErrors is how many mistakes of one file are told.
const maxErrors = 100

// Parse reads a file. If there are mistakes, the error is [Errors] and the
// document holds what could be read; lines that could not be are kept as they
// are. There is no document only for a file of more than [MaxBytes].
func Parse(data []byte) (*Document, error) {
	if len(data) > MaxBytes {
		return nil, Errors{{Msg: fmt.Sprintf("the file has %d bytes, more than %d", len(data), MaxBytes)}}
	}
	p := parser{doc: New()}
	p.part = p.doc.parts[0]
	text := string(data)
	for n := 1; text != ""; n++ {
		line := text
		if i := strings.IndexByte(text, '\n'); i >= 0 {
			line = text[:i+1]
		}
		text = text[len(line):]
		if n == 1 {
			p.doc.newline = lineEnd(line)
			p.doc.bom = strings.HasPrefix(line, bom)
			line = strings.TrimPrefix(line, bom)
		}
		p.line(n, line)
	}
	p.settle()
	if p.doc.newline == "" {
		p.doc.newline = "\n"
	}
	if len(p.errors) > 0 {
		return p.doc, p.errors
	}
	return p.doc, nil
}

// bom is what some editors put before a UTF-8 file.
const bom = "\ufeff"

// parser is one reading of one file.
type parser struct {
	doc    *Document
	part   *part
	open   *item    // the key whose value an indented line continues
	gap    []row    // blank lines and comments since the last line of that value
	more   []string // the lines of that value, if there are several
	errors Errors

	defaults int // how many keys DEFAULT has
}

func (p *parser) fail(line int, format string, args ...any) {
	if len(p.errors) < maxErrors {
		p.errors = append(p.errors, &Error{Line: line, Msg: fmt.Sprintf(format, args...)})
	}
}

func (p *parser) line(n int, raw string) {
	text := strings.Trim(strings.TrimSuffix(raw, "\n"), blanks)
	if !utf8.ValidString(raw) {
		p.fail(n, "is not UTF-8")
	}
	if text == "" || text[0] == '#' || text[0] == ';' {
		if p.open != nil {
			p.gap = append(p.gap, row{raw: raw, aside: true})
			return
		}
		p.part.add(&item{rows: []row{{raw: raw, aside: true}}, line: n})
		return
	}
	if p.open != nil && strings.IndexByte(blanks, raw[0]) >= 0 {
		p.open.rows = append(append(p.open.rows, p.gap...), row{raw: raw})
		p.more = append(p.more, unescape(text))
		p.gap = nil
		return
	}
	p.settle()
	if strings.IndexByte(blanks, raw[0]) >= 0 {
		p.fail(n, "an indented line has no value to continue")
		p.part.add(&item{rows: []row{{raw: raw}}, line: n})
		return
	}
	if name, found := heading(text); found {
		p.part = p.doc.addPart(name, raw, n)
		if name == "" {
			p.fail(n, "a section has no name")
		}
		return
	}
	p.entry(n, raw, text)
}

// settle ends the value that could have gone on: what came behind it is no part of it.
func (p *parser) settle() {
	for i, r := range p.gap {
		p.part.add(&item{rows: []row{r}, line: p.open.line + len(p.open.rows) + i})
	}
	if len(p.more) > 0 {
		if p.open.value != "" {
			p.more = slices.Insert(p.more, 0, p.open.value)
		}
		p.open.value = strings.Join(p.more, "\n")
	}
	p.open, p.gap, p.more = nil, nil, nil
}

// heading gives the name of a section if the line begins one.
func heading(text string) (name string, found bool) {
	if text[0] != '[' {
		return "", false
	}
	name, _, found = strings.Cut(text[1:], "]")
	return name, found
}

func (p *parser) entry(n int, raw, text string) {
	it := &item{rows: []row{{raw: raw}}, line: n}
	at := strings.IndexAny(text, "=:")
	switch {
	case text[0] == '[':
		p.fail(n, "the name of a section is not closed by ]")
	case at < 0:
		p.fail(n, "%s is neither a section nor \"key = value\"", quoteShort(text))
	case at == 0:
		p.fail(n, "there is no key before %q", text[:1])
	case p.part.heading == "":
		p.fail(n, "a key stands before the first section")
	case p.part.name == defaultSection && p.defaults == maxDefaults:
		p.fail(n, "[%s] has more than %d keys", defaultSection, maxDefaults)
	default:
		if p.part.name == defaultSection {
			p.defaults++
		}
		it.key = strings.ToLower(strings.TrimRight(text[:at], blanks))
		it.value = unescape(strings.TrimLeft(text[at+1:], blanks))
		p.doc.index(p.part.name, it)
		p.open = it
	}
	p.part.add(it)
}

// quoteShort quotes the beginning of a line that may be long, and may be a secret
// that slid into a line of its own.
func quoteShort(text string) string {
	const most = 20
	if len(text) > most {
		return fmt.Sprintf("%q…", strings.ToValidUTF8(text[:most], "?"))
	}
	return fmt.Sprintf("%q", text)
}

func lineEnd(line string) string {
	switch {
	case strings.HasSuffix(line, "\r\n"):
		return "\r\n"
	case strings.HasSuffix(line, "\n"):
		return "\n"
	}
	return ""
}

func unescape(value string) string { return strings.ReplaceAll(value, "%%", "%") }
func escape(value string) string   { return strings.ReplaceAll(value, "%", "%%") }

// Bytes gives the file: the bytes that were read, but for the lines that were
// edited.
func (d *Document) Bytes() []byte {
	var b bytes.Buffer
	if d.bom {
		b.WriteString(bom)
	}
	for _, p := range d.parts {
		b.WriteString(p.heading)
		for _, items := range [][]*item{p.items, p.tail} {
			for _, it := range items {
				for _, r := range it.rows {
					b.WriteString(r.raw)
				}
			}
		}
	}
	return b.Bytes()
}
