package ups_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/ups"
)

func TestSupply(t *testing.T) {
	device := func(name, feed string) room.DraftDevice {
		return room.DraftDevice{Device: room.Device{Name: name, Feed: feed}}
	}
	node := func(name string, cords ...room.DraftCord) room.DraftNode {
		return room.DraftNode{Name: name, Cords: cords}
	}
	managed := node("managed", room.DraftCord{Device: "rowA", Plug: "3"})
	managed.BMC = room.DraftCord{Device: "bmc", Plug: "1"}
	r, err := room.New(room.Draft{
		Feeds:   []room.Feed{{Name: "mains"}, {Name: "a", From: "mains"}, {Name: "a1", From: "a"}, {Name: "b", From: "mains"}, {Name: "street"}},
		Devices: []room.DraftDevice{device("rowA", "a1"), device("rowB", "b"), device("wall", "street"), device("loose", ""), device("bmc", "")},
		Nodes: []room.DraftNode{
			node("both", room.DraftCord{Device: "rowA", Plug: "1"}, room.DraftCord{Device: "rowB", Plug: "1"}),
			node("one", room.DraftCord{Device: "rowA", Plug: "2"}, room.DraftCord{Device: "rowA", Plug: "4"}),
			node("raw", room.DraftCord{Device: "wall", Plug: "1"}),
			node("half", room.DraftCord{Device: "rowB", Plug: "2"}, room.DraftCord{Device: "loose", Plug: "1"}),
			node("untold", room.DraftCord{Device: "loose", Plug: "2"}),
			node("group"),
			managed,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"both": {"a", "mains"}, "one": {"a"}, "raw": {"street"}, "half": {"", "mains"}, "managed": {"a"}}
	if diff := cmp.Diff(want, ups.Supply(r, []ups.Source{{Name: "A", Feeds: []string{"a"}}})); diff != "" {
		t.Error(diff)
	}
}
