package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/room"
)

// Version is what the program calls itself. A release sets it when it is linked
// (see scripts/package).
var Version = "0.1.0-dev"

// program is one call of the program: its streams, and what all commands share.
type program struct {
	stdin  io.Reader
	stdout io.Writer // an *output, but in tests
	stderr io.Writer
	out    style // of stdout
	err    style // of stderr

	socket string // --socket
	server server // --server, --token, --ca
	colour string // --color

	all []*cobra.Command // in the order of the help
}

// Run is the program; args go without its name. It gives the exit status. The
// first interrupt asks the command to stop, a second one ends the program.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	written := &output{to: stdout}
	p := &program{stdin: stdin, stdout: written, stderr: stderr}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second one is the system's
	root := p.root()
	root.SetArgs(arrange(root, args))
	err := root.ExecuteContext(ctx)
	if p.out == (style{}) { // the call did not get as far as a command
		p.dress()
	}
	if err != nil && ctx.Err() != nil && !isExit(err) {
		err = context.Canceled
	}
	err = p.unwritten(err, written.failed())
	p.explain(err)
	return statusOf(err)
}

func isExit(err error) bool {
	var status exit
	return errors.As(err, &status)
}

// root makes the tree of commands.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "millwright",
		Short: "Runs a machine room with nobody in it",
		Long: `Millwright switches the machines of a room on and off, in the order in which
they depend on each other, through any power strip or service processor.

Nodes are named by host lists (web[1-40],db1), aliases and groups (@rack1,
@all), less what is to be left out (web[1-40],-web7).

` + exitHelp,
		Example: `  millwright serve --config room.yaml     run the daemon
  millwright status                       which nodes are on
  millwright up @compute                  bring a group up, in order
  millwright off 'web[1-40],-web7'        switch some off at once`,
		SilenceUsage: true, SilenceErrors: true,
		Args:              cobra.ArbitraryArgs,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE:              p.noCommand,
		PersistentPreRunE: p.ready,
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.PersistentFlags().StringVar(&p.socket, "socket", "", "the daemon's socket is at `PATH` [$MILLWRIGHT_SOCKET]")
	root.PersistentFlags().StringVar(&p.server.address, "server", "", "ask the daemon at `URL`, https://host:port, instead [$MILLWRIGHT_SERVER]")
	root.PersistentFlags().StringVar(&p.server.token, "token", "", "where the token for it is (`REF`): env:NAME or file:PATH [$MILLWRIGHT_TOKEN holds one]")
	root.PersistentFlags().StringVar(&p.server.ca, "ca", "", "believe its certificate by this `FILE` of authorities, or by its fingerprint, sha256:HEX [$MILLWRIGHT_CA]")
	root.PersistentFlags().StringVar(&p.colour, "color", "auto", "colours `WHEN`: auto, always, never; see also NO_COLOR")
	root.AddGroup(groups...)
	root.SetHelpFunc(p.help)
	for _, make := range commands {
		c := make(p)
		demand(c)
		p.all = append(p.all, c)
	}
	root.AddCommand(p.all...)
	root.SetHelpCommand(&cobra.Command{Use: "help", Hidden: true, RunE: func(_ *cobra.Command, args []string) error {
		about, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return p.noCommand(root, args)
		}
		return about.Help()
	}})
	p.complete(root)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return &usageError{err, withHost(c.CommandPath())} })
	return root
}

// ready is what comes before every command.
func (p *program) ready(c *cobra.Command, _ []string) error {
	p.dress()
	switch p.colour {
	case "auto", "always", "never":
		return nil
	}
	return &usageError{fmt.Errorf("--color: %q is none of auto, always, never", p.colour), c.CommandPath()}
}

// demand makes wrong arguments an error of usage, down the tree.
func demand(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return &usageError{err, withHost(c.CommandPath())}
			}
			return nil
		}
	}
	c.DisableFlagsInUseLine = true
	for _, sub := range c.Commands() {
		demand(sub)
	}
}

// noCommand is run when the first word is no command.
func (p *program) noCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	var known []string
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			known = append(known, sub.Name())
		}
	}
	slices.Sort(known)
	name := strings.TrimSpace(strings.TrimPrefix(c.CommandPath(), c.Root().Name()) + " " + args[0])
	text := fmt.Sprintf("there is no command %q", name)
	if near := room.Nearest(args[0], known); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return &usageError{errors.New(text), c.CommandPath()}
}

// group is a command that only holds others.
//
//go:noinline // see clean
func (p *program) group(c *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	c.Args, c.RunE = cobra.ArbitraryArgs, p.noCommand
	c.AddCommand(subs...)
	return c
}

//go:noinline // see clean
func (p *program) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(p.stdout, format, args...) // the output keeps the error
}

func (p *program) errorf(format string, args ...any) {
	_, _ = fmt.Fprintf(p.stderr, "%s %s\n", p.err.bad("millwright:"), fmt.Sprintf(format, args...))
}

//go:noinline // see clean
func (p *program) hint(text string) { _, _ = fmt.Fprintln(p.stderr, text) }
