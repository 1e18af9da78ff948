// Package sdr holds sensor data records: what a BMC says of its sensors, inventory
// devices and satellite controllers (section 43), how raw numbers become values (section 36)
// and how the records are fetched from a BMC's repository or from its device SDRs, and
// kept on disk so that the next contact needs a round trip or two.
//
// Each record type is a struct that is parsed from bytes and appended to bytes, so that
// clients and package bmc use the same code. [Sensors] makes one [Sensor] of each
// sensor that the records tell of, shared records expanded.
//
// Start at [Read], then [Sensors].
package sdr
