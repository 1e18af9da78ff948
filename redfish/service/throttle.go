package service

import (
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	freeFailures = 5 // before anybody has to wait
	maxWait      = 5 * time.Minute
	maxNameWait  = 30 * time.Second // anybody can fail in the name of somebody else
	maxOffenders = 4096
)

// throttle slows down who guesses: behind the first few failures, each doubles the
// time in which no attempt is looked at. Failures count against the address and the
// name.
type throttle struct {
	mu        sync.Mutex
	offenders map[string]*offender
}

type offender struct {
	failures int
	until    time.Time // no attempt is looked at before
	last     time.Time
}

// throttleKeys gives what failures count against. Addresses of IPv6 count by their
// network, since one client has many.
func throttleKeys(c Credentials) []string {
	from := c.Remote
	if at, err := netip.ParseAddrPort(c.Remote); err == nil {
		addr := at.Addr().Unmap()
		from = addr.String()
		if net, err := addr.Prefix(64); err == nil && addr.Is6() {
			from = net.String()
		}
	}
	if c.Name == "" {
		return []string{"from " + from}
	}
	return []string{"from " + from, nameKey + shorten(c.Name)}
}

const nameKey = "name "

// wait tells how long no attempt of these is looked at.
func (t *throttle) wait(now time.Time, keys []string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var most time.Duration
	for _, key := range keys {
		if o := t.offenders[key]; o != nil {
			most = max(most, o.until.Sub(now))
		}
	}
	return most
}

func (t *throttle) fail(now time.Time, keys []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.offenders == nil {
		t.offenders = make(map[string]*offender)
	}
	for _, key := range keys {
		o := t.offenders[key]
		if o == nil {
			t.makeRoom(now)
			o = &offender{}
			t.offenders[key] = o
		}
		if now.Sub(o.last) > 2*maxWait {
			o.failures = 0
		}
		o.failures++
		o.last = now
		most := maxWait
		if strings.HasPrefix(key, nameKey) {
			most = maxNameWait
		}
		if over := o.failures - freeFailures; over >= 0 {
			o.until = now.Add(min(most, time.Second<<min(over, 20)))
		}
	}
}

// makeRoom forgets who has behaved for long, or whoever failed first.
func (t *throttle) makeRoom(now time.Time) {
	if len(t.offenders) < maxOffenders {
		return
	}
	var first string
	var at time.Time
	for key, o := range t.offenders {
		if now.Sub(o.last) > 2*maxWait {
			delete(t.offenders, key)
		} else if first == "" || o.last.Before(at) {
			first, at = key, o.last
		}
	}
	if len(t.offenders) >= maxOffenders {
		delete(t.offenders, first)
	}
}

func (t *throttle) forgive(keys []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		delete(t.offenders, key)
	}
}
