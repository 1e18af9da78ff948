package journal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// Span is the part of a log that is wanted. The zero value is all of it.
type Span struct {
	Since, Until time.Time // of the time of lines; zero is without a bound
	Bytes        int64     // at most about so many, the newest; zero is all
}

// Files opens the logs of a path, the oldest first.
func (w *Writer) Files() ([]*os.File, error) {
	w.mu.Lock() // so that none is set aside meanwhile
	defer w.mu.Unlock()
	var files []*os.File
	for i := w.o.Keep; i >= 0; i-- {
		path := w.o.Path
		if i > 0 {
			path = aside(path, i)
		}
		f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			closeAll(files)
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// Read copies a span of a log to out, oldest first.
func Read(w *Writer, s Span, out io.Writer) error {
	files, err := w.Files()
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	defer closeAll(files)
	skip := int64(0)
	if s.Bytes > 0 {
		total := int64(0)
		for _, f := range files {
			if info, err := f.Stat(); err == nil {
				total += info.Size()
			}
		}
		skip = max(0, total-s.Bytes)
	}
	for _, f := range files {
		if info, err := f.Stat(); err == nil && skip >= info.Size() {
			skip -= info.Size()
			continue
		}
		in := bufio.NewReaderSize(f, maxLine+headBytes+2)
		if skip > 0 { // into the middle of a line, whose rest is not told
			if _, err := f.Seek(skip, io.SeekStart); err != nil {
				return fmt.Errorf("read the log: %w", err)
			}
			skip = 0
			if _, err := in.ReadSlice('\n'); err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
		}
		if err := s.copy(in, out); err != nil {
			return err
		}
	}
	return nil
}

// copy passes on the lines of one file that are in the span.
func (s Span) copy(in *bufio.Reader, out io.Writer) error {
	within := s.Since.IsZero()
	for {
		line, err := in.ReadSlice('\n')
		if at, _, _, ok := parse(line); ok {
			within = !at.Before(s.Since) && (s.Until.IsZero() || at.Before(s.Until))
		}
		if within && len(line) > 0 {
			if _, err := out.Write(line); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("read the log: %w", err)
		}
	}
}

// parse takes a line of a log apart.
func parse(line []byte) (at time.Time, mark byte, text []byte, ok bool) {
	if len(line) < headBytes || line[len(stamp)] != ' ' || line[headBytes-1] != ' ' {
		return at, 0, nil, false
	}
	at, err := time.Parse(stamp, string(line[:len(stamp)]))
	mark = line[len(stamp)+1]
	if err != nil || mark != output && mark != note && mark != goesOn {
		return at, 0, nil, false
	}
	return at, mark, line[headBytes:], true
}

// longestPause is how long a silence lasts when a log is played, before its speed.
const longestPause = 3 * time.Second

// Play writes a log to out as the console wrote it, with its pauses divided by speed;
// a speed of zero is without pauses. Pauses are at most three seconds. What is said of
// the console goes to notes, unless that is nil.
func Play(ctx context.Context, log io.Reader, speed float64, out io.Writer, notes func(string)) error {
	in := bufio.NewReaderSize(log, maxLine+headBytes+2)
	var last time.Time
	owed := false // the end of a line, if the next line does not go on with it
	for {
		line, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		ended := bytes.HasSuffix(line, []byte{'\n'})
		at, mark, text, timed := parse(bytes.TrimSuffix(line, []byte{'\n'}))
		switch {
		case len(line) == 0:
		case !timed: // a log without times
			if _, err := out.Write(line); err != nil {
				return err
			}
		case mark == note:
			if notes != nil {
				notes(string(text))
			}
		default:
			if owed && mark != goesOn {
				text = append([]byte("\r\n"), text...)
			}
			if err := pause(ctx, last, at, speed); err != nil {
				return err
			}
			last, owed = at, ended
			if _, err := out.Write(text); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			if owed {
				_, err := io.WriteString(out, "\r\n")
				return err
			}
			return nil
		}
	}
}

func pause(ctx context.Context, last, at time.Time, speed float64) error {
	wait := min(at.Sub(last), longestPause)
	if last.IsZero() || speed <= 0 || wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(time.Duration(float64(wait) / speed))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
