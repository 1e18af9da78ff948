// Package libvirt is a client of libvirt's daemons (libvirtd, virtqemud and their
// like): virtual machines looked up, switched, described and redefined, their events
// heard, and their serial consoles spoken to, in both ways.
//
// It speaks libvirt's remote protocol itself, without libvirt's C library: the
// messages are XDR (RFC 4506) behind a length and a header of six words, and the
// numbers of procedures are those of libvirt's remote_protocol.x, which libvirt
// promises never to change. What it knows is what a power switch needs: some thirty
// of several hundred procedures.
//
// Start at [Dial], which takes the URIs that virsh takes, and [Conn]:
//
//	dial.go     sockets, TCP, TLS; SSH through a dialer that is handed in
//	uri.go      where a URI leads to
//	conn.go     one connection: calls side by side, signs of life, its end
//	domain.go   what can be done with machines
//	stream.go   consoles
//	event.go    what happens to machines by itself
//	xml.go      what a machine's description says, and changes to it
//	boot.go     what a machine boots from, also for one time
//	wire.go     messages, and the errors in them
//	xdr.go      the words that they are made of
//
// A server may be hostile: all that it sends is bounded, and nothing that it sends
// makes this package panic. SASL is not spoken: where a daemon asks for it, Dial says
// so; TLS with client certificates, SSH and the local sockets do without.
package libvirt
