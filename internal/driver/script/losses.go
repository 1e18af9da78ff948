package script

import (
	"fmt"
	"log/slog"
	"time"
)

// lossPause is the least time between two lines of the log about lost input. A
// device that never stops talking would otherwise fill the disk: ten megabytes a
// second of log were seen.
const lossPause = 10 * time.Second

// losses tells the log of input that was dropped because nobody read it: the first
// time at once, then now and then, with the sum. The session's reader alone uses it.
type losses struct {
	device string
	log    *slog.Logger
	last   time.Time
	sum    int
}

func (l *losses) add(n int) {
	l.sum += n
	if !l.last.IsZero() && time.Since(l.last) < lossPause {
		return
	}
	l.log.Warn(fmt.Sprintf("%s lost %d chars due to buffer wrap", l.device, l.sum))
	l.last, l.sum = time.Now(), 0
}
