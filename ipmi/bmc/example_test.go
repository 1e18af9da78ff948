package bmc_test

import (
	"context"
	"fmt"
	"net"

	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/chassis"
)

// A BMC for a machine that is a variable, and what a client would see.
func Example() {
	m, err := bmc.New(bmc.Config{
		Name:  "n1",
		Users: []bmc.Account{{Name: "admin", Password: "correct horse", Privilege: bmc.Administrator}},
	}, bmc.NewMemory(false))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error)
	go func() { served <- bmc.Serve(ctx, conn, m) }() // now: ipmitool -I lanplus -H 127.0.0.1 -p PORT …

	d := m.As("admin", bmc.Administrator) // the same without the network
	if err := chassis.Control(ctx, d, chassis.PowerOn); err != nil {
		fmt.Println(err)
	}
	status, err := chassis.GetStatus(ctx, d)
	fmt.Println(status.On, err)
	stop()
	fmt.Println(<-served)
	// Output:
	// true <nil>
	// <nil>
}
