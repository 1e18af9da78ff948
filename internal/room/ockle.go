package room

// Ockle is what the room's `ockle:` part, or an old config.ini, asks of the door for
// Ockle's clients.
type Ockle struct {
	Listen []string // "host:port" addresses; empty means that nothing listens
}
