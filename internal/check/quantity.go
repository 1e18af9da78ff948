package check

import "millwright.dev/millwright/internal/driver"

// Quantities that checks measure, besides those of devices.
const (
	Loss    driver.Quantity = "loss"    // of packets, in percent
	Days    driver.Quantity = "days"    // until a certificate ends
	Offset  driver.Quantity = "offset"  // of a clock, in seconds
	Stratum driver.Quantity = "stratum" // of a clock, in servers between it and a reference
	Count   driver.Quantity = "count"   // a plain number: what a query or an object gave
)
