//go:build !linux

package cli

// noDump is there on Linux only.
func noDump() error { return nil }
