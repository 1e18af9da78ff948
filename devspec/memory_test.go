package devspec

import (
	"context"
	"net"
	"runtime"
	"testing"
)

// TestMemoryPerDevice: a thousand devices of one type share its compiled scripts.
func TestMemoryPerDevice(t *testing.T) {
	const devices, limit = 1000, 20 << 10 // bytes for each, with its goroutine
	spec := mustSpec(t, benchSpec)
	_, all, answer := benchPlugs(16)
	used := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := used()
	sessions := make([]*Session, devices)
	for i := range sessions {
		here, there := net.Pipe()
		go benchDevice(there, answer)
		sessions[i] = NewSession(spec, here, Options{})
		defer sessions[i].Close()
		plugs := make([]Plug, 16)
		for j := range plugs {
			plugs[j] = Plug{Name: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"}[j], Node: "n"}
		}
		table := NewPlugTable(plugs)
		sink := &discard{}
		if err := sessions[i].Run(context.Background(), Action{Script: spec.Script(ScriptStatusAll)}, NewCall(table, all, sink)); err != nil || sink.n != 16 {
			t.Fatal(err, sink.n)
		}
	}
	if each := int(used()-before) / devices; each > limit {
		t.Errorf("a device takes %d bytes, more than %d", each, limit)
	} else {
		t.Logf("a device takes %d bytes, with the simulated one", each)
	}
	runtime.KeepAlive(sessions)
}
