package roomfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/calendar"
	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// Limits of what is read.
const (
	// MaxFile is the size of the largest file that is read, in bytes.
	MaxFile = 64 << 20

	maxFiles = 10_000
	maxBytes = 256 << 20 // of all files together
	maxDeep  = 10        // includes within includes
)

// Options are what a Loader works with. Drivers is what `driver:` may name.
type Options struct {
	Drivers []driver.Driver
	// Checks and Controls are what `kind:` may name in those sections.
	Checks   []check.Kind
	Controls []control.Kind

	// PowerManDevice makes the settings of a device of a powerman.conf: where and
	// flags are its third and fourth strings. Nil if such files cannot be used.
	PowerManDevice func(spec *devspec.Spec, where, flags string) (driver.Settings, error)

	// Library holds device files that every room can refer to without naming a file;
	// what the room defines itself goes before it. Nil is an empty one.
	Library Library

	// Open reads a file and Glob finds those that match a pattern, in order.
	// Nil means those of the operating system; see [Replay] for files that are
	// kept elsewhere.
	Open func(path string) ([]byte, error)
	Glob func(pattern string) ([]string, error)
}

// Result is a room that was read.
type Result struct {
	Room *room.Room
	// Files are all files that were read, by the name they were opened by: what
	// a revision consists of.
	Files map[string][]byte
	// Order is their names in the order they were read.
	Order []string
	// Warnings are what does not keep the room from working.
	Warnings Problems
}

// Load reads a room: a room file, a folder of them (room.yaml first, then all
// other *.yaml and *.yml in the order of their names), a folder of Ockle's configuration
// (and such files in it), or a powerman.conf. An error is [Problems], all there are, or
// ctx's.
func Load(ctx context.Context, path string, o Options) (*Result, error) {
	l := newLoader(ctx, o)
	l.start(path)
	l.specifications()
	l.takeOckle()
	l.sections()
	l.makeDevices()
	l.pluginUses()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := l.room()
	if len(l.problems) > 0 {
		return nil, l.problems.sorted()
	}
	return &Result{Room: r, Files: l.result.Files, Order: l.result.Order, Warnings: l.warnings.sorted()}, nil
}

