// Package pef sets how a BMC reacts to events by itself: which events it acts on
// (filters), what it does (alert, switch the machine), and whom it tells (policies, strings).
// The name is the specification's, for platform event filtering (section 17).
//
// Each message can be both appended to bytes and parsed from bytes, so a client and a
// BMC use the same code. Start at [GetCapabilities] and [EnsurePolicy].
package pef
