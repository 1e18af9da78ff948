package ockle

import (
	"container/list"
	"sync"
)

// seats are the places for clients. Whoever only waits, for the rest of a request
// or for an answer to be taken, can be sent away to make room for others; a flood
// of clients that say nothing so never keeps out one that does.
type seats struct {
	mu      sync.Mutex
	limits  Limits
	taken   int
	held    int        // bytes of unfinished requests
	waiting *list.List // of *visit, the longest first
}

func newSeats(l Limits) *seats { return &seats{limits: l, waiting: list.New()} }

// take gives a client a seat, and reports whether there was one.
func (s *seats) take(v *visit) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken >= s.limits.Clients && !s.evict() {
		return false
	}
	s.taken++
	v.seated = true
	v.place = s.waiting.PushBack(v)
	return true
}

// evict sends away the client that has waited longest; it is locked.
func (s *seats) evict() bool {
	e := s.waiting.Front()
	if e == nil {
		return false
	}
	s.sendAway(e.Value.(*visit))
	return true
}

func (s *seats) sendAway(v *visit) {
	_ = v.conn.Close() // its goroutine finds that, and ends
	s.free(v)
}

// free gives back what a client has; it is locked.
func (s *seats) free(v *visit) {
	s.unlist(v)
	s.held -= v.held
	v.held = 0
	if v.seated {
		s.taken--
		v.seated = false
	}
}

func (s *seats) unlist(v *visit) {
	if v.place != nil {
		s.waiting.Remove(v.place)
		v.place = nil
	}
}

// hold notes that a client's request takes more memory.
func (s *seats) hold(v *visit, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !v.seated {
		return // evicted; the next read fails
	}
	v.held += bytes
	s.held += bytes
	for e := s.waiting.Front(); e != nil && s.held > s.limits.Memory; {
		other := e.Value.(*visit)
		e = e.Next()
		if other.held > 0 && other.held < s.held { // one alone may have more
			s.sendAway(other)
		}
	}
}

// work notes that a client is being served, and reports whether it still has its
// seat.
func (s *seats) work(v *visit) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unlist(v)
	return v.seated
}

// wait notes that a client waits again.
func (s *seats) wait(v *visit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held -= v.held
	v.held = 0
	if v.seated && v.place == nil {
		v.place = s.waiting.PushBack(v)
	}
}

// leave gives the seat back, if it was not taken away.
func (s *seats) leave(v *visit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free(v)
}
