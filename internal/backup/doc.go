// Package backup puts all that a room needs to live on elsewhere into one file,
// and brings it back: the state folder (the database as it is at one moment, and
// whatever else is kept beside it: keys, certificates, encrypted secrets) and the
// folder of the configuration.
//
// It exists because copying a state folder with cp gives a database that may be
// torn, and because a backup that nobody can check is only hoped to be one. So
// an archive is an ordinary tar.gz (encrypted with age, if wanted) whose first
// member is a [Manifest] with the size and SHA-256 of every other. [Restore]
// reads all of it before it writes anything, builds new folders beside the old
// ones, and puts them in place by renaming; what was there before is kept.
//
// An archive is input from outside: sizes, names and numbers are bounded, and
// nothing is ever written outside the new folders.
//
// Start at [Write], [Read] and [Restore].
package backup
