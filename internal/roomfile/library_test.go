package roomfile_test

import (
	"strings"
	"testing"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/roomfile"
)

// books is a library of one specification, in three plugs.
type books map[string]string

func (b books) Text(name string) ([]byte, bool) {
	text, found := b[name]
	return []byte(text), found
}

func (b books) Names() []string {
	var names []string
	for name := range b {
		names = append(names, name)
	}
	return names
}

func TestLibrary(t *testing.T) {
	lib := books{
		"shipped": `specification "shipped" { timeout 5 plug name { "1" "2" "3" } script login { expect ">" } }`,
		"eight":   `specification "eight" { timeout 5 plug name { "1" } script login { expect ">" } }`,
		"broken":  `specification "broken" {`,
	}
	load := func(spec, text string) (*roomfile.Result, error) {
		room := strings.Replace(`
devices:
  pdu1: {driver: script, settings: {spec: SPEC, address: "telnet://10.0.0.1"}}
nodes:
  web1: {cords: "pdu1:1"}
`, "SPEC", spec, 1)
		o := options(map[string][]byte{"specs.dev": []byte(specs), "room.yaml": []byte(text + room)})
		o.Library = lib
		return roomfile.Load(t.Context(), "room.yaml", o)
	}
	plugs := func(r *roomfile.Result) int {
		return len(r.Room.Devices[0].Settings.(driver.Prepared).Traits.Plugs)
	}

	r, err := load("shipped", "")
	if err != nil || plugs(r) != 3 {
		t.Fatalf("a shipped specification is not found: %v", err)
	}
	if len(r.Files) != 1 {
		t.Errorf("the revision has files that are none: %v", r.Order)
	}
	same, err := load("shipped", "# a comment\n")
	if err != nil || same.Room.Devices[0].Identity != r.Room.Devices[0].Identity {
		t.Errorf("the device is another one the second time: %v", err)
	}
	lib["shipped"] += "\n# a later version\n"
	if later, err := load("shipped", ""); err != nil || later.Room.Devices[0].Identity == r.Room.Devices[0].Identity {
		t.Errorf("a session of the former version would be kept: %v", err)
	}
	if r, err := load("eight", head); err != nil || plugs(r) != 8 {
		t.Errorf("the room's own specification does not go first: %v", err)
	}
	for spec, want := range map[string]string{"shiped": "did you mean shipped?", "broken": `"broken"`} {
		if _, err := load(spec, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v, want %s", spec, err, want)
		}
	}
}
