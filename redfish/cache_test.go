package redfish

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// A cache is bounded in entries and in bytes, forgets the oldest first, and in time all.
func TestCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := cache{entries: make(map[string]*entry)}
		for i := range 2 * maxEntries {
			k.put(strconv.Itoa(i), Document{}, 10)
			time.Sleep(time.Millisecond)
		}
		_, old, _ := k.get("0", time.Hour)
		_, last, fresh := k.get(strconv.Itoa(2*maxEntries-1), time.Hour)
		if len(k.entries) > maxEntries || old || !last || !fresh {
			t.Errorf("%d entries; the oldest is there: %t, the last: %t", len(k.entries), old, last)
		}
		for i := range 100 {
			k.put("large"+strconv.Itoa(i), Document{}, maxCached/5)
		}
		k.put("too large", Document{}, maxCached)
		if _, kept, _ := k.get("too large", time.Hour); kept || k.size > maxCached || k.size < maxCached/5 {
			t.Errorf("%d bytes are kept", k.size)
		}
		k.expire()
		if _, kept, fresh := k.get("large99", time.Hour); !kept || fresh {
			t.Errorf("after a change: kept %t, fresh %t", kept, fresh)
		}
		time.Sleep(keptFor + time.Second)
		k.put("new", Document{}, 7)
		if len(k.entries) != 1 || k.size != 7 {
			t.Errorf("after a long time: %d entries of %d bytes", len(k.entries), k.size)
		}
	})
}
