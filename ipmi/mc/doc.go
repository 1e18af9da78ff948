// Package mc knows management controllers: what one is (device id, GUID), how it does
// (self test), its resets, what it passes on (global enables), which commands it
// takes, its watchdog, its notes on the system (section 22.14a) and the buses behind it.
//
// Each message can be both appended to bytes and parsed from bytes, so a client and a
// BMC use the same code. Start at [GetDeviceID].
package mc
