package rounds_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/tcp"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/rounds"
)

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkIdle has 1,000 nodes with 5 checks each looked at, by the schedule, sixty times
// as often as each minute, and says what share of a core each minute would take. With
// tcp, the peer is in the same process and counted in.
func BenchmarkIdle(b *testing.B) {
	var config net.ListenConfig
	l, err := config.Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	s := tcp.New().New().(*tcp.Settings)
	s.Host, s.Port = "127.0.0.1", l.Addr().(*net.TCPAddr).Port
	connects, err := s.Prepare()
	if err != nil {
		b.Fatal(err)
	}
	for name, look := range map[string]check.Check{"dummy": says(check.OK), "tcp": connects} {
		b.Run(name, func(b *testing.B) {
			const speed = 60
			var checks []room.Check
			for i := range 5 {
				checks = append(checks, room.Check{Name: fmt.Sprint("c", i), Every: time.Minute / speed, Settings: look})
			}
			first := house(b, 1000, checks...)
			before := memory()
			r := rounds.New(rounds.Options{})
			var looks atomic.Int64
			r.Every(func(rounds.Report) { looks.Add(1) })
			r.Apply(first)
			size := float64(memory()-before) / 5000
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan struct{})
			go func() { r.Run(ctx); close(ended) }()
			start, wall := cpu(), time.Now()
			most := 0
			for b.Loop() {
				target := looks.Load() + 5000
				for looks.Load() < target {
					time.Sleep(20 * time.Millisecond)
					most = max(most, runtime.NumGoroutine())
				}
			}
			used, took := cpu()-start, time.Since(wall)
			b.ReportMetric(float64(used)/float64(looks.Load()), "cpu-ns/look")
			b.ReportMetric(100*float64(used)/float64(looks.Load())*5000/float64(time.Minute), "%core")
			b.ReportMetric(float64(looks.Load())/took.Seconds(), "looks/s")
			b.ReportMetric(float64(most), "goroutines")
			b.ReportMetric(size, "B/check")
			cancel()
			<-ended
		})
	}
}

func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
