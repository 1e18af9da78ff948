package cli

import "golang.org/x/sys/unix"

// noDump keeps the daemon's memory, which holds passwords while devices are logged
// in to, from being written to a file when it crashes or read by other programs of
// its user (prctl(2), PR_SET_DUMPABLE; core(5)). Root still can. It is not passed on
// to the programs that the daemon starts.
func noDump() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
