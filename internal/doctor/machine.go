package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"millwright.dev/millwright/internal/store"
)

// How much room the state folder wants on its disk, in bytes.
const (
	leastFree = 64 << 20
	somewhat  = 512 << 20
)

// lookAtState looks at the state folder: whose it is, whether the disk has room,
// whether the database is sound.
func (v *visit) lookAtState(ctx context.Context) {
	if v.State == "" {
		return
	}
	info, err := os.Stat(v.State)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if v.daemon == nil {
			v.good("state", "there is no %s yet; the daemon makes it", v.State)
		}
		return
	case err != nil:
		v.bad("state", "run this as the daemon's user, or as root", "the state folder cannot be looked at: %v", err)
		return
	case !info.IsDir():
		v.bad("state", "move it away", "%s is no folder", v.State)
		return
	}
	v.lookAtOwner(info)
	v.lookAtSpace()
	ctx, cancel := context.WithTimeout(ctx, 6*patience)
	defer cancel()
	content, err := store.Verify(ctx, v.State)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrPermission):
		v.warn("state", "run this as the daemon's user, or as root", "the database cannot be looked at: %v", err)
	case err != nil:
		v.bad("state", "stop the daemon, keep the folder aside, and bring back a backup: millwright restore FILE", "%v", err)
	case content.Check() != nil:
		v.bad("state", "install that version, or a newer one", "%v", content.Check())
	default:
		v.good("state", "the database in %s is sound", v.State)
	}
}

// lookAtOwner sees whether the daemon can write to its folder, and others cannot.
func (v *visit) lookAtOwner(info fs.FileInfo) {
	if loose := info.Mode().Perm() & 0o077; loose != 0 {
		v.warn("state", "chmod 700 "+v.State, "%s can be entered by others: there are keys in it (its mode is %04o)", v.State, info.Mode().Perm())
	}
	of, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	owner := strconv.Itoa(int(of.Uid))
	if v.daemon != nil {
		if process, err := os.Stat(filepath.Join(v.Proc, strconv.Itoa(v.daemon.PID))); err == nil {
			if runs, ok := process.Sys().(*syscall.Stat_t); ok && runs.Uid != of.Uid && runs.Uid != 0 {
				v.bad("state", "chown -R "+nameOf(strconv.Itoa(int(runs.Uid)))+" "+v.State, "%s belongs to %s, and not to the daemon's user", v.State, nameOf(owner))
			}
		}
	}
	for _, name := range store.Files() {
		file, err := os.Stat(filepath.Join(v.State, name))
		if err != nil {
			continue
		}
		if f, ok := file.Sys().(*syscall.Stat_t); ok && f.Uid != of.Uid {
			v.bad("state", "chown "+nameOf(owner)+" "+filepath.Join(v.State, name), "%s belongs to %s, and its folder to %s: the daemon cannot write it", name, nameOf(strconv.Itoa(int(f.Uid))), nameOf(owner))
		}
	}
}

func nameOf(id string) string {
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

func (v *visit) lookAtSpace() {
	var disk unix.Statfs_t
	if err := unix.Statfs(v.State, &disk); err != nil {
		return
	}
	v.judgeSpace(disk.Bavail*uint64(disk.Bsize), disk.Blocks*uint64(disk.Bsize))
}

// judgeSpace says what it means that a disk has so many bytes free.
func (v *visit) judgeSpace(free, all uint64) {
	const remedy = "make room, or keep events for a shorter time: settings: keep-events"
	mb := free >> 20
	switch {
	case free < leastFree:
		v.bad("disk", remedy, "the disk of %s has %d MB left: changes are refused when it is full", v.State, mb)
	case free < somewhat && free < all/20:
		v.warn("disk", remedy, "the disk of %s has %d MB left", v.State, mb)
	default:
		v.good("disk", "the disk of %s has %d MB left", v.State, mb)
	}
}

// lookAtClock sees whether something keeps the clock right.
func (v *visit) lookAtClock() {
	var now unix.Timex
	if _, err := unix.Adjtimex(&now); err != nil {
		return
	}
	v.judgeClock(now.Status&unix.STA_UNSYNC == 0)
}

func (v *visit) judgeClock(kept bool) {
	if !kept {
		v.warn("clock", "timedatectl set-ntp true, or run chrony", "nothing keeps the clock right: events, certificates and one-time passwords go by it")
		return
	}
	v.good("clock", "it is kept right")
}

// lookAtLimits sees whether the daemon may have as many connections as the room has
// devices.
func (v *visit) lookAtLimits() {
	const others = 256 // clients, files, the rest of the daemon
	wants := 2*len(v.room.Devices) + others
	may := 0
	if v.daemon != nil {
		may = v.openFiles(v.daemon.PID)
	} else {
		may = v.openFiles(os.Getpid())
	}
	switch {
	case may == 0:
	case may < wants:
		v.bad("limits", "LimitNOFILE="+strconv.Itoa(2*wants)+" in the unit (systemctl edit millwright), or ulimit -n", "the daemon may have %d files open, and %s need %d", may, counted(len(v.room.Devices), "device"), wants)
	default:
		v.good("limits", "%d open files are enough for %s", may, counted(len(v.room.Devices), "device"))
	}
}

// unit is the service of the packages.
const unit = "millwright.service"

// lookAtUnit asks systemd how the service is, if there is one.
func (v *visit) lookAtUnit(ctx context.Context) {
	if _, err := os.Stat(v.Runtime); err != nil {
		return // systemd does not run here
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "systemctl", "show", unit, "-p", "LoadState,ActiveState,SubState,UnitFileState,NRestarts").Output()
	if err != nil {
		return
	}
	said := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		said[key] = value
	}
	switch {
	case said["LoadState"] != "loaded":
	case said["ActiveState"] == "failed":
		v.bad("systemd", "journalctl -u millwright -e says why; then: systemctl restart millwright", "%s has failed", unit)
	case said["SubState"] == "auto-restart":
		v.bad("systemd", "journalctl -u millwright -e says why", "%s starts again and again", unit)
	case said["ActiveState"] != "active" && v.daemon == nil:
		v.warn("systemd", "systemctl enable --now millwright", "%s is %s", unit, said["ActiveState"])
	case said["ActiveState"] == "active" && said["UnitFileState"] == "disabled":
		v.warn("systemd", "systemctl enable millwright", "%s runs, and will not after the next boot", unit)
	case said["ActiveState"] == "active":
		v.good("systemd", "%s is active", unit)
	}
}
