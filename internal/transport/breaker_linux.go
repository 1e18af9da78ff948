package transport

import (
	"time"

	"golang.org/x/sys/unix"
)

// breakTime is how long a break lasts: longer than any character at 300 baud.
const breakTime = 300 * time.Millisecond

// Break holds the line in the break state for a moment.
func (p serialPort) Break() error {
	raw, err := p.SyscallConn()
	if err != nil {
		return err
	}
	set := func(request uint) (failed error) {
		err := raw.Control(func(fd uintptr) { failed = unix.IoctlSetInt(int(fd), request, 0) })
		if err != nil {
			return err
		}
		return failed
	}
	if err := set(unix.TIOCSBRK); err != nil {
		return err
	}
	timer := time.NewTimer(breakTime)
	<-timer.C
	return set(unix.TIOCCBRK)
}
