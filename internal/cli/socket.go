package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// system is where the daemon of the machine listens.
const system = "/run/millwright/millwright.sock"

// socketPath is where the daemon to be asked listens: what the user says,
// otherwise the machine's daemon if there is one, otherwise the user's own. Who may not
// ask the machine's daemon, and has one of their own, means that.
func (p *program) socketPath() string {
	if said := p.saidSocket(); said != "" {
		return said
	}
	return chooseSocket(system, ownSocket(), func(path string) bool { return !errors.Is(unix.Access(path, unix.W_OK), fs.ErrPermission) })
}

// chooseSocket chooses between two daemons.
func chooseSocket(machine, own string, allowed func(path string) bool) string {
	if _, err := os.Lstat(machine); err != nil {
		return own
	}
	if _, err := os.Lstat(own); err == nil && !allowed(machine) {
		return own
	}
	return machine
}

// serveSocket is where a daemon is to listen.
func (p *program) serveSocket() string {
	if said := p.saidSocket(); said != "" {
		return said
	}
	if dir := os.Getenv("RUNTIME_DIRECTORY"); dir != "" { // systemd made it for us
		return filepath.Join(dir, "millwright.sock")
	}
	if os.Geteuid() == 0 {
		return system
	}
	return ownSocket()
}

func (p *program) saidSocket() string {
	if p.socket != "" {
		return p.socket
	}
	return os.Getenv("MILLWRIGHT_SOCKET")
}

// ownSocket is where the daemon of an ordinary user listens: always below a folder
// that is theirs alone, so that nobody else can put a socket there first.
func ownSocket() string {
	if os.Geteuid() == 0 {
		return system
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "millwright", "millwright.sock")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return system // whoever has no home has no daemon of their own
	}
	return filepath.Join(home, ".local", "state", "millwright", "millwright.sock")
}
