package run

import (
	"context"
	"encoding/json"
	"math"
	"sync"
	"time"

	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
)

// Bounds on what is remembered of how long steps took.
const (
	keepTimes = 20  // of one node, one way
	readRuns  = 200 // that are looked through at the start
)

// timed is how long the steps of one way took, several nodes to a list.
type timed struct {
	Do     string   `json:"do"`
	Nodes  []string `json:"nodes"`
	Millis []int64  `json:"millis"`
}

// durations remembers how long nodes took to come up and down.
type durations struct {
	mu       sync.Mutex
	recalled bool                     // what the store knows is in it
	of       map[string]*[2][]float64 // by node; seconds, oldest first
}

// Duration says how long a node took to come up or down the last times: the mean and the
// standard deviation. It is one of a plan's policies.
func (r *Runner) Duration(rm *room.Room, id room.NodeID, do plan.Goal) (mean, sd time.Duration, known bool) {
	r.times.mu.Lock()
	defer r.times.mu.Unlock()
	if !r.times.recalled {
		r.recall()
	}
	ways := r.times.of[rm.Nodes[id].Name]
	if ways == nil || len(ways[way(do)]) == 0 {
		return 0, 0, false
	}
	list := ways[way(do)]
	sum, squares := 0.0, 0.0
	for _, s := range list {
		sum += s
	}
	m := sum / float64(len(list))
	for _, s := range list {
		squares += (s - m) * (s - m)
	}
	if len(list) > 1 {
		squares /= float64(len(list) - 1)
	}
	toTime := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	return toTime(m), toTime(math.Sqrt(squares)), true
}

func way(do plan.Goal) int {
	if do == plan.Down {
		return 1
	}
	return 0
}

// remember takes in how long the steps of a run took that has ended and is in the store.
func (r *Runner) remember(list []timed) {
	r.times.mu.Lock()
	defer r.times.mu.Unlock()
	if r.times.recalled || r.opts.Store == nil {
		r.times.add(list)
	}
}

// add takes in times. The caller has the lock.
func (t *durations) add(list []timed) {
	if t.of == nil {
		t.of = make(map[string]*[2][]float64)
	}
	for _, part := range list {
		do, _ := plan.ParseGoal(part.Do)
		for i, node := range part.Nodes {
			if i >= len(part.Millis) {
				break
			}
			ways := t.of[node]
			if ways == nil {
				ways = new([2][]float64)
				t.of[node] = ways
			}
			w := &ways[way(do)]
			if len(*w) >= keepTimes {
				*w = append((*w)[:0], (*w)[1:]...)
			}
			*w = append(*w, float64(part.Millis[i])/1000)
		}
	}
}

// recall reads how long steps took in earlier runs, the oldest first. The caller has the
// lock.
func (r *Runner) recall() {
	r.times.recalled = true
	if r.opts.Store == nil {
		return
	}
	const enough = 32 << 20 // bytes
	rows, err := r.opts.Store.EndedRuns(context.Background(), 0, readRuns)
	if err != nil {
		r.opts.Log.Warn("how long earlier runs took cannot be read", "why", err)
		return
	}
	size, oldest := 0, len(rows)
	for i := range rows {
		if size += len(rows[i].Report); size > enough {
			oldest = i
			break
		}
	}
	for i := oldest - 1; i >= 0; i-- {
		var k kept
		if json.Unmarshal(rows[i].Report, &k) == nil {
			r.times.add(k.Times)
		}
	}
}
