package plan

// Deps keeps, while a plan is carried out, which steps can begin and which never will.
// It is for one goroutine. Each step ends once ([Deps.Ended], [Deps.Fail]), and if it
// went well, those who need that hear of it when its node has settled ([Deps.Good]).
type Deps struct {
	plan    *Plan
	open    []int32 // by step: what it still waits for
	choices [][]pick
	edges   []edge
	start   []int32 // by step, into edges
	over    []bool  // by step: it is no longer to begin
}

// pick is what is left of a choice.
type pick struct{ least, left int32 }

// edge leads from a step to one that waits for it.
type edge struct {
	to   int32
	kind int32 // edgeHard, edgeSoft, or the place of a choice
}

const (
	edgeHard = -1 - iota
	edgeSoft
)

// NewDeps begins with nothing done.
func NewDeps(p *Plan) *Deps {
	d := &Deps{plan: p, open: make([]int32, len(p.Steps)), start: make([]int32, len(p.Steps)+1), over: make([]bool, len(p.Steps))}
	d.walk(func(from, _, _ int32) { d.start[from+1]++ })
	for i := range p.Steps {
		d.start[i+1] += d.start[i]
	}
	d.edges = make([]edge, d.start[len(p.Steps)])
	fill := append([]int32(nil), d.start[:len(p.Steps)]...)
	d.walk(func(from, to, kind int32) {
		d.edges[fill[from]] = edge{to, kind}
		fill[from]++
	})
	for i := range p.Steps {
		s := &p.Steps[i]
		d.open[i] = int32(len(s.After) + len(s.Soft) + len(s.Choices))
		if len(s.Choices) > 0 && d.choices == nil {
			d.choices = make([][]pick, len(p.Steps))
		}
		for _, c := range s.Choices {
			d.choices[i] = append(d.choices[i], pick{int32(c.Least), int32(len(c.Of))})
		}
	}
	return d
}

// walk visits each thing that a step waits for.
func (d *Deps) walk(visit func(from, to, kind int32)) {
	for i := range d.plan.Steps {
		s, to := &d.plan.Steps[i], int32(i)
		for _, w := range s.After {
			visit(w, to, edgeHard)
		}
		for _, w := range s.Soft {
			visit(w, to, edgeSoft)
		}
		for c := range s.Choices {
			for _, w := range s.Choices[c].Of {
				visit(w, to, int32(c))
			}
		}
	}
}

func (d *Deps) out(step int32) []edge { return d.edges[d.start[step]:d.start[step+1]] }

// Awaited says whether some step still waits for this one to go well.
func (d *Deps) Awaited(step int32) bool {
	for _, e := range d.out(step) {
		if e.kind != edgeSoft && !d.over[e.to] {
			return true
		}
	}
	return false
}

// Begin gives the steps that wait for nothing.
func (d *Deps) Begin() []int32 {
	var ready []int32
	for i, open := range d.open {
		if open == 0 && !d.over[i] {
			ready = append(ready, int32(i))
		}
	}
	return ready
}

func (d *Deps) close(e edge, ready []int32) []int32 {
	if d.open[e.to]--; d.open[e.to] == 0 && !d.over[e.to] {
		ready = append(ready, e.to)
	}
	return ready
}

// Ended says that a step is over, however it went, and gives those that can begin.
func (d *Deps) Ended(step int32) []int32 {
	var ready []int32
	d.over[step] = true
	for _, e := range d.out(step) {
		if e.kind == edgeSoft {
			ready = d.close(e, ready)
		}
	}
	return ready
}

// Good says that a step went well, and its node has settled, and gives those that can
// begin.
func (d *Deps) Good(step int32) []int32 {
	var ready []int32
	for _, e := range d.out(step) {
		switch e.kind {
		case edgeHard:
			ready = d.close(e, ready)
		case edgeSoft:
		default:
			c := &d.choices[e.to][e.kind]
			c.left--
			if c.least--; c.least == 0 {
				ready = d.close(e, ready)
			}
		}
	}
	return ready
}

// Fail says that a step did not go well, or never will begin, and gives those that
// therefore never will either, in order; they are over.
func (d *Deps) Fail(step int32) []int32 {
	var never []int32
	d.over[step] = true
	for queue := []int32{step}; len(queue) > 0; queue = queue[1:] {
		for _, e := range d.out(queue[0]) {
			if d.over[e.to] || e.kind == edgeSoft {
				continue
			}
			if e.kind >= 0 {
				c := &d.choices[e.to][e.kind]
				if c.left--; c.least <= 0 || c.left >= c.least {
					continue
				}
			}
			d.over[e.to] = true
			never = append(never, e.to)
			queue = append(queue, e.to)
		}
	}
	return never
}

// Waiting gives the steps that wait, directly or through others, for one to go well. Those
// of which known says so are left out with all that waits through them alone; nil is none.
func (d *Deps) Waiting(step int32, known func(int32) bool) []int32 {
	var list []int32
	seen := map[int32]bool{step: true}
	for queue := []int32{step}; len(queue) > 0; queue = queue[1:] {
		for _, e := range d.out(queue[0]) {
			if e.kind != edgeHard || d.over[e.to] || seen[e.to] || known != nil && known(e.to) {
				continue
			}
			seen[e.to] = true
			list = append(list, e.to)
			queue = append(queue, e.to)
		}
	}
	return list
}
