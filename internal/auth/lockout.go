package auth

import (
	"container/list"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// How failures are answered: the first few are free; from then on each doubles
// the time for which no attempt is looked at. A name's time stays short, since
// anybody can fail in the name of somebody else.
const (
	freeFailures   = 5
	firstLock      = time.Second
	longestAddress = 15 * time.Minute
	longestName    = 30 * time.Second
	forgetAfter    = time.Hour // since the last failure
	maxOffenders   = 10_000    // remembered; beyond it the one seen longest ago is forgotten
)

// lockouts counts failures by who failed. The zero value is ready.
type lockouts struct {
	mu    sync.Mutex
	by    map[string]*list.Element
	order list.List // of *offender, the latest first
}

type offender struct {
	key      string
	failures int
	last     time.Time
	until    time.Time
	told     bool // an event told of the lock that stands
}

// wait gives how long a key has still to wait.
func (l *lockouts) wait(now time.Time, keys ...string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var longest time.Duration
	for _, key := range keys {
		if at := l.by[key]; at != nil {
			longest = max(longest, at.Value.(*offender).until.Sub(now))
		}
	}
	return longest
}

// fail counts a failure, and says for how long the key is locked from now on.
func (l *lockouts) fail(now time.Time, key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.find(key)
	if now.Sub(o.last) > forgetAfter {
		o.failures = 0
	}
	o.failures++
	o.last, o.told = now, false
	if o.failures < freeFailures {
		return 0
	}
	longest := longestAddress
	if strings.HasPrefix(key, nameKey) {
		longest = longestName
	}
	lock := min(firstLock<<min(o.failures-freeFailures, 20), longest)
	o.until = now.Add(lock)
	return lock
}

// find gives what is known of a key, making it if need be.
func (l *lockouts) find(key string) *offender {
	if at := l.by[key]; at != nil {
		l.order.MoveToFront(at)
		return at.Value.(*offender)
	}
	if l.by == nil {
		l.by = make(map[string]*list.Element)
	}
	if l.order.Len() >= maxOffenders {
		oldest := l.order.Back()
		delete(l.by, oldest.Value.(*offender).key)
		l.order.Remove(oldest)
	}
	o := &offender{key: key}
	l.by[key] = l.order.PushFront(o)
	return o
}

// first says whether this is the first refusal since the last failure, which
// is the one that is told of.
func (l *lockouts) first(keys ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := false
	for _, key := range keys {
		if at := l.by[key]; at != nil {
			o := at.Value.(*offender)
			first = first || !o.told
			o.told = true
		}
	}
	return first
}

// forgive forgets a key.
func (l *lockouts) forgive(keys ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		if at := l.by[key]; at != nil {
			delete(l.by, key)
			l.order.Remove(at)
		}
	}
}

// The beginnings of keys.
const (
	nameKey    = "name "
	addressKey = "from "
	proofKey   = "proof "
)

// fromKey is the key of a remote address: the address without its port, and of
// IPv6 the network that one customer gets, in which addresses cost nothing.
func fromKey(remote string) string {
	addr, err := netip.ParseAddr(remote)
	if at, portErr := netip.ParseAddrPort(remote); portErr == nil {
		addr, err = at.Addr(), nil
	}
	if err != nil {
		return addressKey + cut(remote, maxName)
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return addressKey + p.String()
		}
	}
	return addressKey + addr.String()
}
