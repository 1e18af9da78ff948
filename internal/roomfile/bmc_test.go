package roomfile_test

import (
	"strings"
	"testing"

	"millwright.dev/millwright/internal/room"
)

// TestServiceProcessors: `bmc:` is written as cords are, and reaches what is inside.
func TestServiceProcessors(t *testing.T) {
	const devices = head + `
devices:
  pdu: {driver: script, settings: {spec: eight, address: x}}
  bmc[1-2]: {driver: script, settings: {spec: free, address: x}}
`
	res, err := load(t, "room.yaml", "room.yaml", devices+`
nodes:
  a[1-2]: {cords: "pdu:[1-2]", bmc: "bmc[1-2]:host"}
  b: {cords: "pdu:3"}
  c[1-2]: {bmc: "bmc[1-2]"}
  a2: {bmc: "bmc1:other"}
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ node, off, softOff string }{
		{"a1", "pdu:1", "bmc1:host"},
		{"a2", "pdu:2", "bmc1:other"},
		{"b", "pdu:3", "pdu:3"},
		{"c2", "bmc2:c2", "bmc2:c2"},
	} {
		id, _ := res.Room.Node(want.node)
		way := func(op room.Op) string {
			c := res.Room.Nodes[id].Ways(op)[0]
			d := &res.Room.Devices[c.Device]
			return d.Name + ":" + d.Plugs[c.Plug].Name
		}
		if off, soft := way(room.Off), way(room.SoftOff); off != want.off || soft != want.softOff {
			t.Errorf("%s: off goes to %s, soft-off to %s", want.node, off, soft)
		}
	}
	for text, want := range map[string]string{
		"nodes:\n  a: {bmc: bmc3}\n":                               `node a: there is no device "bmc3"`,
		"nodes:\n  a: {bmc: \"bmc1:x\"}\n  b: {bmc: \"bmc1:x\"}\n": `node b: plug x of device bmc1 is taken already by node a`,
		"nodes:\n  a: {bmc: \"bmc[1-2]\"}\n":                       `makes 2 plugs for 1 node`,
	} {
		if _, err := load(t, "room.yaml", "room.yaml", devices+text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
