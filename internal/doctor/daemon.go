package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// members is what to tell who may not come in.
const members = "as root: usermod -aG millwright NAME (it counts from the next log-in on)"

// askDaemon sees whether a daemon answers, and which.
func (v *visit) askDaemon(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d, err := v.Client.Version(ctx)
	var none *client.NoDaemon
	switch {
	case errors.Is(err, fs.ErrPermission):
		v.bad("daemon", members, "this user may not ask the daemon: %v", err)
	case errors.As(err, &none) && errors.Is(err, fs.ErrNotExist):
		v.warn("daemon", "systemctl start millwright, or: millwright serve --config "+v.Config, "no daemon runs: there is nothing at %s", none.Socket)
	case errors.As(err, &none):
		v.bad("daemon", "systemctl start millwright, or: millwright serve --config "+v.Config, "%v", none)
	case err != nil:
		v.bad("daemon", "see its log: journalctl -u millwright", "the daemon gives no proper answer: %v", err)
	}
	if err != nil {
		return
	}
	v.daemon = &d
	if !v.Said && d.Config != "" {
		v.Config = d.Config
	}
	if d.Version != v.Version {
		v.warn("daemon", "systemctl restart millwright", "the daemon is version %s, this program is %s", d.Version, v.Version)
	} else {
		v.good("daemon", "version %s answers, process %d", d.Version, d.PID)
	}
	if d.Broken != "" {
		v.bad("daemon", "mend the files (millwright validate "+d.Config+"), then: millwright reload", "%s", firstLine(d.Broken))
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// lookAtSocket looks at who may use the daemon's socket.
func (v *visit) lookAtSocket() {
	info, err := os.Stat(v.Socket)
	if err != nil {
		return // that no daemon answers has been said
	}
	if info.Mode()&fs.ModeSocket == 0 {
		v.bad("socket", "move it away and restart the daemon", "%s is no socket", v.Socket)
		return
	}
	dir, err := os.Stat(filepath.Dir(v.Socket))
	switch {
	case err == nil && dir.Mode().Perm()&0o002 != 0 && dir.Mode()&fs.ModeSticky == 0:
		v.bad("socket", "chmod o-w "+filepath.Dir(v.Socket), "anybody can put another socket in the place of %s", v.Socket)
	case info.Mode().Perm()&0o006 != 0:
		v.warn("socket", "chmod o-rw "+v.Socket+", unless that is wanted", "every user of this machine may connect to %s", v.Socket)
	default:
		v.good("socket", "%s is for %s", v.Socket, whose(info))
	}
}

// whose names the user and group that a file is for.
func whose(info fs.FileInfo) string {
	of, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "its owner"
	}
	owner, group := strconv.Itoa(int(of.Uid)), strconv.Itoa(int(of.Gid))
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	if info.Mode().Perm()&0o060 == 0 {
		return owner + " alone"
	}
	return owner + " and the group " + group
}

// lookAtDevices tells which devices cannot be reached.
func (v *visit) lookAtDevices(ctx context.Context) {
	if v.daemon == nil {
		if v.Connect && v.room != nil {
			v.dialDevices(ctx)
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list, err := v.Client.Devices(ctx, "")
	if err != nil {
		v.warn("devices", "millwright devices", "the daemon does not say how its devices are: %v", err)
		return
	}
	lost := 0
	for i := range list {
		d := &list[i]
		if d.Link == fleet.Connected || d.Said == "" {
			continue
		}
		lost++
		v.bad("devices", "millwright devices; is it on, is its address right, has somebody else its only session?",
			"%s is not in reach: %s", d.Name, firstLine(strings.TrimPrefix(d.Said, d.Name+": ")))
	}
	if lost == 0 {
		v.good("devices", "%s, none that is known to be out of reach", counted(len(list), "device"))
	}
}

// lookAtNodes tells which nodes are held back.
func (v *visit) lookAtNodes(ctx context.Context) {
	if v.daemon == nil || v.daemon.Held == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list, err := v.Client.Nodes(ctx, "")
	if err != nil {
		return
	}
	var held []string
	for i := range list {
		if list[i].Held != "" {
			held = append(held, list[i].Name)
		}
	}
	if len(held) > 0 {
		folded := hostlist.Fold(held)
		v.warn("nodes", "see how they stand, then: millwright clear "+folded, "%s held back after an interruption: %s", areHeld(len(held)), folded)
	}
}

func areHeld(n int) string {
	if n == 1 {
		return "1 node is"
	}
	return strconv.Itoa(n) + " nodes are"
}

// lookAtQuestions tells what waits for people.
func (v *visit) lookAtQuestions(ctx context.Context) {
	if v.daemon == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list, err := v.Client.Questions(ctx)
	if err != nil && room.CodeOf(err) != room.CodeRefused {
		v.warn("questions", "millwright questions", "the daemon does not say what it asks: %v", err)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Asked.Before(list[j].Asked) })
	for _, q := range list {
		v.warn("questions", "millwright answer "+q.ID+" yes, or no", "%s waits for somebody to answer: %s", q.Device, firstLine(q.Text))
	}
}
