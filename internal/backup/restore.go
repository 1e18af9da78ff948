package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"

	"millwright.dev/millwright/internal/store"
)

// Target says where an archive goes.
type Target struct {
	State  string // the state folder
	Config string // the folder of the configuration; "" leaves it out
	// Force allows folders that hold something; they are renamed and kept.
	Force bool
	Time  time.Time // names the folders that are kept
}

// NotEmptyError says that a folder holds something that would be replaced.
type NotEmptyError struct{ Dir string }

func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("%s is not empty; with --force it is renamed, kept, and replaced", e.Dir)
}

// Restored tells what came of a restore.
type Restored struct {
	Manifest *Manifest
	Kept     []string // where the folders are that were there before
}

// Restore brings back what an archive holds. open gives the archive, from its
// beginning, and is called twice: all of it is read and checked before anything is
// written, and checked again as it is written. The new folders are made beside the
// places that they go to, and put there by renaming: on any error, what was there
// is still there. A state folder that a daemon works on is refused, and an archive
// with a newer schema than this program's.
func Restore(ctx context.Context, open func() (io.ReadCloser, error), identities []age.Identity, t Target) (*Restored, error) {
	m, err := verify(ctx, open, identities, t)
	if err != nil {
		return nil, err
	}
	release, err := store.Hold(t.State)
	if err == nil {
		defer release()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("restore: stop the daemon first (systemctl stop millwright): %w", err)
	}
	sites := []*site{{dir: t.State, prefix: StatePrefix, mode: 0o750}}
	if t.Config != "" && m.HasConfig() {
		sites = append(sites, &site{dir: t.Config, prefix: ConfigPrefix, mode: 0o750})
	}
	defer func() {
		for _, s := range sites {
			s.abandon()
		}
	}()
	for _, s := range sites {
		if err := s.prepare(t.Force); err != nil {
			return nil, fmt.Errorf("restore: %w", err)
		}
	}
	if len(sites) > 1 && (within(sites[0].dir, sites[1].dir) || within(sites[1].dir, sites[0].dir)) {
		return nil, fmt.Errorf("restore: %s and %s lie one within the other; restore to other folders", sites[0].dir, sites[1].dir)
	}
	if err := fill(ctx, open, identities, sites); err != nil {
		return nil, err
	}
	done := &Restored{Manifest: m}
	if done.Kept, err = exchange(sites, t.Time); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return done, nil
}

// verify reads the whole archive, and refuses what could not be used.
func verify(ctx context.Context, open func() (io.ReadCloser, error), identities []age.Identity, t Target) (*Manifest, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return Read(ctx, r, identities, Visit{Manifest: func(m *Manifest) error {
		if err := (store.Content{Schema: m.Schema, Program: m.Program}).Check(); err != nil {
			return err
		}
		return fits(filepath.Dir(t.State), m.Total())
	}})
}

// fits says whether so many bytes fit on the disk of a folder.
func fits(dir string, bytes int64) error {
	for {
		var disk syscall.Statfs_t
		err := syscall.Statfs(dir, &disk)
		if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			dir = filepath.Dir(dir)
			continue
		}
		if err != nil {
			return fmt.Errorf("look for space in %s: %w", dir, err)
		}
		free := int64(disk.Bavail) * int64(disk.Bsize) //nolint:unconvert // they have other types on other machines
		if bytes > free {
			return fmt.Errorf("it unpacks to %d MiB and %s has %d MiB left", bytes>>20, dir, free>>20)
		}
		return nil
	}
}

// fill unpacks the archive into the new folders and looks at the database.
func fill(ctx context.Context, open func() (io.ReadCloser, error), identities []age.Identity, sites []*site) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	owners := ownersOf(sites)
	m, err := Read(ctx, r, identities, Visit{Member: func(m Member, content io.Reader) error {
		for _, s := range sites {
			if inside, ours := strings.CutPrefix(m.Name, s.prefix); ours {
				return s.unpack(filepath.FromSlash(inside), m, owners, content)
			}
		}
		return nil
	}})
	if err != nil {
		return err
	}
	content, err := store.Inspect(ctx, filepath.Join(sites[0].fresh, filepath.Base(database)))
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := content.Check(); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if content.RoomID != m.RoomID || content.Schema != m.Schema {
		return errors.New("restore: the database in the archive is not the one that its manifest speaks of")
	}
	for _, s := range sites {
		if err := s.finish(); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	return nil
}

// within says whether a path is dir or lies below it.
func within(dir, path string) bool {
	inside, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(inside)
}
