package devspec

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
)

const benchSpec = `specification "b" { timeout 30
	script status_all {
		send "stat *\n"
		foreachplug {
			expect "plug ([0-9]+): (ON|OFF|ERROR)\n"
			setplugstate $1 $2 on="ON" off="OFF"
		}
		expect "[0-9]* OK\n"
		expect "[0-9]* vpc> "
	}
}`

// discard takes results and does nothing.
type discard struct{ n int }

func (d *discard) PlugState(int, State, string) { d.n++ }
func (*discard) PlugResult(int, bool, string)   {}
func (*discard) Trace(Trace)                    {}

// benchDevice answers every line with the same text.
func benchDevice(conn net.Conn, answer []byte) {
	r := bufio.NewReader(conn)
	for {
		if _, err := r.ReadSlice('\n'); err != nil {
			return
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

func benchPlugs(n int) (*PlugTable, []int, []byte) {
	plugs, all := make([]Plug, n), make([]int, n)
	var answer bytes.Buffer
	for i := range n {
		plugs[i] = Plug{Name: fmt.Sprint(i), Node: fmt.Sprintf("t%d", i)}
		all[i] = i
		fmt.Fprintf(&answer, "plug %d: %s\n", i, []string{"ON", "OFF"}[i%2])
	}
	answer.WriteString("12 OK\n12 vpc> ")
	return NewPlugTable(plugs), all, answer.Bytes()
}

func benchStatus(b *testing.B, devices, plugs int, lineEnd string) {
	spec := mustSpec(b, benchSpec)
	table, all, answer := benchPlugs(plugs)
	answer = bytes.ReplaceAll(answer, []byte("\n"), []byte(lineEnd))
	sessions := make([]*Session, devices)
	for i := range sessions {
		here, there := net.Pipe()
		go benchDevice(there, answer)
		sessions[i] = NewSession(spec, here, Options{})
		defer sessions[i].Close()
	}
	action := Action{Script: spec.Script(ScriptStatusAll)}
	b.ReportAllocs()
	for b.Loop() {
		var wg sync.WaitGroup
		for _, s := range sessions {
			wg.Go(func() {
				sink := &discard{}
				if err := s.Run(context.Background(), action, NewCall(table, all, sink)); err != nil || sink.n != plugs {
					b.Errorf("%d of %d plugs: %v", sink.n, plugs, err)
				}
			})
		}
		wg.Wait()
	}
}

// BenchmarkStatusOneDevice asks one device for 10,000 plugs: it must be linear.
func BenchmarkStatusOneDevice(b *testing.B) { benchStatus(b, 1, 10_000, "\n") }

// BenchmarkStatusOneDeviceNUL is the same with a NUL and a high byte per line, which
// the matcher cannot take as they are.
func BenchmarkStatusOneDeviceNUL(b *testing.B) { benchStatus(b, 1, 10_000, "\n\x00\xe9") }

// BenchmarkStatusManyDevices asks 625 devices for 16 plugs each, all at once.
func BenchmarkStatusManyDevices(b *testing.B) { benchStatus(b, 625, 16, "\n") }
