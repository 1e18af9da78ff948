package bmc

import (
	"net/netip"
	"time"
)

// limiter gives each source a bucket of tokens, which logins take from.
type limiter struct{ buckets map[netip.Addr]*bucket }

type bucket struct {
	tokens float64
	at     time.Time
	told   time.Time
}

// maxBuckets bounds what many sources, real or made up, can take of memory.
const maxBuckets = 256

// source is whom a bucket belongs to: an address, in IPv6 a network of 64 bits, which
// one client has for itself.
func source(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

func (l *limiter) bucket(a netip.Addr, limits Limits, now time.Time) *bucket {
	a = source(a)
	b := l.buckets[a]
	if b == nil {
		if len(l.buckets) >= maxBuckets {
			l.forget(limits, now)
		}
		if l.buckets == nil {
			l.buckets = make(map[netip.Addr]*bucket)
		}
		b = &bucket{tokens: float64(limits.Burst), at: now}
		l.buckets[a] = b
	}
	b.tokens = min(float64(limits.Burst), b.tokens+limits.PerSecond*now.Sub(b.at).Seconds())
	b.at = now
	return b
}

// forget makes room: buckets that are full again tell nothing, and of the others the fullest goes.
func (l *limiter) forget(limits Limits, now time.Time) {
	var fullest netip.Addr
	most := -1e9
	for a, b := range l.buckets {
		has := b.tokens + limits.PerSecond*now.Sub(b.at).Seconds()
		if has >= float64(limits.Burst) {
			delete(l.buckets, a)
		} else if has > most {
			fullest, most = a, has
		}
	}
	if len(l.buckets) >= maxBuckets {
		delete(l.buckets, fullest)
	}
}

// mayTry takes a token for a login; false: there was none.
func (m *Machine) mayTry(from netip.Addr, now time.Time) bool {
	b := m.limiter.bucket(from, m.cfg.Limits, now)
	if b.tokens >= 1 {
		b.tokens--
		return true
	}
	if now.Sub(b.told) > time.Minute {
		b.told = now
		m.pending = append(m.pending, Event{Kind: LoginLimited, From: from.Unmap()})
		m.report("limited", "a source makes too many logins", "from", from.Unmap().String())
	}
	return false
}

// failed makes a login that failed expensive, and tells of it.
func (m *Machine) failed(s *session, why string, now time.Time) {
	if s.login != nil {
		if s.login.failed {
			return
		}
		s.login.failed = true
	}
	b := m.limiter.bucket(s.from.Addr(), m.cfg.Limits, now)
	// What is owed is bounded, so that nobody is locked out for long.
	b.tokens = max(b.tokens-float64(m.cfg.Limits.Failure), -float64(m.cfg.Limits.Burst))
	m.pending = append(m.pending, Event{Kind: LoginFailed, User: s.name, From: s.from.Addr().Unmap(), Detail: why})
}
