package getopt

import (
	"bytes"
	"os"
	"strconv"
	"unsafe"
)

// Wipe overwrites a string that is part of the process's own command line, as
// /proc shows it to everybody. Go's os.Args point to those very bytes. Whether s
// does is asked of the kernel first: any other string is left as it is, since it
// may be one that cannot be written to.
//
// Nobody else may hold a copy of s that must stay as it was.
func Wipe(s string) {
	begin, end := commandLine()
	data := unsafe.StringData(s)        //nolint:gosec // what it points to is checked before it is written
	at := uintptr(unsafe.Pointer(data)) //nolint:gosec // for a comparison only
	if s == "" || at < begin || at+uintptr(len(s)) > end {
		return
	}
	for b := unsafe.Slice(data, len(s)); len(b) > 0; b = b[1:] { //nolint:gosec // inside the command line, which may be written
		b[0] = 'x'
	}
}

// commandLine gives the first address of the process's arguments and the first
// behind them; both 0 where there is no /proc to ask.
func commandLine() (begin, end uintptr) {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, 0
	}
	// proc_pid_stat(5): the second field is a name in parentheses that may hold
	// anything; behind it come blanks and numbers, arg_start the 48th of all.
	const afterName, argStart = 3, 48
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= argStart-afterName+1 {
		return 0, 0
	}
	first, err1 := strconv.ParseUint(string(fields[argStart-afterName]), 10, 64)
	last, err2 := strconv.ParseUint(string(fields[argStart-afterName+1]), 10, 64)
	if err1 != nil || err2 != nil {
		return 0, 0
	}
	return uintptr(first), uintptr(last)
}
