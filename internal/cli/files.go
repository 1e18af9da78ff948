package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/roomfile"
)

// drivers are those that this program has.
func drivers() []driver.Driver { return standard.Drivers(script.Options{}) }

func validateCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "validate [PATH]", GroupID: groupDaemon, Short: "Check a room's files; no daemon is needed", Args: cobra.MaximumNArgs(1),
		Long:    "Checks a room file, a folder of them, or a powerman.conf, and shows all that is\nwrong at once, each with its place. Nothing is connected or changed.",
		Example: "  millwright validate room.yaml\n  millwright validate /etc/powerman/powerman.conf",
		RunE: func(c *cobra.Command, args []string) error {
			path := configPath()
			if len(args) > 0 {
				path = args[0]
			}
			return p.validate(c.Context(), path)
		},
	}
}

func (p *program) validate(ctx context.Context, path string) error {
	read, err := roomfile.Load(ctx, path, app.ReadOptions(drivers(), false))
	if err != nil {
		return p.unreadable(path, err)
	}
	_ = read.Warnings.Render(p.stderr, p.err.colour)
	text := fmt.Sprintf("%s is good: %s, %s, %s", path, counted(len(read.Room.Nodes), "node"), counted(len(read.Room.Devices), "device"), counted(len(read.Order), "file"))
	if n := len(read.Warnings); n > 0 {
		text += "; " + counted(n, "warning")
	}
	p.printf("%s %s\n", p.out.mark(markGood), text)
	return nil
}

// unreadable says why a room cannot be read; all of its problems at once.
func (p *program) unreadable(path string, err error) error {
	var problems roomfile.Problems
	if !errors.As(err, &problems) {
		return err
	}
	_ = problems.Render(p.stderr, p.err.colour)
	p.errorf("%s: %s", path, counted(len(problems), "problem"))
	return exit(ExitTrouble)
}

func convertCommand(p *program) *cobra.Command {
	var out string
	var consoles bool
	c := &cobra.Command{
		Use: "convert PATH", GroupID: groupDaemon, Short: "Write a room file for a powerman.conf", Args: cobra.ExactArgs(1),
		Long: `Writes a room file that says what a powerman.conf says: the same nodes, devices,
plugs and aliases, with names folded into ranges. It needs no converting to be used
(millwright serve --config /etc/powerman/powerman.conf works); a room can say more:
what nodes need, groups, several cords.

The room goes to stdout. With --out it goes into a folder, as room.yaml, beside the
device specifications that it refers to.

With --consoles, PATH is a conman.conf or a conserver.cf, and the room has its
consoles. What does not come along is said on stderr.`,
		Example: `  millwright convert /etc/powerman/powerman.conf --out room/
  millwright convert --consoles /etc/conman.conf > consoles.yaml`,
		RunE: func(c *cobra.Command, args []string) error {
			if consoles {
				return p.convertConsoles(args[0], out)
			}
			return p.convert(c.Context(), args[0], out)
		},
	}
	c.Flags().BoolVar(&consoles, "consoles", false, "PATH is a conman.conf or a conserver.cf; write its consoles")
	c.Flags().StringVarP(&out, "out", "o", "", "`FOLDER` to write the files to; no file there is overwritten")
	return c
}

func schemaCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "schema", GroupID: groupDaemon, Short: "Print the JSON Schema of room files", Args: cobra.NoArgs,
		Long:    "Prints the JSON Schema of room files, with the settings of every driver. Editors\nuse it to complete and check what is typed.",
		Example: "  millwright schema > room.schema.json",
		RunE: func(*cobra.Command, []string) error {
			data, err := roomfile.Schema(app.ReadOptions(drivers(), false))
			if err != nil {
				return err
			}
			p.printf("%s\n", data)
			return nil
		},
	}
}

func (p *program) convert(ctx context.Context, path, out string) error {
	made, err := roomfile.Convert(ctx, path, app.ReadOptions(drivers(), false))
	var problems roomfile.Problems
	if errors.As(err, &problems) {
		_ = problems.Render(p.stderr, p.err.colour)
		p.errorf("%s: %s", path, counted(len(problems), "problem"))
		return exit(ExitTrouble)
	}
	if err != nil {
		return err
	}
	_ = made.Warnings.Render(p.stderr, p.err.colour)
	names := make([]string, 0, len(made.Beside))
	for name := range made.Beside {
		names = append(names, name)
	}
	slices.Sort(names)
	if out == "" {
		p.printf("%s", made.Room)
		if len(names) > 0 {
			p.hint(fmt.Sprintf("This room refers to what --out would write beside it: %s", strings.Join(names, ", ")))
		}
		return nil
	}
	for _, name := range names {
		if err := writeNew(filepath.Join(out, name), made.Beside[name]); err != nil {
			return err
		}
	}
	main := filepath.Join(out, "room.yaml")
	if err := writeNew(main, made.Room); err != nil {
		return err
	}
	p.printf("wrote %s and %s beside it; try: millwright validate %s\n", main, counted(len(names), "device file"), out)
	return nil
}

// writeNew writes a file that is not there yet, and the folders above it.
func writeNew(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
