package snmp

import (
	"context"
	"net"
	"testing"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/snmp/agent"
	"millwright.dev/millwright/internal/room"
)

// BenchmarkStatus is what reading 24 outlets costs beside waiting for them.
func BenchmarkStatus(b *testing.B) {
	plugs := numbers(1, 24)
	a := newAgent(b, agent.Config{Profile: builtin(b, "apc-rpdu2"), Community: community, Plugs: plugs})
	s, who := plainSettings("apc-rpdu2")
	r := &recorder{a: a}
	session := open(b, s, who, func(context.Context, string, string) (net.Conn, error) { return r, nil }, plugs...)
	batch := driver.Batch{Op: room.Status}
	for p := range plugs {
		batch.Plugs = append(batch.Plugs, p)
	}
	h := newHeard()
	b.ReportAllocs()
	for b.Loop() {
		if err := session.Do(b.Context(), batch, h); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAgent is the simulated device's part of it.
func BenchmarkAgent(b *testing.B) {
	a := newAgent(b, agent.Config{Profile: builtin(b, "apc-rpdu2"), Community: community, Plugs: numbers(1, 24)})
	q := &question{kind: gosnmp.GetBulkRequest, repetitions: 24, id: 1}
	q.vars = []gosnmp.SnmpPDU{{Name: ".1.3.6.1.4.1.318.1.1.26.9.2.3.1.5", Type: gosnmp.Null}}
	msg, err := (&plain{version: gosnmp.Version2c, read: community, write: community}).encode(q)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if a.Answer(msg) == nil {
			b.Fatal("no answer")
		}
	}
}
