// Package desk is the one front desk. Every door brings its requests here in the
// same shape; here, once, they are resolved to nodes, written down, carried out
// and answered. Doors translate and decide nothing.
//
// There are two ways through. [Desk.Do] is for what is done at once (on, off,
// status…): it goes straight to the fleet. [Desk.Plan] with [Desk.Submit] is for what takes steps
// in an order (up, down): it makes a plan and submits it as a run.
//
// What changes something leaves exactly one intent event before a device is
// touched and one result event before the answer. Reads leave none, unless the
// room asks for it. See audit.go.
//
// Start at [New], then [Desk.Do] and [Desk.Plan].
package desk
