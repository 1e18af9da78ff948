package layout

import "slices"

// How much work ordering may be, in links looked at, and up to how many items
// each sweep is judged by its crossings and neighbours are swapped, for how much
// work in all.
const (
	orderWork   = 250_000
	carefulFor  = 2_000
	carefulWork = 250_000
	maxSweeps   = 24
)

// untangle orders the rows for few crossings. It sweeps down and up, sorting
// each row by where its neighbours stand on average; small graphs keep the best
// of all sweeps and then swap neighbours as long as that helps.
//
// It is given how much work may be done with such care, and gives what is left.
func (m *mesh) untangle(care int) int {
	work := len(m.layer) + 2*len(m.down.to)
	sweeps := min(maxSweeps, max(2, orderWork/(work+1)))
	careful := len(m.layer) <= carefulFor && care > 0
	var best [][]int32
	fewest := 0
	if careful {
		best, fewest = m.snapshot(), m.crossings()
	}
	keys := make([]uint64, 0, 1024)
	spare := make([]uint64, 0, 1024)
	idle := 0
	for sweep := 0; sweep < sweeps && (!careful || fewest > 0 && care > 0); sweep++ {
		if sweep%2 == 0 {
			for r := 1; r < len(m.rows); r++ {
				keys, spare = m.sortRow(r, r-1, m.up, keys, spare)
			}
		} else {
			for r := len(m.rows) - 2; r >= 0; r-- {
				keys, spare = m.sortRow(r, r+1, m.down, keys, spare)
			}
		}
		if !careful {
			continue
		}
		care = m.swapNeighbours(care - 4*work)
		if c := m.crossings(); c < fewest {
			best, fewest, idle = m.snapshot(), c, 0
		} else if idle++; idle > 6 {
			break
		}
	}
	if careful {
		m.restore(best)
	}
	return care
}

// sortRow sorts one row by the average place of each item's neighbours in
// another. An item without any keeps its place, relative to the width of the row.
func (m *mesh) sortRow(r, other int, near links, keys, spare []uint64) (k, s []uint64) {
	const indexBits, fraction = 20, 256
	row := m.rows[r]
	keys = keys[:0]
	for i, v := range row {
		to := near.of(v)
		var key uint64
		if len(to) == 0 {
			key = uint64(i) * fraction * uint64(len(m.rows[other])) / uint64(len(row))
		} else {
			for _, w := range to {
				key += uint64(m.pos[w])
			}
			key = key * fraction / uint64(len(to))
		}
		keys = append(keys, key<<indexBits|uint64(i))
	}
	if slices.IsSorted(keys) {
		return keys, spare
	}
	slices.Sort(keys)
	spare = spare[:0]
	for _, k := range keys {
		spare = append(spare, uint64(row[k&(1<<indexBits-1)]))
	}
	for i, v := range spare {
		row[i] = int32(v)
		m.pos[v] = int32(i)
	}
	return keys, spare
}

func (m *mesh) snapshot() [][]int32 {
	rows := make([][]int32, len(m.rows))
	for i, row := range m.rows {
		rows[i] = slices.Clone(row)
	}
	return rows
}

func (m *mesh) restore(rows [][]int32) {
	m.rows = rows
	for _, row := range rows {
		for i, v := range row {
			m.pos[v] = int32(i)
		}
	}
}

// crossings counts how often two links cross.
func (m *mesh) crossings() int {
	total := 0
	var ends, tree []int32
	for r := 0; r+1 < len(m.rows); r++ {
		ends = ends[:0]
		for _, v := range m.rows[r] {
			from := len(ends)
			for _, w := range m.down.of(v) {
				ends = append(ends, m.pos[w])
			}
			slices.Sort(ends[from:])
		}
		// Those before it that end further right cross a link: a binary indexed
		// tree counts them.
		size := len(m.rows[r+1])
		tree = append(tree[:0], make([]int32, size+1)...)
		for i, end := range ends {
			passed := int32(0)
			for at := end + 1; at > 0; at -= at & -at {
				passed += tree[at]
			}
			total += i - int(passed)
			for at := end + 1; int(at) <= size; at += at & -at {
				tree[at]++
			}
		}
	}
	return total
}

// swapNeighbours swaps what stands side by side where that saves crossings, and
// gives what it left of the work it may do.
func (m *mesh) swapNeighbours(work int) int {
	for range 8 {
		better := false
		for _, row := range m.rows {
			for i := 0; i+1 < len(row); i++ {
				if work <= 0 {
					return 0
				}
				u, v := row[i], row[i+1]
				work -= 2 + len(m.up.of(u))*len(m.up.of(v)) + len(m.down.of(u))*len(m.down.of(v))
				now := m.tangles(m.up.of(u), m.up.of(v)) + m.tangles(m.down.of(u), m.down.of(v))
				if now == 0 {
					continue
				}
				then := m.tangles(m.up.of(v), m.up.of(u)) + m.tangles(m.down.of(v), m.down.of(u))
				if then < now {
					row[i], row[i+1] = v, u
					m.pos[v], m.pos[u] = int32(i), int32(i+1)
					better = true
				}
			}
		}
		if !better {
			break
		}
	}
	return work
}

// tangles counts the crossings of the links of two items, the first to the left.
// Long lists are looked at in part: there is no end to them otherwise.
func (m *mesh) tangles(left, right []int32) int {
	const most = 32
	n := 0
	for _, a := range left[:min(len(left), most)] {
		for _, b := range right[:min(len(right), most)] {
			if m.pos[a] > m.pos[b] {
				n++
			}
		}
	}
	return n
}
