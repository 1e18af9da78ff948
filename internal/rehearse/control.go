package rehearse

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// ListenControl opens the unix socket on which a simulated room is commanded
// ([sim.Room.ServeControl]), for its owner only. What a dead simulator left at
// path is replaced.
func ListenControl(ctx context.Context, path string) (net.Listener, error) {
	if conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path); err == nil {
		conn.Close()
		return nil, fmt.Errorf("somebody answers on %s already", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != os.ModeSocket {
		return nil, fmt.Errorf("%s is there already and is not a socket; it is left alone", path)
	}
	// It is made in a folder that nobody else can enter, and moved to its place when
	// its rights are right.
	hidden, err := os.MkdirTemp(filepath.Dir(path), ".sim")
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	defer func() { _ = os.RemoveAll(hidden) }()
	fresh := filepath.Join(hidden, "s")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	ln.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Rename(fresh, path)); err != nil {
		ln.Close()
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	return &control{ln, path}, nil
}

// control takes its file away when it is closed.
type control struct {
	net.Listener
	path string
}

// Close implements [net.Listener].
func (c *control) Close() error {
	_ = os.Remove(c.path)
	return c.Listener.Close()
}

// Ask sends one line of the control protocol to the simulated room behind a
// socket, and writes what it shows. What the room refuses is the error.
func Ask(ctx context.Context, socket, line string, out io.Writer) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("no simulated room answers on %s: %w", socket, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if strings.ContainsAny(line, "\r\n") {
		return errors.New("one line at a time")
	}
	if _, err := fmt.Fprintln(conn, line); err != nil {
		return err
	}
	answer := bufio.NewScanner(conn)
	answer.Buffer(nil, 1<<20)
	for answer.Scan() {
		text := answer.Text()
		if text == "ok" {
			return nil
		}
		if why, refused := strings.CutPrefix(text, "error: "); refused {
			return errors.New(why)
		}
		if _, err := fmt.Fprintln(out, text); err != nil {
			return err
		}
	}
	return errors.Join(answer.Err(), io.ErrUnexpectedEOF)
}
