package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"millwright.dev/millwright/internal/store"
)

func BenchmarkOpenFresh(b *testing.B) {
	dir := b.TempDir()
	for i := range b.N {
		s, err := store.Open(b.Context(), fmt.Sprint(dir, "/", i), store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkOpenExisting(b *testing.B) {
	dir := b.TempDir()
	for range b.N {
		s, err := store.Open(b.Context(), dir, store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func benchAppend(b *testing.B, s *store.Store, callers int) {
	b.SetParallelism(max(1, callers/2)) // times GOMAXPROCS, 2 where this is measured
	var n atomic.Int64
	run := func() {
		e := event("on")
		e.Targets = "web[1-40]"
		if err := s.Write(b.Context(), func(tx *store.Tx) error { return tx.AppendEvents(e) }); err != nil {
			b.Fatal(err)
		}
		n.Add(1)
	}
	if callers == 1 {
		for b.Loop() {
			run()
		}
		return
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			run()
		}
	})
	b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 500} {
		b.Run(fmt.Sprint("folder/callers=", callers), func(b *testing.B) { benchAppend(b, open(b, b.TempDir()), callers) })
		b.Run(fmt.Sprint("memory/callers=", callers), func(b *testing.B) { benchAppend(b, openMemory(b), callers) })
	}
}
