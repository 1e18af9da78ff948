package devspec

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"syscall"
)

// OpenFunc opens a file by the name that the configuration gives it. Relative
// names are relative to what the function chooses; powermand uses its working
// directory.
type OpenFunc func(name string) (io.ReadCloser, error)

// OSOpen opens files of the operating system and refuses what is not a regular
// file, as powermand does (a directory or a device would never end).
func OSOpen(name string) (io.ReadCloser, error) {
	// Without O_NONBLOCK, opening a FIFO would wait for a writer for ever.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Limits of what is read. They are far beyond any real room and keep a hostile or
// mistaken file from eating the machine.
const (
	maxSourceBytes  = 64 << 20 // all files of one configuration together
	maxIncludes     = 10_000   // include directives followed
	maxIncludeDepth = 10       // nesting, as in powermand
	maxStringBytes  = 1 << 20  // one quoted string; powermand allows 8191 bytes
	maxErrors       = 100      // reported before reading stops
)

// source is one file that was read.
type source struct {
	name string
	data []byte
}

// line gives the text of line n, counted from one, without its end.
func (s *source) line(n int) string {
	rest := s.data
	for ; n > 1; n-- {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return ""
		}
		rest = rest[i+1:]
	}
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	if len(rest) > 64<<10 {
		rest = rest[:64<<10]
	}
	return string(bytes.TrimSuffix(rest, []byte("\r")))
}

// files reads sources within the limits and remembers them, so that an error found
// later can still show its line.
type files struct {
	open   OpenFunc
	byName map[string]*source
	bytes  int
	count  int
}

func (f *files) read(name string) (*source, error) {
	f.count++
	if f.count > maxIncludes {
		return nil, fmt.Errorf("more than %d files are included", maxIncludes)
	}
	if s, ok := f.byName[name]; ok {
		// Read again from memory, but count it: a file that includes itself many
		// times over must still come to an end.
		f.bytes += len(s.data)
		if f.bytes > maxSourceBytes {
			return nil, fmt.Errorf("the files are longer than %d MiB together", maxSourceBytes>>20)
		}
		return s, nil
	}
	r, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, int64(maxSourceBytes-f.bytes)+1))
	if err != nil {
		return nil, err
	}
	f.bytes += len(data)
	if f.bytes > maxSourceBytes {
		return nil, fmt.Errorf("the files are longer than %d MiB together", maxSourceBytes>>20)
	}
	s := &source{name: name, data: data}
	f.byName[name] = s
	return s, nil
}

// errorAt makes an error that shows its line.
func (f *files) errorAt(p Pos, powermand, format string, args ...any) *Error {
	e := &Error{Pos: p, Msg: fmt.Sprintf(format, args...), powermand: powermand, place: true}
	if s := f.byName[p.File]; s != nil && p.IsValid() {
		e.Text = s.line(p.Line)
	}
	return e
}
