// Package user keeps the users of a BMC: their names, passwords, what they may do on
// each channel, and the steps that make one or do away with one.
//
// Commands that carry a password refuse to run over a session that is not encrypted,
// as far as the session can tell; see [Encrypted].
//
// Each message can be both appended to bytes and parsed from bytes, so a client and a
// BMC use the same code. Start at [List] and [Create].
package user
