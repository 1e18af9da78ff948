// Package pressed reads the text files that the program carries within it.
//
// Device files, dialogues, profiles and pages stand in the repository as people read
// them. In the program they stand together in one pressed archive for each package,
// pressed.tar.gz, which is a fifth of their size: the program is for small boards too.
// Nothing is unpacked before somebody asks for the first file, because the program
// also runs a thousand times over as a coprocess that never does.
//
// An archive is made by `go generate`, and a test of its package fails if it does not
// hold what the files do (package pressedtest). Start at [New].
package pressed

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

// most bounds what an archive may unpack to, in bytes.
const most = 1 << 20

// Files is a set of files that do not change. Many may read it at once.
type Files struct {
	read func() (map[string]string, error)
}

// New gives the files of an archive, a tar that gzip has pressed, which is read when
// the first is asked for, and never again.
func New(archive string) Files {
	return Files{sync.OnceValues(func() (map[string]string, error) { return unpack(archive) })}
}

// Names gives the names of all files, sorted, with slashes between folders. There are
// none if the archive cannot be read.
func (f Files) Names() []string {
	all, _ := f.read() // ReadFile says why
	return slices.Sorted(maps.Keys(all))
}

// ReadFile gives a file by its name as [Files.Names] has it. The error is an
// [fs.PathError]; it is fs.ErrNotExist if there is no such file. The text is the
// caller's own.
func (f Files) ReadFile(name string) ([]byte, error) {
	all, err := f.read()
	if err != nil {
		return nil, &fs.PathError{Op: "unpack", Path: name, Err: err}
	}
	text, ok := all[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

func unpack(archive string) (map[string]string, error) {
	pressed, err := gzip.NewReader(strings.NewReader(archive))
	if err != nil {
		return nil, err
	}
	bounded := &io.LimitedReader{R: pressed, N: most}
	all := make(map[string]string)
	for files := tar.NewReader(bounded); ; {
		head, err := files.Next()
		switch {
		case bounded.N == 0:
			return nil, fmt.Errorf("it has more than %d bytes", most)
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
		text, err := io.ReadAll(files)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", head.Name, err)
		}
		all[head.Name] = string(text)
	}
}
