package plan_test

import (
	"fmt"
	"testing"

	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
)

// bigRoom has nodes in layers, each needing some of the layer below.
func bigRoom(b *testing.B, nodes, layers, needs int) *room.Room {
	b.Helper()
	draft := room.Draft{Devices: []room.DraftDevice{{Device: room.Device{Name: "pdu"}}}}
	per := nodes / layers
	for i := range nodes {
		n := room.DraftNode{Name: fmt.Sprintf("n%d", i), Cords: []room.DraftCord{{Device: "pdu"}}}
		if i >= per {
			for k := range needs {
				n.Needs = append(n.Needs, fmt.Sprintf("n%d", (i/per-1)*per+(i*7+k*13)%per))
			}
		}
		draft.Nodes = append(draft.Nodes, n)
	}
	r, problems := room.New(draft)
	if len(problems) > 0 {
		b.Fatal(problems[0])
	}
	return r
}

func BenchmarkBuild(b *testing.B) {
	for _, size := range []int{10_000, 100_000} {
		r := bigRoom(b, size, 10, 5)
		for _, goal := range []plan.Goal{plan.Up, plan.Down} {
			b.Run(fmt.Sprintf("%v/%d", goal, size), func(b *testing.B) {
				for b.Loop() {
					if _, err := plan.Build(r, nil, plan.Order{Goal: goal, Targets: r.All()}, plan.Policy{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	b.Run("with forecast/10000", func(b *testing.B) {
		r := bigRoom(b, 10_000, 10, 5)
		for b.Loop() {
			p, _ := plan.Build(r, nil, plan.Order{Goal: plan.Up, Targets: r.All()}, plan.Policy{})
			p.Foresee(r, nil, plan.Policy{})
		}
	})
	b.Run("codec/10000", func(b *testing.B) {
		r := bigRoom(b, 10_000, 10, 5)
		p, _ := plan.Build(r, nil, plan.Order{Goal: plan.Up, Targets: r.All()}, plan.Policy{})
		for b.Loop() {
			data := p.Encode(r)
			if _, _, err := plan.Decode(r, data); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(len(data)), "bytes")
		}
	})
	r := bigRoom(b, 100_000, 10, 5)
	b.Run("one of 100000", func(b *testing.B) {
		for b.Loop() {
			if _, err := plan.Build(r, nil, plan.Order{Goal: plan.Up, Targets: []room.NodeID{42}}, plan.Policy{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("text/100000", func(b *testing.B) {
		p, _ := plan.Build(r, nil, plan.Order{Goal: plan.Up, Targets: r.All()}, plan.Policy{})
		for b.Loop() {
			_ = p.Text(r)
		}
	})
}
