package plugin

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"millwright.dev/millwright/internal/secret"
)

// Bounds of what is kept of a plugin's log.
const (
	keptLines = 200
	maxWords  = 1024 // of a line, in bytes
	// A plugin that goes mad must not fill the disk: so many lines a second go on to
	// the daemon's log, and so many at once. All are kept here until newer ones come.
	logPerSecond, logAtOnce = 10, 100

	maxSecrets = 500 // that are masked in it: the last that the plugin was given
)

// Line is a line that a plugin said on its stderr.
type Line struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// journal keeps the last lines of a plugin's log, and hands them on. It is an io.Writer.
type journal struct {
	log *slog.Logger

	mu      sync.Mutex
	lines   []Line
	words   string // the last that the process said itself
	begun   []byte // a line without an end
	long    bool   // the rest of which is dropped
	limit   *rate.Limiter
	dropped int
	secrets []secret.Value
	mask    *secret.Masker
}

func newJournal(log *slog.Logger) *journal {
	return &journal{log: log, limit: rate.NewLimiter(logPerSecond, logAtOnce)}
}

// hide masks secrets in what is said from now on.
func (j *journal) hide(values []secret.Value) {
	j.mu.Lock()
	defer j.mu.Unlock()
	changed := false
	for _, v := range values {
		if !slices.ContainsFunc(j.secrets, v.Equal) {
			j.secrets, changed = append(j.secrets, v), true
		}
	}
	if changed {
		j.secrets = j.secrets[max(0, len(j.secrets)-maxSecrets):]
		j.mask = secret.NewMasker(j.secrets...)
	}
}

// Write implements io.Writer. It never fails.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte{'\n'})
		rest = after
		if !j.long {
			space := maxWords - len(j.begun)
			j.begun = append(j.begun, part[:min(space, len(part))]...)
			j.long = len(part) > space
		}
		if ended {
			j.words = j.add(string(j.begun))
			j.begun, j.long = j.begun[:0], false
		}
	}
	return len(p), nil
}

// say adds a line of our own.
func (j *journal) say(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.add("[millwright] " + text)
}

// add adds a line, and gives it as it is kept; the mutex is held.
func (j *journal) add(text string) string {
	if text = clean(j.mask.String(text), maxWords); text == "" {
		return j.words
	}
	if len(j.lines) == keptLines {
		j.lines = slices.Delete(j.lines, 0, 1)
	}
	j.lines = append(j.lines, Line{At: time.Now(), Text: text})
	if !j.limit.Allow() {
		j.dropped++
		return text
	}
	args := []slog.Attr{slog.String("line", text)}
	if j.dropped > 0 {
		args, j.dropped = append(args, slog.Int("lines_dropped_before", j.dropped)), 0
	}
	j.log.LogAttrs(context.Background(), slog.LevelInfo, "plugin says", args...)
	return text
}

// begin is for a new process: it has said nothing yet.
func (j *journal) begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.words, j.begun, j.long = "", nil, false
}

// last gives the last words of the process; all gives all lines that are kept.
func (j *journal) last() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.words
}

func (j *journal) all() []Line {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}
