//go:build !linux

package exec

import (
	"context"
	"fmt"
	"os/exec"
)

func runGroup(context.Context, *exec.Cmd) error {
	return fmt.Errorf("%w: commands are supported on Linux only", errStart)
}
