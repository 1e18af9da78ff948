package ockle

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"sync"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/revision"
	"millwright.dev/millwright/ockle"
	"millwright.dev/millwright/ockle/folder"
	"millwright.dev/millwright/ockle/ini"
)

// etc is the room's folder of Ockle's configuration, as it was accepted. Nil is none.
type etc struct {
	*folder.Folder
	revision int64
	root     string // of the folder within the room's; "" if it is that
	files    map[string][]byte
	at       map[string]int // places of servers by name
}

// cache keeps what was read last.
type cache struct {
	mu  sync.Mutex
	rev int64
	etc *etc
}

// get gives the folder as it is now.
func (c *cache) get(ctx context.Context, d *desk.Desk) (*etc, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rev, files, err := d.Files(ctx, c.rev)
	if err != nil || rev == c.rev {
		return c.etc, err
	}
	c.rev, c.etc = rev, readEtc(ctx, rev, files)
	return c.etc, nil
}

// readEtc reads the folder among a room's files that is nearest to the top.
func readEtc(ctx context.Context, rev int64, files map[string][]byte) *etc {
	var configs []string
	for name := range files {
		if path.Base(name) == folder.ConfigName {
			configs = append(configs, name)
		}
	}
	if len(configs) == 0 {
		return nil
	}
	slices.SortFunc(configs, func(x, y string) int {
		if d := strings.Count(x, "/") - strings.Count(y, "/"); d != 0 {
			return d
		}
		return strings.Compare(x, y)
	})
	open, glob := replay(files)
	root := path.Dir(configs[0])
	f, err := folder.Read(ctx, root, folder.Source{Open: open, Glob: glob, Types: func(folder.Kind, string) bool { return true }})
	if err != nil {
		return nil
	}
	e := &etc{Folder: f, revision: rev, files: files, at: make(map[string]int, len(f.Servers))}
	if root != "." {
		e.root = root
	}
	for i, s := range f.Servers {
		e.at[s.Name] = i
	}
	return e
}

func (e *etc) server(name string) *folder.Server {
	if e == nil {
		return nil
	}
	if i, found := e.at[name]; found {
		return &e.Servers[i]
	}
	return nil
}

// comment gives what a server's file says of it.
func (e *etc) comment(name string) string {
	if s := e.server(name); s != nil {
		return s.Comment
	}
	return ""
}

// errNoFiles is for rooms that have no such files.
func errNoFiles() error {
	return ockle.Errorf(ockle.CodeRefused, "this room is not made of Ockle's files; change it by millwright's own commands")
}

// path gives the name of a file, of those that clients may read and write, in the room's
// folder.
func (v *visit) path() (string, error) {
	if err := v.desk.NeedConfigure(v.actor, "edit Ockle's files"); err != nil {
		return "", err
	}
	if v.etc == nil {
		return "", errNoFiles()
	}
	name, found := v.said.Get(ockle.KeyPath)
	if !found {
		return "", ockle.Errorf(ockle.CodeInvalid, "%s is missing", ockle.KeyPath)
	}
	f, err := v.etc.Config.CheckPath(name)
	if err != nil {
		return "", ockle.Errorf(ockle.CodeRefused, "%s", err)
	}
	return path.Join(v.etc.root, f.Path), nil
}

// getINI gives a file; a single blank if there is none.
func getINI(_ context.Context, v visit) (ockle.Values, error) {
	name, err := v.path()
	if err != nil {
		return nil, err
	}
	text := " "
	if file := v.etc.files[name]; len(file) > 0 {
		text = strings.ToValidUTF8(string(file), "\ufffd")
	}
	return value(ockle.KeyFile, text), nil
}

func setINI(ctx context.Context, v visit) (ockle.Values, error) {
	sections, err := ockle.ParseSections(v.said.Text(ockle.KeyINI))
	if err != nil {
		return nil, ockle.Errorf(ockle.CodeInvalid, "%s: %s", ockle.KeyINI, err)
	}
	return v.edit(ctx, func(doc *ini.Document) ([]byte, error) {
		if doc == nil {
			doc = ini.New()
		}
		if err := doc.Apply(changes(doc, sections)...); err != nil {
			return nil, ockle.Errorf(ockle.CodeInvalid, "%s", err)
		}
		return doc.Bytes(), nil
	})
}

