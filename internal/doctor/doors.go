package doctor

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"millwright.dev/millwright/internal/roomfile"
)

// usual is where PowerMan's clients look.
const usual = "127.0.0.1:10101"

// lookAtDoors sees whether the daemon has, or could have, the ports that it wants.
func (v *visit) lookAtDoors(ctx context.Context) {
	settings := v.room.Settings
	wanted := settings.PowerMan.Listen
	switch {
	case settings.PowerMan.Off:
		wanted = nil
	case v.PowerMan != nil:
		wanted = v.PowerMan
	case len(wanted) == 0:
		wanted = []string{usual}
	}
	for _, at := range wanted {
		v.lookAtDoor(ctx, "PowerMan's clients", at)
	}
	for _, at := range settings.HTTP.Listen {
		v.lookAtDoor(ctx, "the API", at)
	}
	for _, at := range settings.Redfish.Listen {
		v.lookAtDoor(ctx, "Redfish clients", at)
	}
}

func (v *visit) lookAtDoor(ctx context.Context, what, at string) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	if err == nil {
		l.Close()
		if v.daemon != nil {
			v.warn("doors", "if serve was told another address, say it: --powerman ADDR; otherwise restart the daemon, and see its log", "nobody listens on %s for %s, though a daemon runs", at, what)
			return
		}
		v.good("doors", "%s for %s is free", at, what)
		return
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		v.bad("doors", "name an address of this machine, and a port above 1023 for who is not root", "%s cannot be opened for %s: %v", at, what, errors.Unwrap(err))
		return
	}
	pid, name := v.holder(ctx, at)
	switch {
	case v.daemon != nil && pid == v.daemon.PID, pid == 1 && v.daemon != nil:
		v.good("doors", "%s is open for %s", at, what)
	case pid != 0:
		v.bad("doors", "stop it, or have the room name another address", "%s, for %s, is held by %s (process %d)", at, what, name, pid)
	case v.daemon != nil:
		v.good("doors", "%s is open for %s; run as root to see by whom", at, what)
	default:
		v.bad("doors", "see by whom: ss -ltnp as root; stop it, or have the room name another address", "%s, for %s, is held by another program", at, what)
	}
}

// lookAtCertificates sees how long certificates last.
func (v *visit) lookAtCertificates() {
	http := v.room.Settings.HTTP
	inRoom := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(roomfile.Folder(v.Config), path)
	}
	if len(http.Listen)+len(v.room.Settings.Redfish.Listen) > 0 {
		if http.Cert != "" {
			v.lookAtCertificate(inRoom(http.Cert), "renew it; the daemon takes the new file by itself")
		} else if v.State != "" {
			v.lookAtCertificate(filepath.Join(v.State, "tls", "server.pem"), "the daemon renews it when it runs: see its log")
		}
	}
	if http.ClientCA != "" {
		v.lookAtCertificate(inRoom(http.ClientCA), "get the authority's new one")
	}
}

func (v *visit) lookAtCertificate(path, remedy string) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(path, v.State) && v.State != "" {
		return // the daemon makes it
	}
	if err != nil {
		v.bad("certificates", "let the daemon's user read it", "a certificate cannot be read: %v", err)
		return
	}
	block, _ := pem.Decode(data)
	if block == nil {
		v.bad("certificates", "put the certificate there, in PEM", "there is no certificate in %s", path)
		return
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		v.bad("certificates", "put a whole certificate there", "%s: %v", path, err)
		return
	}
	days := int(time.Until(c.NotAfter).Hours() / 24)
	switch {
	case time.Now().After(c.NotAfter):
		v.bad("certificates", remedy, "%s has run out on %s", path, c.NotAfter.Local().Format(time.DateOnly))
	case time.Now().Before(c.NotBefore):
		v.bad("certificates", "is the clock right?", "%s is good from %s only", path, c.NotBefore.Local().Format(time.DateTime))
	case days < 14:
		v.warn("certificates", remedy, "%s runs out in %s", path, counted(days, "day"))
	default:
		v.good("certificates", "%s is good for %s", path, counted(days, "day"))
	}
}
