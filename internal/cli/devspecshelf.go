package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/shelf"
)

// openSpec opens a device file or, where there is no file of that name, a shipped one.
func openSpec(name string) (io.ReadCloser, error) {
	file, err := devspec.OSOpen(name)
	if errors.Is(err, fs.ErrNotExist) {
		if text, found := shelf.Text(name); found {
			return io.NopCloser(bytes.NewReader(text)), nil
		}
	}
	return file, err
}

func (p *program) devspecList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the specifications that come with Millwright", Args: cobra.NoArgs,
		Long: `Lists the device specifications that come with Millwright. A room uses one by its
name, without naming a file: spec: apc-cli. Where outlets are numbered, a slash and a
number say how many there are: apc-menu-13p13/24. Which one fits a device is found out
by: millwright discover.`,
		Example: "  millwright devspec list",
		RunE: func(*cobra.Command, []string) error {
			t := table{style: p.out, head: []string{"NAME", "REACHED", "PLUGS", "HARDWARE"}}
			for _, e := range shelf.All() {
				t.row(text(e.Name), text(e.Reached), text(e.Plugs), text(e.Hardware))
			}
			return t.write(p.stdout)
		},
	}
}

func (p *program) devspecShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a specification that comes with Millwright", Args: cobra.ExactArgs(1),
		Long: `Shows the text of a specification that comes with Millwright, as a start for one of
your own. %{user} and %{password} stand for the credential that the room names; for a
powermand, which has none, see: millwright devspec export.`,
		Example: "  millwright devspec show apc-cli > my-pdu.dev",
		RunE: func(_ *cobra.Command, args []string) error {
			text, found := shelf.Text(args[0])
			if !found {
				return unknownSpec(args[0])
			}
			_, err := p.stdout.Write(text)
			return err
		},
	}
}

func (p *program) devspecExport() *cobra.Command {
	var user, password, out string
	c := &cobra.Command{
		Use: "export NAME", Short: "Write a shipped specification for a powermand", Args: cobra.ExactArgs(1),
		Long: `Writes a specification as a device file for PowerMan's powermand, which knows no
credentials: name and password stand in it in clear, so that the file must be kept
from others. It goes to stdout, or with --out to a file that only its owner can read.

A password is never an argument: --password-from names where it is kept, as env:NAME or
file:PATH.`,
		Example: "  millwright devspec export apc-cli --user apc --password-from file:pdu.pass --out /etc/powerman/apc-cli.dev",
		RunE: func(c *cobra.Command, args []string) error {
			return p.exportSpec(c.Context(), args[0], user, password, out)
		},
	}
	c.Flags().StringVar(&user, "user", "", "the `NAME` to log in with")
	c.Flags().StringVar(&password, "password-from", "", "where the password is: env:NAME or file:PATH (`REF`)")
	c.Flags().StringVarP(&out, "out", "o", "", "the `FILE` to write; one that is there is not overwritten")
	return c
}

func (p *program) exportSpec(ctx context.Context, name, user, password, out string) error {
	if _, found := shelf.Text(name); !found {
		return unknownSpec(name)
	}
	value, err := passwordFrom(ctx, "--password-from", password)
	if err != nil {
		return err
	}
	text, err := shelf.Export(name, user, value.Reveal())
	if err != nil {
		return usagef("%w", err)
	}
	if out == "" {
		_, err := p.stdout.Write(text)
		return err
	}
	file, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

// passwordFrom fetches a password by the reference that a flag was given.
func passwordFrom(ctx context.Context, flag, text string) (secret.Value, error) {
	ref, err := secret.Parse(text)
	if err != nil {
		return secret.Value{}, usagef("%s: %w", flag, err)
	}
	if ref.IsZero() {
		return secret.Value{}, nil
	}
	return ref.Resolve(ctx, secret.Places{Dir: "."})
}

func unknownSpec(name string) error {
	hint := "; for a list: millwright devspec list"
	if near := room.Nearest(name, shelf.Names()); len(near) > 0 {
		hint = fmt.Sprintf("; did you mean %s?", near[0])
	}
	return usagef("no specification %q comes with Millwright%s", name, hint)
}
