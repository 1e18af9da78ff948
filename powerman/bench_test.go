package powerman

import (
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// benchRoom answers from slices made before.
type benchRoom struct {
	*room
	results []Result
}

func (r benchRoom) Query(context.Context, Command, string, Out) ([]Result, error) {
	return r.results, nil
}

func benchResults(n int) []Result {
	results := make([]Result, n)
	for i := range results {
		results[i] = Result{Node: "node" + itoa(i), State: State(i % 3)}
	}
	return results
}

func itoa(i int) string { return string(appendCounter(nil, i)) }

// BenchmarkStates10000 is the folding of a status of 10,000 nodes: all in one
// state, and with no two neighbours alike, which is the worst case.
func BenchmarkStates10000(b *testing.B) {
	mixed, alike := benchResults(10_000), benchResults(10_000)
	for i := range alike {
		alike[i].State = Off
	}
	for name, results := range map[string][]Result{"mixed": mixed, "alike": alike} {
		b.Run(name, func(b *testing.B) {
			var buf []byte
			for b.Loop() {
				buf = appendStates(buf[:0], results, false)
			}
		})
	}
}

// BenchmarkOneNode is one connection that asks for one node again and again.
func BenchmarkOneNode(b *testing.B) {
	c, err := Dial(context.Background(), serve(b, &Server{Handler: benchRoom{newRoom(), benchResults(1)}}), DialOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for b.Loop() {
		if _, err := c.Status(context.Background(), "node000"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// BenchmarkIdleClient is what one client allocates by coming, being greeted and
// leaving: the bound of what it costs while idle, stacks aside.
func BenchmarkIdleClient(b *testing.B) {
	srv := &Server{Handler: newRoom()}
	b.ReportAllocs()
	for b.Loop() {
		here, there := net.Pipe()
		done := make(chan error, 1)
		go func() { done <- srv.ServeConn(context.Background(), there) }()
		_ = here.SetDeadline(time.Now().Add(time.Minute))
		if _, err := io.ReadFull(here, make([]byte, len(greeting))); err != nil {
			b.Fatal(err)
		}
		_ = here.Close()
		<-done
	}
}
