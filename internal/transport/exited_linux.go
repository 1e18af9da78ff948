package transport

import (
	"os"

	"golang.org/x/sys/unix"
)

// exited returns a channel that is closed when p has ended. It does not reap p.
//
// It waits on a pidfd in the runtime's poller. os.Process.Wait would block a
// thread for each process: a reload that closes 1,024 coprocesses would leave
// 1,024 threads behind, for the runtime never gives one back.
func exited(p *os.Process) <-chan struct{} {
	gone := make(chan struct{})
	f, err := pidfd(p)
	if err != nil { // Linux before 5.4
		go func() {
			defer close(gone)
			waitBlocking(p.Pid)
		}()
		return gone
	}
	if readable(f) {
		_ = f.Close()
		close(gone)
		return gone
	}
	go func() {
		defer close(gone)
		defer func() { _ = f.Close() }()
		waitReadable(f)
	}()
	return gone
}

// pidfd returns a pollable descriptor of p, readable once p has ended.
func pidfd(p *os.Process) (*os.File, error) {
	fd, dupErr := -1, error(nil)
	err := p.WithHandle(func(handle uintptr) {
		fd, dupErr = unix.FcntlInt(handle, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, dupErr
	}
	// Non-blocking is what makes os.NewFile give it to the poller.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// waitReadable parks the goroutine until f is readable.
func waitReadable(f *os.File) {
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(pollIn)
}

func readable(f *os.File) (yes bool) {
	if raw, err := f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { yes = pollIn(fd) })
	}
	return yes
}

func pollIn(fd uintptr) bool {
	n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return n > 0
}

func waitBlocking(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}
