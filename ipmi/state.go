package ipmi

import (
	"net/netip"
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
)

// Suite is the cipher suite that protects the session; false: it is one of IPMI 1.5,
// which has none.
func (s *Session) Suite() (rmcp.Suite, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.suite, !s.old
}

// Privilege is what the session may do.
func (s *Session) Privilege() Privilege {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.privilege
}

// GUID is what the BMC said it is while we logged in; zero in IPMI 1.5.
func (s *Session) GUID() [16]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.guid
}

// Addr is the address at which the BMC answers.
func (s *Session) Addr() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// RTT is how long the BMC takes to answer, a moving average; 0: not known yet.
func (s *Session) RTT() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rtt
}

// Done is closed when the session has ended for good: it was closed.
func (s *Session) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.state == stateClosed {
			close(s.done)
		}
	}
	return s.done
}

// Stats are counts of what happened to a session.
type Stats struct {
	Logins  uint32              // one, and one more for each time that the BMC had forgotten us
	Retries uint32              // requests sent again
	Late    uint32              // answers that nobody waited for any more
	Dropped [rmcp.Faults]uint32 // packets not believed, by rmcp.Fault
}

// Stats counts what happened to the session since it was opened.
func (s *Session) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Logins: s.logins, Retries: s.retries, Late: s.late, Dropped: s.dropped}
}
