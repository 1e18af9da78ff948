// Package httpdoor is the public API: HTTP and JSON on the unix socket, where the
// kernel says who asks, and by TLS, where they have to log in. Our own command line
// is a client of it, so that nothing can be done on one that cannot be done on the
// other. Its messages are package wire, below it; its client is internal/client.
//
// The door translates requests for the desk and decides nothing: who may see and
// do what is the desk's business ([desk.View] and the desk's methods).
//
// # How a request comes in
//
// [Door.guarded] in guard.go is all that is the same for every request: headers, the
// names under which we may be asked, pages of other sites, tricks with paths, who
// asks (identity.go), and a bounded body. Then package endpoint decodes the request
// by the tags of its input struct, which are huma's, and calls the route's function;
// what that returns becomes the answer, and an error of any kind a problem document
// (problem.go).
//
// # To add a group of routes
//
// Write a file that is named for the resource, with a method registerThings that
// calls register once for each route, and name the method in [Door.routes]. The
// structs of the messages belong to package wire, with a doc tag for every field:
// the published description is made from them, and a test wants all of it. Ask the
// desk for everything, with actorOf(ctx) as who asks. nodes.go is a plain example,
// operations.go one that writes its answer itself.
//
// # Streams
//
// A feed (feed.go) holds the last messages of a stream, each encoded once; readers
// (sse.go) only have a place in it. Events that the feed no longer holds are read
// from the log, so that whoever comes back misses nothing.
//
// # Once only
//
// Idempotency keys live in the log and nowhere else; see keys.go.
//
// What becomes of a request whose client goes away: a read is given up. A change
// that has begun is finished, since half a change is worse than either, and its
// result is in the events; only an explicit cancel (what Ctrl-C sends), its own
// timeout, or the end of the daemon stops it between two steps.
//
// Start at [New], [Door.Serve] and [Listen].
package httpdoor
