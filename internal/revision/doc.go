// Package revision changes the configuration of a running room: a room is a
// folder of files, each accepted set of them is a numbered revision in the store,
// and this package is where somebody who is not at the disk edits them.
//
// An edit names the revision that it was made from. If the files on the disk are
// not that revision any more, nothing is done, and the answer shows what has
// changed there ([Conflict]). Else the new set is read and checked as a whole,
// kept in the store, written to the files, and used, in this order: a daemon
// that dies in between finishes the writing when it starts again
// ([Book.Finish]). Files are changed as texts, or value by value with
// everything else left as it was (roomfile.Change), so comments stay.
//
// Start at [Book].
package revision
