package fleet

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"millwright.dev/millwright/internal/room"
)

// event is something that happens to the room of a story.
type event struct {
	after  time.Duration // the event before it
	kind   string        // the name of an operation, or cancel, reload, hang-up, die, revive
	nodes  []string
	verify bool
	live   bool
	which  int // the request or the device it is about
}

// story is a room and what happens in it.
type story struct {
	stagger, rest time.Duration
	takes         time.Duration
	atOnce        int
	silent        bool // plug 2 of d0 never answers
	events        []event
}

func drawStory(t *rapid.T) story {
	ms := func(label string, of ...int) time.Duration {
		return time.Duration(rapid.SampledFrom(of).Draw(t, label)) * time.Millisecond
	}
	s := story{
		stagger: ms("stagger", 0, 0, 700, 12000), rest: ms("rest", 0, 1000, 5000), takes: ms("takes", 0, 300),
		atOnce: rapid.IntRange(0, 2).Draw(t, "at once"), silent: rapid.IntRange(0, 3).Draw(t, "silent") == 0,
	}
	for range rapid.IntRange(1, 12).Draw(t, "events") {
		s.events = append(s.events, event{
			after: ms("after", 0, 0, 100, 1000, 4000),
			kind: rapid.SampledFrom([]string{
				"on", "off", "cycle", "cycle", "status", "on", "off", "cancel", "reload", "hang-up", "die", "revive",
			}).Draw(t, "kind"),
			nodes:  rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"p0", "p1", "s2", "s3"}), 1, 4, rapid.ID[string]).Draw(t, "nodes"),
			verify: rapid.Bool().Draw(t, "verify"), live: rapid.Bool().Draw(t, "live"),
			which: rapid.IntRange(0, 11).Draw(t, "which"),
		})
	}
	return s
}

// room gives two nodes of two cords each and two of one.
func (s story) room(d *room.Draft) {
	pairs(d)
	d.Nodes = append(d.Nodes[:2],
		room.DraftNode{Name: "s2", Cords: []room.DraftCord{{Device: "d0", Plug: "2"}}},
		room.DraftNode{Name: "s3", Cords: []room.DraftCord{{Device: "d1", Plug: "3"}}})
	d.Settings.Rest = s.rest
	staggered(s.stagger)(d)
	for i := range d.Devices {
		d.Devices[i].AtOnce = s.atOnce
	}
}

// tale is a story as it goes.
type tale struct {
	*lab
	asks  []*asked
	ops   []room.Op
	wrong []string
}

func (w *tale) find(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

func (w *tale) happen(t *testing.T, s story, e event) {
	f := w.fakes[e.which%len(w.fakes)]
	switch e.kind {
	case "cancel":
		if len(w.asks) > 0 {
			w.asks[e.which%len(w.asks)].stop()
		}
	case "reload":
		edit := s.room
		for range e.which { // always other identities than before
			edit = renewed(edit)
		}
		w.lab.room = w.draft(4, edit, w.fakes...)
		if err := w.fleet.Apply(w.lab.room); err != nil {
			t.Fatal(err)
		}
	case "hang-up":
		f.drop()
	case "die":
		f.die()
	case "revive":
		f.revive()
	default:
		op, _ := room.ParseOp(e.kind)
		w.asks = append(w.asks, w.ask(t.Context(), Request{Op: op, Verify: e.verify, Live: e.live}, e.nodes...))
		w.ops = append(w.ops, op)
	}
}

// plugsOf gives a node's plugs as fake and place there; the order of plugs is
// the same in all rooms of a story.
func (w *tale) plugsOf(node string) (plugs [][2]int) {
	id, _ := w.lab.room.Node(node)
	for _, c := range w.lab.room.Nodes[id].Cords {
		plugs = append(plugs, [2]int{int(c.Device), int(c.Plug)})
	}
	return plugs
}

// judge looks at how each request ended.
func (w *tale) judge() {
	for i, a := range w.asks {
		select {
		case <-a.done:
		default:
			w.find("request %d (%s) was not answered", i, w.ops[i])
			a.stop()
			continue
		}
		for node, r := range a.results {
			if !w.ops[i].Changes() || !r.Outcome.Good() || w.disturbed(i, node) {
				continue
			}
			for _, p := range w.plugsOf(node) {
				if want := w.ops[i] != room.Off; w.fakes[p[0]].on[p[1]] != want {
					w.find("request %d: %s of %s was %s, but plug %v is on: %v", i, w.ops[i], node, r.Outcome, p, !want)
				}
			}
		}
	}
	for _, node := range []string{"p0", "p1", "s2", "s3"} {
		w.judgePower(node)
	}
}

// disturbed says whether another request that was not over before the one began
// changed the node too, so that either may have been the last.
func (w *tale) disturbed(i int, node string) bool {
	for k, b := range w.asks {
		if r, ok := b.results[node]; k != i && ok && w.ops[k].Changes() && r.Outcome != NotBegun && !b.times[node].Before(w.asks[i].at) {
			return true
		}
	}
	return false
}

// judgePower finds nodes that are dark though nobody asked for that, and nobody
// was told.
func (w *tale) judgePower(node string) {
	for i, a := range w.asks {
		r, ok := a.results[node]
		if ok && (w.ops[i] == room.Off || !r.Outcome.Good()) && (r.Outcome != NotBegun) {
			return
		}
	}
	for _, p := range w.plugsOf(node) {
		if !w.fakes[p[0]].on[p[1]] {
			w.find("%s has lost plug %v, and nobody was told", node, p)
		}
	}
}

// Whatever happens in whatever order: each node of each request gets one result,
// what is called done is done, no cycle leaves a machine dark in silence, and
// what must not be done twice is not.
func TestAnyStory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawStory(rt)
		var w *tale
		synctest.Test(t, func(t *testing.T) { w = s.tell(t) })
		for _, wrong := range w.wrong {
			rt.Error(wrong)
		}
	})
}

func (s story) tell(t *testing.T) *tale {
	w := &tale{}
	var fakes []*fake
	for i := range 2 {
		f := newFake()
		f.takes = s.takes
		f.silent[2] = s.silent && i == 0
		for p := range 4 {
			f.on[p] = true
		}
		fakes = append(fakes, f)
	}
	w.lab = newLab(t, 4, s.room, fakes...)
	synctest.Wait()
	for _, e := range s.events {
		time.Sleep(e.after)
		w.happen(t, s, e)
	}
	time.Sleep(24 * time.Hour)
	synctest.Wait()
	w.judge()
	for i, node := range []string{"s2", "s3"} {
		asked := 0
		for k, a := range w.asks {
			if _, ok := a.results[node]; ok && w.ops[k] == room.Cycle {
				asked++
			}
		}
		got := 0
		for _, b := range w.fakes[i].batches {
			if b.Op == room.Cycle {
				got += len(b.Plugs)
			}
		}
		if got > asked {
			w.find("%s was cycled %d times, asked for %d times", node, got, asked)
		}
	}
	for i, f := range w.fakes {
		if f.most > 1 || f.live > 1 {
			w.find("d%d: %d opens at the same time, %d sessions", i, f.most, f.live)
		}
	}
	if len(w.wrong) > 0 {
		for i, a := range w.asks {
			w.find("request %d: %s at %v: %v", i, w.ops[i], a.at.Sub(w.asks[0].at), a.results)
		}
	}
	w.fleet.Close()
	return w
}
