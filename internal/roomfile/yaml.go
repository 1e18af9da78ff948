package roomfile

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The parser's time goes with the square of what it is given at once: ten
// thousand nodes take half a second and a hundred thousand a minute. A room
// file is therefore cut where that is safe (between the entries of a top-level
// block mapping), the pieces are parsed side by side and their values put
// together again. Where a cut was wrong (it went through a quoted text of many
// lines, say) the piece before it does not parse, and then the file is parsed
// as a whole.
const (
	pieceSize = 4 << 10   // cut no finer than this, save to find all errors
	wholeSize = 512 << 10 // parse no more than this at once
	maxLines  = 4_000_000
	maxDepth  = 40 // brackets or dashes within each other
)

// piece is some lines of a document.
type piece struct {
	text    []byte
	line    int  // lines before it
	part    bool // cut out of a larger text, so it must be keys and values
	odd     int  // the line, from one, that kept it from being cut finer, or 0
	section *int // the place in the document's fields of the section it is part of; nil for whole top-level entries
}

// parsed is what became of a piece.
type parsed struct {
	value    *value
	problems []complaint
}

type complaint struct {
	at  place
	msg string
}

// parseYAML reads one document into a mapping.
func parseYAML(file int32, data []byte) (*value, []complaint) {
	if !utf8.Valid(data) {
		return nil, []complaint{{place{file, 0, 0}, "the file is not UTF-8 text"}}
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) // the parser counts some of them twice
	if i := bytes.IndexByte(data, '\r'); i >= 0 {
		line := int32(bytes.Count(data[:i], []byte("\n")) + 1)
		return nil, []complaint{{place{file, line, 0}, "there is a carriage return in this line"}}
	}
	if bytes.Count(data, []byte("\n")) > maxLines {
		return nil, []complaint{{place{file, 0, 0}, fmt.Sprintf("the file has more than %d lines", maxLines)}}
	}
	doc := &value{shape: mapping, at: place{file, 1, 1}}
	pieces, sections, ok := cut(data, pieceSize)
	if !ok {
		whole := parsePiece(file, piece{text: data})
		if len(whole.problems) > 0 {
			return nil, whole.problems
		}
		return asDocument(whole.value, nil)
	}
	results, bad := parseAll(file, pieces)
	if len(bad) == 0 {
		return assemble(doc, file, pieces, sections, results)
	}
	if len(data) <= wholeSize {
		if whole := parsePiece(file, piece{text: data}); len(whole.problems) == 0 {
			return asDocument(whole.value, nil)
		}
	}
	// The parser stops at the first error of a piece: small pieces show them all.
	pieces, _, _ = cut(data, 0)
	if _, all := parseAll(file, pieces); len(all) > 0 {
		bad = all
	}
	return nil, bad
}

func asDocument(v *value, bad []complaint) (*value, []complaint) {
	switch v.shape {
	case nothing:
		v.shape = mapping
	case mapping:
	case scalar, list:
		bad = append(bad, complaint{v.at, "a room file is a mapping: lines of the form \"nodes:\", \"devices:\" and so on"})
	}
	return v, bad
}

// section is a top-level key whose entries were cut apart.
type section struct {
	key  string
	line int
}

func assemble(doc *value, file int32, pieces []piece, sections []section, results []parsed) (*value, []complaint) {
	at := make([]*value, len(sections))
	for i, r := range results {
		if pieces[i].section == nil {
			doc.fields = append(doc.fields, r.value.fields...)
			continue
		}
		s := *pieces[i].section
		if at[s] == nil {
			at[s] = &value{shape: mapping, at: r.value.at}
			doc.fields = append(doc.fields, field{key: sections[s].key, at: place{file, int32(sections[s].line), 1}, value: at[s]})
		}
		at[s].fields = append(at[s].fields, r.value.fields...)
	}
	return doc, nil
}

// cut finds the pieces of a document, or says that it is not of the plain kind
// that can be cut: keys at the left margin and indented entries below them.
func cut(data []byte, size int) (pieces []piece, sections []section, ok bool) {
	lines := bytes.SplitAfter(data, []byte("\n"))
	for i := 0; i < len(lines); {
		indent, kind := look(lines[i])
		if kind == blank || i == 0 && bytes.Equal(bytes.TrimRight(lines[i], " \r\n"), []byte("---")) {
			i++
			continue
		}
		if kind != entry || indent != 0 {
			return nil, nil, false
		}
		end := i + 1
		for end < len(lines) {
			if in, k := look(lines[end]); k != blank && in == 0 {
				break
			}
			end++
		}
		oddLine := 0
		if key, plain := headOnly(lines[i]); plain {
			var parts []piece
			if parts, oddLine = cutEntries(lines, i+1, end, size); parts != nil {
				n := len(sections)
				sections = append(sections, section{key, i + 1})
				for _, p := range parts {
					p.section = &n
					pieces = append(pieces, p)
				}
				i = end
				continue
			}
		}
		pieces = append(pieces, piece{text: bytes.Join(lines[i:end], nil), line: i, part: true, odd: oddLine})
		i = end
	}
	return pieces, sections, len(pieces) > 0
}

// cutEntries cuts the entries of one block mapping, lines[from:to], or gives
// nil if they are not plain enough, and the line, from one, that is not.
func cutEntries(lines [][]byte, from, to, least int) (parts []piece, oddLine int) {
	depth := -1
	start, size := from, 0
	for i := from; i < to; i++ {
		in, kind := look(lines[i])
		if kind != blank {
			if depth < 0 {
				depth = in
			}
			if in < depth || kind == odd || in == depth && kind != entry {
				return nil, i + 1
			}
			if in == depth && size > 0 && size >= least {
				parts = append(parts, piece{text: bytes.Join(lines[start:i], nil), line: start, part: true})
				start, size = i, 0
			}
		}
		size += len(lines[i])
	}
	if depth < 0 {
		return nil, 0
	}
	return append(parts, piece{text: bytes.Join(lines[start:to], nil), line: start, part: true}), 0
}

