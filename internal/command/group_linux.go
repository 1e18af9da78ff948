package command

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// grace is the time between SIGTERM and SIGKILL.
	grace = time.Second
	// dyingTime is how long a killed process may need to be gone. One that takes
	// longer hangs in the kernel, and nobody can help.
	dyingTime = 5 * time.Second
	// drainTime is how long, after the command has ended, its output is waited
	// for, if something that it left running holds the pipe open.
	drainTime = 100 * time.Millisecond
)

// ErrStart marks a program that could not be started.
var ErrStart = errors.New("cannot run the command")

// Run runs cmd as the leader of a process group and returns when it has ended: as
// [exec.Cmd.Wait] does, but for output that something which it left running still
// holds open, and that is not waited for. When ctx ends first, the group is killed,
// and the error is ctx's cause.
func Run(ctx context.Context, cmd *exec.Cmd) error { return run(ctx, cmd, false) }

// RunAlone is Run for a program that may leave nothing running: what is left of its
// group when it has ended is killed.
func RunAlone(ctx context.Context, cmd *exec.Cmd) error { return run(ctx, cmd, true) }

func run(ctx context.Context, cmd *exec.Cmd, sweep bool) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = drainTime
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w: %w", ErrStart, err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		waitEnd(cmd.Process.Pid)
	}()
	select {
	case <-gone:
		if sweep {
			_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		}
		err := cmd.Wait()
		if errors.Is(err, exec.ErrWaitDelay) {
			err = nil // it ended well and left something running, as it may
		}
		return err
	case <-ctx.Done():
	}
	if !killGroup(cmd.Process.Pid, gone) {
		go cmd.Wait() //nolint:errcheck // for when the kernel lets go of it
		return fmt.Errorf("%w; process %d does not die", context.Cause(ctx), cmd.Process.Pid)
	}
	_ = cmd.Wait()
	return context.Cause(ctx)
}

// waitEnd returns when the process has ended. It stays unreaped, so that its
// group's number cannot be anybody else's yet.
func waitEnd(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}

// killGroup ends a process and all in its group, and reports whether it worked.
func killGroup(pid int, gone <-chan struct{}) bool {
	_ = unix.Kill(-pid, unix.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
	}
	_ = unix.Kill(-pid, unix.SIGKILL) // also what outlives its leader
	timer.Reset(dyingTime)
	select {
	case <-gone:
		return true
	case <-timer.C:
		return false
	}
}
