package run_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
)

// The room is read again in the middle of a run: what it has still goes on in the new one,
// and what is gone fails.
func TestAReloadInTheMiddle(t *testing.T) {
	var now atomic.Pointer[room.Room]
	onBench(t, "a\nb: a\nc: b\nd: c", run.Options{Room: now.Load}, func(t *testing.T, b *bench) {
		now.Store(b.room)
		id := b.submit(t, plan.Up, room.StateOff, "@all")
		time.Sleep(1500 * time.Millisecond)
		now.Store(newRoom(t, "x\nc\nb\na: x")) // under other numbers
		story := b.story(t, id)
		if !strings.HasSuffix(story, "partial: 3 of 4 on; failed: d\n") || !strings.Contains(story, "d: failed: it is no longer in the room") {
			t.Error(story)
		}
		same(t, "0s on a\n1s on b\n2s on c", strings.Join(b.hands.log, "\n"))
	})
}

// Checks and controls that the room has no more are neither made nor asked.
func TestWhatTheRoomHasNoMore(t *testing.T) {
	var now atomic.Pointer[room.Room]
	s := &soft{bad: map[string]int{"b": -1}, halts: map[string]time.Duration{"b": 0}}
	opts := run.Options{Controls: s, Checks: s, Room: now.Load}
	onBenchWith(t, "a\nb: a", opts, func(d *room.Draft) { checked("b")(d); controlled("a", "b")(d) }, func(t *testing.T, b *bench) {
		s.hands = b.hands
		now.Store(b.room)
		id := b.submit(t, plan.Up, room.StateOff, "@all")
		now.Store(newRoom(t, "a\nb: a"))
		if story := b.story(t, id); !strings.HasSuffix(story, "done: 2 on\n") {
			t.Error(story)
		}
		now.Store(b.room)
		id = b.submit(t, plan.Down, room.StateOn, "@all")
		now.Store(newRoom(t, "a\nb: a"))
		if story := b.story(t, id); !strings.HasSuffix(story, "done: 2 off\n") {
			t.Error(story)
		}
		if log := strings.Join(b.hands.log, "\n"); strings.Contains(log, "check") || strings.Contains(log, "ssh off a") {
			t.Error(log)
		}
	})
}
