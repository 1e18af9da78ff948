package layout

import (
	"math"
	"slices"
)

// placer finds where items stand from left to right.
type placer struct {
	m     *mesh
	width func(item int32) float64
	gap   func(left, right int32) float64
	bound float64   // the width of all, if it is given; each row must fit
	x     []float64 // the middle of each item
	// scratch, for one row
	wish, weight, shift []float64
	blocks              []block
}

// block is a run of items that stand as close as they may.
type block struct {
	wish, weight float64 // the average of their wishes, and the sum of weights
	items        int
}

// How much work placing may be, in links looked at, and the most sweeps.
const (
	placeWork      = 250_000
	maxPlaceSweeps = 16
)

// place gives each item the place nearest to the average of its neighbours that
// keeps the order and the gaps. Sweep by sweep, for each row, that is a problem
// of least squares with one exact and quick answer (pooling adjacent violators).
func (p *placer) place() {
	m := p.m
	p.x = make([]float64, len(m.layer))
	widest := 0
	for _, row := range m.rows {
		at := 0.0
		for i, v := range row {
			if i > 0 {
				at += p.apart(row[i-1], v)
			}
			p.x[v] = at
		}
		for _, v := range row {
			p.x[v] -= at / 2
		}
		widest = max(widest, len(row))
	}
	p.wish, p.weight, p.shift = make([]float64, widest), make([]float64, widest), make([]float64, widest)
	p.blocks = make([]block, 0, widest)
	work := len(m.layer) + 2*len(m.down.to)
	sweeps := min(maxPlaceSweeps, max(2, placeWork/(work+1)))
	for sweep := range sweeps {
		both := sweep >= sweeps-sweeps/3 // at the end, both sides count
		if sweep%2 == 0 {
			for _, row := range m.rows {
				p.settle(row, both, m.up, m.down)
			}
		} else {
			for r := len(m.rows) - 1; r >= 0; r-- {
				p.settle(m.rows[r], both, m.down, m.up)
			}
		}
	}
}

// widest is the width of the widest row, without any room to spare.
func (p *placer) widest() float64 {
	most := 0.0
	for _, row := range p.m.rows {
		width := 0.0
		for i, v := range row {
			if width += p.width(v); i > 0 {
				width += p.gap(row[i-1], v)
			}
		}
		most = max(most, width)
	}
	return most
}

// apart is how far the middles of two neighbours must be from each other.
func (p *placer) apart(left, right int32) float64 {
	return (p.width(left)+p.width(right))/2 + p.gap(left, right)
}

// settle places one row by its neighbours on one side, or on both.
func (p *placer) settle(row []int32, both bool, near, far links) {
	shift := 0.0
	for i, v := range row {
		if i > 0 {
			shift += p.apart(row[i-1], v)
		}
		p.shift[i] = shift
		sum, weight := p.pull(v, near.of(v))
		if both || weight == 0 {
			s, w := p.pull(v, far.of(v))
			sum, weight = sum+s, weight+w
		}
		if weight == 0 {
			sum, weight = p.x[v]*0.1, 0.1
		}
		p.wish[i], p.weight[i] = sum/weight-shift, 1
		if int(v) >= p.m.n {
			p.weight[i] = 4 // long lines stay straight
		}
	}
	blocks := p.blocks[:0]
	for i := range row {
		b := block{p.wish[i], p.weight[i], 1}
		for len(blocks) > 0 && blocks[len(blocks)-1].wish > b.wish {
			last := blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
			weight := last.weight + b.weight
			b = block{(last.wish*last.weight + b.wish*b.weight) / weight, weight, last.items + b.items}
		}
		blocks = append(blocks, b)
	}
	// Bounds cut off what goes beyond them, and the answer stays the best one.
	least, most := math.Inf(-1), math.Inf(1)
	if p.bound > 0 {
		least = -p.bound/2 + p.width(row[0])/2
		most = max(least, p.bound/2-p.width(row[len(row)-1])/2-shift)
	}
	i := 0
	for _, b := range blocks {
		for range b.items {
			p.x[row[i]] = min(max(b.wish, least), most) + p.shift[i]
			i++
		}
	}
}

// pull sums up where an item's neighbours stand. Stand-ins pull each other
// hardest, so that a long line bends near its ends if at all.
func (p *placer) pull(v int32, to []int32) (sum, weight float64) {
	n := int32(p.m.n)
	for _, w := range to {
		f := 1.0
		switch {
		case v >= n && w >= n:
			f = 8
		case v >= n || w >= n:
			f = 2
		}
		sum += p.x[w] * f
		weight += f
	}
	return sum, weight
}

// straighten moves stand-ins to where lines run straight, if nothing stands in
// the way: each below what it hangs on, and then each above what hangs on it.
func (p *placer) straighten() {
	least, most := math.Inf(1), math.Inf(-1)
	for v, x := range p.x {
		half := p.width(int32(v)) / 2
		least, most = min(least, x-half), max(most, x+half)
	}
	for range 3 {
		for _, row := range p.m.rows {
			p.align(row, p.m.up, least, most)
		}
		for _, row := range slices.Backward(p.m.rows) {
			p.align(row, p.m.down, least, most)
		}
	}
}

// align moves the stand-ins of one row, between the left and right end of all.
func (p *placer) align(row []int32, near links, least, most float64) {
	n := int32(p.m.n)
	for i, v := range row {
		to := near.of(v)
		if v < n || len(to) != 1 || to[0] < n {
			continue
		}
		lo, hi := least+p.width(v)/2, most-p.width(v)/2
		if i > 0 {
			lo = p.x[row[i-1]] + p.apart(row[i-1], v)
		}
		if i+1 < len(row) {
			hi = p.x[row[i+1]] - p.apart(v, row[i+1])
		}
		if want := p.x[to[0]]; want >= lo && want <= hi {
			p.x[v] = want
		}
	}
}
