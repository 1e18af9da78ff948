package console

// maxBehind is how far somebody may fall behind before they lose what they have not
// read, in bytes.
const maxBehind = 4 << 20

// scroll holds what a console said last. Each byte has a place, counted from when the
// console was opened for the first time.
type scroll struct {
	buf   []byte
	first int64 // the place of buf[0]
}

func (s *scroll) end() int64 { return s.first + int64(len(s.buf)) }

// add appends p, and lets go of the oldest when there is much more than keep, which is
// asked for only then. The memory stays below one and a half times that.
func (s *scroll) add(p []byte, least int, keep func() int) {
	s.buf = append(s.buf, p...)
	const slack = 64 << 10
	if len(s.buf) < least+least/2+slack {
		return
	}
	most := max(least, keep())
	drop := len(s.buf) - most
	if drop < most/2+slack/2 && len(s.buf) < maxBehind+maxBehind/4 || drop <= 0 {
		return
	}
	s.first += int64(drop)
	if cap(s.buf) > 4*(most+slack) {
		s.buf = append(make([]byte, 0, most+slack), s.buf[drop:]...)
		return
	}
	s.buf = s.buf[:copy(s.buf, s.buf[drop:])]
}

// from gives at most so many bytes from a place on. They are valid until the next add.
func (s *scroll) from(at int64, most int) []byte {
	rest := s.buf[at-s.first:]
	return rest[:min(len(rest), most)]
}
