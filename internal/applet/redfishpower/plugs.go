package redfishpower

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// verb is what a command asks of a plug.
type verb int

const (
	stat verb = iota
	on
	off
	cycle
	verbs
)

func (v verb) String() string { return [...]string{"stat", "on", "off", "cycle"}[v] }

func verbOf(word string) (verb, bool) {
	for v := range verbs {
		if v.String() == word {
			return v, true
		}
	}
	return 0, false
}

// request is a path on a BMC and what to post there. The path may hold one
// "{{plug}}", for which the plug's name is put in.
type request struct{ path, data string }

func (r request) of(plug string) request {
	r.path = strings.Replace(r.path, "{{plug}}", url.PathEscape(plug), 1)
	return r
}

// requests are those of each verb; an empty path is none.
type requests [verbs]request

// plug is one thing that can be switched.
type plug struct {
	name   string
	host   string // the BMC that answers for it
	parent string // the plug that it hangs under, "" for none
	own    requests
}

// maxDepth is how many plugs can hang one under the other.
const maxDepth = 16

// plugs is the table of plugs.
type plugs struct {
	hosts   []string
	byName  map[string]*plug
	order   []*plug
	above   map[string]bool // names that something hangs under
	defined bool            // by setplugs, and no longer one for each host
	common  requests
}

func newPlugs(hosts []string, common requests) *plugs {
	t := &plugs{hosts: hosts, byName: map[string]*plug{}, above: map[string]bool{}, common: common}
	for _, h := range hosts {
		t.put(&plug{name: h, host: h})
	}
	return t
}

func (t *plugs) put(p *plug) {
	if old := t.byName[p.name]; old != nil {
		*old = *p
		return
	}
	t.byName[p.name] = p
	t.order = append(t.order, p)
}

// define adds plugs on the hosts with these indices: as many indices as plugs,
// or one for all. Nothing is changed if something is wrong.
func (t *plugs) define(names []string, indices []int, parent string) error {
	if len(indices) != len(names) && len(indices) != 1 {
		return fmt.Errorf("setplugs: %d plugs and %d host indices do not go together", len(names), len(indices))
	}
	for _, i := range indices {
		if i < 0 || i >= len(t.hosts) {
			return fmt.Errorf("setplugs: there is no host with index %d, only 0 to %d", i, len(t.hosts)-1)
		}
	}
	kept := t
	if !t.defined {
		kept = &plugs{hosts: t.hosts, byName: map[string]*plug{}, above: map[string]bool{}, common: t.common, defined: true}
	}
	if len(kept.order)+len(names) > maxPlugs {
		return fmt.Errorf("setplugs: more than %d plugs", maxPlugs)
	}
	for _, name := range names {
		if kept.hangsUnder(parent, name) {
			return fmt.Errorf("setplugs: plug %s cannot hang under itself", name)
		}
	}
	kept.above[parent] = true
	for i, name := range names {
		kept.put(&plug{name: name, host: t.hosts[indices[i%len(indices)]], parent: parent})
	}
	*t = *kept
	return nil
}

// hangsUnder says whether a plug is another or hangs under it.
func (t *plugs) hangsUnder(name, other string) bool {
	for range maxPlugs {
		if name == other {
			return true
		}
		p := t.byName[name]
		if p == nil || p.parent == "" {
			return false
		}
		name = p.parent
	}
	return true
}

// ancestors gives those that a plug hangs under, the topmost first.
func (t *plugs) ancestors(p *plug) ([]*plug, error) {
	var up []*plug
	for parent := p.parent; parent != ""; parent = up[0].parent {
		a := t.byName[parent]
		if a == nil {
			return nil, fmt.Errorf("plug not mapped: %s", parent)
		}
		if len(up) == maxDepth {
			return nil, errors.New("it hangs under too many plugs")
		}
		up = append([]*plug{a}, up...)
	}
	return up, nil
}

// request gives what to ask a plug's host for.
func (t *plugs) request(p *plug, v verb) (request, bool) {
	r := p.own[v]
	if r.path == "" {
		r = t.common[v]
	}
	return r.of(p.name), r.path != ""
}
