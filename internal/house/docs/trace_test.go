package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

// root is the top of the repository, seen from here.
const root = "../../../"

// TestTrace holds that the files and functions which architecture.md names in
// "one request, package by package" exist: `file.go`: `Func`, `Type.Method`.
func TestTrace(t *testing.T) {
	text := read(t, "docs/architecture.md")
	_, text, _ = strings.Cut(text, "<!-- trace -->")
	text, _, found := strings.Cut(text, "<!-- /trace -->")
	if !found {
		t.Fatal("the trace has gone from docs/architecture.md")
	}
	mention := regexp.MustCompile("`([a-z/_]+\\.go)`|`((?:[A-Za-z]+\\.)?[A-Za-z]+)`")
	file, functions, seen := "", map[string]bool{}, 0
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		if m[1] != "" {
			file, functions = m[1], functionsOf(t, m[1])
			continue
		}
		name := m[2]
		if !strings.Contains(name, ".") && !token.IsExported(name) && name != "main" || name == "Conn" {
			continue // an ordinary word such as `up`
		}
		seen++
		if !functions[name] {
			t.Errorf("docs/architecture.md says that %s has the function %s, which it has not", file, name)
		}
	}
	if seen < 30 {
		t.Errorf("found only %d functions in the trace: has its form changed?", seen)
	}
}

// functionsOf gives the functions of a file as "Func" and "Type.Method", with
// those of the rest of its package left out.
func functionsOf(t *testing.T, name string) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), root+name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Errorf("docs/architecture.md: %v", err)
		return nil
	}
	found := make(map[string]bool)
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name := fn.Name.Name
		if fn.Recv != nil {
			of := fn.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			name = of.(*ast.Ident).Name + "." + name
		}
		found[name] = true
	}
	return found
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(root + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
