package cli

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// roomToGrow is the least that the daemon may fill between two collections.
	roomToGrow = 8 << 20
	// lookAgain is how often the limit is fitted to what lives. For as long a daemon
	// that has just grown a lot is slowed down, to half its speed at worst.
	lookAgain = time.Second
)

// thrift keeps the daemon's memory near what it needs, until ctx ends. Left alone,
// the runtime lets the heap double before it collects, and keeps what bursts, such as
// the reading of a whole room, once took: small boards do not have that. The limit is
// soft and follows what lives. Whoever sets GOMEMLIMIT or GOGC has decided otherwise.
// The returned function waits for it to be over.
func thrift(ctx context.Context) (wait func()) {
	if os.Getenv("GOMEMLIMIT")+os.Getenv("GOGC") != "" {
		return func() {}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		before := debug.SetMemoryLimit(-1)
		defer debug.SetMemoryLimit(before)
		tick := time.NewTicker(lookAgain)
		defer tick.Stop()
		for set := int64(0); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if want := memoryWanted(); want > set+set/16 || want < set-set/16 {
				set = want
				debug.SetMemoryLimit(set)
			}
		}
	})
	return wg.Wait
}

// memoryWanted gives the limit that fits what lives: that, half as much again, and
// what the runtime takes besides the heap.
func memoryWanted() int64 {
	sample := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(sample)
	live, besides := sample[0].Value.Uint64(), sample[1].Value.Uint64()
	for _, heap := range sample[2:] {
		besides -= heap.Value.Uint64()
	}
	return int64(live + max(live/2, roomToGrow) + besides)
}
