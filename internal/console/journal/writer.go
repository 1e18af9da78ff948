package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The marks between time and text.
const (
	output    = '|'
	note      = '*'
	goesOn    = '+'
	stamp     = "2006-01-02T15:04:05.000Z"
	headBytes = len(stamp) + 3

	// maxLine is how much of a console's line stands in one of the log.
	maxLine = 8 << 10
)

// Options say what a log is.
type Options struct {
	Path string // of the newest; those set aside have .1, .2, … behind it
	Size int64  // bytes after which it is set aside
	Keep int    // how many that were set aside are kept
	Raw  bool   // the console's bytes alone
}

// Writer writes a log. Its methods may be called from any goroutine. What cannot be
// written is counted, and the next write tries again.
type Writer struct {
	o Options

	mu      sync.Mutex
	file    *os.File
	written int64
	out     []byte
	inLine  bool // a line of the log has no end yet
	cut     bool // the console's line goes on in the next line of the log
	length  int  // of the line so far
	held    bool // a carriage return that may belong to the end of the line
	trouble error
	lost    int64
}

// Open makes a writer. The file, and its folder, are made when there is something to
// write.
func Open(o Options) *Writer { return &Writer{o: o} }

// Write adds what a console wrote. It never fails for whoever reads the console; see
// [Writer.Trouble].
func (w *Writer) Write(p []byte, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out = w.out[:0]
	if w.o.Raw {
		w.out = append(w.out, p...)
	} else {
		w.lines(p, at)
	}
	w.flush(int64(len(p)))
}

// Note adds what is said of the console.
func (w *Writer) Note(text string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.o.Raw {
		return
	}
	w.out = w.out[:0]
	w.breakLine()
	w.head(at, note)
	w.out = append(w.out, strings.Map(printable, text)...)
	w.out = append(w.out, '\n')
	w.flush(0)
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// lines puts out bytes as lines. The caller holds the lock.
func (w *Writer) lines(p []byte, at time.Time) {
	for len(p) > 0 {
		if w.held {
			w.held = false
			if p[0] != '\n' {
				w.text([]byte{'\r'}, at)
			}
		}
		end := bytes.IndexByte(p, '\n')
		piece := p
		if end >= 0 {
			piece, p = p[:end], p[end+1:]
		} else {
			p = nil
		}
		if bytes.HasSuffix(piece, []byte{'\r'}) {
			piece = piece[:len(piece)-1]
			w.held = end < 0
		}
		if len(piece) > 0 || end >= 0 {
			w.text(piece, at)
		}
		if end >= 0 {
			w.out = append(w.out, '\n')
			w.inLine, w.cut, w.length = false, false, 0
		}
	}
}

// text puts out a part of a line.
func (w *Writer) text(p []byte, at time.Time) {
	for {
		if !w.inLine {
			mark := byte(output)
			if w.cut {
				mark = goesOn
			}
			w.head(at, mark)
			w.inLine, w.cut = true, false
		}
		n := min(len(p), maxLine-w.length)
		w.out = append(w.out, p[:n]...)
		w.length += n
		if p = p[n:]; len(p) == 0 {
			return
		}
		w.breakLine()
	}
}

// breakLine ends a line of the log in the middle of one of the console.
func (w *Writer) breakLine() {
	if w.inLine {
		w.out = append(w.out, '\n')
		w.inLine, w.cut, w.length = false, true, 0
	}
}

func (w *Writer) head(at time.Time, mark byte) {
	w.out = at.UTC().AppendFormat(w.out, stamp)
	w.out = append(w.out, ' ', mark, ' ')
}

// flush writes what was put out, which stands for so many bytes of the console.
func (w *Writer) flush(stands int64) {
	if len(w.out) == 0 {
		return
	}
	err := w.rotate(int64(len(w.out)))
	if err == nil {
		err = w.open()
	}
	if err == nil {
		var n int
		n, err = w.file.Write(w.out)
		w.written += int64(n)
	}
	if w.trouble = err; err != nil {
		w.lost += stands
		w.shut()
	}
}

func (w *Writer) open() error {
	if w.file != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(w.o.Path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(w.o.Path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no plain file", w.o.Path)
	}
	if err != nil {
		_ = f.Close()
		return err
	}
	w.file, w.written = f, info.Size()
	return nil
}

// rotate sets a full log aside.
func (w *Writer) rotate(more int64) error {
	if err := w.open(); err != nil {
		return err
	}
	if w.written == 0 || w.written+more <= w.o.Size {
		return nil
	}
	w.shut()
	if w.o.Keep == 0 {
		return os.Remove(w.o.Path)
	}
	for i := w.o.Keep - 1; i >= 1; i-- {
		if err := os.Rename(aside(w.o.Path, i), aside(w.o.Path, i+1)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.Rename(w.o.Path, aside(w.o.Path, 1))
}

func aside(path string, n int) string { return fmt.Sprintf("%s.%d", path, n) }

func (w *Writer) shut() {
	if w.file != nil {
		_ = w.file.Close()
		w.file = nil
	}
}

// Trouble says how many of the console's bytes could not be written in all, and why the
// last write failed.
func (w *Writer) Trouble() (lost int64, why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lost, w.trouble
}

// Close ends an unfinished line and the file. The next write opens it again.
func (w *Writer) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.inLine && !w.o.Raw {
		w.out = append(w.out[:0], '\n')
		w.inLine, w.cut, w.length = false, true, 0
		w.flush(0)
	}
	w.shut()
}
