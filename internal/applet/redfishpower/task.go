package redfishpower

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// reading is what is known of a plug: its state, or what went wrong.
type reading struct {
	state state
	fault string
}

// state of a plug.
type state int

const (
	isUnknown state = iota
	isOn
	isOff
	turningOn
	turningOff
)

// String is the word that powermand's device files know.
func (r reading) String() string {
	switch {
	case r.fault != "":
		return r.fault
	case r.state == isOn:
		return "on"
	case r.state == isOff:
		return "off"
	default:
		return "unknown"
	}
}

// task is one verb for some plugs: each target has a goroutine of its own, which
// looks at those above it first. All end before run does. In test mode they take
// turns, from the top of the hierarchy down, so that the same is always printed.
type task struct {
	*shell
	verb    verb
	targets []*plug
	jobs    map[*plug]*job // of targets and of all above them
}

// job is what a task has to do with one plug.
type job struct {
	target bool
	above  []*plug
	why    error // there is no telling what is above

	once sync.Once
	seen reading // the plug is asked once, whoever wants to know

	done   chan struct{}
	answer string // of a target, when done is closed
}

func newTask(s *shell, v verb, targets []*plug) *task {
	t := &task{shell: s, verb: v, targets: targets, jobs: make(map[*plug]*job, len(targets))}
	for _, p := range targets {
		j := t.job(p)
		j.target = true
		j.above, j.why = s.plugs.ancestors(p)
		for _, a := range j.above {
			t.job(a)
		}
	}
	return t
}

func (t *task) job(p *plug) *job {
	if t.jobs[p] == nil {
		t.jobs[p] = &job{done: make(chan struct{})}
	}
	return t.jobs[p]
}

func (t *task) run(ctx context.Context) {
	if t.refused() {
		return
	}
	if t.network == nil {
		for _, p := range slices.SortedStableFunc(slices.Values(t.targets), t.byDepth) {
			t.one(ctx, p)
		}
		return
	}
	var wg sync.WaitGroup
	for _, p := range t.targets {
		wg.Go(func() { t.one(ctx, p) })
	}
	wg.Wait()
}

func (t *task) byDepth(a, b *plug) int { return len(t.jobs[a].above) - len(t.jobs[b].above) }

func (t *task) one(ctx context.Context, p *plug) {
	j := t.jobs[p]
	j.answer = t.do(ctx, p, j)
	t.say("%s: %s\n", p.name, j.answer)
	close(j.done)
}

// refused says no to switching on something together with what is above it: when
// the one is ready for the other is not known.
func (t *task) refused() bool {
	if t.verb != on && t.verb != cycle {
		return false
	}
	for _, p := range t.targets {
		if t.targetAbove(t.jobs[p]) == nil {
			continue
		}
		for _, q := range t.targets {
			t.say("%s: cannot %s parent and child\n", q.name, map[verb]string{on: "turn on", cycle: "cycle"}[t.verb])
		}
		return true
	}
	return false
}

// targetAbove is the topmost plug above that is a target too, or nil.
func (t *task) targetAbove(j *job) *plug {
	for _, a := range j.above {
		if t.jobs[a].target {
			return a
		}
	}
	return nil
}

// do does the verb to one target and gives the answer.
func (t *task) do(ctx context.Context, p *plug, j *job) string {
	if j.why != nil {
		return j.why.Error()
	}
	if a := t.targetAbove(j); a != nil && t.verb == off {
		return t.follow(a)
	}
	for _, a := range j.above {
		switch r := t.look(ctx, a); {
		case r.fault == "" && r.state == isOn:
		case t.verb == stat:
			return r.String()
		case t.verb == off && r.fault == "" && r.state == isOff:
			return "ok"
		default:
			return t.depends(a, r.String())
		}
	}
	if t.verb == stat {
		return t.look(ctx, p).String()
	}
	r, ok := t.plugs.request(p, t.verb)
	if !ok {
		return fmt.Sprintf("%s path not set", t.verb)
	}
	look, ok := t.plugs.request(p, stat)
	if !ok && t.verb != cycle {
		return "stat path not set"
	}
	t.debug(t.verb, p, r)
	return t.back.change(ctx, p, t.verb, r, look)
}

// follow is off for what hangs under a plug that is switched off itself.
func (t *task) follow(a *plug) string {
	j := t.jobs[a]
	<-j.done
	if j.answer == "ok" {
		return "ok"
	}
	return t.depends(a, "error")
}

func (t *task) depends(a *plug, how string) string {
	return fmt.Sprintf("cannot perform %s, dependency %s (host=%s plug=%s)", t.verb, how, a.host, a.name)
}

// look asks for a plug's state, once in a task.
func (t *task) look(ctx context.Context, p *plug) reading {
	j := t.jobs[p]
	j.once.Do(func() {
		r, ok := t.plugs.request(p, stat)
		if !ok {
			j.seen = reading{fault: "stat path not set"}
			return
		}
		t.debug(stat, p, r)
		j.seen = t.back.status(ctx, p, r)
	})
	return j.seen
}

// debug shows on stdout what is asked of whom.
func (t *task) debug(v verb, p *plug, r request) {
	if t.verbose >= 2 {
		t.say("DEBUG: %s hostname=%s plugname=%s path=%s\n", v, p.host, p.name, r.path)
	}
}
