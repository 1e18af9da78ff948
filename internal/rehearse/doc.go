// Package rehearse makes a simulated room of a real one's configuration, so that
// people can try their own room, its order and its faults, without touching a
// machine: "millwright sim ROOM".
//
// It reads the room as the daemon would, finds for each device a simulated make
// that speaks as its specification expects (styles.go), hangs the room's nodes on
// it by their cords and boots them in package sim. A copy of the room's files, in
// which nothing but the addresses has changed, leads the daemon there (copy.go).
//
// Devices of the drivers snmp and http say in their settings what they are; they are
// played by the simulators that those drivers are tested against, on the outlets of the
// same room (appliance.go). Service processors of the drivers ipmi and redfish have the
// power buttons of the room's machines (processor.go). Devices of other drivers are out of
// reach in the copy, if they have an address (leftout.go).
//
// The room's checks and controls would reach its machines themselves: in the copy they
// are led to the simulated ones (hosts.go). Its UPSes and the receiver of its samples are
// out of the copy's reach (elsewhere.go).
//
// Makes that nobody knows can have stand-ins (standin.go), which rehearse the room's
// order and faults but not the device's own language.
//
// A device that can neither be simulated nor be put out of reach is an error, never
// left as it is: the copy must not reach a real one.
//
// Start at [Read], then [Rehearsal.Start] and [Rehearsal.Write].
package rehearse
