// Package web is what drivers of devices that are reached by HTTP have in common:
// one connection that is kept, trust in certificates, logging in, bounds on what a
// device may send, the clock of an action, traces without secrets, and what is to
// be told when an action fails.
//
// It exists because net/http's client is made for the Web and not for switches. It
// sends a GET again when a connection that it had kept broke, and a GET cycles the
// power of many a box; it follows a redirect to anywhere; it reads a gigabyte. Here
// a request that changes something ([Request.Change]) is sent at most once for each
// time that the device has asked for credentials, and what is not surely undone is
// told as unknown.
//
// Start at [Open]. A session embeds the [Client] that it gives, and does its batches
// by [Client.Each], plug by plug, and [Client.Once], all plugs in one action, as
// with package line beside this one. Requests of an action go through its [Talk]:
//
//	a, err := t.Do(web.Request{Method: "POST", Path: "/outlet/3", Body: on, Change: true})
//	if err == nil {
//		err = a.Want(http.StatusOK)
//	}
//	return err
//
// What a Talk returns is for the caller to hand on. Beside it there are [Refused],
// of a device that surely did nothing, and [Odd], of one that nobody understands.
//
//	config.go  what a device needs: address, TLS, credentials
//	client.go  opening, closing, logging in again
//	talk.go    requests and answers of one action
//	auth.go    credentials: basic, digest, bearer; cookies
//	wire.go    the connection
//	batch.go   batches, and what is told to the sink
//	trace.go   what is shown, without secrets
package web
