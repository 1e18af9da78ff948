// Package transport carries bytes to and from a device: over TCP, telnet, TLS,
// SSH, a serial line, or a coprocess.
//
// It exists so that a driver that talks lines of text need not know how its
// device is wired, and so that everything hard about wiring (locks, process
// groups, host keys, telnet options) is in one place.
//
// Start with [Address]: what a configuration says, read by [ParseURL] (room
// files) or [ParsePowerMan] (the device lines of powerman.conf). Then
// [Dialer.Dial] gives a [Conn]. When a device does not answer, [Backoff] says how long
// to wait before the next try; this package itself never retries.
//
// A Conn over TCP has no buffers or goroutines of its own; over telnet, none
// while idle. A coprocess costs three descriptors, one goroutine and 1 KiB.
//
// Serial lines and coprocesses need Linux.
package transport
