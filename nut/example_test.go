package nut_test

import (
	"context"
	"fmt"
	"net"

	"millwright.dev/millwright/nut"
)

// A server with one simulated UPS, and a client that asks how it stands.
func Example() {
	bank := nut.NewBank("admin", "secret")
	bank.Put("rack", "Rack 1", nut.Vars{"ups.status": "OB LB DISCHRG", "battery.charge": "12", "battery.runtime": "95"})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	served := make(chan error)
	go func() { served <- (&nut.Server{Handler: bank}).Serve(ctx, l) }()

	client, err := nut.Dial(ctx, l.Addr().String(), nut.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	vars, err := client.Vars(ctx, "rack")
	if err != nil {
		fmt.Println(err)
		return
	}
	r := vars.Reading()
	fmt.Println(r.Status, r.Status.Has(nut.OnBattery|nut.LowBattery), r.Charge.Value, r.Load.Known)
	_, err = client.Var(ctx, "rack", "ups.load")
	fmt.Println(err)
	_ = client.Logout(ctx)
	cancel()
	fmt.Println(<-served)
	// Output:
	// OB LB DISCHRG true 12 false
	// GET VAR rack ups.load: VAR-NOT-SUPPORTED (the UPS has no such variable)
	// <nil>
}
