package ipmi_test

import (
	"runtime"
	"sync"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
)

// Both ends on the same processors: one request is two packets, each sealed and opened.
func BenchmarkDo(b *testing.B) {
	c := ipmi.NewClient(ipmi.ClientOptions{})
	defer c.Close()
	s, err := c.Open(b.Context(), serve(b, bmc.NewMemory(true)), account())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Do(b.Context(), getID); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	_ = s.Close(b.Context())
}

func BenchmarkLogin(b *testing.B) {
	c := ipmi.NewClient(ipmi.ClientOptions{})
	defer c.Close()
	address := serve(b, bmc.NewMemory(true))
	b.ReportAllocs()
	for b.Loop() {
		s, err := c.Open(b.Context(), address, account())
		if err != nil {
			b.Fatal(err)
		}
		_ = s.Close(b.Context())
	}
}

// What an idle session costs.
func BenchmarkIdleSession(b *testing.B) {
	c := ipmi.NewClient(ipmi.ClientOptions{})
	defer c.Close()
	address := serve(b, bmc.NewMemory(true))
	const n = 90
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		before := heap()
		var all sync.WaitGroup
		sessions := make([]*ipmi.Session, n)
		for i := range sessions {
			all.Go(func() { sessions[i], _ = c.Open(b.Context(), address, account()) })
		}
		all.Wait()
		b.ReportMetric(float64(heap()-before)/n, "B/session-of-both-ends")
		for _, s := range sessions {
			all.Go(func() { _ = s.Close(b.Context()) })
		}
		all.Wait()
	}
}
