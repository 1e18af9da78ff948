package series

import (
	"math"
	"slices"
)

// lines puts series onto the lines of an answer.
type lines struct {
	q   *Query
	g   grid
	of  map[Key]*line
	all []*line
}

// line is one line in the making.
type line struct {
	key    Key
	across Aggregate
	series int
	values []float64 // for mean: sums so far
	min    []float64
	max    []float64
	count  []int32
}

func newLines(q *Query, g grid, list []found) *lines {
	l := &lines{q: q, g: g, of: make(map[Key]*line)}
	for _, f := range list {
		k := l.keyOf(f.key)
		one := l.of[k]
		if one == nil {
			one = &line{key: k, across: q.Across}
			if one.across == "" {
				one.across = Mean
				if k.Quantity.traits().adds {
					one.across = Sum
				}
			}
			l.of[k] = one
			l.all = append(l.all, one)
		}
		one.series++
	}
	return l
}

// keyOf gives what the series on one line have in common.
func (l *lines) keyOf(k Key) Key {
	if l.q.GroupBy == "" {
		return k
	}
	shared := Key{Quantity: k.Quantity}
	if p := shared.at(l.q.GroupBy); p != nil {
		*p = k.Get(l.q.GroupBy)
	}
	return shared
}

// add puts a series onto its line; now is for the step that is not over yet.
func (l *lines) add(f found, cells []bucket, now int64) {
	one := l.of[l.keyOf(f.key)]
	if one.values == nil {
		n := l.g.n
		all := make([]float64, 3*n)
		one.values, one.min, one.max, one.count = all[:n:n], all[n:2*n:2*n], all[2*n:], make([]int32, n)
	}
	hold := -1
	if one.series > 1 && l.q.Aggregate != Sum && l.q.Aggregate != Rate {
		hold = int(max(1, maxStale/l.g.step))
	}
	seen := -1
	for i := range cells {
		k := &cells[i]
		if k.count == 0 {
			// Silent for a while: the last value stands, unless the step is still to come.
			if hold >= 0 && seen >= 0 && i-seen <= hold && l.g.from+int64(i)*l.g.step <= now {
				v := cells[seen].last
				one.put(i, v, v, v)
			}
			continue
		}
		v, low, high := l.valueOf(f.key.Quantity, cells, i, seen, now)
		if !math.IsNaN(v) {
			one.put(i, v, low, high)
		}
		seen = i
	}
}

// valueOf gives the value of a step and its band; seen is the step with samples before.
func (l *lines) valueOf(q Quantity, cells []bucket, i, seen int, now int64) (v, low, high float64) {
	k := &cells[i]
	energy := q == Energy || q == Power
	switch l.q.Aggregate {
	case Min:
		return k.min, k.min, k.max
	case Max:
		return k.max, k.min, k.max
	case Last:
		return k.last, k.min, k.max
	case Sum:
		v = k.sum
		if energy {
			v = k.inc
		}
		return v, v, v
	case Rate:
		if energy {
			begin := l.g.from + int64(i)*l.g.step
			length := float64(max(min(l.g.step, now-begin), 1000)) / 3_600_000
			return k.inc / length, k.inc / length, k.inc / length
		}
		if seen < 0 {
			return missing(), 0, 0
		}
		v = (k.last - cells[seen].last) / (float64(int64(i-seen)*l.g.step) / 1000)
		return v, v, v
	}
	return k.sum / float64(k.count), k.min, k.max
}

// put takes one series' value of a step.
func (o *line) put(i int, v, low, high float64) {
	if o.count[i] == 0 {
		o.values[i], o.min[i], o.max[i], o.count[i] = v, low, high, 1
		return
	}
	o.count[i]++
	switch o.across {
	case Sum:
		o.values[i], o.min[i], o.max[i] = o.values[i]+v, o.min[i]+low, o.max[i]+high
		return
	case Min:
		o.values[i] = min(o.values[i], v)
	case Max:
		o.values[i] = max(o.values[i], v)
	default:
		o.values[i] += v
	}
	o.min[i], o.max[i] = min(o.min[i], low), max(o.max[i], high)
}

// finish gives the lines, sorted by their labels.
func (l *lines) finish() []Line {
	slices.SortFunc(l.all, func(a, b *line) int { return a.key.Compare(b.key) })
	out := make([]Line, 0, len(l.all))
	for _, o := range l.all {
		for i, n := range o.count {
			switch {
			case n == 0:
				o.values[i], o.min[i], o.max[i] = missing(), missing(), missing()
			case o.across == Mean:
				o.values[i] /= float64(n)
			}
		}
		out = append(out, Line{
			Labels: o.key.Map(), Unit: l.unit(o.key.Quantity), Series: o.series, Values: o.values, Min: o.min, Max: o.max,
		})
	}
	return out
}

// unit gives the unit of a line's values.
func (l *lines) unit(q Quantity) string {
	energy := q == Energy || q == Power
	switch {
	case l.q.Aggregate == Sum && energy:
		return "Wh"
	case l.q.Aggregate == Rate && energy:
		return "W"
	case l.q.Aggregate == Rate:
		return q.Unit() + "/s"
	}
	return q.Unit()
}
