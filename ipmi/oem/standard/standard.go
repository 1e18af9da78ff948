// Package standard is the list of makers whose additions to IPMI come with Millwright: one
// line for each. A program that has more appends to [Makers].
//
// What each covers, and what it leaves out, its package says. Machines of Supermicro,
// Dell, HPE, Quanta, Gigabyte, ASRock Rack and those with OpenBMC have no package: they are
// served by the standard's and DCMI's commands, and by Redfish. One is added when a
// document tells the bytes of a command that is worth having.
package standard

import (
	"slices"

	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/oem/intel"
	"millwright.dev/millwright/ipmi/oem/lenovo"
)

// Makers gives the makers in the order in which they are tried.
func Makers() []oem.Maker {
	return slices.Concat(
		lenovo.Makers(),
		intel.Makers(),
	)
}
