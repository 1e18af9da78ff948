package local_test

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/event"
)

// TestFollowsAreCheap: people and programs that follow events and do not read them
// must not cost the daemon its memory.
func TestFollowsAreCheap(t *testing.T) {
	const follows, limit = 400, 56 << 10 // bytes for each, with its client's end
	c, socket := serve(t, &relays{}, 1)
	for _, err := range c.Events(t.Context(), event.Filter{}, false) { // so that all is warm
		if err != nil {
			t.Fatal(err)
		}
	}
	used := func() uint64 {
		for range 3 { // pools are given up at the second
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := used()
	for range follows {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /v0/events?follow=yes HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		var b [len("HTTP/1.1 200 OK")]byte
		if _, err := io.ReadFull(conn, b[:]); err != nil || !strings.HasSuffix(string(b[:]), "200 OK") {
			t.Fatalf("%q, %v", b[:], err)
		}
	}
	each := int(used()-before) / follows
	if each > limit {
		t.Errorf("a follow takes %d bytes, more than %d", each, limit)
	}
	t.Logf("a follow takes %d bytes", each)
}
