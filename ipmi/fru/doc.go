// Package fru reads and writes the inventory of field replaceable units: who made a board, its
// serial number, the asset tag, what a power supply gives.
//
// An inventory is a block of bytes with areas in it, defined in the "Platform
// Management FRU Information Storage Definition" v1.0, revision 1.3, whose chapters the
// comments cite. [Parse] reads one and goes on past what is wrong in it, with warnings,
// since a BMC's inventory is more often slightly wrong than not; [Inventory.Append]
// writes one; [Edit] changes fields in place. [Read] and [Write] get the bytes from a BMC
// and put them there (chapter 34 of IPMI 2.0).
//
// Start at Parse in parse.go.
package fru
