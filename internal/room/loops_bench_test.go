package room_test

import (
	"fmt"
	"testing"

	"millwright.dev/millwright/internal/room"
)

// BenchmarkNeeds checks a room of 10,000 nodes with 50,000 needs, circles included.
func BenchmarkNeeds(b *testing.B) {
	const nodes, layers, needs = 10_000, 10, 5
	d := room.Draft{Devices: []room.DraftDevice{{Device: room.Device{Name: "pdu"}}}}
	for i := range nodes {
		n := room.DraftNode{Name: fmt.Sprintf("n%d", i), Cords: []room.DraftCord{{Device: "pdu"}}}
		for k := range needs {
			if per := nodes / layers; i >= per {
				n.Needs = append(n.Needs, fmt.Sprintf("n%d", (i/per-1)*per+(i*7+k*13)%per))
			}
		}
		d.Nodes = append(d.Nodes, n)
	}
	for b.Loop() {
		if _, problems := room.New(d); len(problems) > 0 {
			b.Fatal(problems[0])
		}
	}
}
