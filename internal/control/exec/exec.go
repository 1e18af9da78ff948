// Package exec controls nodes by the user's own commands: for whatever has a command
// line tool and no kind here.
//
// A command is run as it stands, without a shell, and killed with all that it has
// started if it takes too long. The credential is in its environment, as
// MILLWRIGHT_USER and MILLWRIGHT_PASSWORD; of the daemon's own it gets only what every
// program needs, and what `pass-env` names.
//
// Start at [Settings].
package exec

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/command"
	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// New makes the kind.
func New() control.Kind {
	return control.Kind{
		Name:    "exec",
		Summary: "commands of your own, run beside the daemon",
		New: func() control.Settings {
			return &Settings{IsOn: []int{0}, IsOff: []int{1, 3}, Timeout: 30 * time.Second}
		},
	}
}

// Settings of one control.
type Settings struct {
	Off     []string      `yaml:"off" doc:"program and arguments that shut the node down, each an item of the list; {node} and {address} are replaced, there is no shell"`
	On      []string      `yaml:"on" doc:"as off, to start it"`
	Status  []string      `yaml:"status" doc:"as off, to tell by the exit status whether it is up"`
	IsOn    []int         `yaml:"is-on" default:"[0]" doc:"exit statuses of status that say that it is up"`
	IsOff   []int         `yaml:"is-off" default:"[1, 3]" doc:"exit statuses of status that say that it is down; all others say nothing"`
	PassEnv []string      `yaml:"pass-env" doc:"further variables of the daemon's environment that the commands get"`
	Timeout time.Duration `yaml:"timeout" default:"30s" doc:"how long a command may take"`
}

// Prepare implements [control.Settings].
func (s *Settings) Prepare() (control.Control, error) {
	for _, c := range []struct {
		name string
		argv []string
	}{{"off", s.Off}, {"on", s.On}, {"status", s.Status}} {
		if len(c.argv) > 0 && c.argv[0] == "" {
			return nil, control.Field(c.name, "the program has no name")
		}
	}
	for _, code := range s.IsOff {
		if slices.Contains(s.IsOn, code) {
			return nil, control.Field("is-off", "%d says that it is on already", code)
		}
	}
	switch {
	case len(s.Off) == 0 && len(s.On) == 0 && len(s.Status) == 0:
		return nil, control.Field("off", "there is no command for anything")
	case s.Timeout <= 0:
		return nil, control.Field("timeout", "it must be more than nothing")
	}
	return &runner{*s}, nil
}

// runner is the control.
type runner struct{ Settings }

// Can implements [control.Control].
func (c *runner) Can() control.Abilities {
	return control.Abilities{Off: len(c.Settings.Off) > 0, On: len(c.Settings.On) > 0, Status: len(c.Settings.Status) > 0}
}

// Off implements [control.Control].
func (c *runner) Off(ctx context.Context, env control.Env) error {
	return c.must(ctx, &env, c.Settings.Off)
}

// On implements [control.Control].
func (c *runner) On(ctx context.Context, env control.Env) error {
	return c.must(ctx, &env, c.Settings.On)
}

// Status implements [control.Control].
func (c *runner) Status(ctx context.Context, env control.Env) (room.State, error) {
	if len(c.Settings.Status) == 0 {
		return room.StateUnknown, control.ErrCannot
	}
	code, _, err := c.run(ctx, &env, c.Settings.Status)
	switch {
	case err != nil:
		return room.StateUnknown, fmt.Errorf("%s: %w", env.Node, err)
	case slices.Contains(c.IsOn, code):
		return room.StateOn, nil
	case slices.Contains(c.IsOff, code):
		return room.StateOff, nil
	}
	return room.StateUnknown, nil
}

// must runs a command that has to end with status 0.
func (c *runner) must(ctx context.Context, env *control.Env, argv []string) error {
	if len(argv) == 0 {
		return control.ErrCannot
	}
	code, said, err := c.run(ctx, env, argv)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", env.Node, err)
	case code == 0:
		return nil
	case said != "":
		return fmt.Errorf("%s: %s ended with status %d: %s", env.Node, argv[0], code, said)
	}
	return fmt.Errorf("%s: %s ended with status %d", env.Node, argv[0], code)
}

// What is kept of a command's words on stderr, and handed on, in bytes.
const (
	maxKept = 4 << 10
	maxSaid = 300
)

// run runs a command and gives its exit status and its last complaint.
func (c *runner) run(ctx context.Context, env *control.Env, words []string) (code int, said string, err error) {
	argv := make([]string, len(words))
	for i, word := range words {
		argv[i] = env.Fill(word)
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return 0, "", fmt.Errorf("%w: %w", command.ErrStart, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("%s has not ended within %v", argv[0], c.Timeout))
	defer cancel()
	who, mask := env.Credential, secret.NewMasker(env.Credential.Secrets()...)
	kept := &command.Tail{Max: maxKept}
	masked := mask.Writer(kept) // before it is cut: of a secret cut in two, no half would be known
	err = command.Run(ctx, &exec.Cmd{Path: path, Args: argv, Env: command.Environ(c.PassEnv, who.Environ()...), Stderr: masked})
	_ = masked.Close() // it writes to memory
	text := strings.TrimSpace(string(kept.Kept))
	said = action.Clean(mask, text[strings.LastIndexByte(text, '\n')+1:], maxSaid)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, said, nil
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), said, nil
	case exit != nil:
		return 0, said, fmt.Errorf("%s died: %w", argv[0], err)
	}
	return 0, said, err
}

var (
	_ control.Settings = (*Settings)(nil)
	_ control.Control  = (*runner)(nil)
)
