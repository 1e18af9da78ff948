package sim_test

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"testing"

	"millwright.dev/millwright/internal/sim"
)

// session logs in to a unit of the make "vpc" over a real socket.
func session(b *testing.B, addr string) (net.Conn, *bufio.Reader) {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	r := bufio.NewReaderSize(conn, 64<<10)
	command(b, conn, r, "login\n")
	return conn, r
}

// command types a line and reads up to the line that ends with " OK".
func command(b *testing.B, conn net.Conn, r *bufio.Reader, line string) {
	if _, err := conn.Write([]byte(line)); err != nil {
		b.Fatal(err)
	}
	for {
		text, err := r.ReadSlice('\n')
		if err != nil {
			b.Fatal(err)
		}
		if n := len(text); n > 4 && string(text[n-4:]) == " OK\n" && text[n-5] >= '0' && text[n-5] <= '9' {
			return
		}
	}
}

func BenchmarkOneUnit(b *testing.B) {
	for _, plugs := range []int{16, 10000} {
		for _, line := range []string{"stat *\n", "on *\n"} {
			b.Run(fmt.Sprintf("%s/plugs=%d", line[:len(line)-3], plugs), func(b *testing.B) {
				room, err := sim.Start(b.Context(), sim.Config{PDUs: []sim.PDU{{Name: "p", Outlets: sim.Numbered(0, plugs)}}})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(room.Close)
				conn, r := session(b, room.Addr("p"))
				for b.Loop() {
					command(b, conn, r, line)
				}
			})
		}
	}
}

// BenchmarkRoom measures a thousand strips, each connected: the memory that they
// hold, and one status of them all, one after the other.
func BenchmarkRoom(b *testing.B) {
	var cfg sim.Config
	for i := range 1000 {
		cfg.PDUs = append(cfg.PDUs, sim.PDU{Name: fmt.Sprint("p", i), Outlets: sim.Numbered(0, 16)})
	}
	before := held()
	room, err := sim.Start(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(room.Close)
	type line struct {
		conn net.Conn
		r    *bufio.Reader
	}
	var lines []line
	for i := range cfg.PDUs {
		conn, err := net.Dial("tcp", room.Addr(cfg.PDUs[i].Name))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		r := bufio.NewReaderSize(conn, 1024)
		command(b, conn, r, "login\n")
		lines = append(lines, line{conn, r})
	}
	for b.Loop() {
		for _, l := range lines {
			command(b, l.conn, l.r, "stat *\n")
		}
	}
	b.ReportMetric(float64(held()-before)/1e6, "MB-held")
}

// held is the memory in use, stacks included, after a collection.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
