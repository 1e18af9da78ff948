package house

import (
	"errors"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
	"testing"
)

// How long things may grow. What is longer has two subjects.
const (
	maxFile     = 540 // lines of code
	maxTestFile = 650
	maxFunction = 80
	maxMain     = 200
)

// sleepers may call time.Sleep: place, and why.
var sleepers = map[string]string{
	"internal/sim/vpc/vpc.go": "the device it stands for takes that long to reset, and its only client waits for it",
	"bench/daemon.go":         "waits for another program to open its port",
	"bench/bmcclient/main.go": "measures for as long as it was told",
}

func TestHabits(t *testing.T) {
	for _, s := range sources(t) {
		if s.Name.Name == "main" && s.pkg.path() == "cmd/millwright" && s.lines() > maxMain {
			t.Errorf("%s has %d lines, more than %d: it chooses a program and does nothing else", s.name, s.lines(), maxMain)
		}
		for _, sel := range s.selectors() {
			switch name := sel.pkg + "." + sel.name; {
			case !s.test && name == "time.Sleep" && sleepers[s.name] == "":
				t.Errorf("%s: time.Sleep cannot be cancelled: wait on a timer and on ctx.Done(), or give a reason in sleepers", s.at(sel.node))
			case s.test && sel.pkg != "filepath" && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.name):
				t.Errorf("%s: a test that skips proves nothing: fail, and let scripts/setup install what is missing", s.at(sel.node))
			case !s.test && s.Name.Name != "main" && slices.Contains([]string{"fmt.Print", "fmt.Printf", "fmt.Println"}, name):
				t.Errorf("%s: write to the writer that you were given, or log by slog", s.at(sel.node))
			}
		}
		for _, d := range s.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "init" && fn.Recv == nil {
				t.Errorf("%s: no init: let the caller call it, or make it a value (driver/standard is a plain slice)", s.at(fn))
			}
		}
	}
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		limit := maxFile
		if s.test {
			limit = maxTestFile
		}
		if s.lines() > limit {
			t.Errorf("%s has %d lines, more than %d: a file has one subject; give the second one a file of its own", s.name, s.lines(), limit)
		}
		for _, d := range s.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || s.test {
				continue
			}
			if n := s.fset.Position(fn.End()).Line - s.fset.Position(fn.Pos()).Line; n > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d: a function fits on a screen", s.at(fn), fn.Name.Name, n, maxFunction)
			}
		}
	}
}

// empty words name a place where anything may be put.
var empty = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc", "base", "shared"}

func TestNamesSayWhatIsInside(t *testing.T) {
	for _, s := range sources(t) {
		for part := range strings.SplitSeq(strings.TrimSuffix(s.name, ".go"), "/") {
			for word := range strings.SplitSeq(strings.TrimSuffix(part, "_test"), "_") {
				if slices.Contains(empty, word) {
					t.Errorf("%s: %q says nothing: name the file or the folder for what it holds", s.name, word)
				}
			}
		}
	}
}

// TestGlobalsDoNotChange holds that what stands at package level is a constant
// in all but name. It finds assignments, not methods that change a value.
func TestGlobalsDoNotChange(t *testing.T) {
	byPackage := make(map[string][]*source)
	for _, s := range sources(t) {
		if !s.test {
			byPackage[s.pkg.path()] = append(byPackage[s.pkg.path()], s)
		}
	}
	for name, files := range byPackage {
		for _, place := range changedGlobals(t, name, files) {
			t.Errorf("%s changes a variable of its package: keep it in a struct that somebody owns", place)
		}
	}
}

func changedGlobals(t *testing.T, name string, files []*source) []string {
	t.Helper()
	// One set of files is needed to check them together; imports are of no interest.
	fset, parsed := reparse(t, files)
	uses := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	conf := types.Config{Importer: noImports{}, Error: func(error) {}}
	pkg, _ := conf.Check(path.Base(name), fset, parsed, uses)
	var places []string
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			for _, target := range assigned(n) {
				if v, ok := uses.Uses[target].(*types.Var); ok && v.Parent() == pkg.Scope() {
					places = append(places, fset.Position(target.Pos()).String()+": "+target.Name)
				}
			}
			return true
		})
	}
	return places
}

// noImports leaves other packages unknown, which is quick.
type noImports struct{}

func (noImports) Import(p string) (*types.Package, error) {
	if p == "unsafe" {
		return importer.Default().Import(p)
	}
	return nil, errors.New("not looked at")
}

// assigned gives the variables that a statement changes.
func assigned(n ast.Node) []*ast.Ident {
	var to []ast.Expr
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			to = n.Lhs
		}
	case *ast.IncDecStmt:
		to = []ast.Expr{n.X}
	}
	var found []*ast.Ident
	for _, e := range to {
		for e != nil {
			switch x := e.(type) {
			case *ast.Ident:
				found = append(found, x)
				e = nil
			case *ast.IndexExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			default:
				e = nil
			}
		}
	}
	return found
}
