// Package ockle speaks the socket protocol of Ockle 0.5, both ends of it: short
// XML messages with which its web pages and scripts ask a daemon for the state of
// a network of servers, and have it switch them in the order of their
// dependencies.
//
// It is a library of its own, so that a program can stand in for Ockle's daemon
// ([Server], with the work done by a [Handler]) or ask one ([Client]) without the
// rest of Millwright. It knows nothing of servers or devices: it turns bytes into
// requests and answers into bytes. Its configuration files are in the packages
// ini and folder below this one.
//
// Start with message.go (what a message is) and command.go (the 28 commands);
// frame.go and decode.go are the bytes; server.go, seats.go and visit.go are the
// server, client.go and calls.go the client, and view.go what some answers hold.
//
// # The protocol
//
// A message is a decimal count of bytes, a colon, and so many bytes of XML. A
// client connects (usually to port 8088), sends one request, gets one answer, and
// both close. There is no authentication: serve it on loopback, or through TLS.
// The source is the behaviour of Ockle 0.5 as programs see it.
//
// # Where the server differs from Ockle 0.5, on purpose
//
//   - Every answer is framed, errors too, and says what went wrong: the attribute
//     Error holds the text, and the keys code and message hold it again for
//     programs. The original sends failures without a count, and its own client
//     then waits for ever.
//   - Clients are served at once, not one after another.
//   - A request may come in any number of pieces and hold any UTF-8.
//   - What is no request, "0:" among it, is answered with an error. In the
//     original it ends the listener.
//   - Answers of the server's own class are no requests.
//   - Keys that XML cannot have as names of elements are spelt with _xHHHH_ for
//     each character that is not possible, as SQL/XML (ISO/IEC 9075-14) does, and
//     are read back. The original sends XML that is not well-formed.
package ockle
