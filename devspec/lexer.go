package devspec

import (
	"errors"
	"fmt"
	"io/fs"
)

// tokenKind says what a token is. Words keep their text: the parser knows which
// are keywords where.
type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokString
	tokNumber
	tokGroup // $N
	tokWord
	tokOpen   // {
	tokClose  // }
	tokEquals // =
	tokBad    // already reported
)

type token struct {
	kind tokenKind
	text string // a string's value, a number's or word's letters, a group's digits
	pos  Pos
}

// describe names a token in an error message.
func (t token) describe() string {
	switch t.kind {
	case tokEOF:
		return "the end of the file"
	case tokString:
		if len(t.text) > 40 {
			return fmt.Sprintf("string %q...", t.text[:40])
		}
		return fmt.Sprintf("string %q", t.text)
	case tokNumber:
		return "number " + t.text
	case tokGroup:
		return "$" + t.text
	case tokWord:
		return "'" + t.text + "'"
	case tokOpen:
		return "'{'"
	case tokClose:
		return "'}'"
	case tokEquals:
		return "'='"
	}
	return "an unreadable character"
}

// frame is where the lexer stands in one of the nested files.
type frame struct {
	src       *source
	off       int
	line      int
	lineStart int
}

// lexer turns nested files into one stream of tokens: an include directive may
// stand wherever a token may, even inside a specification.
type lexer struct {
	files *files
	stack []frame
	errs  *ErrorList
}

func (l *lexer) top() *frame { return &l.stack[len(l.stack)-1] }

func (l *lexer) push(s *source) { l.stack = append(l.stack, frame{src: s, line: 1}) }

func (f *frame) pos() Pos { return Pos{File: f.src.name, Line: f.line, Col: f.off - f.lineStart + 1} }

func (l *lexer) fail(p Pos, powermand, format string, args ...any) {
	*l.errs = append(*l.errs, l.files.errorAt(p, powermand, format, args...))
}

// next gives the next token, following includes. Ends of included files are not
// tokens; the end of the first file is.
func (l *lexer) next() token {
	for {
		f := l.top()
		f.skipBlank()
		if f.off >= len(f.src.data) {
			if len(l.stack) == 1 {
				return token{kind: tokEOF, pos: f.pos()}
			}
			l.stack = l.stack[:len(l.stack)-1]
			continue
		}
		t := l.scan(f)
		if t.kind == tokWord && t.text == "include" {
			l.include(f, t.pos)
			continue
		}
		return t
	}
}

// skipBlank moves over white space and comments. A comment may end with the file;
// powermand wants a line end there.
func (f *frame) skipBlank() {
	d := f.src.data
	for f.off < len(d) {
		switch d[f.off] {
		case '\n':
			f.newline()
			continue
		case ' ', '\t', '\r':
		case '#':
			for f.off < len(d) && d[f.off] != '\n' {
				f.off++
			}
			continue
		default:
			return
		}
		f.off++
	}
}

func (f *frame) newline() {
	f.off++
	f.line++
	f.lineStart = f.off
}

func (l *lexer) scan(f *frame) token {
	d, pos := f.src.data, f.pos()
	start := f.off
	c := d[start]
	switch {
	case c == '"':
		return l.scanString(f)
	case c == '{':
		f.off++
		return token{kind: tokOpen, pos: pos}
	case c == '}':
		f.off++
		return token{kind: tokClose, pos: pos}
	case c == '=':
		f.off++
		return token{kind: tokEquals, pos: pos}
	case c == '$' && start+1 < len(d) && isDigit(d[start+1]):
		f.off++
		f.skip(isDigit)
		return token{kind: tokGroup, text: string(d[start+1 : f.off]), pos: pos}
	case isDigit(c) || c == '.' && start+1 < len(d) && isDigit(d[start+1]):
		f.skip(isDigit)
		if f.off < len(d) && d[f.off] == '.' {
			f.off++
			f.skip(isDigit)
		}
		return token{kind: tokNumber, text: string(d[start:f.off]), pos: pos}
	case isWord(c):
		f.skip(isWord)
		return token{kind: tokWord, text: f.joinPlugName(string(d[start:f.off])), pos: pos}
	}
	f.off++
	l.fail(pos, "parse error", "unexpected character %q", rune(c))
	return token{kind: tokBad, pos: pos}
}

