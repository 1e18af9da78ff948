// Package ssh checks nodes by a command that is run on them by SSH, its exit status and
// what it prints.
//
// The command is the node's to understand: its login shell does. What stands for {node}
// and {address} in it is quoted for that shell. What is bad and what unknown where there
// is no exit status, package remote says.
//
// Start at [Settings].
package ssh

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/remote"
	"millwright.dev/millwright/internal/driver/login"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "ssh",
		Summary: "a command on the node, by SSH",
		New:     func() check.Settings { return &Settings{SSH: login.Defaults(), OK: []int{0}} },
	}
}

// Settings of one check.
type Settings struct {
	Command string `yaml:"command" required:"true" doc:"the command, for the node's own shell; {node} and {address} are replaced"`
	OK      []int  `yaml:"ok" default:"[0]" doc:"exit statuses that are ok; 126 and 127 are unknown, all others bad"`

	login.SSH  `yaml:",inline"`
	check.Want `yaml:",inline"`
}

// maxCommand bounds the command, in bytes.
const maxCommand = 8 << 10

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	if s.Command == "" || len(s.Command) > maxCommand || strings.ContainsRune(s.Command, 0) {
		return nil, check.Field("command", "1 to %d bytes, and no NUL", maxCommand)
	}
	if len(s.OK) == 0 {
		return nil, check.Field("ok", "there is none")
	}
	r, err := remote.New(s.SSH)
	if err != nil {
		return nil, err
	}
	judge, err := s.Judge()
	return &runner{Settings: *s, remote: r, judge: judge}, err
}

// runner is the check.
type runner struct {
	Settings
	remote *remote.Runner
	judge  *check.Judge
}

// Run implements [check.Check].
func (c *runner) Run(ctx context.Context, env check.Env) check.Result {
	out, result, done := c.remote.Run(ctx, &env, env.FillShell(c.Command))
	if !done {
		return result
	}
	line, _, _ := strings.Cut(strings.TrimSpace(env.Mask(out.Text)), "\n")
	if line == "" {
		line = out.Complaint
	}
	said := fmt.Sprintf("status %d", out.Status)
	if line != "" {
		said += ": " + env.Line(line, check.MaxSaid/2)
	}
	if !slices.Contains(c.OK, out.Status) {
		return check.Wrong(said)
	}
	if err := c.judge.Look(&env, out.Text); err != nil {
		return check.Wrong("it prints " + err.Error())
	}
	return check.Good(said+", in "+check.Took(out.Took), out.Took)
}
