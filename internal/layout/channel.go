package layout

import (
	"slices"
	"sort"
)

// gap is the room between two layers of a terminal drawing: its nets run along
// tracks, one row each.
type gap struct {
	nets []net
	rows int
}

// net is what leaves one item, or one box by one style of edge: one line that
// branches.
type net struct {
	from  int32
	style Style
	id    int32
	col   int
	to    []target
	track int // -1 if it runs straight down
}

type target struct {
	item int32
	col  int
}

// span is where the net's track begins and ends.
func (n *net) span() (lo, hi int) {
	lo, hi = n.col, n.col
	for _, t := range n.to {
		lo, hi = min(lo, t.col), max(hi, t.col)
	}
	return lo, hi
}

// connect finds the nets of all gaps, their ports and their tracks.
func (s *sheet) connect() {
	s.gaps = make([]gap, len(s.m.rows))
	n := int32(s.m.n)
	index := make(map[int32]int)
	add := func(from int32, k int32, to int32) {
		key := from*int32(styles) + k%int32(styles)
		g := &s.gaps[s.m.layer[from]]
		at, ok := index[key]
		if !ok {
			at = len(g.nets)
			index[key] = at
			g.nets = append(g.nets, net{from: from, style: Style(k % int32(styles)), id: k + 1, track: -1})
		}
		if !slices.ContainsFunc(g.nets[at].to, func(t target) bool { return t.item == to }) {
			g.nets[at].to = append(g.nets[at].to, target{item: to})
		}
	}
	for i, e := range s.g.Edges {
		k := int32(e.From)*int32(styles) + int32(e.Style)
		at := int32(e.From)
		first, count := s.m.through(i, e)
		for d := range count {
			add(at, k, first+d)
			at = first + d
		}
		add(at, k, int32(e.To))
	}
	for r := range s.gaps {
		g := &s.gaps[r]
		s.leave(g, n)
		s.arrive(g, n)
		g.route()
	}
}

// leave chooses the columns in which nets leave their boxes: straight above the
// one target if that can be, else near the middle, side by side, and not above
// lines that pass.
func (s *sheet) leave(g *gap, n int32) {
	taken := make(map[int]int32) // columns that lines passing below arrive in, by net
	for i := range g.nets {
		for _, t := range g.nets[i].to {
			if t.item >= n {
				taken[s.left[t.item]] = g.nets[i].id
			}
		}
	}
	byBox := make(map[int32][]*net)
	for i := range g.nets {
		if e := &g.nets[i]; e.from >= n {
			e.col = s.left[e.from]
		} else {
			byBox[e.from] = append(byBox[e.from], e)
		}
	}
	sort.SliceStable(g.nets, func(i, j int) bool { return s.left[g.nets[i].from] < s.left[g.nets[j].from] })
	for i := range g.nets {
		e := &g.nets[i]
		if e.from >= n {
			e.col = s.left[e.from]
			continue
		}
		rank, count := 0, len(byBox[e.from])
		for j := range g.nets {
			if g.nets[j].from == e.from && g.nets[j].style < e.style {
				rank++
			}
		}
		lo, hi := s.left[e.from]+1, s.left[e.from]+s.width(e.from)-2
		want := (lo+hi)/2 + 2*rank - (count - 1)
		if len(e.to) == 1 && count == 1 {
			t := e.to[0].item
			if t >= n && s.left[t] >= lo && s.left[t] <= hi {
				want = s.left[t]
			} else if t < n {
				// The middle of what the boxes share, if they are above each other.
				a, b := max(lo, s.left[t]+1), min(hi, s.left[t]+s.width(t)-2)
				if a <= b && (want < a || want > b) {
					want = min(max(want, a), b)
				}
			}
		}
		e.col = nearest(want, lo, hi, func(x int) bool {
			id, is := taken[x]
			return !is || id == e.id
		})
		taken[e.col] = e.id
	}
}

// nearest is the column nearest to what is wanted that is free, or what is wanted.
func nearest(want, lo, hi int, free func(int) bool) int {
	want = min(max(want, lo), hi)
	for d := 0; d <= hi-lo; d++ {
		for _, x := range [2]int{want - d, want + d} {
			if x >= lo && x <= hi && free(x) {
				return x
			}
		}
	}
	return want
}

// arrive chooses the columns in which lines reach boxes: straight below where they
// come from if that can be, else side by side in the order in which they come.
func (s *sheet) arrive(g *gap, n int32) {
	type port struct{ net, to int }
	var boxes []int32
	ports := make(map[int32][]port)
	source := make(map[int]int) // columns that nets come down in
	for i := range g.nets {
		source[g.nets[i].col] = i
		for j := range g.nets[i].to {
			t := &g.nets[i].to[j]
			if t.item >= n {
				t.col = s.left[t.item]
				continue
			}
			if ports[t.item] == nil {
				boxes = append(boxes, t.item)
			}
			ports[t.item] = append(ports[t.item], port{i, j})
		}
	}
	for _, v := range boxes {
		list := ports[v]
		sort.SliceStable(list, func(i, j int) bool { return g.nets[list[i].net].col < g.nets[list[j].net].col })
		lo, hi := s.left[v]+1, s.left[v]+s.width(v)-2
		taken := make(map[int]bool)
		for k, p := range list {
			from := g.nets[p.net].col
			step := max(1, min(4, (hi-lo)/max(1, len(list))))
			want := (lo+hi)/2 + (2*k-len(list)+1)*step/2
			if from >= lo && from <= hi {
				want = from
			}
			col := nearest(want, lo, hi, func(x int) bool {
				other, is := source[x]
				return !taken[x] && (!is || other == p.net)
			})
			taken[col] = true
			g.nets[p.net].to[p.to].col = col
		}
	}
}

// route gives each net that does not run straight down a track, so that nets
// that overlap lie in different rows, and in an order with few crossings.
func (g *gap) route() {
	g.rows = 1
	var bent []*net
	for i := range g.nets {
		e := &g.nets[i]
		if lo, hi := e.span(); lo != hi {
			bent = append(bent, e)
		}
	}
	placed := make([]*net, 0, len(bent))
	for len(bent) > 0 {
		best, least := 0, -1
		for i, e := range bent {
			cost := 0
			for _, other := range bent {
				if other != e {
					cost += max(0, above(e, other)-above(other, e))
				}
			}
			if least < 0 || cost < least {
				best, least = i, cost
			}
		}
		e := bent[best]
		bent = slices.Delete(bent, best, best+1)
		e.track = lowestTrack(e, placed)
		placed = append(placed, e)
		g.rows = max(g.rows, e.track+1)
	}
}

// lowestTrack is the highest row in which a net has room, below those before it
// that it would cross otherwise.
func lowestTrack(e *net, placed []*net) int {
	lo, hi := e.span()
	first := 0
	used := make(map[int]bool)
	for _, p := range placed {
		if above(p, e) < above(e, p) {
			first = max(first, p.track+1)
		}
		if a, b := p.span(); a <= hi+1 && lo <= b+1 {
			used[p.track] = true
		}
	}
	for used[first] {
		first++
	}
	return first
}

// above is what it costs to have one net's track above that of another: each
// crossing, and much for lines that would lie on each other.
func above(upper, lower *net) int {
	const overlap = 1000
	cost := 0
	lo, hi := upper.span()
	if lower.col >= lo && lower.col <= hi { // the lower one comes down through the upper track
		cost++
	}
	a, b := lower.span()
	for _, t := range upper.to {
		if t.col >= a && t.col <= b {
			cost++
		}
		if t.col == lower.col {
			cost += overlap
		}
	}
	return cost
}
