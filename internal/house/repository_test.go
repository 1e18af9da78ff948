package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "millwright.dev/millwright"

// root is the top of the repository, seen from here.
const root = "../.."

// listed is what `go list` says of a package of ours.
type listed struct {
	ImportPath   string
	Name         string
	Dir          string
	Imports      []string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
}

// path is the package's path within the module.
func (p *listed) path() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// packages gives every package of the module.
func packages(t *testing.T) []*listed {
	t.Helper()
	all, err := listOnce()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var listOnce = sync.OnceValues(func() ([]*listed, error) {
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Dir,Imports,GoFiles,TestGoFiles,XTestGoFiles", "./...")
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var all []*listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := &listed{}
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

// source is one parsed file.
type source struct {
	*ast.File
	pkg  *listed
	name string // from the top of the repository
	test bool
	fset *token.FileSet
}

// at gives a place in the file for a message.
func (s *source) at(n ast.Node) string {
	p := s.fset.Position(n.Pos())
	p.Filename = s.name
	return p.String()
}

// lines is how long the file is.
func (s *source) lines() int { return s.fset.File(s.Pos()).LineCount() }

// sources gives every Go file that people write: all but generated ones.
func sources(t *testing.T) []*source {
	t.Helper()
	var all []*source
	for _, p := range packages(t) {
		for i, names := range [][]string{p.GoFiles, p.TestGoFiles, p.XTestGoFiles} {
			for _, name := range names {
				s := &source{pkg: p, name: filepath.Join(p.path(), name), test: i > 0, fset: token.NewFileSet()}
				var err error
				s.File, err = parser.ParseFile(s.fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
				if err != nil {
					t.Fatal(err)
				}
				if !ast.IsGenerated(s.File) {
					all = append(all, s)
				}
			}
		}
	}
	return all
}

// selector is a use of NAME.WORD in a file.
type selector struct {
	pkg, name string
	node      ast.Node
}

// selectors gives all uses of another package's names, as they are written.
func (s *source) selectors() []selector {
	var found []selector
	ast.Inspect(s.File, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok {
				found = append(found, selector{x.Name, sel.Sel.Name, n})
			}
		}
		return true
	})
	return found
}

// tracked gives the names of all files that are, or are about to be, in git.
func tracked(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
}

// reparse parses the files of one package into one file set.
func reparse(t *testing.T, files []*source) (*token.FileSet, []*ast.File) {
	t.Helper()
	fset := token.NewFileSet()
	parsed := make([]*ast.File, len(files))
	for i, s := range files {
		text, err := os.ReadFile(filepath.Join(root, s.name))
		if err != nil {
			t.Fatal(err)
		}
		if parsed[i], err = parser.ParseFile(fset, s.name, text, parser.SkipObjectResolution); err != nil {
			t.Fatal(err)
		}
	}
	return fset, parsed
}
