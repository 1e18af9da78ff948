// Package discover finds out which of the shipped device files fits a device: it
// talks to the device, looks at what it shows, and switches nothing.
//
// It exists because one product has a different menu in nearly each firmware, and
// nobody should have to read menus over a telnet line to fill in one word of a room
// file.
//
// What it types is bound: name and password where they are asked for, once; Enter,
// Escape and Ctrl-C; the number of a menu entry that is labelled as the way to the
// outlets, the first outlet's number where that opens its menu, and commands that
// only read. It never types a command that switches, not even one that would ask
// first, and never a password that it was not given. At the end it logs out, because
// many units have one session only; from one that is busy it goes away for a while.
//
// That a specification fits is then proven by its own scripts: its log-in and its
// status, on a session of their own.
//
//	discover.go  options, the finding, and the attempts
//	talk.go      one conversation: typing, and hearing until it is quiet
//	enter.go     from the greeting to the first prompt
//	known.go     what the prompts mean, and what is looked at behind each
//	menu.go      the way through numbered menus
//	prove.go     the specification's own scripts
//
// Start at [Find].
package discover
