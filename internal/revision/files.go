package revision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/sys/unix"

	"millwright.dev/millwright/internal/durable"
	"millwright.dev/millwright/internal/roomfile"
)

// files are texts by the path that they are opened by.
type files map[string][]byte

func same(a, b files) bool { return maps.EqualFunc(a, b, bytes.Equal) }

func union(a, b files) files {
	all := maps.Clone(a)
	if all == nil {
		all = make(files)
	}
	maps.Copy(all, b)
	return all
}

// name gives a path as people name it: relative to the room's folder, if it is in it.
func (b *Book) name(path string) string {
	rel, err := filepath.Rel(b.folder, path)
	if err != nil || !filepath.IsLocal(rel) {
		return path
	}
	return filepath.ToSlash(rel)
}

// inside says whether a path is one that is edited here.
func (b *Book) inside(path string) bool {
	rel, err := filepath.Rel(b.folder, path)
	return err == nil && filepath.IsLocal(rel)
}

// path gives the place of a file by its name. Only what lies in the room's folder
// can be changed.
func (b *Book) path(name string) (string, error) {
	local, err := filepath.Localize(name)
	switch {
	case err != nil || strings.ContainsAny(name, "\x00\n") || len(name) > 255:
		return "", fmt.Errorf("%q: only files in the room's folder can be changed", name)
	case strings.HasPrefix(filepath.Base(local), "."):
		return "", fmt.Errorf("%q: hidden files are no part of a room", name)
	}
	path := filepath.Join(b.folder, local)
	if !within(b.folder, filepath.Dir(path)) {
		return "", fmt.Errorf("%q: a link leads out of the room's folder", name)
	}
	return path, nil
}

// within says whether a folder lies in another, wherever links lead. One that is
// not there yet leads nowhere.
func within(folder, dir string) bool {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	root, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(root, real)
	return err == nil && filepath.IsLocal(rel)
}

// strays gives a file that a change would write and that is no part of the room.
func strays(disk, next files, read *roomfile.Result) (path string, found bool) {
	for _, path := range differing(disk, next) {
		if _, stays := next[path]; stays && read.Files[path] == nil {
			return path, true
		}
	}
	return "", false
}

// place finds the file that an edit is for.
func (b *Book) place(set files, name string, e roomfile.Edit) (string, error) {
	if name != "" {
		path, err := b.path(name)
		if err == nil && set[path] == nil {
			err = fmt.Errorf("%s: there is no such file", name)
		}
		return path, err
	}
	var first, section string
	for _, path := range slices.SortedFunc(maps.Keys(set), roomFirst) {
		if ext := filepath.Ext(path); ext != ".yaml" && ext != ".yml" || !b.inside(path) {
			continue
		}
		depth := roomfile.Depth(set[path], e.Path)
		switch {
		case depth > 1:
			return path, nil
		case section == "" && depth == 1:
			section = path
		case first == "":
			first = path
		}
	}
	switch {
	case section != "":
		return section, nil
	case first != "":
		return first, nil
	}
	return "", errors.New("there is no room file to put it into")
}

func roomFirst(a, b string) int {
	isRoom := func(p string) int {
		if strings.TrimSuffix(filepath.Base(p), filepath.Ext(p)) == "room" {
			return 0
		}
		return 1
	}
	if d := isRoom(a) - isRoom(b); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}

// disk reads what is on the disk now of a set of files, and new room files beside them,
// or new files of Ockle's in its folders.
func (b *Book) disk(known files) (files, error) {
	paths := slices.Collect(maps.Keys(known))
	if b.folder == b.o.Config {
		for _, pattern := range []string{"*.yaml", "*.yml"} {
			entries, err := fs.Glob(os.DirFS(b.folder), pattern)
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				paths = append(paths, filepath.Join(b.folder, e))
			}
		}
	}
	paths = append(paths, b.ockle(known)...)
	set := make(files, len(paths))
	for _, path := range paths {
		text, err := readFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		set[path] = text
	}
	return set, nil
}

// ockle gives the files on the disk of each folder of Ockle's that is part of a set.
func (b *Book) ockle(known files) []string {
	var paths []string
	for path := range known {
		if filepath.Base(path) == "config.ini" {
			paths = append(paths, roomfile.OckleFiles(filepath.Dir(path), readFile, filepath.Glob)...)
		}
	}
	return paths
}

// readFile reads a file of bounded size.
func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, roomfile.MaxFile+1))
	if err == nil && len(text) > roomfile.MaxFile {
		err = fmt.Errorf("%s is longer than %d MiB", path, roomfile.MaxFile>>20)
	}
	return text, err
}

// read reads a set of files as a room. What the set does not hold, such as device
// files elsewhere, comes from the disk, but no room file that the set has lost.
func (b *Book) read(ctx context.Context, set files) (*roomfile.Result, error) {
	inMemory, glob := roomfile.Replay(set)
	open := func(path string) ([]byte, error) {
		text, err := inMemory(path)
		if err != nil && !b.inside(path) {
			return readFile(path)
		}
		return text, err
	}
	return b.o.Read(ctx, open, glob)
}

// compare gives the difference of two sets as people read it; empty if there is none.
func (b *Book) compare(from, to files) []byte {
	var out bytes.Buffer
	for _, path := range slices.Sorted(maps.Keys(union(from, to))) {
		name := b.name(path)
		was, is := "a/"+name, "b/"+name
		if from[path] == nil {
			was = "/dev/null"
		}
		if to[path] == nil {
			is = "/dev/null"
		}
		out.Write(diff.Diff(was, shown(path, from[path]), is, shown(path, to[path])))
	}
	return out.Bytes()
}

// differing gives the paths at which two sets differ, in order.
func differing(from, to files) []string {
	var paths []string
	for _, path := range slices.Sorted(maps.Keys(union(from, to))) {
		if from[path] == nil || to[path] == nil || !bytes.Equal(from[path], to[path]) {
			paths = append(paths, path)
		}
	}
	return paths
}

// writable says, before anything is accepted, whether all that is to be written can be.
func (b *Book) writable(from, to files) error {
	for _, path := range differing(from, to) {
		if !b.inside(path) {
			return fmt.Errorf("%s lies outside the room's folder", path)
		}
		dir := there(filepath.Dir(resolved(path)))
		if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
			return &fs.PathError{Op: "write to", Path: dir, Err: err}
		}
	}
	return nil
}

// there gives the nearest folder on the way to one that is there already.
func there(dir string) string {
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// resolved gives what a symbolic link leads to: that is what is written, the link stays.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// write brings the disk from one set to another, file by file, each at once.
func (b *Book) write(from, to files) error {
	for _, path := range differing(from, to) {
		text, stays := to[path]
		if !stays {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := durable.Replace(resolved(path), text, 0o640); err != nil {
			return err
		}
	}
	return nil
}
