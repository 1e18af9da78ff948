package sim_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"millwright.dev/millwright/internal/sim"
)

// A room with one strip and one machine: somebody switches the outlet, and the
// machine boots.
func Example() {
	room, err := sim.Start(context.Background(), sim.Config{
		PDUs: []sim.PDU{{Name: "pdu1", Style: "menu", Outlets: sim.Numbered(1, 8)}},
		Machines: []sim.Machine{
			{Name: "web3", Boot: 5 * time.Millisecond, Inlets: []sim.Inlet{{PDU: "pdu1", Outlet: "3"}}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer room.Close()

	up := make(chan struct{})
	defer room.Subscribe(func(h sim.Happening) {
		fmt.Println(h)
		if h.Kind == sim.MachineUp {
			close(up)
		}
	})()
	// Programs would connect to room.Addr("pdu1"); this is the hand on the strip.
	if err := room.Turn("pdu1", "3", true); err != nil {
		fmt.Println(err)
	}
	<-up
	// Output:
	// pdu1 outlet 3 on
	// web3 booting
	// web3 up
}

// Faults are set and taken away while the room runs, here by the lines of the
// control protocol.
func ExampleRoom_Do() {
	room, err := sim.Start(context.Background(), sim.Config{
		InMemory: true,
		PDUs:     []sim.PDU{{Name: "pdu1", Outlets: sim.Numbered(0, 2)}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer room.Close()
	for _, line := range []string{"fault pdu1/1 lie", "fault pdu1 slow delay 2s", "turn pdu1/1 on", "show pdu1", "heal all"} {
		if err := room.Do(line, os.Stdout); err != nil {
			fmt.Println("error:", err)
		}
	}
	// Output:
	// pdu pdu1: vpc at pdu1:23, 1 of 2 outlets on, 0 connections, 0 lines typed, slow delay 2s
	// outlet 0: off
	// outlet 1: on, says off, lie
}
