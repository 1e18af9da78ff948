package app

import "syscall"

// seats is how many of PowerMan's clients may be served at once, as a share of the
// files that the process may have open: clients that come in thousands, or come
// and stay, must leave some for the devices, the store and our own command line.
// The others wait in the kernel's queue. Zero leaves it to the server.
func seats(files uint64) int {
	const most = 8192
	if files/2 >= most {
		return 0
	}
	return max(1, int(files/2))
}

// openFiles is how many files the process may have open; nothing is known of a
// system that does not say.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0xffff
	}
	return limit.Cur
}
