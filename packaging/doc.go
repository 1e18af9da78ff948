// Package packaging holds what scripts/package makes packages of: the Debian
// package's control files and maintainer scripts, the units for systemd, and the room
// that a new installation begins with. There is no code here but the test, which
// builds the package, installs it in a root of its own, and uses what it finds there.
package packaging