// Replay gives an Open and a Glob over files that are in memory, such as those
// of a revision in the store.
func Replay(files map[string][]byte) (open func(string) ([]byte, error), glob func(string) ([]string, error)) {
	open = func(path string) ([]byte, error) {
		data, found := files[path]
		if !found {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		return data, nil
	}
	glob = func(pattern string) ([]string, error) {
		var found []string
		for name := range files {
			ok, err := filepath.Match(pattern, name)
			if err != nil {
				return nil, err
			}
			if ok {
				found = append(found, name)
			}
		}
		slices.Sort(found)
		return found, nil
	}
	return open, glob
}

// loader is one reading of one room.
type loader struct {
	ctx      context.Context
	o        Options
	result   Result
	problems Problems
	warnings Problems
	decoder  decoder

	files   []file
	parts   []part
	keeping keepingPart       // of `consoles:`
	seen    map[string]bool   // room files already under way or read
	bytes   int               // read so far
	found   map[string]string // files found beside the one that includes them
	shelf   shelf
	base    string // the room\'s folder
	ockles  []*ockleFolder

	draft  room.Draft
	nodeAt map[string]int // place in draft.Nodes

	ipmiNodes *value        // what the section ipmi: says of nodes
	nodes     []nodeSource  // beside draft.Nodes
	groups    []entrySource // beside draft.Groups
	aliases   []entrySource // beside draft.Aliases
	feeds     []entrySource // beside draft.Feeds
	creds     []entrySource // beside draft.Credentials
	vetoes    []entrySource // beside draft.Vetoes
	controls  []entrySource // beside draft.Controls
	checks    []entrySource // beside draft.Checks
	limits    []entrySource // beside draft.Limits
	upses     []entrySource // beside draft.UPSes
	stages    []entrySource // beside draft.Stages
	schedules []entrySource // beside draft.Schedules
	plugins   []entrySource // beside draft.Plugins
	calendars map[string]*calendar.Holidays
	conduct   conductPart    // of `order:`
	devices   []deviceSource // beside draft.Devices
	deviceAt  map[string]int
	once      map[string]place // sections that only one file may have
	partial   bool             // some names could not be understood
}

// part is a file's content: a room file's or, if conf is set, a powerman.conf's.
type part struct {
	file   int32
	doc    *value
	conf   *devspec.Config
	layout *devspec.Layout
	// foreign says that doc was made of a folder of Ockle's: room files go before it.
	foreign bool
}

// file is one that was read.
type file struct {
	name    string
	data    []byte
	lines   []int // where each begins; made when first needed
	foreign bool  // of Ockle's, with passwords in it: no line of it is shown
}

// defaultSettings are those of a room that says nothing of them.
func defaultSettings() room.Settings {
	return room.Settings{Verify: 30 * time.Second, Rest: 5 * time.Second, KeepEvents: 400 * day, PowerMan: room.PowerMan{PlugLogLevel: 7}, Conduct: room.DefaultConduct()}
}

func newLoader(ctx context.Context, o Options) *loader {
	if o.Open == nil {
		o.Open = openFile
	}
	if o.Glob == nil {
		o.Glob = func(pattern string) ([]string, error) { return glob(ctx, pattern) }
	}
	l := &loader{
		ctx: ctx, o: o, seen: make(map[string]bool), nodeAt: make(map[string]int), deviceAt: make(map[string]int),
		calendars: make(map[string]*calendar.Holidays),
		once:      make(map[string]place), shelf: make(shelf), found: make(map[string]string),
	}
	l.decoder.fail = l.fail
	l.result.Files = make(map[string][]byte)
	l.draft.Settings = defaultSettings()
	l.conduct = conductFrom(l.draft.Settings.Conduct)
	return l
}

// openFile reads a regular file of bounded size.
func openFile(path string) ([]byte, error) {
	// Without O_NONBLOCK, opening a FIFO would wait for a writer for ever.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return nil, folderError{}
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return io.ReadAll(io.LimitReader(f, MaxFile+1))
}

// read opens a file once and remembers it.
func (l *loader) read(path string) ([]byte, error) {
	if data, found := l.result.Files[path]; found {
		return data, nil
	}
	if err := l.ctx.Err(); err != nil {
		return nil, err
	}
	if len(l.result.Order) >= maxFiles {
		return nil, fmt.Errorf("more than %d files", maxFiles)
	}
	data, err := l.o.Open(path)
	if err == nil && len(data) > MaxFile {
		err = fmt.Errorf("it is longer than %d MiB", MaxFile>>20)
	}
	if l.bytes += len(data); err == nil && l.bytes > maxBytes {
		err = fmt.Errorf("the files are longer than %d MiB together", maxBytes>>20)
	}
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, err
	}
	l.result.Files[path] = data
	l.result.Order = append(l.result.Order, path)
	return data, nil
}

// reader gives read to devspec. Relative names start at the working directory,
// as with PowerMan, and failing that at the folder of the file they stand in.
func (l *loader) reader(from string) devspec.OpenFunc {
	return func(name string) (io.ReadCloser, error) {
		data, err := l.read(name)
		if beside := filepath.Join(filepath.Dir(from), name); errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(name) && name != from {
			if there, err2 := l.read(beside); err2 == nil {
				l.found[name] = beside
				data, err = there, nil
			}
		}
		if err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(data)), nil
	}
}

// text gives a file that devspec has read, by the name it has there.
func (l *loader) text(name string) []byte {
	if beside, found := l.found[name]; found {
		name = beside
	}
	return l.result.Files[name]
}

// start reads the path that was asked for, and what it includes.
func (l *loader) start(path string) {
	inside, ockle := l.folder(path), l.isOckle(path)
	l.base = filepath.Dir(path)
	if ockle || len(inside) > 0 {
		l.base = path
	}
	if ockle {
		l.addOckle(path, place{})
	}
	for _, name := range inside {
		l.add(name, place{}, 0)
	}
	if ockle || len(inside) > 0 {
		return
	}
	l.add(path, place{}, 0)
}

