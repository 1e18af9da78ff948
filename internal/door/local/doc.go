// Package local is the door for our own command line: a small HTTP and JSON API
// on a unix socket. The socket is the gate: who may open it (its group is
// millwright, its mode 0660) may ask, and the kernel says who they are.
//
// The door translates requests for the desk and decides nothing. Its messages
// are package wire, below it; its client is internal/client.
//
//	POST /v0/do                    one operation at once; a stream
//	POST /v0/requests/{id}/cancel  stop an operation that is under way
//	POST /v0/plan, /v0/order       up and down: show the plan; carry it out
//	GET  /v0/runs[/{id}[/updates]] runs; POST /v0/runs/{id}/cancel
//	GET  /v0/events                the log; with follow, a stream without an end
//	GET  /v0/nodes, /v0/devices, /v0/revisions, /v0/version
//	POST /v0/clear, /v0/reload
//
// What becomes of a request whose client goes away: a read is given up. A change
// that has begun is finished, since half a change is worse than either, and its
// result is in the events; only an explicit cancel (what Ctrl-C sends), its own
// timeout, or the end of the daemon stops it between two steps.
//
// The public API of version 1 will stand beside these routes.
//
// Start at [New] and [Listen].
package local
