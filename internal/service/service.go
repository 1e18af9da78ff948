// Package service is what stands between a daemon and the service manager that
// started it, if there is one: it takes over the sockets that systemd opened for
// the daemon, and tells systemd that the daemon is ready, reloads, stops, and lives.
//
// It exists so that a room can be asked from the first moment after a boot, no
// client is refused while the daemon restarts, a start that fails counts as one,
// and a daemon that hangs is started anew. Without systemd all of it does nothing.
//
// The protocols are those of sd_listen_fds(3), sd_notify(3) and
// sd_watchdog_enabled(3). Start at [Attach].
package service

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Manager is the service manager that started this process, or nobody: the zero
// Manager hears nothing and has nothing.
type Manager struct {
	notify   *net.UnixAddr // nil: nobody listens
	watchdog time.Duration
	sockets  map[string][]net.Listener
}

// Attach takes over what the service manager has for this process. What it finds in
// the environment it removes from there: it is not for the programs that the daemon
// starts.
func Attach() (*Manager, error) {
	m := &Manager{sockets: make(map[string][]net.Listener)}
	if at := os.Getenv("NOTIFY_SOCKET"); at != "" {
		m.notify = &net.UnixAddr{Name: at, Net: "unixgram"}
		if err := os.Unsetenv("NOTIFY_SOCKET"); err != nil {
			return nil, err
		}
	}
	var err error
	if m.watchdog, err = daemon.SdWatchdogEnabled(true); err != nil {
		return nil, fmt.Errorf("what the service manager says of its watchdog: %w", err)
	}
	for _, f := range activation.Files(true) {
		l, err := net.FileListener(f)
		f.Close()
		if err != nil {
			m.Close()
			return nil, fmt.Errorf("the socket %q that the service manager passed: %w", f.Name(), err)
		}
		m.sockets[f.Name()] = append(m.sockets[f.Name()], l)
	}
	return m, nil
}

// Sockets are the listeners that were passed, by the name that their unit gives them
// (FileDescriptorName=). They are the caller's to close.
func (m *Manager) Sockets() map[string][]net.Listener { return m.sockets }

// Close closes the sockets, for a caller that did not come to use them.
func (m *Manager) Close() {
	for _, list := range m.sockets {
		for _, l := range list {
			l.Close()
		}
	}
}

// Watchdog is how often [Manager.Alive] is to be called: twice in the time after
// which the manager takes the daemon for dead. 0 means never.
func (m *Manager) Watchdog() time.Duration { return m.watchdog / 2 }

// Ready says that the daemon serves, after its start or a reload; status is for
// people.
func (m *Manager) Ready(status string) error { return m.say(daemon.SdNotifyReady, statusLine(status)) }

// Reloading says that the daemon has begun to read its configuration anew; [Ready]
// ends it.
func (m *Manager) Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return err
	}
	return m.say(daemon.SdNotifyReloading, fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000))
}

// Stopping says that the daemon is about to end.
func (m *Manager) Stopping() error { return m.say(daemon.SdNotifyStopping, statusLine("stopping")) }

// Alive says that the daemon works.
func (m *Manager) Alive() error { return m.say(daemon.SdNotifyWatchdog) }

func statusLine(text string) string {
	return "STATUS=" + strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' ' // a line end would begin another assignment
		}
		return r
	}, text)
}

func (m *Manager) say(lines ...string) (err error) {
	if m.notify == nil {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, m.notify)
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	_, err = c.Write([]byte(strings.Join(lines, "\n")))
	if err = errors.Join(err, c.Close()); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}
