package plan_test

import (
	"fmt"
	"time"

	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
)

// Two web servers need a database; one of them and a switch are on already.
func ExampleBuild() {
	cord := []room.DraftCord{{Device: "pdu"}}
	r, _ := room.New(room.Draft{
		Devices: []room.DraftDevice{{Device: room.Device{Name: "pdu"}}},
		Nodes: []room.DraftNode{
			{Name: "sw1", Cords: cord},
			{Name: "db1", Cords: cord, Needs: []string{"sw1"}, Settle: 30 * time.Second},
			{Name: "web1", Cords: cord, Needs: []string{"db1"}},
			{Name: "web2", Cords: cord, Needs: []string{"db1"}},
		},
	})
	states := func(id room.NodeID) room.State {
		switch r.Nodes[id].Name {
		case "sw1", "web2":
			return room.StateOn
		}
		return room.StateOff
	}
	targets, _ := r.Resolve("web[1-2]")

	p, _ := plan.Build(r, states, plan.Order{Goal: plan.Up, Targets: targets.Nodes}, plan.Policy{})
	fmt.Print(p.Text(r))
	// Output:
	// up: 2 to switch in 2 layers, 1 of them not asked for but needed, 2 skipped
	// layer 1
	//   on    db1   needed by web1
	//   settle 30s  db1
	// layer 2
	//   on    web1
	// skipped
	//   sw1,web2    on already
}
