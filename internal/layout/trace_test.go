package layout_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "millwright.dev/millwright/internal/layout"
)

// drawing is a drawing as somebody reads it.
type drawing struct {
	rows  [][]rune
	boxes []readBox
}

type readBox struct{ node, left, right, top, bottom int }

func (d *drawing) at(x, y int) rune {
	if y < 0 || y >= len(d.rows) || x < 0 || x >= len(d.rows[y]) {
		return ' '
	}
	return d.rows[y][x]
}

// read finds the boxes: their labels are node0, node1 and so on.
func read(text []byte) *drawing {
	d := &drawing{}
	label := regexp.MustCompile(`● node(\d+) `)
	for line := range strings.Lines(string(text)) {
		y := len(d.rows)
		d.rows = append(d.rows, []rune(strings.TrimSuffix(line, "\n")))
		for _, at := range label.FindAllStringSubmatchIndex(line, -1) {
			b := readBox{left: len([]rune(line[:at[0]])) - 1, right: len([]rune(line[:at[1]])), top: y - 1, bottom: y + 1}
			_, _ = fmt.Sscan(line[at[2]:at[3]], &b.node)
			for !strings.ContainsRune("│┃║┆", d.at(b.left, y)) {
				b.left--
			}
			for !strings.ContainsRune("│┃║┆", d.at(b.right, y)) {
				b.right++
			}
			d.boxes = append(d.boxes, b)
		}
	}
	return d
}

var (
	steps    = [4][2]int{{0, -1}, {0, 1}, {-1, 0}, {1, 0}} // up, down, left, right
	opposite = [4]int{1, 0, 3, 2}
	sidesOf  = map[rune]string{ // up, down, left, right
		'│': "ud", '┃': "ud", '╎': "ud", '┊': "ud", '─': "lr", '━': "lr", '╌': "lr", '┈': "lr",
		'╯': "ul", '┛': "ul", '╮': "dl", '┓': "dl", '╰': "ur", '┗': "ur", '╭': "dr", '┏': "dr", '┤': "udl", '┫': "udl",
		'├': "udr", '┣': "udr", '┴': "ulr", '┻': "ulr", '┬': "dlr", '┳': "dlr", '┼': "udlr", '╋': "udlr",
	}
)

// follow goes along a line and all its branches, and gives the nodes that its
// arrows point at. Where another line passes above, it goes straight on.
func (d *drawing) follow(t *testing.T, x, y, way int, reached map[int]bool, seen map[[3]int]bool) {
	if seen[[3]int{x, y, way}] {
		return
	}
	seen[[3]int{x, y, way}] = true
	r := d.at(x, y)
	if r == '▼' && way == 1 {
		for _, b := range d.boxes {
			if b.top == y && b.left < x && x < b.right {
				reached[b.node] = true
			}
		}
		return
	}
	sides, ok := sidesOf[r]
	if !ok {
		t.Errorf("a line leads to %q at %d, %d", r, x, y)
		return
	}
	from := "udlr"[opposite[way]]
	if !strings.ContainsRune(sides, rune(from)) {
		if way < 2 {
			t.Errorf("an upright line ends at %q at %d, %d", r, x, y)
			return
		}
		d.follow(t, x+steps[way][0], y, way, reached, seen)
		return
	}
	for next := range 4 {
		if next != opposite[way] && strings.ContainsRune(sides, rune("udlr"[next])) {
			d.follow(t, x+steps[next][0], y+steps[next][1], next, reached, seen)
		}
	}
}

// TestLinesLeadWhereTheyShould holds that who follows the lines of a drawing from
// a box comes to all that needs it, and to nothing else.
func TestLinesLeadWhereTheyShould(t *testing.T) {
	drawn := 0
	const rooms = 150
	for seed := range uint64(rooms) {
		r := rand.New(rand.NewPCG(seed, 7))
		var g Graph
		for i := range 4 + r.IntN(30) {
			g.Nodes = append(g.Nodes, Node{Label: fmt.Sprintf("node%d", i), State: OK, Kind: Kind(r.IntN(5))})
		}
		want := make(map[[2]int]bool)
		for range r.IntN(2 * len(g.Nodes)) {
			if a, b := r.IntN(len(g.Nodes)), r.IntN(len(g.Nodes)); a != b {
				e := Edge{From: min(a, b), To: max(a, b), Style: Style(r.IntN(4))}
				g.Edges = append(g.Edges, e)
				want[[2]int{e.From, e.To}] = true
			}
		}
		text := terminal(t, g, TerminalOptions{Width: 80 + 40*int(seed%2)})
		if strings.HasPrefix(string(text), "layer") {
			continue
		}
		drawn++
		d := read(text)
		if len(d.boxes) != len(g.Nodes) {
			t.Fatalf("%d boxes for %d nodes:\n%s", len(d.boxes), len(g.Nodes), text)
		}
		got := make(map[[2]int]bool)
		for _, b := range d.boxes {
			for x := b.left + 1; x < b.right; x++ {
				if !slices.Contains([]rune("┬┰┳┯╤"), d.at(x, b.bottom)) {
					continue
				}
				reached := make(map[int]bool)
				d.follow(t, x, b.bottom+1, 1, reached, make(map[[3]int]bool))
				for to := range reached {
					got[[2]int{b.node, to}] = true
				}
			}
		}
		for e := range want {
			if !got[e] {
				t.Errorf("seed %d: no line leads from node%d to node%d", seed, e[0], e[1])
			}
		}
		for e := range got {
			if !want[e] {
				t.Errorf("seed %d: a line leads from node%d to node%d", seed, e[0], e[1])
			}
		}
		if t.Failed() {
			t.Fatalf("\n%s", text)
		}
	}
	if drawn < rooms*8/10 {
		t.Errorf("only %d of %d rooms were drawn", drawn, rooms)
	}
}
