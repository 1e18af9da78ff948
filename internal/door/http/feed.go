package httpdoor

import (
	"bytes"
	"encoding/json"
	"strconv"
	"sync"

	"millwright.dev/millwright/internal/event"
)

// What a feed keeps for its readers. Whoever falls further behind than this is
// dropped, and resumes from where they were.
const (
	keepFrames = 8192
	keepBytes  = 8 << 20
)

// frame is one message of a stream, encoded once for all of its readers.
type frame struct {
	seq  int64
	data []byte

	event *event.Event // of the feed of events
	node  string       // of the feed of states: which node, "" for the whole room
}

// feed is a stream of messages that many read. One goroutine adds to it; what it
// holds is the buffer of every reader, so a reader costs nothing but its place,
// and one that has stalled delays nobody.
type feed struct {
	mu     sync.Mutex
	frames []*frame // those of (first, last], without gaps
	first  int64
	last   int64
	bytes  int
	grown  chan struct{}
	waited bool
}

// newFeed makes a feed that begins behind a position.
func newFeed(last int64) *feed {
	return &feed{first: last, last: last, grown: make(chan struct{})}
}

// add appends the next frame and wakes the readers.
func (f *feed) add(fr *frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frames = append(f.frames, fr)
	f.last, f.bytes = fr.seq, f.bytes+len(fr.data)
	drop := 0
	for len(f.frames)-drop > 1 && (len(f.frames)-drop > keepFrames || f.bytes > keepBytes) {
		f.bytes -= len(f.frames[drop].data)
		f.first = f.frames[drop].seq
		f.frames[drop] = nil
		drop++
	}
	f.frames = f.frames[drop:]
	if f.waited {
		close(f.grown)
		f.grown, f.waited = make(chan struct{}), false
	}
}

// skipTo forgets everything and goes on behind a position.
func (f *feed) skipTo(last int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frames, f.bytes, f.first, f.last = nil, 0, last, last
}

// since gives the frames behind a position, and what to wait on for more. It is
// not held when the frames behind that position are no longer kept.
func (f *feed) since(after int64) (frames []*frame, more <-chan struct{}, held bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waited = true
	switch {
	case after < f.first:
		return nil, f.grown, false
	case after >= f.last: // a reader may know more from the log than we do yet
		return nil, f.grown, true
	}
	return f.frames[after-f.first:], f.grown, true
}

// sseFrame encodes a message: its kind, its id, and one JSON value, which holds
// no line breaks.
func sseFrame(kind, id string, v any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("event: " + kind + "\n")
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("data: ")
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // which ends the line
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// eventFrame encodes an event of the log.
func eventFrame(e *event.Event) *frame {
	data, err := sseFrame("event", strconv.FormatInt(e.Seq, 10), e)
	if err != nil { // events were JSON when they were taken
		data = nil
	}
	return &frame{seq: e.Seq, data: data, event: e}
}

// oldest gives the position behind which the feed holds everything.
func (f *feed) oldest() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.first
}

// newest gives the position of the last frame.
func (f *feed) newest() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}
