package state

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/store"
)

// plain is a fleet that answers what it is told to.
type plain struct {
	answers map[string]fleet.Result
	asked   []string
}

func (p *plain) Do(_ context.Context, req fleet.Request, sink fleet.Sink) error {
	p.asked = append(p.asked, fmt.Sprintf("%v %s", req.Op, req.Room.Fold(req.Nodes)))
	for _, id := range req.Nodes {
		res := p.answers[req.Room.Nodes[id].Name]
		res.Node = id
		sink.Result(res)
	}
	return nil
}

func lab(t *testing.T, names ...string) *room.Room {
	t.Helper()
	d := room.Draft{Devices: []room.DraftDevice{{Device: room.Device{Name: "pdu", Poll: 10 * time.Second}}}}
	for _, n := range names {
		d.Nodes = append(d.Nodes, room.DraftNode{Name: n, Cords: []room.DraftCord{{Device: "pdu"}}})
	}
	r, problems := room.New(d)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return r
}

func open(t *testing.T, r *room.Room) (*Keeper, *plain, *event.Log) {
	t.Helper()
	s, err := store.OpenMemory(context.WithoutCancel(t.Context()), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	f, events := &plain{answers: map[string]fleet.Result{}}, event.New(s, nil)
	k := New(f, events, nil)
	k.Apply(r)
	return k, f, events
}

func (k *Keeper) must(t *testing.T, r *room.Room, op room.Op) {
	t.Helper()
	if err := k.Do(t.Context(), fleet.Request{Room: r, Op: op, Nodes: r.All()}, deaf{}); err != nil {
		t.Fatal(err)
	}
}

func TestBeliefs(t *testing.T) {
	on, off := fleet.Result{Outcome: fleet.OK, State: room.StateOn}, fleet.Result{Outcome: fleet.OK, State: room.StateOff}
	type step struct {
		op     room.Op
		answer fleet.Result
	}
	tests := []struct {
		name  string
		steps []step
		want  room.State
		drift string
	}{
		{"the first reading is no drift", []step{{room.Status, on}}, room.StateOn, ""},
		{"what we switched is no drift", []step{{room.Status, off}, {room.On, on}, {room.Status, on}}, room.StateOn, ""},
		{"what somebody else switched is", []step{{room.Status, off}, {room.Status, on}}, room.StateOn, "a,b was off, is seen to be on"},
		{"not to know is a state too", []step{{room.Status, off}, {room.Status, fleet.Result{Outcome: fleet.Unknown}}}, room.StateUnknown, "a,b was off, is seen to be unknown"},
		{"what was not begun shows nothing", []step{{room.Status, on}, {room.Off, fleet.Result{Outcome: fleet.NotBegun}}}, room.StateOn, ""},
		{"a beacon says nothing of power", []step{{room.Status, off}, {room.Beacon, on}}, room.StateOff, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := lab(t, "a", "b")
				k, f, events := open(t, r)
				for _, s := range tt.steps {
					f.answers["a"], f.answers["b"] = s.answer, s.answer
					k.must(t, r, s.op)
				}
				if got := k.Get(r, 0).State; got != tt.want {
					t.Errorf("belief %v, want %v", got, tt.want)
				}
				synctest.Wait()
				var drift []string
				list, err := events.Read(t.Context(), event.Filter{Kinds: []event.Kind{event.State}})
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range list {
					drift = append(drift, e.Targets+" "+e.Detail)
				}
				if got := strings.Join(drift, "; "); got != tt.drift {
					t.Errorf("drift %q, want %q", got, tt.drift)
				}
			})
		})
	}
}

// Beliefs and holds follow their nodes by name through a reload.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := lab(t, "a", "b")
		k, f, _ := open(t, old)
		f.answers["b"] = fleet.Result{Outcome: fleet.OK, State: room.StateOn}
		k.must(t, old, room.Status)
		k.Hold("b", Hold{Op: "cycle"})
		next := lab(t, "b", "c")
		k.Apply(next)
		b, _ := next.Node("b")
		if got := k.Get(next, b); got.State != room.StateOn || got.Held == nil {
			t.Errorf("b after the reload: %+v", got)
		}
		// A request that began under the old room may still report.
		f.answers["b"] = fleet.Result{Outcome: fleet.OK, State: room.StateOff}
		k.must(t, old, room.Off)
		if got := k.Get(next, b); got.State != room.StateOff || got.Held != nil {
			t.Errorf("b after an off under the old room: %+v", got)
		}
	})
}

func TestPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, f, _ := open(t, &room.Room{})
		ctx, stop := context.WithCancel(t.Context())
		wait := k.Poll(ctx)
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(f.asked) != 0 {
			t.Errorf("an empty room was polled: %q", f.asked)
		}
		k.Apply(lab(t, "a", "b"))
		time.Sleep(35 * time.Second)
		synctest.Wait()
		if len(f.asked) != 4 || f.asked[0] != "status a,b" {
			t.Errorf("polled %q in 35s at one in 10s, want 4 reads of a,b", f.asked)
		}
		stop()
		wait()
	})
}
