package series

import (
	"testing"
	"time"

	"millwright.dev/millwright/internal/store"
)

// FuzzOckleRow reads rows that somebody else wrote: what comes of one is bounded by its
// length, and can be kept.
func FuzzOckleRow(f *testing.F) {
	f.Add("web1", "1700000000.5", `{"outleta":{"current":412,"name":"a"},"controlb":{"CPU":"3"}}`)
	f.Add("", "-1", `{"":{"current":1e308}}`)
	f.Add("x", "0x1p70", `{"outlet":{"name":7,"current":[1]}}`)
	b := open(f, files(f, ""), Options{Flush: time.Hour, MaxSeries: 100})
	f.Cleanup(func() { shut(f, b) })
	f.Fuzz(func(t *testing.T, server, at, data string) {
		im := &ockleImport{
			book: b, of: make(map[Key]*track), by: make(map[*track]*sealing), report: &OckleReport{LeftOut: make(map[string]int)},
			names: func(server, object string) Key { return Key{Node: server, Part: object} },
		}
		im.row(store.OckleRow{ID: 1, Server: server, Time: at, Data: data})
		if im.held > len(data) {
			t.Errorf("%d samples of %d bytes", im.held, len(data))
		}
		for k := range im.of {
			if again, err := parseKey(k.text()); err != nil || again != k {
				t.Errorf("key %q became %q: %v", k, again, err)
			}
		}
	})
}
