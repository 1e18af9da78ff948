package redfishpower

import (
	"context"
	"sync"
)

// rehearsal is the backend of test mode: plugs that exist in memory only, all
// off at first. What hangs under a plug goes off with it.
type rehearsal struct {
	plugs *plugs
	fail  map[string]bool // hosts whose plugs answer "error"

	mu sync.Mutex
	on map[string]bool
}

var _ backend = (*rehearsal)(nil)

func newRehearsal(t *plugs, fail []string) *rehearsal {
	r := &rehearsal{plugs: t, fail: map[string]bool{}, on: map[string]bool{}}
	for _, h := range fail {
		r.fail[h] = true
	}
	return r
}

func (r *rehearsal) status(_ context.Context, p *plug, _ request) reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.fail[p.host]:
		return reading{fault: "error"}
	case r.on[p.name]:
		return reading{state: isOn}
	default:
		return reading{state: isOff}
	}
}

func (r *rehearsal) change(_ context.Context, p *plug, v verb, _, _ request) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail[p.host] {
		return "error"
	}
	if r.on[p.name] = true; v == off {
		delete(r.on, p.name)
	}
	if v == off && r.plugs.above[p.name] {
		for name := range r.on {
			if r.on[name] && r.plugs.hangsUnder(name, p.name) {
				delete(r.on, name)
			}
		}
	}
	return "ok"
}

func (*rehearsal) close() {}
