// Package dcmi is the Data Center Manageability Interface, version 1.5: power readings and
// limits, the asset tag and the name of a controller, temperatures, and how a
// controller finds its network. Sections named in its comments are those of the DCMI
// specification.
//
// Each message can be both appended to bytes and parsed from bytes, so a client and a
// BMC use the same code; all start with the byte [Group]. Start at [GetPower].
package dcmi
