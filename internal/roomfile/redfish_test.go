package roomfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/room"
)

func TestRedfish(t *testing.T) {
	read, err := load(t, "room.yaml", "room.yaml", "redfish: {listen: ['[::]:8444'], private-destinations: yes}\nnodes: {a: }\n")
	if err != nil {
		t.Fatal(err)
	}
	want := room.Redfish{Listen: []string{"[::]:8444"}, PrivateDestinations: true}
	if d := cmp.Diff(want, read.Room.Settings.Redfish); d != "" {
		t.Error(d)
	}
	_, err = load(t, "room.yaml", "room.yaml", "redfish: {listen: 8444}\nnodes: {a: }\n")
	if err == nil || !strings.Contains(err.Error(), `"8444" is no address to listen on`) {
		t.Errorf("got %v", err)
	}
}
