package sensor_test

import (
	"context"
	"fmt"
	"os"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/ipmi/sensor"
)

// Shows all sensors of a BMC. The records, which seldom change, are kept on disk.
func ExampleScan() {
	ctx := context.Background()
	client := ipmi.NewClient(ipmi.ClientOptions{})
	defer client.Close()
	session, err := client.Open(ctx, "bmc1.example", ipmi.Options{User: "watch", Password: os.Getenv("IPMIPASSWORD")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close(ctx)
	set, err := sdr.Read(ctx, session, sdr.Options{Cache: sdr.NewCache("/var/cache/millwright/sdr"), Host: "bmc1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	readings, err := sensor.Scan(ctx, session, set.Sensors(), sensor.Options{})
	for _, r := range readings {
		switch {
		case r.Value != nil:
			fmt.Printf("%s: %g %s, %s\n", r.Name, *r.Value, r.Units, r.Health)
		case r.Unavailable:
			fmt.Printf("%s: %s\n", r.Name, r.Note)
		default:
			fmt.Printf("%s: %v\n", r.Name, r.States)
		}
	}
	if err != nil {
		fmt.Println(err)
	}
}
