package httpdoor

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Group may use the socket, if there is such a group.
const Group = "millwright"

// longestPath is what fits into a socket's address, with ".new" behind it.
const longestPath = 107 - len(".new")

// socket is a listener that takes its file away when it is closed, unless another
// daemon's is in its place by then.
type socket struct {
	*net.UnixListener
	path string
	made fs.FileInfo
	once sync.Once
}

// Close implements [net.Listener].
func (s *socket) Close() error {
	s.once.Do(func() {
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.made) {
			_ = os.Remove(s.path)
		}
	})
	return s.UnixListener.Close()
}

// Addr implements [net.Listener], by the name under which clients find it.
func (s *socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

// Listen opens the unix socket at path, for its owner and [Group] only. What a
// dead daemon left there is replaced; a socket that somebody still answers on,
// and anything that is not a socket, is not touched: that is an error.
//
// The socket comes into being under another name and with its final rights, so
// that there is no moment at which it could be opened by others.
func Listen(path string) (net.Listener, error) {
	if len(path) > longestPath {
		return nil, fmt.Errorf("the path of the socket has %d bytes, and no more than %d are possible: %s", len(path), longestPath, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of the socket: %w", err)
	}
	if err := vacant(path); err != nil {
		return nil, err
	}
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	l.SetUnlinkOnClose(false) // it will have another name by then
	err = errors.Join(os.Chmod(fresh, 0o600), entrust(fresh), os.Chmod(fresh, 0o660), os.Rename(fresh, path))
	made, gone := os.Lstat(path)
	if err = errors.Join(err, gone); err != nil {
		l.Close()
		_ = os.Remove(fresh)
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	return &socket{UnixListener: l, path: path, made: made}, nil
}

// vacant says why a socket may not be put at path.
func vacant(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("open the socket: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there already and is not a socket; it is left alone", path)
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).Dial("unix", path)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("a daemon answers on %s already; stop it first, or choose another socket", path)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil // nobody is behind it
	}
	return fmt.Errorf("something is behind %s already: %w", path, err)
}

// entrust gives the socket to [Group], if that exists and we may.
func entrust(path string) error {
	group, err := user.LookupGroup(Group)
	if err != nil {
		return nil // no such group: the owner alone it is
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		return fmt.Errorf("group %s: %w", Group, err)
	}
	if err := os.Chown(path, -1, gid); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
