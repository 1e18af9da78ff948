// Package chassis switches a machine's power and knows what belongs to it: its state, its
// policy after a power failure, why it started last, which device it boots from, its
// identify light and its front panel.
//
// Each message can be both appended to bytes and parsed from bytes, so a client and a
// BMC use the same code. Start at [GetStatus] and [Control].
package chassis
