package powerman

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// errLineTooLong: the line went over its limit. It was read to its end and
// dropped, so that the next line can be read.
var errLineTooLong = errors.New("line too long")

// lineReader reads lines of bounded length into a buffer that is small while
// lines are: thousands of idle clients cost little.
type lineReader struct {
	r     io.Reader
	limit int // most bytes of a line, without line end
	// timeout bounds the time from the first byte of a line to its end; 0 for
	// none. Waiting for a first byte is never bounded.
	timeout time.Duration

	buf        []byte
	start, end int // unread bytes are buf[start:end]
	scanned    int // bytes from start that hold no line end
}

const smallLine = 256

// next returns the next line without its end (LF or CR LF). The bytes are
// valid until the next call. A last line without end is dropped: half of "on
// t10" may read "on t1".
func (l *lineReader) next() ([]byte, error) {
	tooLong, timed := false, false
	defer func() {
		if timed {
			l.setDeadline(time.Time{})
		}
	}()
	for {
		if i := bytes.IndexByte(l.buf[l.start+l.scanned:l.end], '\n'); i >= 0 {
			line := l.buf[l.start : l.start+l.scanned+i]
			l.start, l.scanned = l.start+l.scanned+i+1, 0
			line = bytes.TrimSuffix(line, []byte("\r"))
			if tooLong || len(line) > l.limit {
				return nil, errLineTooLong
			}
			return line, nil
		}
		l.scanned = l.end - l.start
		if l.scanned > l.limit+1 { // one more for a CR
			tooLong = true
			l.start, l.end, l.scanned = 0, 0, 0
		}
		l.makeRoom()
		if (l.end > l.start || tooLong) && !timed && l.timeout > 0 {
			timed = true
			l.setDeadline(time.Now().Add(l.timeout))
		}
		n, err := l.r.Read(l.buf[l.end:])
		l.end += n
		if err != nil && n == 0 {
			return nil, err
		}
	}
}

func (l *lineReader) makeRoom() {
	switch {
	case l.start == l.end && !(len(l.buf) > 0 && len(l.buf) <= smallLine):
		l.buf, l.start, l.end = make([]byte, smallLine), 0, 0
	case l.start == l.end:
		l.start, l.end = 0, 0
	case l.start > 0:
		l.end = copy(l.buf, l.buf[l.start:l.end])
		l.start = 0
	case l.end == len(l.buf):
		l.buf = append(l.buf, make([]byte, len(l.buf))...)
	}
}

func (l *lineReader) setDeadline(t time.Time) {
	if d, ok := l.r.(interface{ SetReadDeadline(time.Time) error }); ok {
		_ = d.SetReadDeadline(t) // streams without deadlines have no slow network either
	}
}
