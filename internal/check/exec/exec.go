// Package exec checks nodes by running the user's own commands: for whatever has a
// command line tool and no kind here, plug-ins of other monitors among them.
//
// A command is run as it stands, without a shell. It says by its exit status what it
// saw: 0 is ok, 1 and 2 are bad, as Nagios's plug-ins have them, and all others are
// unknown; and on its first line why. What takes too long is killed with all that it
// has started, and unknown. The credential is in its environment, as MILLWRIGHT_USER
// and MILLWRIGHT_PASSWORD; of the daemon's own it gets only what every program needs,
// and what `pass-env` names.
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

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/command"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "exec",
		Summary: "a command of your own, judged by its exit status",
		New:     func() check.Settings { return &Settings{OK: []int{0}, Bad: []int{1, 2}} },
	}
}

// Settings of one check.
type Settings struct {
	Command []string `yaml:"command" required:"true" doc:"program and arguments, each an item of the list; {node} and {address} are replaced, there is no shell"`
	OK      []int    `yaml:"ok" default:"[0]" doc:"exit statuses that are ok"`
	Bad     []int    `yaml:"bad" default:"[1, 2]" doc:"exit statuses that are bad; all others are unknown"`
	PassEnv []string `yaml:"pass-env" doc:"further variables of the daemon's environment that the command gets"`

	check.Want `yaml:",inline"`
}

// maxOutput is what is kept of a command's output, in bytes: its beginning.
const maxOutput = 64 << 10

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	if len(s.Command) == 0 || s.Command[0] == "" {
		return nil, check.Field("command", "there is none")
	}
	for _, code := range s.OK {
		if slices.Contains(s.Bad, code) {
			return nil, check.Field("bad", "%d is ok already", code)
		}
	}
	for _, code := range slices.Concat(s.OK, s.Bad) {
		if code < 0 || code > 255 {
			return nil, check.Field("ok", "exit statuses are 0 to 255")
		}
	}
	judge, err := s.Judge()
	if err != nil {
		return nil, err
	}
	return &runner{Settings: *s, judge: judge}, nil
}

// runner is the check.
type runner struct {
	Settings
	judge *check.Judge
}

// Run implements [check.Check].
func (c *runner) Run(ctx context.Context, env check.Env) check.Result {
	argv := make([]string, len(c.Command))
	for i, word := range c.Command {
		argv[i] = env.Fill(word)
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return check.Unclear("cannot run the command: " + err.Error())
	}
	out := &command.Head{Max: maxOutput}
	said := &command.Tail{Max: 4 << 10}
	cmd := &exec.Cmd{Path: path, Args: argv, Env: command.Environ(c.PassEnv, env.Credential.Environ()...), Stdout: out, Stderr: said}
	start := time.Now()
	err = command.RunAlone(ctx, cmd)
	took := time.Since(start)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return check.Unclear(argv[0] + ": " + check.Why(ctx, ctx.Err()))
	case errors.As(err, &exit) && !exit.Exited():
		return check.Unclear(argv[0] + " died: " + exit.String())
	case err != nil && exit == nil:
		return check.Unclear(argv[0] + ": " + err.Error())
	}
	code := 0
	if exit != nil {
		code = exit.ExitCode()
	}
	return c.verdict(&env, code, string(out.Kept), string(said.Kept), took)
}

// verdict judges what a command said that has ended by itself.
func (c *runner) verdict(env *check.Env, code int, out, errs string, took time.Duration) check.Result {
	line := firstLine(env.Mask(out))
	if line == "" {
		line = firstLine(env.Mask(errs))
	}
	if line == "" {
		line = fmt.Sprintf("exit status %d", code)
	} else if code != 0 {
		line = fmt.Sprintf("%s (exit status %d)", check.Line(line, check.MaxSaid-40), code)
	}
	switch {
	case slices.Contains(c.Settings.Bad, code):
		return check.Wrong(line)
	case !slices.Contains(c.Settings.OK, code):
		return check.Unclear(line)
	}
	if err := c.judge.Look(env, out); err != nil {
		return check.Wrong("it prints " + err.Error())
	}
	return check.Good(line, took)
}

func firstLine(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	text, _, _ = strings.Cut(text, "|") // behind it plug-ins have numbers for programs
	return strings.TrimSpace(text)
}
