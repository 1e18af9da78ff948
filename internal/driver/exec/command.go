package exec

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"millwright.dev/millwright/internal/command"
	"millwright.dev/millwright/internal/secret"
)

// What is kept of a command's output, in bytes: of stdout the beginning, enough
// for a line for each of 10,000 plugs; of stderr the end.
const (
	maxStdout = 1 << 20
	maxStderr = 4 << 10
)

// environ makes the environment of the commands.
func (s *Settings) environ(who secret.Resolved) []string {
	return command.Environ(s.PassEnv, who.Environ()...)
}

// command runs one command to its end, or until ctx ends. The error is an
// *exitError if it ended by itself, wraps command.ErrStart if it never ran, and is the
// context's cause or says by what signal it died otherwise: then nobody knows
// what it did.
func (s *session) command(ctx context.Context, argv []string) (ran, error) {
	out := &command.Head{Max: maxStdout}
	last := &command.Tail{Max: maxStderr}
	// Masked before it is cut: of a secret cut in two, no half would be known.
	masked := s.masker.Writer(last)
	cmd := &exec.Cmd{Path: s.programs[argv[0]], Args: argv, Env: s.environ, Stdout: out, Stderr: masked}
	err := command.Run(ctx, cmd)
	_ = masked.Close() // it writes to memory
	done := ran{argv: argv, stdout: string(out.Kept), stderr: string(last.Kept)}
	var exit *exec.ExitError
	switch {
	case !errors.As(err, &exit):
		return done, err
	case exit.Exited():
		return done, &exitError{code: exit.ExitCode(), said: lastLine(done.stderr)}
	}
	return done, fmt.Errorf("the command died: %w", err)
}

// lastLine gives the last line that is not blank.
func lastLine(text string) string {
	text = strings.TrimRight(text, " \t\r\n")
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
}
