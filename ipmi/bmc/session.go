package bmc

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	mrand "math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
)

// session is one that is open, or a login under way.
type session struct {
	id     uint32 // ours
	remote uint32 // the console's
	number uint8  // its handle
	active bool
	over   bool
	v15    bool
	way    way // where its last packet came from
	from   netip.AddrPort
	port   uint16 // of ours that it talks to

	user  int // number; 0: nobody that we know
	name  string
	limit Privilege // the most that it may have
	level Privilege // that it has

	suite   rmcp.Suite
	channel *rmcp.Channel
	login   *login // while it is logging in, and to answer again
	used    time.Time
	replies []reply
}

// login is a handshake (section 13.15 to 13.24; 13.14 for IPMI 1.5).
type login struct {
	tag      uint8 // of the Open Session request
	exchange rmcp.Exchange
	key      rmcp.Key
	started  bool // a RAKP message 1 came
	failed   bool
	code     []byte // of the RAKP message 3 that was believed
	last     []byte // our RAKP message 4
	late     *time.Timer
	v15      rmcp.Activated
	auth     rmcp.AuthType
}

func (s *session) encrypted() bool { return !s.v15 && s.suite.Encrypts() }

// reply is a request that is being carried out or was, kept in case it comes again.
type reply struct {
	seq, fn, cmd, lun uint8
	data              []byte
	running           bool
	answer            []byte // the code and what follows
	at                time.Time
}

const (
	maxReplies = 16
	// replyAge is for how long a request that comes again is the same one. Numbers of
	// requests are used again after 64, so it must not be long; a client's retries are
	// mostly 1 to 5 s apart, and each begins the time anew.
	replyAge = 10 * time.Second
)

// again looks for a request among those before it. Where the number is used for another
// request, what it was used for is forgotten.
func (s *session) again(m rmcp.Message, now time.Time) *reply {
	kept := s.replies[:0]
	var found *reply
	for i := range s.replies {
		r := s.replies[i]
		if !r.running && now.Sub(r.at) > replyAge {
			continue
		}
		same := r.seq == m.Seq && r.fn == m.NetFn && r.cmd == m.Cmd && r.lun == m.ToLUN && bytes.Equal(r.data, m.Data)
		if r.seq == m.Seq && !same && !r.running {
			continue
		}
		kept = append(kept, r)
		if same {
			found = &kept[len(kept)-1]
		}
	}
	clear(s.replies[len(kept):])
	s.replies = kept
	if found != nil {
		found.at = now
	}
	return found
}

// begin notes that a request is being carried out. It is false when too many are.
func (s *session) begin(m rmcp.Message, now time.Time) bool {
	if len(s.replies) >= maxReplies {
		oldest := -1
		for i, r := range s.replies {
			if !r.running && (oldest < 0 || r.at.Before(s.replies[oldest].at)) {
				oldest = i
			}
		}
		if oldest < 0 {
			return false
		}
		s.replies = append(s.replies[:oldest], s.replies[oldest+1:]...)
	}
	s.replies = append(s.replies, reply{
		seq: m.Seq, fn: m.NetFn, cmd: m.Cmd, lun: m.ToLUN, data: bytes.Clone(m.Data), running: true, at: now,
	})
	return true
}

// finish keeps the answer of a request that must not be done twice, and forgets others.
func (s *session) finish(m rmcp.Message, answer []byte, keep bool, now time.Time) {
	for i := range s.replies {
		r := &s.replies[i]
		if !r.running || r.seq != m.Seq || r.fn != m.NetFn || r.cmd != m.Cmd || r.lun != m.ToLUN || !bytes.Equal(r.data, m.Data) {
			continue
		}
		if !keep {
			s.replies = append(s.replies[:i], s.replies[i+1:]...)
			return
		}
		r.running, r.answer, r.at = false, bytes.Clone(answer), now
		return
	}
}

// sessions are the open ones and those that are logging in.
type sessions struct{ list []*session }

func (t *sessions) all(f func(*session)) {
	for _, s := range append([]*session(nil), t.list...) {
		f(s)
	}
}

