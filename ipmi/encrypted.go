package ipmi

// Encrypted says whether what the session carries is encrypted. Commands that hold passwords
// ask for it (package user).
func (s *Session) Encrypted() bool {
	suite, isV20 := s.Suite()
	return isV20 && suite.Encrypts()
}
