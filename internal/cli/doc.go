// Package cli is the command line: it turns arguments into requests to a daemon
// (package client) and answers into text for people. What needs no daemon
// (validate, convert, devspec) and what is one (serve) is here too.
//
// To add a command, write a function that makes it and put that into the list in
// commands.go. Its help text is also its page in the manual: Short is a sentence
// without a full stop, Long says what one has to know, Example shows real calls.
//
// Exit statuses are in exit.go; how things look is decided in style.go and
// table.go, once for all commands.
//
// Start at [Run].
package cli