func (t *sessions) find(id uint32) *session {
	if id == 0 {
		return nil
	}
	for _, s := range t.list {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (t *sessions) handle(n uint8) *session {
	for _, s := range t.list {
		if s.active && s.number == n {
			return s
		}
	}
	return nil
}

// nth gives an open session by its place, from 1.
func (t *sessions) nth(n int) *session {
	for _, s := range t.list {
		if s.active {
			if n--; n == 0 {
				return s
			}
		}
	}
	return nil
}

// open counts those that are.
func (t *sessions) open() (n int) {
	for _, s := range t.list {
		if s.active {
			n++
		}
	}
	return n
}

func (t *sessions) remove(s *session) {
	for i, other := range t.list {
		if other == s {
			t.list = append(t.list[:i], t.list[i+1:]...)
			return
		}
	}
}

// newID gives a number that is neither 0 nor in use.
func (t *sessions) newID() uint32 {
	for {
		var b [4]byte
		_, _ = rand.Read(b[:]) // it never fails
		if id := binary.LittleEndian.Uint32(b[:]); id != 0 && t.find(id) == nil {
			return id
		}
	}
}

// sweep ends sessions that were idle for too long, and logins that take too long.
func (m *Machine) sweep(now time.Time) {
	for i := 0; i < len(m.sessions.list); {
		s := m.sessions.list[i]
		limit := m.cfg.Limits.Handshake
		if s.active {
			limit = m.cfg.Limits.Idle
		}
		if now.Sub(s.used) <= limit {
			i++
			continue
		}
		if s.active {
			m.end(s, SessionExpired)
		} else {
			m.abandoned(s)
			m.drop(s)
		}
	}
}

// abandoned tells of a login that its source did not go on with after our proof: a client whose
// password is wrong sees so by that, and most say no more.
func (m *Machine) abandoned(s *session) {
	if s.proven() && !s.login.failed {
		m.pending = append(m.pending, Event{Kind: LoginFailed, User: s.name, From: s.from.Addr().Unmap(), Detail: "it was not gone on with, as clients do whose password is wrong"})
	}
}

// watch has a login that is not gone on with noticed in time, where somebody wants to know.
func (m *Machine) watch(l *login) {
	if m.cfg.Notify != nil && l.late == nil {
		l.late = time.AfterFunc(m.cfg.Limits.Handshake+time.Millisecond, func() { m.Sessions() })
	}
}

// admitLogin makes room for a login. It is false when all sessions are taken. Logins
// under way make room for it, if there are too many.
//
// An Open Session request proves nothing about who sent it, and costs its source nothing: else
// whoever writes an administrator's address on datagrams would keep them out. What counts
// is the message after it, which takes an answer of ours to make.
func (m *Machine) admitLogin(w way, now time.Time) bool {
	m.sweep(now)
	if f := m.cfg.Faults; f != nil && f.NoSessions {
		return false
	}
	if m.sessions.open() >= m.cfg.Limits.Sessions {
		return false
	}
	if s := m.sessions.tooMany(source(w.from.Addr()), m.cfg.Limits.HalfOpen); s != nil {
		m.abandoned(s)
		m.drop(s)
	}
	return true
}

// tooMany gives the login that makes room for another from a source, nil while there is
// room. A source that has more than its share makes room by itself. Those that
// have shown nothing go first, and of them any: to drop the oldest would let a flood drop
// each before its next message can come.
func (t *sessions) tooMany(from netip.Addr, most int) *session {
	var all, own []*session
	for _, s := range t.list {
		if s.active {
			continue
		}
		all = append(all, s)
		if source(s.from.Addr()) == from {
			own = append(own, s)
		}
	}
	if share := max(1, most/4); len(own) >= share {
		all = own
	} else if len(all) < most {
		return nil
	}
	slices.SortStableFunc(all, func(a, b *session) int { return a.used.Compare(b.used) })
	if fresh := slices.DeleteFunc(slices.Clone(all), func(s *session) bool { return s.proven() }); len(fresh) > 0 {
		return fresh[mrand.IntN(len(fresh))] //nolint:gosec // to be hard to guess is no use here
	}
	return all[0]
}

// proven says whether a login's source has shown that our answers reach it.
func (s *session) proven() bool { return !s.v15 && s.login.started }

// activate turns a login into a session. It is false when there is no room any more.
func (m *Machine) activate(s *session) bool {
	if m.sessions.open() >= m.cfg.Limits.Sessions {
		return false
	}
	for n := uint8(1); n != 0; n++ {
		if m.sessions.handle(n) == nil {
			s.number = n
			break
		}
	}
	s.active = true
	if s.login != nil && s.login.late != nil {
		s.login.late.Stop()
	}
	s.level = min(User, s.limit)
	m.pending = append(m.pending, Event{Kind: LoggedIn, User: s.name, From: s.from.Addr().Unmap(), Privilege: s.limit})
	return true
}

// end ends an open session and tells so.
func (m *Machine) end(s *session, why Kind) {
	if s.over {
		return
	}
	m.pending = append(m.pending, Event{Kind: why, User: s.name, From: s.from.Addr().Unmap(), Privilege: s.limit})
	m.drop(s)
}

// drop forgets a session, its keys and its console.
func (m *Machine) drop(s *session) {
	if s.over {
		return
	}
	s.over = true
	m.sessions.remove(s)
	if m.line != nil && m.line.session == s {
		m.line.close()
		m.line = nil
	}
	if s.channel != nil {
		s.channel.Zero()
	}
	if s.login != nil {
		if s.login.late != nil {
			s.login.late.Stop()
		}
		s.login.key.Zero()
	}
}

// endSessions ends all of them, as a cold reset does.
func (m *Machine) endSessions() {
	m.mu.Lock()
	defer m.unlock()
	m.sessions.all(func(s *session) { m.drop(s) })
}

// Sessions counts the sessions that are open.
func (m *Machine) Sessions() int {
	m.mu.Lock()
	defer m.unlock()
	m.sweep(time.Now())
	return m.sessions.open()
}
