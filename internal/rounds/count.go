package rounds

import (
	"math/bits"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/room"
)

// state is what is known of a check of a node.
type state struct {
	counts  check.Verdict // the verdict that counts
	changed time.Time     // since when
	told    check.Verdict // the one that was told last
	news    bool          // anything was told
	seen    check.Verdict // the one that Options.Changed has heard of last
	heardOf bool          // if it has of any
	last    check.Result
	at      time.Time
	lastOK  time.Time
	attempt int // looks in a row with the same verdict, if that is not ok
	retries int // those that were wanted when the last look ended

	turns    uint32 // a bit for each of the last looks: it said something else than the one before
	flapping bool
}

// Of the last flapLooks looks, so many changes make flapping begin, and so few end it.
const (
	flapLooks  = 20
	flapBegins = 6
	flapEnds   = 2
)

// heard takes in a look, and says what it changes of what counts; nil for nothing.
func (j *job) heard(result check.Result, now time.Time) *Change {
	s := &j.state
	before := s.last.Verdict
	first := s.at.IsZero()
	s.last, s.at, s.retries = result, now, j.def.Retries
	s.turns = s.turns << 1 & (1<<flapLooks - 1)
	if !first && result.Verdict != before {
		s.turns |= 1
	}
	if result.Verdict == check.OK {
		s.attempt, s.lastOK = 0, now
	} else if s.attempt > 0 && result.Verdict == before {
		s.attempt++
	} else {
		s.attempt = 1
	}
	if first {
		s.changed = now
	}
	if result.Verdict == check.OK || s.attempt > s.retries {
		s.take(result.Verdict, now)
	}
	return j.change()
}

func (s *state) take(v check.Verdict, now time.Time) {
	if s.counts != v {
		s.counts, s.changed = v, now
	}
}

// soft says whether the last look does not count yet, so that another has to follow.
func (s *state) soft(def *room.Check) bool {
	return s.attempt > 0 && s.attempt <= def.Retries && s.counts != s.last.Verdict
}

// change says what is to be told; nil for nothing. That a check is ok is silent where
// nothing else was told before, and what it says while it flaps is too.
func (j *job) change() *Change {
	s := &j.state
	began, ended := false, false
	switch n := bits.OnesCount32(s.turns); {
	case !s.flapping && n >= flapBegins:
		s.flapping, began = true, true
	case s.flapping && n <= flapEnds:
		s.flapping, ended = false, true
	}
	if s.counts == check.OK && !s.news { // it was never told to be anything else
		s.told = check.OK
	}
	news := began || ended || !s.flapping && s.counts != s.told
	if !news && s.heardOf && s.seen == s.counts {
		return nil
	}
	c := &Change{
		Node: j.key.node, Check: j.key.check, From: s.seen, To: s.counts, Said: s.last.Said, At: s.at,
		Flapping: s.flapping, Settled: ended, Silent: !news,
	}
	if news {
		c.From = s.told
		s.told, s.news = s.counts, true
	}
	s.seen, s.heardOf = s.counts, true
	return c
}

// count has what the last look said count, however often it was said.
func (r *Rounds) count(j *job) {
	r.out.Lock()
	defer r.out.Unlock()
	r.mu.Lock()
	s := &j.state
	if s.at.IsZero() || j.gone {
		r.mu.Unlock()
		return
	}
	s.take(s.last.Verdict, time.Now())
	change := j.change()
	r.mu.Unlock()
	if change != nil {
		r.tell(*change)
	}
}
