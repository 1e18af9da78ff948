package host_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/oem"
)

// A machine is switched on with the network as its next boot device. Here the machine is one
// of package bmc; for a real one the Doer is the session that ipmi.Client.Open gives.
func Example() {
	machine, err := bmc.New(bmc.Config{Name: "node7"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer machine.Close()

	ctx := context.Background()
	h := host.New(machine.As("admin", bmc.Administrator), host.Options{})
	if err := h.SetBoot(ctx, chassis.PXE, false, true); err != nil {
		log.Fatal(err)
	}
	boot, err := h.GetBoot(ctx)
	fmt.Println(boot.Device, err)
	if err := h.SetPower(ctx, host.On, time.Minute); err != nil {
		log.Fatal(err)
	}
	on, err := h.GetPower(ctx)
	fmt.Println(on, err)
	name, err := h.Hostname(ctx)
	fmt.Println(name, err)

	// What only a maker's commands can do says so.
	_, err = h.LEDs(ctx)
	fmt.Println(errors.Is(err, oem.ErrUnsupported))
	// Output:
	// network <nil>
	// true <nil>
	// node7 <nil>
	// true
}
