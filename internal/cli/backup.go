package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/backup"
	"millwright.dev/millwright/internal/roomfile"
)

type backupFlags struct {
	config     string
	state      string
	recipients []string
	force      bool
	without    bool // samples
}

func backupCommand(p *program) *cobra.Command {
	var f backupFlags
	c := &cobra.Command{
		Use: "backup FILE", GroupID: groupDaemon, Short: "Back up the state and the configuration", Args: cobra.ExactArgs(1),
		Long: `Writes everything that a room needs to live on elsewhere into one file: the state
folder (events, runs, revisions, users, keys, certificates, encrypted secrets, samples)
and the folder of the configuration. FILE is a tar.gz; - is stdout. The daemon may be
running: the backup has what was acknowledged when it began.

A backup holds secrets. With --recipient it is encrypted with age, and only the
private key of that recipient reads it again.`,
		Example: "  millwright backup /backup/room.tar.gz\n  millwright backup room.tar.gz.age --recipient age1...\n  millwright backup - | ssh vault 'cat > room.tar.gz'",
		RunE:    func(c *cobra.Command, args []string) error { return p.backup(c.Context(), args[0], f) },
	}
	c.Flags().StringVarP(&f.config, "config", "c", configPath(), "room file, folder of room files, or powerman.conf (`PATH`); none leaves it out")
	c.Flags().StringVar(&f.state, "state", "", "the daemon's state `FOLDER`")
	c.Flags().StringArrayVarP(&f.recipients, "recipient", "r", nil, "encrypt for this `KEY` of age (age1...), or the keys in a file; may be repeated")
	c.Flags().BoolVar(&f.force, "force", false, "replace FILE if it is there already")
	c.Flags().BoolVar(&f.without, "without-samples", false, "leave out what was measured over time, which may be large")
	return c
}

func (p *program) backup(ctx context.Context, file string, f backupFlags) error {
	src := backup.Source{Program: Version, Time: time.Now(), WithoutSamples: f.without}
	var err error
	if src.State, err = stateFolder(f.state); err != nil {
		return err
	}
	if _, err := os.ReadDir(src.State); err != nil {
		return fmt.Errorf("back up the state folder: %w; --state FOLDER says where it is: that of the machine's daemon is /var/lib/millwright, and root may read it", err)
	}
	if src.Recipients, err = backup.Recipients(f.recipients); err != nil {
		return err
	}
	if err := p.backupConfig(ctx, f.config, &src); err != nil {
		return err
	}
	var done *backup.Written
	write := func(w io.Writer) (err error) {
		done, err = backup.Write(ctx, w, src)
		return err
	}
	if file == "-" {
		err = write(p.stdout)
	} else if err = apart(file, src.State, f.config); err == nil {
		err = writeWhole(file, f.force, write)
	}
	if err == nil {
		p.backedUp(file, done, len(src.Recipients))
	}
	return err
}

// apart refuses a file in one of the folders that are backed up.
func apart(file, state, config string) error {
	kept := []string{state}
	if info, err := os.Stat(config); err == nil && info.IsDir() && config != "none" {
		kept = append(kept, config)
	}
	for _, dir := range kept {
		if contains(dir, file) {
			return usagef("%s lies in %s, which is backed up: the next backup would hold this one; write it elsewhere", file, dir)
		}
	}
	return nil
}

// backupConfig finds the files of the configuration, and says what it refers to and
// a backup does not have.
func (p *program) backupConfig(ctx context.Context, path string, src *backup.Source) error {
	if path == "none" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("back up the configuration: %w; say where it is with --config PATH, or --config none", err)
	}
	if src.Config, err = filepath.Abs(path); err != nil {
		return err
	}
	read, broken := roomfile.Load(ctx, path, app.ReadOptions(drivers(), false))
	var elsewhere []string
	if info.IsDir() {
		var skipped []string
		if src.ConfigFiles, skipped, err = backup.ConfigFolder(path); err != nil {
			return err
		}
		for _, path := range skipped {
			p.errorf("warning: %s is not in the backup: it is no ordinary file", clean(path))
		}
	} else {
		src.ConfigFiles = map[string]string{filepath.Base(path): path}
	}
	if broken != nil {
		p.errorf("warning: the configuration cannot be read, so whether it refers to files elsewhere is unknown (millwright validate %s)", path)
	} else {
		elsewhere = append(elsewhere, referred(read, roomfile.Folder(path), src)...)
	}
	slices.Sort(elsewhere)
	for _, name := range slices.Compact(elsewhere) {
		p.errorf("warning: %s is not in the backup: it lies outside %s", clean(name), roomfile.Folder(path))
	}
	return nil
}

// referred adds the files that a room refers to and that lie in its folder, and
// gives the others.
func referred(read *roomfile.Result, folder string, src *backup.Source) (elsewhere []string) {
	names := slices.Clone(read.Order)
	for _, c := range read.Room.Credentials {
		for _, ref := range c.Secrets {
			if name, is := strings.CutPrefix(ref, "file:"); is {
				names = append(names, name)
			}
		}
	}
	kept := read.Room.Settings.Secrets
	for _, name := range []string{kept.File, kept.Key, kept.Identity} {
		if name != "" {
			names = append(names, name)
		}
	}
	for i, name := range names {
		path := name
		if i >= len(read.Order) && !filepath.IsAbs(name) { // secrets start from the folder
			path = filepath.Join(folder, name)
		}
		switch {
		case contains(src.State, path):
		case !contains(folder, path):
			elsewhere = append(elsewhere, path)
		default:
			if inside, err := relative(folder, path); err == nil {
				if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
					src.ConfigFiles[inside] = path
				}
			}
		}
	}
	return elsewhere
}

// backedUp says what is in the file, on stderr if the backup is on stdout.
func (p *program) backedUp(file string, done *backup.Written, recipients int) {
	for _, path := range done.Skipped {
		p.errorf("warning: %s is not in the backup: it is no ordinary file", clean(path))
	}
	w, s := p.stdout, p.out
	if file == "-" {
		w, s = p.stderr, p.err
	}
	sealed := "not encrypted: it holds secrets, keep it safe"
	if recipients > 0 {
		sealed = "encrypted for " + counted(recipients, "recipient")
	}
	_, _ = fmt.Fprintf(w, "%s %s: %s\n", s.mark(markGood), clean(file), describe(done.Manifest))
	_, _ = fmt.Fprintf(w, "  %s\n", sealed)
}

// describe says in a line what an archive holds.
func describe(m *backup.Manifest) string {
	state := 0
	for _, member := range m.Members {
		if strings.HasPrefix(member.Name, backup.StatePrefix) {
			state++
		}
	}
	return fmt.Sprintf("%s of state, %s of configuration, %.1f MB, schema %d, Millwright %s, %s", counted(state, "file"), counted(len(m.Members)-state, "file"),
		float64(m.Total())/1e6, m.Schema, clean(m.Program), m.Time.Local().Format(timeForm))
}

// writeWhole makes a file that is there whole or not at all, for its owner alone.
func writeWhole(file string, force bool, write func(io.Writer) error) (err error) {
	if _, err := os.Lstat(file); !force && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s is there already; --force replaces it", file), err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), os.Rename(f.Name(), file))
}

// contains says whether a path is dir, or lies below it.
func contains(dir, path string) bool {
	inside, err := relative(dir, path)
	return err == nil && filepath.IsLocal(inside)
}

func relative(dir, path string) (string, error) {
	from, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}
