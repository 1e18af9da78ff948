// Package discover finds out which of the shipped device files fits a device, by
// talking to it and switching nothing.
package discover
