// Package redfishdoor shows the room as a Redfish service: each node is a system with
// its chassis and its manager, whatever it hangs on. So programs that know nothing but
// Redfish can switch an outlet of an old power strip.
//
// The door translates and decides nothing. Who may see and do what is the desk's
// business; users are the room's own, with their passwords or API tokens. What a
// node's devices cannot do is not shown.
//
// The protocol is package redfish/service. backend.go is what that asks for, word by
// word; events.go tells it what happens.
//
// Start at [New] and [Door.Serve].
package redfishdoor