// joinPlugName makes the two words "plug name" the one keyword they are.
func (f *frame) joinPlugName(word string) string {
	if word != "plug" {
		return word
	}
	save := f.off
	f.skip(func(c byte) bool { return c == ' ' || c == '\t' })
	start := f.off
	f.skip(isWord)
	if string(f.src.data[start:f.off]) == "name" {
		return "plug name"
	}
	f.off = save
	return word
}

func (f *frame) skip(in func(byte) bool) {
	for f.off < len(f.src.data) && in(f.src.data[f.off]) {
		f.off++
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

// scanString reads a quoted string with its escapes.
func (l *lexer) scanString(f *frame) token {
	d, pos := f.src.data, f.pos()
	f.off++
	var out []byte
	for f.off < len(d) {
		c := d[f.off]
		switch {
		case c == '"':
			f.off++
			if len(out) > maxStringBytes {
				l.fail(pos, "parse error", "this string is longer than %d bytes", maxStringBytes)
				return token{kind: tokBad, pos: pos}
			}
			return token{kind: tokString, text: string(out), pos: pos}
		case c == '\n':
			l.fail(pos, "parse error", "this string is not closed on its line (write \\n for a line end)")
			return token{kind: tokBad, pos: pos}
		case c == '\\' && f.off+1 < len(d):
			out = f.escape(out)
		default:
			out = append(out, c)
			f.off++
		}
	}
	l.fail(pos, "parse error", "this string is not closed before the end of the file")
	return token{kind: tokBad, pos: pos}
}

// simpleEscapes are the letters that stand for a control character; a backslash
// before any other character stands for that character.
var simpleEscapes = [256]byte{
	'a': '\a', 'b': '\b', 'e': 0x1b, 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
}

// escape reads one backslash sequence and appends what it stands for.
func (f *frame) escape(out []byte) []byte {
	d := f.src.data
	c := d[f.off+1]
	if isDigit(c) && f.off+3 < len(d) && isDigit(d[f.off+2]) && isDigit(d[f.off+3]) {
		v := 0
		for _, digit := range d[f.off+1 : f.off+4] {
			if digit > '7' { // octal ends at the first digit that is none
				break
			}
			v = v<<3 | int(digit-'0')
		}
		f.off += 4
		return append(out, byte(v))
	}
	if c == '\n' {
		f.off++
		f.newline()
		return append(out, '\n')
	}
	f.off += 2
	if e := simpleEscapes[c]; e != 0 {
		c = e
	}
	return append(out, c)
}

// include reads the name after the word include and enters the file. The name has
// no escapes: its first and last characters, the quotes, are dropped. A name in
// quotes may hold blanks here; powermand ends it at the first.
func (l *lexer) include(f *frame, at Pos) {
	f.skip(func(c byte) bool { return c == ' ' || c == '\t' || c == '\r' })
	d, pos, start := f.src.data, f.pos(), f.off
	if start < len(d) && d[start] == '"' {
		f.off++
		f.skip(func(c byte) bool { return c != '"' && c != '\n' })
		if f.off < len(d) && d[f.off] == '"' {
			f.off++
		}
	} else {
		f.skip(func(c byte) bool { return c != ' ' && c != '\t' && c != '\r' && c != '\n' })
	}
	word := string(d[start:f.off])
	if len(word) < 3 {
		l.fail(at, "parse error", "include needs a file name in double quotes")
		return
	}
	name := word[1 : len(word)-1]
	if len(l.stack) > maxIncludeDepth {
		e := l.files.errorAt(at, "Includes nested too deeply", "files are included more than %d deep", maxIncludeDepth)
		e.place = false
		*l.errs = append(*l.errs, e)
		return
	}
	src, err := l.files.read(name)
	if err != nil {
		e := l.files.errorAt(pos, name+": "+reason(err), "cannot include %s: %s", name, reason(err))
		e.place = false
		*l.errs = append(*l.errs, e)
		return
	}
	l.push(src)
}

// reason gives an error of the file system without the name, which the caller has
// said already.
func reason(err error) string {
	var pathErr *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "No such file or directory"
	case errors.As(err, &pathErr):
		return pathErr.Err.Error()
	}
	return err.Error()
}