const (
	blank = iota // nothing but a comment
	entry        // looks like a key: it has a colon at least
	other        // anything else
	odd          // a tab in the indentation, a document mark: hands off
)

// look classifies a line by its beginning.
func look(line []byte) (indent, kind int) {
	for indent < len(line) && line[indent] == ' ' {
		indent++
	}
	rest := line[indent:]
	if len(rest) == 0 {
		return indent, blank
	}
	switch c := rest[0]; {
	case c == '\n' || c == '\r' || c == '#':
		return indent, blank
	case c == '\t' || c == '%':
		return indent, odd
	case bytes.HasPrefix(rest, []byte("---")) || bytes.HasPrefix(rest, []byte("...")):
		return indent, odd
	case bytes.IndexByte([]byte("-?:,[]{}#&*!|>@`"), c) >= 0 || bytes.IndexByte(rest, ':') < 0:
		return indent, other
	}
	return indent, entry
}

// headOnly says whether a line is nothing but "key:", and a comment perhaps.
func headOnly(line []byte) (key string, ok bool) {
	name, rest, found := bytes.Cut(bytes.TrimRight(line, "\n"), []byte(":"))
	for _, c := range name {
		if c != '-' && (c < 'a' || c > 'z') {
			return "", false
		}
	}
	behind := bytes.TrimLeft(rest, " ")
	comment := len(behind) > 0 && len(behind) < len(rest) && behind[0] == '#'
	return string(name), found && (len(behind) == 0 || comment)
}

func parseAll(file int32, pieces []piece) ([]parsed, []complaint) {
	results := make([]parsed, len(pieces))
	workers := min(runtime.GOMAXPROCS(0), len(pieces))
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < len(pieces); i += workers {
				results[i] = parsePiece(file, pieces[i])
			}
		})
	}
	wait.Wait()
	var bad []complaint
	for _, r := range results {
		bad = append(bad, r.problems...)
	}
	return results, bad
}

// parsePiece parses one piece. What a hostile file could do to the parser is
// stopped before: size, depth, and all that makes a little text stand for much.
func parsePiece(file int32, p piece) (out parsed) {
	plant := planter{file: file, line: int32(p.line)}
	plant.fail = func(at place, format string, args ...any) {
		out.problems = append(out.problems, complaint{at, fmt.Sprintf(format, args...)})
	}
	here := place{file, int32(p.line) + 1, 1}
	out.value = &value{at: here}
	defer func() {
		if r := recover(); r != nil { // the parser has known panics
			plant.fail(here, "this is not YAML (the parser gave up: %v)", r)
		}
	}()
	switch {
	case len(p.text) <= wholeSize:
	case p.odd > 0:
		plant.fail(place{file, int32(p.odd), 1}, "this line does not look like one of the entries above it; is its indentation right?")
		return out
	default:
		plant.fail(here, "this part is longer than %d KiB; write it as entries of their own, or in several files", wholeSize>>10)
		return out
	}
	if body := plant.parse(string(p.text), here); body != nil {
		out.value = plant.value(body)
	}
	if p.part && out.value.shape != mapping && len(out.problems) == 0 {
		plant.fail(out.value.at, "a key and a colon are expected here, as in \"nodes:\"")
	}
	return out
}

// parse gives the body of the one document in a text, or nil.
func (p *planter) parse(text string, here place) ast.Node {
	tokens := lexer.Tokenize(text)
	if !checkTokens(tokens, p) {
		return nil
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		msg, at := err.Error(), here
		var positioned yaml.Error
		if errors.As(err, &positioned) {
			msg = positioned.GetMessage()
			if t := positioned.GetToken(); t != nil && t.Position != nil {
				at = p.place(t)
			}
		}
		p.fail(at, "%s", explain(msg))
		return nil
	}
	var body ast.Node
	for _, d := range tree.Docs {
		switch {
		case d.Body == nil || d.Body.Type() == ast.CommentType:
		case body != nil:
			p.fail(p.place(d.Body.GetToken()), "a room file holds one document only")
			return nil
		default:
			body = d.Body
		}
	}
	return body
}

// checkTokens refuses what room files have no use for.
func checkTokens(tokens token.Tokens, plant *planter) bool {
	depth, dashes, line := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			plant.fail(plant.place(t), "YAML anchors and aliases are not used in room files; ranges and groups do their work (a text that begins with & or * needs quotes)")
			return false
		case token.TagType, token.DirectiveType, token.MappingKeyType:
			plant.fail(plant.place(t), "%q: YAML's tags, directives and ? keys are not used in room files (a text that begins so needs quotes)", t.Value)
			return false
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType:
			if t.Position.Line != line {
				line, dashes = t.Position.Line, 0
			}
			dashes++
		case token.InvalidType:
			plant.fail(plant.place(t), "%s", explain(t.Error))
			return false
		default:
		}
		if depth > maxDepth || dashes > maxDepth {
			plant.fail(plant.place(t), "this is nested too deeply")
			return false
		}
	}
	return true
}

// explain adds to the parser's words what mostly lies behind them in a room file.
func explain(msg string) string {
	switch {
	case strings.Contains(msg, "must be specified"):
		return msg + " (inside [ ] and { } a text that itself holds brackets or commas needs quotes: \"pdu1:[1-8]\")"
	case strings.Contains(msg, "reserved character"):
		return msg + " (put the text in quotes: \"@storage\")"
	case msg == "":
		return "this is not YAML"
	}
	return msg
}
