package ipmi

import (
	"net"
	"strings"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// Peer says what a simulator needs to know of the BMC that a device is.
type Peer struct {
	Address string              // host and port
	Suites  []rmcp.Suite        // that are to be spoken; empty is any
	IPMI15  bool                // that may be spoken, too
	Behind  map[string]ipmi.Hop // machines behind the BMC, by plug; empty if it is the BMC's own
}

// Peer gives the BMC that the settings are for. Their Traits must have been found.
func (s *Settings) Peer() Peer {
	address := s.Address
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), "623")
	}
	return Peer{Address: address, Suites: s.options.Suites, IPMI15: s.options.IPMI15, Behind: s.behind}
}
