package ipmidoor

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/ipmi/bmc"
)

// told remembers whose logging in was written down lately: programs that poll log in
// every few seconds, at every node, and one line an hour says it as well.
type told struct {
	mu   sync.Mutex
	last map[visitor]time.Time
}

type visitor struct {
	user string
	from netip.Addr
}

const (
	tellEvery   = time.Hour
	maxVisitors = 1024
)

func (t *told) fresh(v visitor) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Sub(t.last[v]) < tellEvery {
		return false
	}
	if t.last == nil || len(t.last) >= maxVisitors {
		t.last = make(map[visitor]time.Time)
	}
	t.last[v] = now
	return true
}

// notify writes down who logs in, and who could not.
func (n *node) notify(b bmc.Event) {
	e := event.Event{Door: Name, Op: "log in", Targets: n.name, Count: 1}
	if b.From.IsValid() {
		e.Remote = b.From.Unmap().String()
	}
	switch b.Kind {
	case bmc.LoggedIn:
		if !n.door.told.fresh(visitor{b.User, b.From}) {
			return
		}
		e.Kind, e.Outcome, e.Actor = event.Access, event.OK, n.door.actor(bmc.Caller{User: b.User}).Name
		e.Detail = fmt.Sprintf("as the IPMI user %q, with at most the privilege of %s; more of it within the hour is not told", b.User, b.Privilege)
		n.door.opts.Desk.Events().AppendLater(e)
	case bmc.LoginFailed, bmc.LoginLimited:
		e.Detail = fmt.Sprintf("%s, as the IPMI user %q", b.Kind, b.User)
		if b.Detail != "" {
			e.Detail += ": " + b.Detail
		}
		n.door.opts.Desk.NotLetIn(e)
	case bmc.LoggedOut, bmc.SessionExpired, bmc.Powered, bmc.Logged:
	}
}
