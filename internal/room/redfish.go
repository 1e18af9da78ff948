package room

// Redfish is what the room's `redfish:` part asks of the door for Redfish clients. It
// has the certificates of HTTP.
type Redfish struct {
	Listen []string // "host:port" addresses; empty means that nothing listens
	// PrivateDestinations lets events go to private and loopback addresses too.
	PrivateDestinations bool
}
