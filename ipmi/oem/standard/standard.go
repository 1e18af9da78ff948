// Package standard is the list of makers whose additions to IPMI come with Millwright: one
// line for each. A program that has more appends to [Makers].
//
// What each covers, and what it leaves out, its package says; docs/bmc-makers.md has it all
// in one table. Machines of HPE, ASRock Rack, Wistron, Kontron and those with OpenBMC
// have no package: they are served by the standard's and DCMI's commands, and by Redfish. One is
// added when a document, or a program's behaviour, tells the bytes of a command that is worth having.
package standard

import (
	"slices"

	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/oem/dell"
	"millwright.dev/millwright/ipmi/oem/fujitsu"
	"millwright.dev/millwright/ipmi/oem/gigabyte"
	"millwright.dev/millwright/ipmi/oem/huawei"
	"millwright.dev/millwright/ipmi/oem/intel"
	"millwright.dev/millwright/ipmi/oem/inventec"
	"millwright.dev/millwright/ipmi/oem/lenovo"
	"millwright.dev/millwright/ipmi/oem/nec"
	"millwright.dev/millwright/ipmi/oem/oracle"
	"millwright.dev/millwright/ipmi/oem/quanta"
	"millwright.dev/millwright/ipmi/oem/supermicro"
)

// Makers gives the makers in the order in which they are tried.
func Makers() []oem.Maker {
	return slices.Concat(
		lenovo.Makers(),
		intel.Makers(),
		dell.Makers(),
		supermicro.Makers(),
		fujitsu.Makers(),
		oracle.Makers(),
		quanta.Makers(),
		inventec.Makers(),
		gigabyte.Makers(),
		huawei.Makers(),
		nec.Makers(),
	)
}
