package transport

import (
	"bytes"
	"log/slog"

	"golang.org/x/time/rate"
)

// maxLogLine is the longest line of a device's stderr that is logged, in bytes;
// the rest of a longer one is dropped.
const maxLogLine = 1024

// A device that goes mad must not fill the disk: so many lines each second, and
// so many at once.
const (
	logLinesPerSecond = 10
	logLinesAtOnce    = 100
)

// lineLog is an io.Writer that logs each line written to it. It belongs to one
// goroutine. It never fails.
type lineLog struct {
	log     *slog.Logger
	address string
	limit   *rate.Limiter
	dropped int

	line     []byte // the beginning of a line without an end
	overlong bool   // the rest of this line is to be skipped
	last     []byte // the last line that was not blank, kept for whoever asks
}

func newLineLog(log *slog.Logger, a Address) *lineLog {
	return &lineLog{log: log, address: a.String(), limit: rate.NewLimiter(logLinesPerSecond, logLinesAtOnce)}
}

func (l *lineLog) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte{'\n'})
		rest = after
		if !l.overlong {
			room := maxLogLine - len(l.line)
			l.line = append(l.line, part[:min(room, len(part))]...)
			l.overlong = len(part) > room
		}
		if ended {
			l.flush()
		}
	}
	return len(p), nil
}

// flush logs what there is of a line.
func (l *lineLog) flush() {
	line := bytes.TrimRight(l.line, "\r")
	cut := l.overlong
	l.line, l.overlong = l.line[:0], false
	if len(line) == 0 {
		return
	}
	l.last = append(l.last[:0], line...)
	if !l.limit.Allow() {
		l.dropped++
		return
	}
	args := []any{"address", l.address, "line", string(line)}
	if cut {
		args = append(args, "cut", true)
	}
	if l.dropped > 0 {
		args = append(args, "lines_dropped_before", l.dropped)
		l.dropped = 0
	}
	l.log.Warn("device says on stderr", args...)
}
