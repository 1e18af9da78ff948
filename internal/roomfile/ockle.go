package roomfile

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"millwright.dev/millwright/ockle/folder"
	"millwright.dev/millwright/ockle/ini"
)

// ockleFolder is a folder of Ockle's that was read, to become part of the room when all
// files are known.
type ockleFolder struct {
	*folder.Folder
	part  int              // its place in loader.parts
	files map[string]int32 // its files by name
}

// ockleConfig says whether a file is the one that makes a folder one of Ockle's.
func ockleConfig(path string) bool { return filepath.Base(path) == folder.ConfigName }

// isOckle says whether a path is a folder of Ockle's configuration: one with a config.ini
// that has a section of Ockle's.
func (l *loader) isOckle(path string) bool {
	config := filepath.Join(path, folder.ConfigName)
	found, err := l.o.Glob(escape(config))
	if err != nil || len(found) == 0 {
		return false
	}
	data, err := l.o.Open(config)
	if err != nil || len(data) > ini.MaxBytes {
		return false
	}
	doc, _ := ini.Parse(data)
	return slices.ContainsFunc(folder.ConfigSections(), func(s folder.ConfigSection) bool { return doc.Has(s.Name) })
}

// addOckle reads a folder of Ockle's configuration. What is wrong in it is set aside and
// told among the warnings; the rest is used.
func (l *loader) addOckle(root string, from place) {
	config := filepath.Join(root, folder.ConfigName)
	l.seen[config] = true
	f, err := folder.Read(l.ctx, root, folder.Source{Open: l.readOckle, Glob: l.o.Glob, Types: l.ourType})
	if err != nil {
		if l.ctx.Err() == nil {
			l.fail(from, "cannot read %s: %s", root, err)
		}
		return
	}
	o := &ockleFolder{Folder: f, part: len(l.parts), files: make(map[string]int32, len(f.Order))}
	order := f.Order
	if !slices.Contains(order, config) {
		order = append([]string{config}, order...)
	}
	for _, name := range order {
		o.files[name] = int32(len(l.files))
		l.files = append(l.files, file{name: name, data: f.Files[name], foreign: true})
	}
	for _, p := range f.Problems {
		msg := p.Msg
		if p.Item != "" {
			msg = p.Item + " is set aside: " + msg
		}
		l.warnings = append(l.warnings, &Problem{File: p.File, Line: p.Line, Msg: msg, order: int(o.files[p.File])})
	}
	l.ockles = append(l.ockles, o)
	at := place{o.files[config], 1, 0}
	l.parts = append(l.parts, part{file: at.file, foreign: true, doc: &value{shape: mapping, at: at}})
}

// readOckle opens a file of such a folder.
func (l *loader) readOckle(path string) ([]byte, error) {
	data, err := l.read(path)
	if errors.Is(err, folderError{}) {
		return nil, syscall.EISDIR
	}
	return data, err
}

// folderError says that a folder was opened as a file.
type folderError struct{}

func (folderError) Error() string { return "it is a folder without room files (*.yaml)" }

// ourType says whether a type that Ockle does not know is a driver, a kind of control or
// a kind of check here.
func (l *loader) ourType(kind folder.Kind, typ string) bool {
	var names []string
	switch kind {
	case folder.PDU:
		for i := range l.o.Drivers {
			names = append(names, l.o.Drivers[i].Name)
		}
	case folder.Controller:
		for i := range l.o.Controls {
			names = append(names, l.o.Controls[i].Name)
		}
	case folder.Tester:
		for i := range l.o.Checks {
			names = append(names, l.o.Checks[i].Name)
		}
	}
	return slices.Contains(names, typ)
}

// takeOckle turns folders of Ockle's into what a room file would say.
func (l *loader) takeOckle() {
	for _, o := range l.ockles {
		t := translation{loader: l, from: o, aside: make(map[string]string), broken: make(map[string]bool), taken: make(map[string]string)}
		l.parts[o.part].doc = t.document()
		listener := o.Config.Listener
		if slices.Contains(o.Config.Plugins, "SocketListener") {
			l.draft.Settings.Ockle.Listen = []string{ockleLoopback(listener.Port)}
		}
	}
}

// OckleFiles gives the files of a folder of Ockle's configuration, as they are read by
// open and glob; none if it is not one.
func OckleFiles(path string, open func(string) ([]byte, error), glob func(string) ([]string, error)) []string {
	l := newLoader(background(), Options{Open: open, Glob: glob})
	if !l.isOckle(path) {
		return nil
	}
	f, err := folder.Read(background(), path, folder.Source{Open: open, Glob: glob})
	if err != nil {
		return nil
	}
	return f.Order
}

// relative gives a file's name from the room's folder, as references to secrets have it.
func (l *loader) relative(path string) string {
	rel, err := filepath.Rel(l.base, path)
	if err != nil || !filepath.IsLocal(rel) {
		if abs, err := filepath.Abs(path); err == nil {
			return abs
		}
		return path
	}
	return rel
}

// plainItem says why something of Ockle's cannot have its name here: names are typed in
// lists of targets. It gives nothing if it can.
func plainItem(name string) string {
	if why := badName(name); why != "" {
		return why
	}
	if strings.Contains(name, ":") {
		return "it holds :"
	}
	return ""
}

// OckleOutlets gives a function that says which plug an outlet of a server is, by the
// names that they have in Ockle's files of a room that was read. It finds nothing in a
// room without such files.
func (res *Result) OckleOutlets(ctx context.Context) func(server, outlet string) (device, plug string, found bool) {
	at := make(map[[2]string][2]string)
	open, glob := Replay(res.Files)
	for _, name := range res.Order {
		if !ockleConfig(name) {
			continue
		}
		f, err := folder.Read(ctx, filepath.Dir(name), folder.Source{Open: open, Glob: glob, Types: func(folder.Kind, string) bool { return true }})
		if err != nil {
			continue
		}
		for _, s := range f.Servers {
			for _, o := range s.Outlets {
				at[[2]string{s.Name, o.Name}] = [2]string{o.From, OcklePlug(s.Name, o)}
			}
		}
	}
	return func(server, outlet string) (device, plug string, found bool) {
		where, found := at[[2]string{server, outlet}]
		return where[0], where[1], found
	}
}
