package powerman_test

import (
	"context"
	"fmt"
	"net"

	"millwright.dev/millwright/powerman"
)

// lamp is a power daemon for one node that is always on.
type lamp struct{}

func (lamp) Nodes(context.Context) ([]string, error) { return []string{"lamp1"}, nil }

func (lamp) Device(context.Context, string) ([]powerman.DeviceInfo, error) { return nil, nil }

func (lamp) Power(_ context.Context, cmd powerman.Command, targets string, out powerman.Out) error {
	out.Diagnostic(targets, cmd.String()+": the switch is stuck")
	return nil
}

func (lamp) Query(context.Context, powerman.Command, string, powerman.Out) ([]powerman.Result, error) {
	return []powerman.Result{{Node: "lamp1", State: powerman.On}}, nil
}

// Both ends: a server with a handler of ten lines, and a client that asks it.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- (&powerman.Server{Handler: lamp{}}).Serve(ctx, l) }()

	client, err := powerman.Dial(ctx, l.Addr().String(), powerman.DialOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	states, err := client.Status(ctx, "")
	fmt.Println(states[0].Node, states[0].State, err)
	why, err := client.Off(ctx, "lamp1")
	fmt.Println(why[0].Text, "/", err)
	fmt.Println(client.Quit(ctx))

	cancel()
	fmt.Println(<-done)
	// Output:
	// lamp1 on <nil>
	// lamp1: off: the switch is stuck / Command completed with errors (210)
	// <nil>
	// <nil>
}
