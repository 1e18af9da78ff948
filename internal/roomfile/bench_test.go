package roomfile_test

import (
	"fmt"
	"strings"
	"testing"
)

const head100k = `specifications: specs.dev
devices:
  pdu[1-12500]:
    driver: script
    settings: {spec: eight, address: "telnet://pdu[1-12500]:23"}
nodes:
  db1: {}
`

// ranges100k writes a room of 100,000 nodes as 2,000 ranges.
func ranges100k() string {
	var b strings.Builder
	b.WriteString(head100k)
	for i := range 2000 {
		fmt.Fprintf(&b, "  r%dn[1-50]:\n    cords: %s\n    needs: [db1]\n    groups: rack%d\n", i, plugsInARow(i*50, 50), i)
	}
	return b.String()
}

// single100k writes the same one by one.
func single100k() string {
	var b strings.Builder
	b.WriteString(head100k)
	for i := range 100_000 {
		fmt.Fprintf(&b, "  n%d:\n    cords: pdu%d:%d\n    needs: db1\n    groups: [rack%d]\n    settle: 2s\n", i, i/8+1, i%8+1, i/50)
	}
	return b.String()
}

// plugsInARow names n plugs of devices with eight each.
func plugsInARow(from, n int) string {
	var parts []string
	for n > 0 {
		first := from % 8
		count := min(8-first, n)
		parts = append(parts, fmt.Sprintf("pdu%d:[%d-%d]", from/8+1, first+1, first+count))
		from, n = from+count, n-count
	}
	return strings.Join(parts, ",")
}

func BenchmarkLoad100kIn2000Ranges(b *testing.B) { benchmarkLoad(b, ranges100k()) }

func BenchmarkLoad100kOneByOne(b *testing.B) { benchmarkLoad(b, single100k()) }

func benchmarkLoad(b *testing.B, text string) {
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		res, err := load(b, "room.yaml", "room.yaml", text)
		if err != nil {
			b.Fatal(err.Error()[:min(len(err.Error()), 500)])
		}
		if len(res.Room.Nodes) != 100_001 {
			b.Fatal(len(res.Room.Nodes))
		}
	}
}

func BenchmarkLoad20kDevicesOneByOne(b *testing.B) {
	var text strings.Builder
	text.WriteString(head + "nodes: {a: }\ndevices:\n")
	for i := range 20_000 {
		fmt.Fprintf(&text, "  d%d: {driver: script, settings: {spec: eight, address: \"telnet://d%d\"}}\n", i, i)
	}
	for b.Loop() {
		if _, err := load(b, "room.yaml", "room.yaml", text.String()); err != nil {
			b.Fatal(err)
		}
	}
}
