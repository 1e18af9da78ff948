package ipmi

// IDs are the numbers under which both ends know the session: the one that we chose and
// the one that the BMC chose. They change when the session logs in again.
func (s *Session) IDs() (ours, theirs uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channel == nil {
		return 0, 0
	}
	return s.channel.Local(), s.channel.Remote()
}
