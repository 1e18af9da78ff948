// Package docs makes the parts of the documentation that can be made (the room
// file's reference and schema, the pages of the command line), and its tests hold
// that what is written by hand is still true: that the functions which the
// architecture page names are there, that links lead somewhere, and that the
// command lines which people are told to type do what the page shows.
//
// It exists because documentation that nothing checks is wrong within a month.
//
// Start with generated_test.go; `go generate ./internal/house/docs` writes what has
// changed.
package docs

//go:generate go test . -run "TestGenerated|TestSessions" -update
