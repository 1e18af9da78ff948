package run_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
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

// layered is a room of ten layers, each node of which needs five of the layer below.
func layered(b *testing.B, size int) *room.Room {
	b.Helper()
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
	return r
}

// BenchmarkRun takes rooms up from plan to end, durably, with one follower.
func BenchmarkRun(b *testing.B) {
	for _, size := range []int{1, 10_000, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			r := layered(b, size)
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

// gate is a fleet whose devices take no time until it is shut; then they wait for the end.
type gate struct {
	left atomic.Int64 // nodes that are still switched
	told chan struct{}
}

func (g *gate) Do(ctx context.Context, req fleet.Request, sink fleet.Sink) error {
	if req.Op == room.Status {
		for _, id := range req.Nodes {
			sink.Result(fleet.Result{Node: id, Outcome: fleet.OK, State: room.StateOff})
		}
		return nil
	}
	if g.told != nil {
		select {
		case g.told <- struct{}{}:
		default:
		}
	}
	for i, id := range req.Nodes {
		if g.left.Add(-1) < 0 {
			<-ctx.Done()
			for _, id := range req.Nodes[i:] {
				sink.Result(fleet.Result{Node: id, Outcome: fleet.NotBegun})
			}
			return nil
		}
		sink.Result(fleet.Result{Node: id, Outcome: fleet.OK, State: room.StateOn})
	}
	return nil
}

// BenchmarkResume is the time from the start of a daemon, its store open, to the first new
// step of a large run that another one left half done.
func BenchmarkResume(b *testing.B) {
	b.Run("10000", func(b *testing.B) {
		r := layered(b, 10_000)
		s, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "state"), store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		events := event.New(s, nil)
		for b.Loop() {
			b.StopTimer()
			half := &gate{}
			half.left.Store(5_500)
			first := run.New(run.Options{Fleet: half, Events: events, Store: s})
			p, err := plan.Build(r, nil, plan.Order{Goal: plan.Up, Targets: r.All()}, plan.Policy{})
			if err != nil {
				b.Fatal(err)
			}
			id, err := first.Submit(b.Context(), run.Submission{Room: r, Plan: p})
			if err != nil {
				b.Fatal(err)
			}
			for u := range first.Follow(b.Context(), id, 0) {
				if info, _ := first.Get(id); info.Counts.Good >= 5_500 || u.Kind == run.Ended {
					break
				}
			}
			first.Close()
			again := &gate{told: make(chan struct{}, 1)}
			second := run.New(run.Options{Fleet: again, Events: events, Store: s, Room: func() *room.Room { return r }})
			b.StartTimer()
			if err := second.Load(b.Context()); err != nil {
				b.Fatal(err)
			}
			second.GoOn()
			<-again.told
			b.StopTimer()
			_ = second.Cancel(id, "")
			for range second.Follow(b.Context(), id, 0) {
			}
			second.Close()
			b.StartTimer()
		}
	})
}
