package run_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/store"
)

// quick is a fleet in which nothing takes time.
type quick struct{}

func (quick) Do(_ context.Context, req fleet.Request, sink fleet.Sink) error {
	for _, id := range req.Nodes {
		sink.Result(fleet.Result{Node: id, Outcome: fleet.OK, State: room.StateOn})
	}
	return nil
}

// BenchmarkRun takes rooms up from plan to end, durably, with one follower.
func BenchmarkRun(b *testing.B) {
	for _, size := range []int{1, 10_000, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			draft := room.Draft{Devices: []room.DraftDevice{{Device: room.Device{Name: "pdu"}}}}
			for i := range size {
				n := room.DraftNode{Name: fmt.Sprintf("n%d", i), Cords: []room.DraftCord{{Device: "pdu"}}}
				if layer := i * 10 / size; layer > 0 {
					for k := range 5 {
						n.Needs = append(n.Needs, fmt.Sprintf("n%d", (layer-1)*size/10+(i*7+k*13)%(size/10)))
					}
				}
				draft.Nodes = append(draft.Nodes, n)
			}
			r, problems := room.New(draft)
			if len(problems) > 0 {
				b.Fatal(problems[0])
			}
			s, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "state"), store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			runner := run.New(run.Options{Fleet: quick{}, Events: event.New(s, nil), Store: s})
			defer runner.Close()
			for b.Loop() {
				p, err := plan.Build(r, nil, plan.Order{Goal: plan.Up, Targets: r.All()}, plan.Policy{})
				if err != nil {
					b.Fatal(err)
				}
				id, err := runner.Submit(b.Context(), run.Submission{Room: r, Plan: p})
				if err != nil {
					b.Fatal(err)
				}
				for range runner.Follow(b.Context(), id, 0) {
				}
			}
		})
	}
}
