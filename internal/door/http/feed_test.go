package httpdoor

import (
	"bytes"
	"testing"
)

// A feed holds so much and no more; who asks for what it has dropped is told so,
// and who asks for what is to come waits.
func TestFeedIsBounded(t *testing.T) {
	f := newFeed(10)
	_, more, held := f.since(10)
	if !held {
		t.Fatal("the end of an empty feed is held")
	}
	big := bytes.Repeat([]byte("x"), keepBytes/4)
	for seq := int64(11); seq <= 30; seq++ {
		f.add(&frame{seq: seq, data: big})
	}
	select {
	case <-more:
	default:
		t.Error("who waits is not woken")
	}
	if _, _, held := f.since(10); held {
		t.Error("what was dropped is said to be held")
	}
	frames, _, held := f.since(f.oldest())
	if !held || len(frames) < 2 || len(frames) > 5 || frames[0].seq != f.oldest()+1 || frames[len(frames)-1].seq != 30 {
		t.Errorf("%d frames, held %v", len(frames), held)
	}
	if frames, _, held = f.since(29); !held || len(frames) != 1 || frames[0].seq != 30 {
		t.Errorf("%d frames behind 29", len(frames))
	}
	if frames, _, held = f.since(99); !held || len(frames) != 0 {
		t.Errorf("%d frames behind what is to come", len(frames))
	}
	for seq := int64(31); seq <= 31+2*keepFrames; seq++ {
		f.add(&frame{seq: seq})
	}
	if frames, _, _ := f.since(f.oldest()); len(frames) != keepFrames {
		t.Errorf("%d frames are kept", len(frames))
	}
	f.skipTo(1_000_000)
	if _, _, held := f.since(1_000_000); !held || f.newest() != 1_000_000 {
		t.Error("a feed that skips goes on there")
	}
}

// No one reader takes all the seats, and a seat that was left is free again.
func TestSeatsOfReaders(t *testing.T) {
	var r readers
	for range maxOwnReaders {
		if !r.enter("ann") {
			t.Fatal("a seat is refused too early")
		}
	}
	if r.enter("ann") || !r.enter("bob") {
		t.Error("ann has all the seats, or bob gets none")
	}
	r.leave("ann")
	if !r.enter("ann") || r.count() != maxOwnReaders+1 {
		t.Errorf("%d seats are taken", r.count())
	}
	for r.enter("bob") {
	}
	if r.enter("eve") || r.count() != maxReaders {
		t.Errorf("%d seats are taken", r.count())
	}
}
