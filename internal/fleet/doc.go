// Package fleet owns the devices. For each device there is one goroutine, its
// owner, which alone holds the session, works through a queue, and reconnects
// when the line breaks. Nothing else in Millwright talks to hardware.
//
// [Fleet.Do] is the way in: it takes an operation and a set of nodes, breaks it
// up into one job per device, hands the jobs to the owners, and puts what they
// report together again node by node. It knows what a single device cannot:
// that a node may have several cords, that an outcome is to be read back, and
// which results to give at once while slower devices are still at work.
//
// [Fleet.Use] is for what is no operation on plugs, such as measuring.
//
// Read in this order: fleet.go (the set of devices), exchange.go (one request),
// device.go (one owner), batch.go (one piece of work).
package fleet