// changes gives the edits that make a file of sections: those that are not named go, and
// of those that are the keys that are named change.
func changes(doc *ini.Document, sections ockle.Sections) []ini.Change {
	var list []ini.Change
	for _, name := range doc.Sections() {
		if !slices.ContainsFunc(sections, func(s ockle.Section) bool { return s.Name == name }) {
			list = append(list, ini.Change{Section: name, Delete: true})
		}
	}
	for _, s := range sections {
		if !doc.Has(s.Name) {
			list = append(list, ini.Change{Section: s.Name})
		}
		for _, k := range s.Keys {
			if old, found := doc.Get(s.Name, k.Key); !found || old != k.Text {
				list = append(list, ini.Change{Section: s.Name, Key: k.Key, Value: k.Text})
			}
		}
	}
	return list
}

func deleteINI(ctx context.Context, v visit) (ockle.Values, error) {
	values, err := v.edit(ctx, func(doc *ini.Document) ([]byte, error) {
		if doc == nil {
			return nil, ockle.Errorf(ockle.CodeNotFound, "there is no such file")
		}
		return nil, nil
	})
	return failed(values, err)
}

func deleteSection(ctx context.Context, v visit) (ockle.Values, error) {
	section := v.said.Text(ockle.KeySection)
	values, err := v.edit(ctx, func(doc *ini.Document) ([]byte, error) {
		if doc == nil || !doc.DeleteSection(section) {
			return nil, ockle.Errorf(ockle.CodeNotFound, "there is no section %q", section)
		}
		return doc.Bytes(), nil
	})
	return failed(values, err)
}

// failed tells an error as those commands do that have a key for it.
func failed(values ockle.Values, err error) (ockle.Values, error) {
	if err == nil {
		return values, nil
	}
	var told *ockle.Error
	if errors.As(translate(err), &told) {
		return ockle.Values{{Key: ockle.KeySucceeded, Text: ockle.Bool(false)}, {Key: ockle.KeyError, Text: told.Message}}, nil
	}
	return nil, err
}

// backup is the folder into which files go that are deleted.
const backup = "serversBack"

// edit changes one file: what make gives is its new text, or nil to take it away. If
// somebody has edited files on the disk since, those are taken first. Clients edit one after
// the other, since none of them knows what to do about a conflict.
func (v *visit) edit(ctx context.Context, make func(doc *ini.Document) ([]byte, error)) (ockle.Values, error) {
	const most = 4
	v.editing.Lock()
	defer v.editing.Unlock()
	if err := v.open(ctx); err != nil {
		return nil, err
	}
	for tries := 1; ; tries++ {
		name, err := v.path()
		if err != nil {
			return nil, err
		}
		var doc *ini.Document
		if file := v.etc.files[name]; file != nil {
			doc, _ = ini.Parse(file) // what is wrong with it may be what is mended now
		}
		text, err := make(doc)
		if err != nil {
			return nil, err
		}
		done, err := v.desk.ChangeConfiguration(ctx, v.actor, revision.Change{
			Note: "by an Ockle client", Base: v.etc.revision, Files: map[string][]byte{name: text}, Aside: path.Join(v.etc.root, backup),
		})
		var conflict *revision.Conflict
		if err == nil {
			values := value(ockle.KeySucceeded, ockle.Bool(true))
			if len(done.Warnings) > 0 { // such as what is set aside now
				values = append(values, ockle.Value{Key: "warnings", Text: done.Warnings.Error()})
			}
			return values, nil
		}
		if tries == most || !errors.As(err, &conflict) {
			return nil, err
		}
		if err := v.desk.Reload(ctx, v.actor); err != nil {
			return nil, err
		}
		if err := v.open(ctx); err != nil {
			return nil, err
		}
	}
}
