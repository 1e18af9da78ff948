package cli

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

// The limit is set while the daemon runs, follows what lives, and is nobody else's.
func TestThrift(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetMemoryLimit(-1)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		wait := thrift(ctx)
		look := func() int64 {
			runtime.GC()
			time.Sleep(lookAgain)
			synctest.Wait()
			return debug.SetMemoryLimit(-1)
		}
		small := look()
		if small == before {
			t.Error("there is no limit")
		}
		const much = 64 << 20
		grown := make([]byte, much)
		if large := look(); large < small+much || large > small+2*much {
			t.Errorf("%d MiB more live, and the limit goes from %d to %d MiB", much>>20, small>>20, large>>20)
		}
		runtime.KeepAlive(grown)
		cancel()
		wait()
	})
	if after := debug.SetMemoryLimit(-1); after != before {
		t.Errorf("the limit is left at %d", after)
	}
	t.Setenv("GOMEMLIMIT", "100MiB")
	thrift(t.Context())() // who has decided is left alone, and nothing runs
}
