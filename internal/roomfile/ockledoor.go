package roomfile

import "millwright.dev/millwright/internal/room"

type ocklePart struct {
	Listen texts `yaml:"listen" doc:"Where to listen, host:port. The protocol knows neither users nor encryption: leave it on 127.0.0.1, or behind something that has both. An empty list closes the door that a config.ini asks for." default:"nowhere"`
}

// ockleDoor takes the part `ockle:`. It goes before what a config.ini says.
func (l *loader) ockleDoor(v *value) {
	var part ocklePart
	l.decode(v, &part)
	l.listens(v, part.Listen)
	if v.get("listen") != nil {
		l.draft.Settings.Ockle = room.Ockle{Listen: part.Listen}
	}
}
