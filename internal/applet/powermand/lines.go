package powermand

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// lines writes log records as powermand writes its messages: one line each,
// "powermand: text", without time or level.
type lines struct {
	mu    *sync.Mutex
	w     io.Writer
	level slog.Level
	with  string
}

func newLines(w io.Writer, level slog.Level) *lines {
	return &lines{mu: &sync.Mutex{}, w: w, level: level}
}

// Enabled implements [slog.Handler].
func (l *lines) Enabled(_ context.Context, level slog.Level) bool { return level >= l.level }

// Handle implements [slog.Handler].
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString("powermand: " + r.Message + l.with)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(attr(a))
		return true
	})
	b.WriteByte('\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := io.WriteString(l.w, b.String())
	return err
}

func attr(a slog.Attr) string { return " " + a.Key + "=" + a.Value.String() }

// WithAttrs implements [slog.Handler].
func (l *lines) WithAttrs(attrs []slog.Attr) slog.Handler {
	more := *l
	for _, a := range attrs {
		more.with += attr(a)
	}
	return &more
}

// WithGroup implements [slog.Handler]; groups are not shown.
func (l *lines) WithGroup(string) slog.Handler { return l }
