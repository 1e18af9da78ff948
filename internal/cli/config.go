package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/roomfile"
)

// changeFlags say how a change of the configuration is to be made.
type changeFlags struct {
	base      int64
	note      string
	overwrite bool
	dryRun    bool
}

func configCommand(p *program) *cobra.Command {
	return p.group(&cobra.Command{
		Use: "config show|diff|set|unset|put|remove|rollback", GroupID: groupKeep, Short: "Read and change the room's files through the daemon",
		Long: `Reads and changes the room's files through the daemon, for those who are not at its
disk. A change is made from a revision (the newest, unless --base says another). If the
files have been edited meanwhile, nothing is done, and what has changed is shown. Else
the new files are checked as a whole, kept as a new revision, written, and used.

Comments stay: set and unset touch one value, and leave every other byte as it is.`,
		Example: "  millwright config show\n  millwright config set nodes web7 cords pdu2:7\n  millwright config rollback 12",
	},
		p.configShow(), p.configDiff(), p.configSet(), p.configUnset(), p.configPut(), p.configRemove(), p.configRollBack())
}

func (f *changeFlags) flags(c *cobra.Command) *cobra.Command {
	c.Flags().Int64Var(&f.base, "base", 0, "the revision that the change is made from (`N`; without it, the newest)")
	c.Flags().StringVarP(&f.note, "note", "m", "", "what is to be said of it (`TEXT`)")
	c.Flags().BoolVar(&f.overwrite, "overwrite", false, "do it even if the files have been edited since; those edits are lost")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "check, and show what would change")
	return c
}

// newest gives the number of the newest revision.
func newest(ctx context.Context, cl *client.Client) (int64, error) {
	list, err := cl.Revisions(ctx, 1)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return list[0].Number, nil
}

func (p *program) configShow() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "show [N]", Short: "Show the files of a revision", Args: cobra.MaximumNArgs(1),
		Long:    "Shows the files of a revision, the newest if none is named.",
		Example: "  millwright config show\n  millwright config show 12",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			n, err := revisionArg(c.Context(), cl, args)
			if err != nil {
				return err
			}
			r, err := cl.Revision(c.Context(), n)
			if err != nil {
				return err
			}
			if asJSON {
				return p.pretty(r)
			}
			for i, f := range r.Files {
				if len(r.Files) > 1 {
					if i > 0 {
						p.printf("\n")
					}
					p.printf("%s\n", p.out.paint(dim, "--- "+clean(f.Name)))
				}
				p.printf("%s\n", strings.TrimSuffix(printableLines(f.Text), "\n"))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

// printableLines makes a file's text fit for a terminal, line by line.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = clean(l)
	}
	return strings.Join(lines, "\n")
}

// revisionArg reads a revision's number; without one it is the newest.
func revisionArg(ctx context.Context, cl *client.Client, args []string) (int64, error) {
	if len(args) == 0 {
		return newest(ctx, cl)
	}
	n, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil || n < 0 {
		return 0, usagef("%q is no revision; they are numbers, and millwright revisions lists them", args[0])
	}
	return n, nil
}

func (p *program) configDiff() *cobra.Command {
	return &cobra.Command{
		Use: "diff [FROM [TO]]", Short: "Compare two revisions, or one with the disk", Args: cobra.MaximumNArgs(2),
		Long:    "Compares two revisions. Without TO it is what is on the disk now, and without FROM\nthe newest revision.",
		Example: "  millwright config diff\n  millwright config diff 11 12",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			from, err := revisionArg(c.Context(), cl, args[:min(1, len(args))])
			if err != nil {
				return err
			}
			var to int64
			if len(args) > 1 {
				if to, err = revisionArg(c.Context(), cl, args[1:]); err != nil {
					return err
				}
			}
			diff, err := cl.Diff(c.Context(), from, to)
			if err != nil {
				return err
			}
			p.diff(diff)
			return nil
		},
	}
}

// diff prints a difference.
func (p *program) diff(text string) {
	for line := range strings.Lines(text) {
		line = clean(strings.TrimSuffix(line, "\n"))
		colour := map[byte]string{'+': green, '-': red, '@': dim}[(line + " ")[0]]
		if strings.HasPrefix(line, "diff ") || strings.HasPrefix(line, "+++") || strings.HasPrefix(line, "---") {
			colour = dim
		}
		p.printf("%s\n", p.out.paint(colour, line))
	}
}

func (p *program) configSet() *cobra.Command {
	var f changeFlags
	var file string
	c := f.flags(&cobra.Command{
		Use: "set KEY… VALUE", Short: "Change one value", Args: cobra.MinimumNArgs(2),
		Long:    "Changes the value that the keys lead to, or adds it. The value is written as in a room\nfile. A member of a range gets an entry of its own, which overrides the range's.",
		Example: "  millwright config set nodes web7 cords pdu2:7\n  millwright config set devices pdu1 stagger 2s -m \"old fuses\"",
		RunE: func(c *cobra.Command, args []string) error {
			if err := keysApart(args); err != nil {
				return err
			}
			var value any
			if err := yaml.Unmarshal([]byte(args[len(args)-1]), &value); err != nil || value == nil {
				return usagef("%q is no value; to take a key away, say unset", args[len(args)-1])
			}
			return p.change(c.Context(), f, wire.ChangeConfiguration{Edits: []wire.Edit{{File: file, Path: args[:len(args)-1], Value: value}}})
		},
	})
	c.Flags().StringVar(&file, "file", "", "the file it stands in, if that is not clear (`NAME`)")
	return c
}

