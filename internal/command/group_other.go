//go:build !linux

package command

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// ErrStart marks a program that could not be started.
var ErrStart = errors.New("cannot run the command")

// Run is not there on this system.
func Run(context.Context, *exec.Cmd) error {
	return fmt.Errorf("%w: commands are supported on Linux only", ErrStart)
}

// RunAlone is not there on this system.
func RunAlone(ctx context.Context, cmd *exec.Cmd) error { return Run(ctx, cmd) }
