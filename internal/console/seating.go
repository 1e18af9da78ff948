package console

import (
	"fmt"
	"slices"
	"time"

	"millwright.dev/millwright/internal/room"
)

// attach gives a seat. The caller holds the hub's lock.
func (l *line) attach(w Wish) (*Seat, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seats) >= maxLineSeats {
		return nil, &room.Error{Code: room.CodeBusy, Op: "console", Subject: l.node, Said: fmt.Sprintf("%d are attached already", len(l.seats))}
	}
	if w.Write && !w.TakeOver && l.writer != nil {
		return nil, l.held()
	}
	s := &Seat{l: l, wish: w, at: time.Now()}
	back := int64(w.Replay)
	if most := int64(l.c.Keeping.Scrollback); back < 0 || back > most {
		back = most
	}
	s.pos = max(l.scroll.first, l.scroll.end()-back)
	l.tellAll(Notice{Kind: NoticeJoined, By: w.Who})
	l.seats = append(l.seats, s)
	s.tell(Notice{Kind: NoticeState, State: l.state, Said: l.said})
	if w.Write {
		if l.writer != nil {
			s.from = l.writer.wish.Who
		}
		l.writer = s
		l.tellAll(Notice{Kind: NoticeWriter, By: w.Who})
	}
	l.poke()
	return s, nil
}

// held says who types. The caller holds the lock.
func (l *line) held() error {
	at := l.writer
	from := ""
	if at.wish.From != "" {
		from = " from " + at.wish.From
	}
	return &room.Error{
		Code: room.CodeBusy, Op: "console", Subject: l.node,
		Said: fmt.Sprintf("%s%s types there since %s; watch, or take it over", at.wish.Who, from, at.at.Format("15:04:05")),
	}
}

func (l *line) take(s *Seat, takeOver bool) (from string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.writer == s:
		return "", nil
	case l.c.ReadOnly:
		return "", &room.Error{Code: room.CodeRefused, Op: "type", Subject: l.node, Said: "this console is read-only"}
	case l.writer != nil && !takeOver:
		return "", l.held()
	case l.writer != nil:
		from = l.writer.wish.Who
	}
	l.writer = s
	l.tellAll(Notice{Kind: NoticeWriter, By: s.wish.Who})
	return from, nil
}

func (l *line) release(s *Seat) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writer == s {
		l.writer = nil
		l.tellAll(Notice{Kind: NoticeWriter})
	}
}

// leave takes a seat away. It reports whether it was there.
func (l *line) leave(s *Seat) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.Index(l.seats, s)
	if at < 0 {
		return false
	}
	l.seats = slices.Delete(l.seats, at, at+1)
	s.closed = true
	l.left = time.Now()
	l.tellAll(Notice{Kind: NoticeLeft, By: s.wish.Who})
	if l.writer == s {
		l.writer = nil
		l.tellAll(Notice{Kind: NoticeWriter})
	}
	l.poke()
	return true
}

func (l *line) status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	st := Status{Node: l.node, State: l.state, Said: l.said, Since: l.since, Kept: l.c.Keeping.Log, Read: l.scroll.end()}
	for _, s := range l.seats {
		st.Attached = append(st.Attached, Attached{Who: s.wish.Who, From: s.wish.From, Since: s.at, Writes: l.writer == s})
	}
	if l.journal != nil {
		if lost, why := l.journal.Trouble(); why != nil || lost > 0 {
			st.Trouble = fmt.Sprintf("%d bytes are not in the log", lost)
			if why != nil {
				st.Trouble += ": " + why.Error()
			}
		}
	}
	return st
}
