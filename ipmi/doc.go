// Package ipmi talks to the service processors of machines (BMCs) by IPMI over
// LAN, versions 2.0 (RMCP+) and, where asked for, 1.5.
//
// A [Client] holds one UDP socket for as many BMCs as wanted. [Client.Open] logs in to one
// and gives a [Session], which carries out requests: any number of goroutines may
// call its Do. Start at [Client.Open]; [Client.OpenFunc] and [Session.Go] do the same without a
// goroutine for each BMC. What the commands mean lies in the packages below this one, one
// for each subject; their functions take a [Doer], so they work over a session, through
// a bridge, or over whatever else can do a request:
//
//   - mc: what a controller is, its resets, self test, global enables, watchdog;
//     channels, users, sessions and payloads have packages of their own;
//   - chassis: power, its policy, boot device, identify light;
//   - sdr and sensor: what is measured, and the values;
//   - fru and spd: what the machine is made of;
//   - sel, pet and pef: what happened to it, and who is told;
//   - lan, sol, dcmi: network settings, the serial console, power limits;
//   - oem: what makers added.
//
// Package rmcp holds the packets and their cryptography for both ends, package
// bmc the other end: a BMC as a server.
//
// The specification is "IPMI - Intelligent Platform Management Interface
// Specification, second generation, v2.0", revision 1.1; sections named in
// comments are its sections.
package ipmi
