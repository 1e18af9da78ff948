package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"millwright.dev/millwright/internal/durable"
	"millwright.dev/millwright/internal/secret"
)

// lockTime is how long another writer is waited for, and lockLook how often it is
// looked whether it is done: a writer needs a few milliseconds.
const (
	lockTime = 10 * time.Second
	lockLook = 10 * time.Millisecond
)

// lock keeps other writers out, of this process and of others, until unlock. The
// lock is a file beside the store, because the store itself is replaced.
func (v *Vault) lock(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lockTime, errors.New("another process is changing it, and does not come to an end"))
	defer cancel()
	if err := os.MkdirAll(filepath.Dir(v.o.File), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(v.o.File+".lock", os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err = giveTo(f, ownerOf(v.o.File)); err != nil {
		_ = f.Close()
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			_ = f.Close()
			return nil, fmt.Errorf("lock it: %w", err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(lockLook):
		}
	}
}

// readFile reads the store.
func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (%w): make one with: millwright secret set NAME", ErrNone, secret.ErrMissing)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	return io.ReadAll(io.LimitReader(f, MaxFile+1))
}

func (v *Vault) writeContent(c *content) error {
	data, err := c.encode()
	if err != nil {
		return err
	}
	return v.write(v.o.File, data)
}

// write replaces a file as a whole: the new one is on the disk before it takes the
// old one's name, and the name before we go on.
func (v *Vault) write(path string, data []byte) error {
	dir, next := filepath.Dir(path), path+".new"
	if err := v.step("begin " + path); err != nil {
		return err
	}
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) { // of one who was cut off
		return err
	}
	owner := ownerOf(path)
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(giveTo(f, owner), f.Chmod(owner.mode))
	half := len(data) / 2
	if err == nil {
		_, err = f.Write(data[:half])
	}
	if err == nil {
		err = v.step("half written " + path)
	}
	if err == nil {
		_, err = f.Write(data[half:])
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := v.step("written " + path); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	if err := v.step("renamed " + path); err != nil {
		return err
	}
	return durable.SyncFolder(dir)
}

// owner is whose a file shall be, and how it may be used.
type owner struct {
	uid, gid int
	mode     fs.FileMode
}

// ownerOf gives the owner of a file, or, for one that is not there yet, of its
// folder: what root sets, the daemon's user must be able to read.
func ownerOf(path string) owner {
	o := owner{uid: -1, gid: -1, mode: 0o600}
	info, err := os.Stat(path)
	if err == nil {
		o.mode = info.Mode().Perm() &^ 0o007
	} else if info, err = os.Stat(filepath.Dir(path)); err != nil {
		return o
	}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		o.uid, o.gid = int(sys.Uid), int(sys.Gid)
	}
	return o
}

// giveTo hands a file over, which only root can.
func giveTo(f *os.File, o owner) error {
	if os.Geteuid() != 0 || o.uid < 0 {
		return nil
	}
	return f.Chown(o.uid, o.gid)
}

func inodeOf(info fs.FileInfo) uint64 {
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		return sys.Ino
	}
	return 0
}
