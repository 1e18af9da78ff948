// Package sensor reads a BMC's sensors and sets them up: readings, thresholds, hysteresis,
// which events are sent (section 35), and sends events of its own (section 29.3). What the sensors
// are, and how raw numbers become values, is known from the records of package sdr.
//
// Requests and answers are structs that are parsed from bytes and appended to bytes, for
// clients and for package bmc alike.
//
// Start at [Scan], which reads all sensors at once.
package sensor
