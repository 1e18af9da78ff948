// Package folder reads a folder of Ockle's configuration, which its users call
// etc, into plain values: settings, PDUs, controllers, testers, and servers with
// what they have and what they need.
//
// It exists so that such a folder can be used as it is. The original gives up at
// the first mistake in any file; here a bad item is set aside by name, with what
// depends on it, and the rest is read. Every mistake is told with its file and
// line.
//
// Start at [Read]. template.go knows the settings that each type has, after the
// forms that came with Ockle; path.go says which paths are files of a folder.
//
// Files are read through a [Source], so that they can come from anywhere.
package folder
