package console

import (
	"context"
	"io"
	"slices"
	"time"

	"millwright.dev/millwright/internal/room"
)

// What a notice tells of.
const (
	NoticeState   = "state"   // the console was opened or lost
	NoticeWriter  = "writer"  // somebody else may type now
	NoticeJoined  = "joined"  // somebody has attached
	NoticeLeft    = "left"    // somebody has left
	NoticeBreak   = "break"   // a break was sent
	NoticeDropped = "dropped" // something typed, or a break, did not reach the console
	NoticeClosed  = "closed"  // the seat is gone
)

// Notice is something about a console that is told to those who are attached.
type Notice struct {
	Kind  string
	State State  // of NoticeState
	By    string // who; "" of NoticeWriter is nobody
	You   bool   // it is the one who is told
	Said  string
}

// Update is what a seat gets next: one of its fields.
type Update struct {
	Data   []byte // what the console wrote
	Lost   int64  // so many bytes were missed, because too much came
	Notice *Notice
}

// maxNotices is how many notices wait for somebody who does not read.
const maxNotices = 256

type placed struct {
	at int64
	Notice
}

// Seat is somebody's place at a console. Next is for one goroutine; the other methods
// are for any.
type Seat struct {
	l    *line
	wish Wish
	at   time.Time
	from string

	// Guarded by the line's lock.
	pos     int64
	notices []placed
	closed  bool
}

// maxUpdate is how many bytes come at once.
const maxUpdate = 32 << 10

// Next waits for what comes next. It gives [io.EOF] when the seat is closed and all has
// been told.
func (s *Seat) Next(ctx context.Context) (Update, error) {
	for {
		s.l.mu.Lock()
		u, ok := s.pending()
		over, more := s.closed, s.l.more
		s.l.waited = true
		s.l.mu.Unlock()
		switch {
		case ok:
			return u, nil
		case over:
			return Update{}, io.EOF
		}
		select {
		case <-ctx.Done():
			return Update{}, ctx.Err()
		case <-more:
		}
	}
}

// pending gives what there is to tell. The caller holds the lock.
func (s *Seat) pending() (Update, bool) {
	scroll := &s.l.scroll
	if s.pos < scroll.first {
		lost := scroll.first - s.pos
		s.pos = scroll.first
		return Update{Lost: lost}, true
	}
	most := maxUpdate
	if len(s.notices) > 0 {
		next := s.notices[0]
		if next.at <= s.pos {
			s.notices = s.notices[1:]
			return Update{Notice: &next.Notice}, true
		}
		most = int(min(int64(most), next.at-s.pos))
	}
	data := scroll.from(s.pos, most)
	if len(data) == 0 {
		return Update{}, false
	}
	s.pos += int64(len(data))
	return Update{Data: slices.Clone(data)}, true
}

// tell adds a notice behind all that has come. The caller holds the lock.
func (s *Seat) tell(n Notice) {
	if s.closed {
		return
	}
	if len(s.notices) >= maxNotices {
		s.notices = s.notices[1:]
	}
	s.notices = append(s.notices, placed{s.l.scroll.end(), n})
}

// Write types. It waits while the console does not take what was typed before; it fails
// if the seat may not type or the console is not open, and then nothing is typed later.
func (s *Seat) Write(ctx context.Context, p []byte) error {
	for len(p) > 0 {
		n := min(len(p), maxKeys)
		if err := s.l.put(ctx, s, key{text: slices.Clone(p[:n])}); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// Break sends the break signal. What becomes of it is told to all.
func (s *Seat) Break(ctx context.Context) error {
	return s.l.put(ctx, s, key{brk: true, by: s.wish.Who})
}

// Resize tells the other end how large the terminal is, where that is known there.
func (s *Seat) Resize(ctx context.Context, columns, rows int) error {
	const most = 1 << 10
	if columns < 1 || rows < 1 || columns > most || rows > most {
		return &room.Error{Code: room.CodeInvalid, Op: "resize", Said: "no terminal is of that size"}
	}
	return s.l.put(ctx, s, key{columns: columns, rows: rows})
}

// Take makes the seat the one that types, if nobody else is or takeOver is set. It gives
// who lost that, or "".
func (s *Seat) Take(takeOver bool) (from string, err error) { return s.l.take(s, takeOver) }

// TookFrom says from whom the seat took the console when it was given, "" for nobody.
func (s *Seat) TookFrom() string { return s.from }

// Watch makes the seat one that only watches.
func (s *Seat) Watch() { s.l.release(s) }

// Writes says whether the seat may type.
func (s *Seat) Writes() bool {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	return s.l.writer == s
}

// Status tells how it stands with the console.
func (s *Seat) Status() Status { return s.l.status() }

// Message is what the room has for whoever attaches.
func (s *Seat) Message() string {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	return s.l.c.Message
}

// Close leaves.
func (s *Seat) Close() {
	if s.l.leave(s) {
		s.l.hub.left(s.wish.Who)
		if s.wish.Left != nil {
			s.wish.Left()
		}
	}
}
