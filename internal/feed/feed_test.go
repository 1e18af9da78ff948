package feed_test

import (
	"slices"
	"testing"

	"millwright.dev/millwright/internal/feed"
)

func TestFeed(t *testing.T) {
	f := feed.Feed[int]{Keep: 8}
	_, more, known := f.Behind(0)
	if !known {
		t.Fatal("an empty feed has everything")
	}
	for i := 1; i <= 20; i++ {
		if n := f.Add(i); n != int64(i) {
			t.Fatalf("number %d for %d", n, i)
		}
	}
	select {
	case <-more:
	default:
		t.Error("who waited was not told")
	}
	if list, _, known := f.Behind(17); !known || !slices.Equal(list, []int{18, 19, 20}) {
		t.Errorf("%v, %v", list, known)
	}
	for _, n := range []int64{0, -1, 21} {
		if list, _, known := f.Behind(n); known || list != nil {
			t.Errorf("behind %d: %v, %v", n, list, known)
		}
	}
}
