// Package processor plays the service processors (BMCs) of a simulated room, by IPMI and by
// Redfish: a make of device for package sim, whose plugs are the power buttons of machines.
//
// It exists so that a room with BMCs can be rehearsed as it is: the protocols are those
// of packages ipmi/bmc and redfish/service, and what they switch, measure and log is
// what the simulated machines do. A machine has a temperature that follows its state,
// and a serial console on which it boots and lets people log in.
//
// Start at [IPMI] and [Redfish]; machine.go is what both know of a machine, and
// console.go its serial console.
package processor
