// Package standard is the list of makers whose additions to IPMI come with Millwright: one
// line for each. A program that has more appends to [Makers].
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
