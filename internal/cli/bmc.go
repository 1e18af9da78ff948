package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"millwright.dev/millwright/internal/bmccli"
	"millwright.dev/millwright/internal/secret"
)

// bmcCommand lends package bmccli this program's terminal.
func bmcCommand(p *program) *cobra.Command {
	frame := &bmccli.Frame{
		Stdin: p.stdin, Stdout: p.stdout, Stderr: p.stderr,
		Table:    p.bmcTable,
		Paint:    func(t bmccli.Tone, s string) string { return p.out.paint(toneColour(t), s) },
		Agree:    p.agree,
		Password: p.askPassword,
		Store:    p.bmcStore,
		Talk:     p.talk,
		Terminal: func() bool { return p.out.terminal },
		Clean:    clean,
	}
	c := bmccli.New(frame)
	c.GroupID = groupLook
	c.Args, c.RunE = cobra.ArbitraryArgs, p.noCommand
	translate(c)
	return c
}

// translate makes the errors of package bmccli this package's, down the tree.
func translate(c *cobra.Command) {
	if do := c.RunE; do != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			err := do(c, args)
			var usage *bmccli.UsageError
			var status bmccli.Status
			switch {
			case errors.As(err, &usage):
				return &usageError{err, withHost(c.CommandPath())}
			case errors.As(err, &status):
				return exit(status)
			}
			return err
		}
	}
	for _, sub := range c.Commands() {
		translate(sub)
	}
}

// UseLine is how a command is called: below bmc, hosts come before the verb.
func UseLine(c *cobra.Command) string {
	return withHost(c.UseLine())
}

func withHost(line string) string {
	const before = "millwright bmc "
	rest, below := strings.CutPrefix(line, before)
	if !below || strings.HasPrefix(rest, "HOST") {
		return line
	}
	return before + "HOST " + rest
}

// arrange puts what is said before a verb of bmc where the library looks for it.
func arrange(root *cobra.Command, args []string) []string {
	at := 0
	completing := len(args) > 0 && strings.HasPrefix(args[0], "__complete")
	if completing {
		at = 1
	}
	for at < len(args) && strings.HasPrefix(args[at], "-") {
		name := strings.TrimPrefix(args[at], "--")
		if f := root.PersistentFlags().Lookup(name); f != nil && f.NoOptDefVal == "" {
			at++
		}
		at++
	}
	if at >= len(args) || args[at] != "bmc" {
		return args
	}
	for _, c := range root.Commands() {
		if c.Name() == "bmc" {
			return slices.Concat(args[:at+1], bmccli.Arrange(c, args[at+1:], completing))
		}
	}
	return args
}

func (p *program) bmcTable(w io.Writer, head []string, rows [][]bmccli.Cell) error {
	t := table{style: p.out, head: head}
	for _, row := range rows {
		cells := make([]cell, len(row))
		for i, c := range row {
			cells[i] = cell{text: clean(c.Text), colour: toneColour(c.Tone), right: c.Right}
			if c.Text == "" {
				cells[i].text = p.out.dash()
			}
		}
		t.row(cells...)
	}
	return t.write(w)
}

func toneColour(t bmccli.Tone) string {
	switch t {
	case bmccli.Good:
		return green
	case bmccli.Warn:
		return yellow
	case bmccli.Bad:
		return red
	case bmccli.Faint:
		return dim
	case bmccli.Strong:
		return bold
	case bmccli.Plain:
	}
	return plain
}

// bmcStore gives the store of secrets of this machine's room, or the one that there is
// without a room.
func (p *program) bmcStore(ctx context.Context) secret.Store {
	v, err := p.store(ctx, secretFlags{config: configPath()})
	if err != nil {
		return nil
	}
	return v
}

// askPassword asks the person at the terminal for something that is not shown.
func (p *program) askPassword(ctx context.Context, question string) (text string, asked bool, err error) {
	in, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", false, nil
	}
	v, err := p.unseen(ctx, in, question)
	return v.Reveal(), true, err
}
