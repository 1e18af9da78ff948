package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/backup"
	"millwright.dev/millwright/internal/roomfile"
)

type restoreFlags struct {
	config   string
	state    string
	identity string
	dryRun   bool
	force    bool
}

func restoreCommand(p *program) *cobra.Command {
	var f restoreFlags
	c := &cobra.Command{
		Use: "restore FILE", GroupID: groupDaemon, Short: "Bring back what a backup holds", Args: cobra.ExactArgs(1),
		Long: `Brings back the state folder and the folder of the configuration from a file that
millwright backup made. All of the file is read and checked before anything is
written; if anything is wrong with it, nothing is changed.

The daemon must not be running. Folders that hold something are left alone, unless
--force says otherwise; they are then renamed (FOLDER.before-restore-TIME) and kept.`,
		Example: "  millwright restore room.tar.gz --dry-run\n  millwright restore room.tar.gz --force\n  millwright restore room.tar.gz.age --identity key.txt --state /tmp/state --config /tmp/room",
		RunE: func(c *cobra.Command, args []string) error {
			return p.restore(c.Context(), args[0], f, c.Flags().Changed("config"))
		},
	}
	c.Flags().StringVarP(&f.config, "config", "c", configPath(), "`FOLDER` for the configuration; none leaves it out")
	c.Flags().StringVar(&f.state, "state", "", "the daemon's state `FOLDER`")
	c.Flags().StringVarP(&f.identity, "identity", "i", "", "`FILE` with the private key of age that reads an encrypted backup")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "check all of the backup and show what is in it; change nothing")
	c.Flags().BoolVar(&f.force, "force", false, "replace folders that are not empty; what was there is kept under another name")
	return c
}

func (p *program) restore(ctx context.Context, file string, f restoreFlags, said bool) error {
	identities, err := backup.Identities(f.identity)
	if err != nil {
		return err
	}
	open := func() (io.ReadCloser, error) { return os.Open(file) }
	if f.dryRun {
		r, err := open()
		if err != nil {
			return err
		}
		defer r.Close()
		m, err := backup.Read(ctx, r, identities, backup.Visit{})
		if err != nil {
			return err
		}
		p.listBackup(file, m)
		return nil
	}
	t := backup.Target{Force: f.force, Time: time.Now()}
	if t.State, err = stateFolder(f.state); err != nil {
		return err
	}
	if f.config != "none" {
		t.Config = f.config
		if info, err := os.Stat(f.config); err == nil && !info.IsDir() || strings.HasSuffix(f.config, ".yaml") || strings.HasSuffix(f.config, ".conf") {
			t.Config = roomfile.Folder(f.config)
		}
	}
	done, err := backup.Restore(ctx, open, identities, t)
	var full *backup.NotEmptyError
	if errors.As(err, &full) {
		p.errorf("%v", full)
		return exit(ExitRefused)
	}
	if err != nil {
		return err
	}
	p.restored(file, done, t, said)
	return nil
}

func (p *program) restored(file string, done *backup.Restored, t backup.Target, said bool) {
	m := done.Manifest
	p.printf("%s %s: %s\n", p.out.mark(markGood), clean(file), describe(m))
	p.printf("  state          %s\n", clean(t.State))
	if t.Config != "" && m.HasConfig() {
		p.printf("  configuration  %s\n", clean(t.Config))
	}
	for _, dir := range done.Kept {
		p.printf("  kept           %s\n", clean(dir))
	}
	was := m.Config
	if filepath.Ext(was) != "" {
		was = filepath.Dir(was)
	}
	if here, err := filepath.Abs(t.Config); err == nil && t.Config != "" && m.HasConfig() && !said && was != here {
		p.hint("The configuration was " + clean(m.Config) + " where the backup was made; names of files in it may need a look.")
	}
	p.hint("Check the room, then start the daemon: millwright validate " + clean(t.Config))
}

// listBackup shows what a backup holds.
func (p *program) listBackup(file string, m *backup.Manifest) {
	p.printf("%s %s is whole: %s\n", p.out.mark(markGood), clean(file), describe(m))
	p.printf("  state          %s\n  configuration  %s\n", clean(m.State), clean(m.Config))
	t := table{style: p.out}
	for _, member := range m.Members {
		t.row(text(" "), number(strconv.FormatInt(member.Size, 10)), text(member.Name))
	}
	_ = t.write(p.stdout)
}