func (p *program) configUnset() *cobra.Command {
	var f changeFlags
	var file string
	c := f.flags(&cobra.Command{
		Use: "unset KEY…", Short: "Take one key away", Args: cobra.MinimumNArgs(1),
		Long: "Takes away the key that the keys lead to, with all below it.", Example: "  millwright config unset nodes web7",
		RunE: func(c *cobra.Command, args []string) error {
			if err := keysApart(args); err != nil {
				return err
			}
			return p.change(c.Context(), f, wire.ChangeConfiguration{Edits: []wire.Edit{{File: file, Path: args}}})
		},
	})
	c.Flags().StringVar(&file, "file", "", "the file it stands in, if that is not clear (`NAME`)")
	return c
}

// keysApart turns away a path in one word, as some programs have it: no part of a room
// has a dot in its name.
func keysApart(keys []string) error {
	if strings.Contains(keys[0], ".") {
		return usagef("keys are written apart: %s", strings.ReplaceAll(keys[0], ".", " "))
	}
	return nil
}

func (p *program) configPut() *cobra.Command {
	var f changeFlags
	return f.flags(&cobra.Command{
		Use: "put NAME FILE|-", Short: "Write a file of the room", Args: cobra.ExactArgs(2),
		Long:    "Writes one of the room's files, or a new one, from a file here or from the standard\ninput (-).",
		Example: "  millwright config put room.yaml ./room.yaml",
		RunE: func(c *cobra.Command, args []string) error {
			text, err := p.content(args[1])
			if err != nil {
				return err
			}
			return p.change(c.Context(), f, wire.ChangeConfiguration{Files: []wire.File{{Name: args[0], Text: string(text)}}})
		},
	})
}

// content reads a file, or the standard input.
func (p *program) content(path string) ([]byte, error) {
	in := p.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, roomfile.MaxFile+1))
	if err == nil && len(text) > roomfile.MaxFile {
		err = usagef("%s is longer than %d MiB", path, roomfile.MaxFile>>20)
	}
	return text, err
}

func (p *program) configRemove() *cobra.Command {
	var f changeFlags
	return f.flags(&cobra.Command{
		Use: "remove NAME…", Short: "Take files of the room away", Args: cobra.MinimumNArgs(1),
		Long: "Takes files of the room away. They stay in the older revisions.", Example: "  millwright config remove old-rack.yaml",
		RunE: func(c *cobra.Command, args []string) error {
			return p.change(c.Context(), f, wire.ChangeConfiguration{Remove: args})
		},
	})
}

// change makes a change and says what came of it.
func (p *program) change(ctx context.Context, f changeFlags, change wire.ChangeConfiguration) error {
	cl := p.client()
	defer cl.Close()
	if f.base == 0 {
		var err error
		if f.base, err = newest(ctx, cl); err != nil {
			return err
		}
	}
	change.Base, change.Note, change.Overwrite, change.DryRun = f.base, f.note, f.overwrite, f.dryRun
	done, err := cl.ChangeConfiguration(ctx, change)
	return p.changed(done, f.dryRun, err)
}

func (p *program) configRollBack() *cobra.Command {
	var f changeFlags
	return f.flags(&cobra.Command{
		Use: "rollback N", Short: "Go back to an older revision", Args: cobra.ExactArgs(1),
		Long: "Makes the files what they were in revision N, as a new revision.", Example: "  millwright config rollback 12 --dry-run",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			to, err := revisionArg(c.Context(), cl, args)
			if err != nil {
				return err
			}
			if f.base == 0 {
				if f.base, err = newest(c.Context(), cl); err != nil {
					return err
				}
			}
			done, err := cl.RollBack(c.Context(), to, wire.RollBack{Base: f.base, Note: f.note, Overwrite: f.overwrite, DryRun: f.dryRun})
			return p.changed(done, f.dryRun, err)
		},
	})
}

// changed says what came of a change. Where the disk has moved on, it shows how.
func (p *program) changed(done wire.Changed, dryRun bool, err error) error {
	var conflict *client.Conflict
	var wrong client.Mistakes
	switch {
	case errors.As(err, &conflict):
		p.diff(conflict.Diff)
		p.explain(err)
		p.hint("Keep those edits: millwright reload makes a revision of them. Or drop them: --overwrite.")
		return exit(ExitRefused)
	case errors.As(err, &wrong):
		for _, one := range wrong {
			p.errorf("%s: %s", clean(one.Where), clean(one.Message))
		}
		p.hint("Nothing was changed.")
		return exit(ExitTrouble)
	case err != nil:
		return err
	}
	p.diff(done.Diff)
	for _, w := range done.Warnings {
		p.errorf("warning: %s", clean(w))
	}
	switch {
	case done.Diff == "":
		p.printf("nothing to change\n")
	case dryRun:
		p.printf("nothing was changed: a dry run\n")
	default:
		p.printf("%s revision %d\n", p.out.mark(markGood), done.Revision)
	}
	return nil
}
