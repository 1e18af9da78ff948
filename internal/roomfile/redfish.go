package roomfile

import (
	"net"

	"millwright.dev/millwright/internal/room"
)

type redfishPart struct {
	Listen              texts `yaml:"listen" doc:"Where to listen, host:port; always with TLS, by the certificate of http:." default:"nowhere"`
	PrivateDestinations bool  `yaml:"private-destinations" doc:"Whether admins may have events sent to private and loopback addresses too, rather than to public ones only." default:"no"`
}

// redfish takes the part `redfish:`.
func (l *loader) redfish(v *value) {
	var part redfishPart
	l.decode(v, &part)
	l.listens(v, part.Listen)
	l.draft.Settings.Redfish = room.Redfish{Listen: part.Listen, PrivateDestinations: part.PrivateDestinations}
}

// listens checks the addresses that a door shall listen on.
func (l *loader) listens(v *value, addresses []string) {
	for i, at := range addresses {
		if host, port, err := net.SplitHostPort(at); err != nil || port == "" {
			l.fail(v.get("listen").item(i), "%q is no address to listen on; write host:port, such as 127.0.0.1:8443 or [::]:8443", at)
		} else if why := badHost(host); host != "" && why != "" {
			l.fail(v.get("listen").item(i), "%q is no address to listen on: %s", at, why)
		}
	}
}
