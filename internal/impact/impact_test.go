package impact_test

import (
	"fmt"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/impact"
	"millwright.dev/millwright/internal/room"
)

func cords(devices ...string) (list []room.DraftCord) {
	for _, d := range devices {
		list = append(list, room.DraftCord{Device: d})
	}
	return list
}

func hall(t *testing.T) *room.Room {
	t.Helper()
	device := func(name, feed string) room.DraftDevice {
		return room.DraftDevice{Device: room.Device{Name: name, Feed: feed}}
	}
	r, problems := room.New(room.Draft{
		Feeds:   []room.Feed{{Name: "main"}, {Name: "a", From: "main"}, {Name: "b"}},
		Devices: []room.DraftDevice{device("pdu-a", "a"), device("pdu-b", "b"), device("strip", "")},
		Nodes: []room.DraftNode{
			{Name: "dns1", Cords: cords("pdu-a")},
			{Name: "dns2", Cords: cords("pdu-b")},
			{Name: "dns3", Cords: cords("strip")},
			{Name: "db", Cords: cords("pdu-a", "pdu-b"), Choices: []room.DraftChoice{{Least: 2, Members: []string{"dns1", "dns2", "dns3"}}}},
			{Name: "log", Cords: cords("strip")},
			{Name: "web", Cords: cords("strip"), Needs: []string{"db"}, Wants: []string{"log"}},
			{Name: "shop", Needs: []string{"web"}},
		},
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return r
}

func TestOf(t *testing.T) {
	r := hall(t)
	id := func(name string) room.NodeID { id, _ := r.Node(name); return id }
	text := func(hits []impact.Hit) string {
		var parts []string
		for _, h := range hits {
			parts = append(parts, strings.TrimSuffix(fmt.Sprintf("%s:%s:%s", r.Nodes[h.Node].Name, h.Cause, h.By), ":"))
		}
		return strings.Join(parts, " ")
	}
	for _, c := range []struct {
		name          string
		lost          impact.Lost
		fallen, worse string
	}{
		{"a node", impact.Lost{Nodes: []room.NodeID{id("db")}}, "db:gone shop:need:web web:need:db", ""},
		{"what is wanted", impact.Lost{Nodes: []room.NodeID{id("log")}}, "log:gone", "web:want:log"},
		{"one of two", impact.Lost{Nodes: []room.NodeID{id("dns1")}}, "dns1:gone", "db:spare:dns1"},
		{"two of three", impact.Lost{Nodes: []room.NodeID{id("dns1"), id("dns3")}}, "db:choice:dns1 dns1:gone dns3:gone shop:need:web web:need:db", ""},
		{"a feed, with what it feeds", impact.Lost{Feeds: []string{"main"}}, "dns1:power:pdu-a", "db:cord:pdu-a"},
		{"both feeds", impact.Lost{Feeds: []string{"main", "b"}}, "db:power:pdu-b dns1:power:pdu-a dns2:power:pdu-b shop:need:web web:need:db", ""},
		{"a device", impact.Lost{Devices: []room.DeviceID{2}}, "dns3:power:strip log:power:strip shop:need:web web:power:strip", "db:spare:dns3"},
		{"nothing", impact.Lost{}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := impact.Of(r, c.lost)
			if text(res.Fallen) != c.fallen || text(res.Worse) != c.worse {
				t.Errorf("fallen %s\nworse %s", text(res.Fallen), text(res.Worse))
			}
		})
	}
}