// folder gives the room files in a folder, room.yaml first; none if the path is
// not a folder.
func (l *loader) folder(path string) []string {
	var inside []string
	for _, pattern := range []string{"*.yaml", "*.yml"} {
		if names, err := l.o.Glob(filepath.Join(escape(path), pattern)); err == nil {
			inside = append(inside, names...)
		}
	}
	first := func(name string) bool { return strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)) == "room" }
	slices.SortFunc(inside, func(a, b string) int {
		if first(a) != first(b) {
			if first(a) {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return inside
}

// escape keeps the characters of a path from being a pattern.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// add reads one file of whichever language; from is the include that asked for it.
func (l *loader) add(path string, from place, depth int) {
	if l.seen[path] {
		return
	}
	if ockleConfig(path) {
		l.addOckle(filepath.Dir(path), from)
		return
	}
	l.seen[path] = true
	data, err := l.read(path)
	if err != nil {
		if from.line > 0 {
			l.fail(from, "cannot read %s: %s", path, err)
		} else {
			l.problems = append(l.problems, &Problem{File: path, Msg: "cannot read: " + err.Error(), powermand: "powermand: " + path + ": " + err.Error()})
		}
		return
	}
	id := int32(len(l.files))
	l.files = append(l.files, file{name: path, data: data})
	if isPowerMan(path, data) {
		l.addPowerMan(id, path)
		return
	}
	doc, bad := parseYAML(id, data)
	for _, c := range bad {
		l.fail(c.at, "%s", c.msg)
	}
	if len(bad) > 0 || doc == nil {
		return
	}
	// What is included goes first, so that this file may change members of the
	// ranges there.
	l.includes(path, doc, depth)
	l.parts = append(l.parts, part{file: id, doc: doc})
}

// includes follows a file's include: part.
func (l *loader) includes(path string, doc *value, depth int) {
	part := doc.get("include")
	if part == nil {
		return
	}
	if depth >= maxDeep {
		l.fail(part.at, "includes are nested more than %d deep", maxDeep)
		return
	}
	for i, pattern := range l.texts(part) {
		for _, name := range l.expand(path, pattern, part.item(i)) {
			l.add(name, part.item(i), depth+1)
		}
	}
}

// expand finds the files that a pattern in a file stands for.
func (l *loader) expand(path, pattern string, at place) []string {
	if pattern == "" {
		l.fail(at, "a file's name is missing here")
		return nil
	}
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(path), pattern)
	}
	if !strings.ContainsAny(pattern, "*?[") {
		return []string{pattern}
	}
	names, err := l.o.Glob(pattern)
	switch {
	case errors.Is(err, filepath.ErrBadPattern):
		l.fail(at, "%q is not a pattern for files: %s", pattern, err)
	case err != nil:
		l.fail(at, "%q: %s", pattern, err)
	case len(names) == 0:
		l.fail(at, "no file matches %q", pattern)
	}
	return names
}

// texts decodes a text or list of texts.
func (l *loader) texts(v *value) texts {
	var list struct {
		V texts `yaml:"v"`
	}
	l.decode(&value{shape: mapping, at: v.at, fields: []field{{key: "v", at: v.at, value: v}}}, &list)
	return list.V
}

// fail notes a problem.
func (l *loader) fail(at place, format string, args ...any) {
	const most = 1000
	if len(l.problems) < most {
		l.problems = append(l.problems, l.problem(at, fmt.Sprintf(format, args...)))
	}
}

func (l *loader) warn(at place, format string, args ...any) {
	l.warnings = append(l.warnings, l.problem(at, fmt.Sprintf(format, args...)))
}

func (l *loader) problem(at place, msg string) *Problem {
	p := &Problem{Msg: msg, Line: int(at.line), Col: int(at.col), order: int(at.file)}
	if int(at.file) < len(l.files) {
		f := &l.files[at.file]
		p.File = f.name
		if !f.foreign {
			p.Text = f.line(int(at.line))
		}
	}
	if msg == errPlainSecret.Error() {
		p.Text = "" // it may hold the secret
	}
	return p
}

// line gives the n-th line, from one.
func (f *file) line(n int) string {
	if f.lines == nil {
		f.lines = []int{0}
		for i, c := range f.data {
			if c == '\n' {
				f.lines = append(f.lines, i+1)
			}
		}
	}
	if n < 1 || n > len(f.lines) {
		return ""
	}
	text := f.data[f.lines[n-1]:]
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	return string(bytes.TrimSuffix(text[:min(len(text), 64<<10)], []byte("\r")))
}

// where words a place for use inside a message.
func (l *loader) where(at place, from place) string {
	if at.file == from.file {
		return fmt.Sprintf("line %d", at.line)
	}
	if at.line == 0 {
		return l.files[at.file].name
	}
	return fmt.Sprintf("%s:%d", l.files[at.file].name, at.line)
}

// Folder gives the folder that a room at path lives in, which is what relative
// paths in it, such as those of secrets, start from: the path itself if it is a
// folder.
func Folder(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path
	}
	return filepath.Dir(path)
}
