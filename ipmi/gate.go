package ipmi

import "sync"

// atOnce is how many logins may be in their first moments at a time. More would answer
// together, and overflow what the system keeps for the socket, so that hundreds would
// have to be sent again.
const atOnce = 256

// gate lets logins begin. One that has got through leaves it when it has ended, or when
// nothing came back for the first time: BMCs that are not there hold nobody up for long.
type gate struct {
	mu      sync.Mutex
	inside  int
	waiting []*Session
}

// enter tells whether the session may begin now. Otherwise it is told later, by its method admit.
func (g *gate) enter(s *Session) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside >= atOnce {
		g.waiting = append(g.waiting, s)
		return false
	}
	g.inside++
	return true
}

// leave gives a place to the next, which is to be admitted once no lock is held.
func (g *gate) leave() (next *Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.inside--
		return nil
	}
	next, g.waiting = g.waiting[0], g.waiting[1:]
	return next
}
