// Package service is the server end of Redfish (DMTF DSP0266): one virtual BMC, or a
// whole room of machines, shown to any client of the protocol. It is an
// [http.Handler]; what the machines are, and who may do what, the owner says by a
// [Backend].
//
// It is here because whatever can be switched should be reachable by the programs
// that people already have: provisioning tools, fencing agents, inventory collectors.
//
// What a backend does not have is not shown: a machine without sensors has no sensor
// documents, one that cannot be asked to shut down does not list that among its
// resets. Every document follows the DMTF schema that its @odata.type names; the test
// of that walks every link with a table of those schemas.
//
// # How a request comes in
//
// [Service.ServeHTTP] does what is the same for all (guard.go): transport, versions,
// who asks, privileges, size and form of the body. Then the resource that routes.go
// has for the path gives its document, or takes a change. Queries ($select, $expand,
// $top, $skip, only) work on finished documents, in query.go.
//
// # Security
//
// Nothing but the few documents that the specification names is given to strangers.
// Plain HTTP is refused, unless its owner allows it on the loopback. Tokens of
// sessions are 256 random bits, kept as digests only. Failed log-ins slow down who
// fails. Bodies, sessions, tasks, subscriptions, streams and queues are bounded.
// Events are sent only where [Options.Destination] lets them, judged by the address
// that is really connected to.
//
// Start at [New], [Options], [Backend] and, for a machine that only exists in
// memory, [Memory].
package service
