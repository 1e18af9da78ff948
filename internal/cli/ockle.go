package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/series"
	"millwright.dev/millwright/internal/store"
)

func ockleCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "ockle", GroupID: groupDaemon, Short: "Move over from Ockle",
		Long: `For moving over from Ockle. Its folder of configuration needs nothing: millwright serve
-c etc/ uses it as it is, and clients of its socket go on as before. What is to be done by
hand is to take over the log of what it has measured.`,
		Example: "  millwright serve -c etc/\n  millwright ockle import-log logger.db -c etc/",
	}
	c.AddCommand(ockleImportCommand(p))
	return c
}

type ockleImport struct{ config, state string }

func ockleImportCommand(p *program) *cobra.Command {
	var f ockleImport
	c := &cobra.Command{
		Use: "import-log FILE", Short: "Take over the log of Ockle's Logger", Args: cobra.ExactArgs(1),
		Long: `Takes the currents and loads that Ockle's plugin Logger has written into FILE, an SQLite
database, into the samples of this room. FILE is only read. What is older than the room
keeps samples for is left out, and what was taken over before is not taken again.

The daemon must not be running. With the folder of Ockle's configuration as the room, the
outlets of the log are the plugs that they are in the room.`,
		Example: "  millwright ockle import-log logger.db -c etc/\n  millwright samples web1 --quantity current --since 30d",
		RunE: func(c *cobra.Command, args []string) error {
			return p.importOckleLog(c.Context(), args[0], f)
		},
	}
	c.Flags().StringVarP(&f.config, "config", "c", configPath(), "the room: a file, or a `FOLDER`")
	c.Flags().StringVar(&f.state, "state", "", "the daemon's state `FOLDER`")
	return c
}

func (p *program) importOckleLog(ctx context.Context, path string, f ockleImport) error {
	read, err := roomfile.Load(ctx, f.config, app.ReadOptions(drivers(), false))
	if err != nil {
		return p.unreadable(f.config, err)
	}
	state, err := stateFolder(f.state)
	if err != nil {
		return err
	}
	log, err := store.OpenOckleLog(ctx, path)
	if err != nil {
		return err
	}
	defer log.Close()
	report, err := p.importInto(ctx, state, read, log)
	if err != nil {
		return err
	}
	p.printf("%s %s of %d series taken over, from %s of the log\n", p.out.mark(markGood), counted(report.Samples, "sample"), report.Series, counted(report.Rows, "row"))
	if report.Samples > 0 {
		p.printf("  from %s to %s\n", report.From.Local().Format("2006-01-02 15:04:05"), report.To.Local().Format("2006-01-02 15:04:05"))
	}
	if report.Earlier {
		p.printf("  what was taken over before was not taken again\n")
	}
	for _, why := range slices.Sorted(maps.Keys(report.LeftOut)) {
		p.printf("  left out: %d %s\n", report.LeftOut[why], why)
	}
	return nil
}

// importInto opens the samples of a state folder, and puts the log into them.
func (p *program) importInto(ctx context.Context, state string, read *roomfile.Result, log *store.OckleLog) (*series.OckleReport, error) {
	st, err := store.Open(ctx, state, store.Options{Program: Version})
	if err != nil {
		return nil, fmt.Errorf("open the state folder (the daemon must not be running): %w", err)
	}
	defer st.Close()
	file, err := st.OpenSamples(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the samples: %w", err)
	}
	defer file.Close()
	keep := read.Room.Settings.Samples
	book, err := series.Open(ctx, file, series.Options{Retention: series.Retention{Raw: keep.Raw, Minutes: keep.Minutes, Hours: keep.Hours, Days: keep.Days}})
	if err != nil {
		return nil, fmt.Errorf("open the samples: %w", err)
	}
	outlets := read.OckleOutlets(ctx)
	report, err := book.ImportOckle(ctx, log, func(server, object string) series.Key {
		if device, plug, found := outlets(server, object); found {
			return series.Key{Node: server, Device: device, Plug: plug}
		}
		return series.Key{Node: server, Part: object}
	})
	if closed := book.Close(); err == nil {
		err = closed
	}
	return report, err
}
