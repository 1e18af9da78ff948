// Package busy tells how busy this computer's processors are. It is what the dummies
// among drivers and controls measure, so that rehearsals have data to look at.
//
// Start at [Meter].
package busy

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
)

// Meter tells how busy this computer's processors are, from one call to the next. Its zero
// value is ready, and may be used by many goroutines.
type Meter struct {
	mu      sync.Mutex
	last    sample
	percent float64
}

// sample is how many ticks there have been, and in how many something was done.
type sample struct{ busy, all uint64 }

// Read gives percents; ok is false at the first call, when there is nothing to compare
// with. The source is the first line of /proc/stat: ticks spent in each state (proc(5)).
func (l *Meter) Read() (percent float64, ok bool, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false, err
	}
	now, err := ticks(text)
	if err != nil {
		return 0, false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.last
	l.last = now
	if before == (sample{}) {
		return 0, false, nil
	}
	if now.all > before.all && now.busy >= before.busy {
		l.percent = 100 * float64(now.busy-before.busy) / float64(now.all-before.all)
	}
	return l.percent, true, nil
}

// ticks reads a sample.
func ticks(text []byte) (s sample, err error) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	words := bytes.Fields(line)
	if len(words) < 6 || string(words[0]) != "cpu" {
		return sample{}, errors.New("/proc/stat does not begin as it should")
	}
	for i, word := range words[1:min(9, len(words))] { // guests are counted in what hosts them
		n, err := strconv.ParseUint(string(word), 10, 64)
		if err != nil {
			return sample{}, fmt.Errorf("/proc/stat: %w", err)
		}
		if s.all += n; i != 3 && i != 4 { // idle, and waiting for disks
			s.busy += n
		}
	}
	return s, nil
}
