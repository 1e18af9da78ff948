package snmp

import (
	"cmp"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/internal/driver/snmp/profile"
)

// Peer is what a device is like that fits the settings: for those who simulate one.
type Peer struct {
	Network string // udp or tcp
	Address string // host:port
	// Profile is its make. It is nil if the driver asks the device, which then can be
	// of any.
	Profile *profile.Profile
	// V3 says that it has users, who do as follows, and not communities.
	V3      bool
	Auth    gosnmp.SnmpV3AuthProtocol
	Privacy gosnmp.SnmpV3PrivProtocol
}

// Peer gives the device that the settings are for. Their Traits must have been found.
func (s *Settings) Peer() Peer {
	p := Peer{
		Network: s.network, Address: s.to, V3: s.Version == version3,
		Auth:    cmp.Or(authProtocol(s.Auth), gosnmp.NoAuth),
		Privacy: cmp.Or(privacyProtocol(s.Privacy), gosnmp.NoPriv),
	}
	if s.profile != nil {
		made := s.ForUnit(s.profile)
		p.Profile = &made
	}
	return p
}

// ForUnit gives a profile whose plugs are, unless they name another one, of the unit
// that the settings name.
func (s *Settings) ForUnit(p *profile.Profile) profile.Profile {
	made := *p
	if s.Unit >= 0 {
		made.Index.Unit = s.Unit
	}
	return made
}
