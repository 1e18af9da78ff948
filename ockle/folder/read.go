package folder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"syscall"
	"unicode/utf8"

	"millwright.dev/millwright/ockle/ini"
)

// Limits of what is read.
const (
	maxFiles = 20_000
	maxBytes = 256 << 20 // of all files together
)

// Source is where files come from.
type Source struct {
	Open func(path string) ([]byte, error)
	Glob func(pattern string) ([]string, error) // as filepath.Glob, in order
	// Types says whether there is a type that Ockle does not know. Its settings are
	// taken as they are. Nil: there is none.
	Types func(kind Kind, typ string) bool
}

// ErrNone means that there is no Ockle folder: no config.ini, and no server.
var ErrNone = errors.New("there is neither a config.ini nor a server")

// Read reads a folder. What is wrong in it is among the folder's Problems; an error
// is ctx's, the Source's, or [ErrNone].
func Read(ctx context.Context, root string, src Source) (*Folder, error) {
	r := reader{
		ctx: ctx, root: root, src: src,
		folder: &Folder{Files: make(map[string][]byte)},
		at:     make(map[Kind]map[string]int),
	}
	r.config()
	for _, d := range r.folder.Config.dirs() {
		if err := r.items(d); err != nil {
			return nil, err
		}
	}
	f := r.folder
	if f.Config.File == "" && len(f.Servers) == 0 {
		return nil, fmt.Errorf("%s: %w", root, ErrNone)
	}
	r.resolve()
	r.setAside()
	r.breakCircles()
	r.sortProblems()
	return f, ctx.Err()
}

// reader is one reading of one folder.
type reader struct {
	ctx    context.Context
	root   string
	src    Source
	folder *Folder
	bytes  int
	at     map[Kind]map[string]int // places of generators by kind and name
	drafts []draft                 // beside the servers
}

// draft is what is to be looked up when all files are read.
type draft struct {
	doc     *ini.Document
	use     map[Kind][]string // the objects that are in use
	objects []Object
}

// maxProblems is how many problems are told.
const maxProblems = 10_000

func (r *reader) fail(file string, line int, item, format string, args ...any) {
	r.tell(Problem{File: file, Line: line, Item: item}, format, args)
}

func (r *reader) warn(file string, line int, format string, args ...any) {
	r.tell(Problem{File: file, Line: line, Warning: true}, format, args)
}

func (r *reader) tell(p Problem, format string, args []any) {
	switch n := len(r.folder.Problems); {
	case n > maxProblems:
		return
	case n == maxProblems:
		p = Problem{Warning: true}
		format, args = "there are more than %d problems, and the others are not told", []any{maxProblems}
	}
	p.Msg = fmt.Sprintf(format, args...)
	r.folder.Problems = append(r.folder.Problems, p)
}

// open reads a file and notes it.
func (r *reader) open(file string) ([]byte, error) {
	switch {
	case len(r.folder.Order) == maxFiles:
		return nil, fmt.Errorf("there are more than %d files", maxFiles)
	case r.bytes > maxBytes:
		return nil, fmt.Errorf("the files have more than %d bytes together", maxBytes)
	}
	data, err := r.src.Open(file)
	if err != nil {
		return nil, err
	}
	r.bytes += len(data)
	r.folder.Files[file] = data
	r.folder.Order = append(r.folder.Order, file)
	return data, nil
}

// parse reads a file's sections. All its mistakes are noted, as those of item; the
// first one is given back.
func (r *reader) parse(file string, data []byte, item string) (doc *ini.Document, broken string) {
	doc, err := ini.Parse(data)
	var all ini.Errors
	if errors.As(err, &all) {
		broken = all[0].Error()
		for _, e := range all {
			r.fail(file, e.Line, item, "%s", e.Msg)
		}
	}
	if doc == nil {
		return ini.New(), broken
	}
	for _, e := range doc.Repeated() {
		r.warn(file, e.Line, "%s", e.Msg)
	}
	return doc, broken
}

// items reads the files of one of the folders.
func (r *reader) items(d dir) error {
	paths, err := r.src.Glob(quoteGlob(filepath.Join(r.root, d.dir)) + "/*")
	if err != nil {
		return fmt.Errorf("looking for files in %s: %w", filepath.Join(r.root, d.dir), err)
	}
	slices.SortFunc(paths, func(x, y string) int {
		if c := strings.Compare(itemName(x), itemName(y)); c != 0 {
			return c
		}
		return strings.Compare(x, y)
	})
	last := ""
	for _, file := range paths {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		name := itemName(file)
		switch err := CheckName(name); {
		case aside(filepath.Base(file)):
			r.warn(file, 0, "is left beside another file, and not read")
			continue
		case err != nil:
			r.fail(file, 0, "", "%s", err)
			continue
		case name == last:
			r.fail(file, 0, "", "there is another file for %q, and this one is not read", name)
			continue
		}
		last = name
		r.item(d.kind, file, name)
	}
	return nil
}

func itemName(file string) string {
	base := filepath.Base(file)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// quoteGlob makes a pattern that means a path.
func quoteGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// item reads one file.
func (r *reader) item(kind Kind, file, name string) {
	what := called(kind, name)
	data, err := r.open(file)
	doc, broken := ini.New(), ""
	switch {
	case err == nil:
		doc, broken = r.parse(file, data, what)
	case errors.Is(err, syscall.EISDIR):
		r.warn(file, 0, "is a folder, and not read")
		return
	default:
		broken = "cannot be read: " + cause(err).Error()
		r.fail(file, 0, what, "%s", broken)
	}
	if kind == "" {
		r.server(file, name, doc, broken)
		return
	}
	r.generator(kind, file, name, doc, broken)
}

// called names an item in problems.
func called(kind Kind, name string) string {
	if kind == "" {
		kind = "server"
	}
	return string(kind) + " " + quote(name)
}

// quote quotes a name unless it is plain.
func quote(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.')
	}) || name == "" || !utf8.ValidString(name) {
		return fmt.Sprintf("%q", name)
	}
	return name
}

// cause drops the path from what the system says, which is named already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// sortProblems puts problems into the order of the files, and of their lines.
func (r *reader) sortProblems() {
	order := make(map[string]int, len(r.folder.Order))
	for i, file := range r.folder.Order {
		order[file] = i + 1
	}
	list := r.folder.Problems
	sort.SliceStable(list, func(i, j int) bool {
		x, y := &list[i], &list[j]
		return cmp.Or(order[x.File]-order[y.File], strings.Compare(x.File, y.File), x.Line-y.Line) < 0
	})
}
