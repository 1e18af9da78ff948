package redfish_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"time"

	"millwright.dev/millwright/redfish"
)

// A machine is switched on, and told to boot from the network.
func Example() {
	bmc := httptest.NewTLSServer(memoryFake(machine()))
	defer bmc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	c, err := redfish.Dial(ctx, redfish.Options{
		Address: bmc.URL, User: "admin", Password: password,
		Trust: redfish.Trust{Pins: []string{redfish.Fingerprint(bmc.Certificate())}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	s, err := c.System(ctx, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := s.SetBoot(ctx, redfish.Boot{Target: "Pxe"}); err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Power(ctx, redfish.PowerOn); err != nil {
		fmt.Println(err)
		return
	}
	b, err := s.Boot(ctx)
	fmt.Println(b.Target, b.Enabled, err)
	// Output: Pxe Once <nil>
}

// What nobody has made a method for is read from documents.
func ExampleClient_Get() {
	docs := machine()
	docs["/Chassis/1"] = `{"Id":"1","DepthMm":"740","Oem":{"Acme":{"Colour":"grey"}}}`
	bmc := httptest.NewServer(memoryFake(docs))
	defer bmc.Close()
	ctx := context.Background()
	c, err := redfish.Dial(ctx, redfish.Options{Address: bmc.URL, PlainHTTP: true, User: "admin", Password: password})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	d, err := c.Get(ctx, "Chassis/1")
	if err != nil {
		fmt.Println(err)
		return
	}
	depth, _ := d.Int("DepthMm")
	fmt.Println(d.String("Oem", "Acme", "Colour"), depth, d.String("No", "Such"))
	// Output: grey 740
}

// The service says what is the matter, and of what kind that is.
func ExampleError() {
	bmc := httptest.NewServer(memoryFake(machine()))
	defer bmc.Close()
	ctx := context.Background()
	c, err := redfish.Dial(ctx, redfish.Options{Address: bmc.URL, PlainHTTP: true, User: "admin", Password: password})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	_, err = c.Get(ctx, "Chassis/2")
	fmt.Println(err)
	fmt.Println(errors.Is(err, redfish.NotFound))
	// Output:
	// GET Chassis/2: There is nothing at /redfish/v1/Chassis/2 (HTTP 404 Not Found)
	// true
}
