package rounds

import (
	"hash/fnv"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/room"
)

// job is one check of one node. The lock of its Rounds guards it.
type job struct {
	key     key
	address string
	def     *room.Check
	look    check.Check
	own     bool // the node has it; else another check stands on it
	gone    bool // not in the room any more

	phase time.Duration // when in each period it is due
	due   time.Time
	place int // in the schedule, or -1

	state   state
	queued  bool // it waits for a place
	asked   bool // somebody waits for it, and it is in that row
	running bool
	hangs   bool
	after   uint64        // what the next look stands on must be younger; 0 for the usual
	began   time.Time     // when the last look that has ended began,
	number  uint64        // and the how manieth of all it was; 0 if there was none
	done    chan struct{} // closed when the look that is to come, or under way, has ended
}

func (j *job) timeout() time.Duration { return timeout(j.def) }

func timeout(def *room.Check) time.Duration {
	if def.Timeout > 0 {
		return def.Timeout
	}
	return DefaultTimeout
}

func (j *job) retryAfter() time.Duration {
	if j.def.RetryAfter > 0 {
		return j.def.RetryAfter
	}
	return DefaultRetryAfter
}

// ended gives a channel that is closed when the next look has ended.
func (j *job) ended() <-chan struct{} {
	if j.done == nil {
		j.done = make(chan struct{})
	}
	return j.done
}

func (j *job) report() Report {
	s := &j.state
	return Report{
		Node: j.key.node, Check: j.key.check, Kind: j.def.Kind,
		Verdict: s.counts, Since: s.changed, Last: s.last, At: s.at, Attempt: s.attempt, LastOK: s.lastOK,
		Flapping: s.flapping, Hangs: j.hangs, Starting: j.def.Starting,
	}
}

// Apply takes a new room. What is known of checks that stay, by the names of node and
// check, stays; looks under way at others end without being heard.
func (r *Rounds) Apply(next *room.Room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.jobs
	r.room = next
	r.jobs, r.byNode, r.heap = make(map[key]*job, len(old)), make(map[string][]*job, len(r.byNode)), nil
	byName := make(map[string]*room.Check, len(next.Checks))
	for i := range next.Checks {
		byName[next.Checks[i].Name] = &next.Checks[i]
	}
	r.loops = loops(byName)
	for i := range next.Nodes {
		n := &next.Nodes[i]
		for _, id := range n.Checks {
			r.add(old, n.Name, next.Where(room.NodeID(i)), &next.Checks[id], true)
		}
		k := 0
		for k < len(r.byNode[n.Name]) { // it grows meanwhile
			j := r.byNode[n.Name][k]
			k++
			for _, name := range needs(j.def) {
				if def := byName[name]; def != nil {
					r.add(old, n.Name, j.address, def, false)
				}
			}
		}
	}
	for k, j := range old {
		if r.jobs[k] != j {
			j.gone = true
			j.place = -1
			if !j.queued && !j.running {
				j.close()
			}
		}
	}
	r.nudge()
}

// needs gives the checks that one stands on.
func needs(def *room.Check) []string {
	if others, is := def.Settings.(check.Others); is {
		return others.Needs()
	}
	return nil
}

// loops finds the checks that stand on themselves, by way of others.
func loops(byName map[string]*room.Check) map[string]bool {
	found := make(map[string]bool)
	for start, def := range byName {
		seen := make(map[string]bool)
		row := needs(def)
		for len(row) > 0 && !found[start] {
			name := row[0]
			row = row[1:]
			if name == start {
				found[start] = true
			}
			if next := byName[name]; next != nil && !seen[name] {
				seen[name] = true
				row = append(row, needs(next)...)
			}
		}
	}
	return found
}

// Forget forgets what the checks of some nodes have said: they were switched off, say.
func (r *Rounds) Forget(nodes ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, node := range nodes {
		for _, j := range r.byNode[node] {
			j.state, j.began, j.number = state{}, time.Time{}, 0
		}
	}
}

// add gives a node a check, unless it has it.
func (r *Rounds) add(old map[key]*job, node, address string, def *room.Check, own bool) {
	k := key{node, def.Name}
	if r.jobs[k] != nil {
		return
	}
	look, is := def.Settings.(check.Check)
	if !is {
		r.opts.Log.Error("a check has no settings that can be used", "check", def.Name)
		return
	}
	j := old[k]
	if j == nil {
		j = &job{key: k}
	}
	j.address, j.def, j.look, j.own, j.place = address, def, look, own, -1
	r.jobs[k] = j
	r.byNode[node] = append(r.byNode[node], j)
	if own && def.Every > 0 {
		j.phase = phase(k, def.Every)
		r.plan(j, time.Now(), 0)
	}
}

// close tells those that wait for a look that it has ended.
func (j *job) close() {
	if j.done != nil {
		close(j.done)
		j.done = nil
	}
}

// phase gives when in each period a check of a node is due: a place that is its own,
// stays, and is spread evenly over all.
func phase(k key, every time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(k.node + "\x00" + k.check))
	x := h.Sum64()
	// FNV's low bits hold too little of names that differ in their last letters: stir.
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return time.Duration(x % uint64(every))
}
