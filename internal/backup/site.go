package backup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"millwright.dev/millwright/internal/durable"
	"millwright.dev/millwright/internal/store"
)

// site is a folder that is about to be replaced by a new one.
type site struct {
	dir    string      // its place
	prefix string      // of the members that belong there
	mode   fs.FileMode // of the new folder, if there is no old one

	before fs.FileInfo // the old folder; nil if there is none
	empty  bool        // nothing is lost with the old folder
	fresh  string      // the new folder, while it is in the making
	root   *os.Root    // of the new folder
	kept   string      // where the old folder has gone
	placed bool        // the new folder is in its place
}

// prepare makes the new folder beside the old one.
func (s *site) prepare(force bool) (err error) {
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(s.dir); err == nil {
		s.dir = real // a link stays; what it leads to is replaced
	}
	s.before, err = os.Lstat(s.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.before = nil
	case err != nil:
		return err
	case !s.before.IsDir():
		return fmt.Errorf("%s is not a folder", s.dir)
	}
	if s.empty, err = store.IsEmpty(s.dir); err != nil {
		return err
	}
	if !s.empty && !force {
		return &NotEmptyError{s.dir}
	}
	above := filepath.Dir(s.dir)
	if err := os.MkdirAll(above, 0o755); err != nil {
		return err
	}
	if s.fresh, err = os.MkdirTemp(above, "."+filepath.Base(s.dir)+".restore-"); err != nil {
		return fmt.Errorf("make the new folder beside %s: %w", s.dir, err)
	}
	s.root, err = os.OpenRoot(s.fresh)
	return err
}

// unpack writes one file into the new folder.
func (s *site) unpack(name string, m Member, owners owners, content io.Reader) error {
	if dir := filepath.Dir(name); dir != "." {
		if err := s.root.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the folder of %s: %w", name, err)
		}
	}
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = io.Copy(f, content)
	// Whatever the archive says, others may not write, and nothing runs as its owner.
	err = errors.Join(err, owners.give(f, m, s.before), f.Chmod(fs.FileMode(m.Mode)&0o775), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// finish gives the new folder the owner and the rights of the old one.
func (s *site) finish() error {
	mode, uid, gid := s.mode, -1, -1
	if s.before != nil {
		mode = s.before.Mode().Perm()
		if owner, ok := s.before.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
			uid, gid = int(owner.Uid), int(owner.Gid)
		}
	}
	return fs.WalkDir(s.root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		if uid >= 0 {
			err = s.root.Lchown(path, uid, gid)
		}
		if err := errors.Join(err, s.root.Chmod(path, mode)); err != nil {
			return err
		}
		folder, err := s.root.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(folder.Sync(), folder.Close())
	})
}

// exchange puts all new folders in place, or none, and tells where the old ones are.
func exchange(sites []*site, at time.Time) (kept []string, err error) {
	for _, s := range sites {
		if err := s.place(at); err != nil {
			for _, s := range sites {
				err = errors.Join(err, s.undo())
			}
			return nil, err
		}
	}
	for _, s := range sites {
		switch {
		case s.before == nil:
		case s.empty:
			_ = os.RemoveAll(s.kept) // a lock at most
		default:
			kept = append(kept, s.kept)
		}
	}
	return kept, nil
}

func (s *site) place(at time.Time) error {
	if s.before != nil {
		kept := s.dir + ".before-restore-" + at.UTC().Format("20060102T150405Z")
		if _, err := os.Lstat(kept); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already", kept)
		}
		if err := os.Rename(s.dir, kept); err != nil {
			return fmt.Errorf("move %s out of the way (is it a mount point? restore to another folder then): %w", s.dir, err)
		}
		s.kept = kept
	}
	if err := os.Rename(s.fresh, s.dir); err != nil {
		return fmt.Errorf("put the new folder at %s: %w", s.dir, err)
	}
	s.placed = true
	return durable.SyncFolder(filepath.Dir(s.dir))
}

// undo puts the old folder back.
func (s *site) undo() error {
	var errs []error
	if s.placed {
		errs = append(errs, os.Rename(s.dir, s.fresh))
		s.placed = false
	}
	if s.kept != "" {
		errs = append(errs, os.Rename(s.kept, s.dir))
	}
	return errors.Join(errs...)
}

// abandon removes the new folder if it has not got to its place.
func (s *site) abandon() {
	if s.root != nil {
		s.root.Close()
	}
	if s.fresh != "" && !s.placed {
		_ = os.RemoveAll(s.fresh)
	}
}
