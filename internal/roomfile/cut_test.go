package roomfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// FuzzCut holds that a document that is parsed in the smallest of pieces means
// what it means as a whole.
func FuzzCut(f *testing.F) {
	for _, seed := range []string{
		"nodes:\n  a: b\n  c:\n    d: e\n", "a:\n  b: |\n    c: d\n   # x\n  e: f\n", "a:\n  b: \"c\n  d: e\"\n  f: g\n", "a:\n  b: [c,\n  d]\n  e: f\n",
		"a:\n  b: c\n  # d\n\n  e:\n  - f\n  - g\n", "---\na: b\n", "a:\n  b: >-\n\n    c\n\n  d: 'e\n\n  f'\n", "a:\n  b:\n    c\n    d\n  e: f\n", "a: b\nc:\n  d: e # f\n",
		"a:\r\n  b: c\r\n  d: e\r\n", "a:\n  \"b\": c\n  'd': e\n",
	} {
		f.Add([]byte(seed))
	}
	files, err := filepath.Glob("../../examples/*/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal("no examples")
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.IndexByte(data, '\r') >= 0 {
			return // parseYAML lets none come so far
		}
		pieces, sections, ok := cut(data, 0)
		if !ok {
			return
		}
		results, bad := parseAll(0, pieces)
		whole := parsePiece(0, piece{text: data})
		if len(bad) > 0 || len(whole.problems) > 0 {
			return // then the file is refused, or parsed as a whole
		}
		doc, _ := assemble(&value{shape: mapping}, 0, pieces, sections, results)
		if got, want := dump(doc), dump(whole.value); got != want {
			t.Errorf("in pieces\n%s\nas a whole\n%s", got, want)
		}
	})
}

// dump shows a value and the lines of its keys. The places of scalars are not
// compared: for texts of several lines the parser's depend on what is around.
func dump(v *value) string {
	var b bytes.Buffer
	v.print(&b)
	var walk func(*value)
	walk = func(v *value) {
		for _, item := range v.items {
			walk(item)
		}
		for _, f := range v.fields {
			fmt.Fprintf(&b, " %s:%d", f.key, f.at.line)
			walk(f.value)
		}
	}
	walk(v)
	return b.String()
}
