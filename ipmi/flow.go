package ipmi

import "sync"

// underWay is how many requests, of all sessions together, may wait for an answer that can be expected
// any moment. More answers at once would overflow what the system keeps for the socket; sent
// again together, they would do so again, until nobody is served.
const underWay = 512

// flow lets requests out. One gives its place back when it is answered, or is due to be sent
// again: BMCs that do not answer hold nobody up for long.
type flow struct {
	mu      sync.Mutex
	inside  int
	waiting []*Session
}

// enter tells whether a request of the session may go out now. Otherwise the session is told later, by
// its method resume, and has a place then.
func (f *flow) enter(s *Session) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inside >= underWay {
		f.waiting = append(f.waiting, s)
		return false
	}
	f.inside++
	return true
}

// leave gives a place to the next, which is to be told once no lock is held.
func (f *flow) leave() (next *Session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) == 0 {
		f.inside--
		return nil
	}
	next, f.waiting = f.waiting[0], f.waiting[1:]
	return next
}

// place tells whether the session's next request may go out.
func (s *Session) place() bool {
	if s.granted {
		s.granted = false
		return true
	}
	if s.queued {
		return false
	}
	s.queued = !s.c.flow.enter(s)
	return !s.queued
}

// resume has the session use the place that it waited for, or pass it on.
func (s *Session) resume() {
	s.mu.Lock()
	s.queued, s.granted = false, true
	s.pump(s.c.now())
	if s.granted {
		s.granted = false
		s.passOn()
	}
	s.unlock()
}

// passOn gives a place to another session, once the lock is let go.
func (s *Session) passOn() {
	if next := s.c.flow.leave(); next != nil {
		s.finished.push(&call{tell: func([]byte, error) { next.resume() }})
	}
}

// aged is a request whose answer is there, or late.
func (s *Session) aged(k *call) {
	if k.young {
		k.young = false
		s.passOn()
	}
}
