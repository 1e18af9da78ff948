package rehearse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/secret/vault"
)

// nowhere is where nobody answers: a port that is reserved for a service which
// nobody runs.
const nowhere = "127.0.0.1:1"

// Write puts a copy of the room's files into a folder, with the addresses of the
// simulation in place of the room's own and all else, comments too, as it is. It
// gives the path that leads the daemon there. The folder must be empty or not be
// there yet. What was written is read back and compared before Write returns.
func (r *Rehearsal) Write(ctx context.Context, dir string) (config string, err error) {
	if err := emptyFolder(dir); err != nil {
		return "", err
	}
	root, rel, err := r.layout()
	if err != nil {
		return "", err
	}
	at := make(map[string]target, len(r.devices)) // by device
	for i, d := range r.devices {
		to := target{address: d.Address, scheme: d.scheme}
		if d.Address == "" {
			to.address = nowhere
		}
		if d.Style == StandIn {
			to.spec = standInSpec(d.Spec)
			r.standIn(i)
		}
		at[d.Name] = to
	}
	full, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	files := maps.Clone(r.read.Files)
	maps.Copy(files, r.introduce(filepath.Join(full, standInFile)))
	if len(r.standIns) > 0 {
		if err := os.WriteFile(filepath.Join(full, standInFile), r.standInText(), 0o644); err != nil { //nolint:gosec // as below
			return "", err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rel)) {
		text, err := readdress(name, files[name], at, r.hosts())
		if err != nil {
			return "", err
		}
		target := filepath.Join(dir, rel[name])
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(target, text, 0o644); err != nil { //nolint:gosec // a configuration is for everybody to read
			return "", err
		}
	}
	start, err := filepath.Abs(r.path)
	if err != nil {
		return "", err
	}
	if start, err = filepath.Rel(root, start); err != nil {
		return "", err
	}
	config = filepath.Join(dir, start)
	if err := r.writeSecrets(filepath.Join(dir, relTo(root, r.folder()))); err != nil {
		return "", err
	}
	if err := r.writeStore(ctx, filepath.Join(dir, "state")); err != nil {
		return "", err
	}
	return config, r.verify(ctx, config, at)
}

func emptyFolder(dir string) error {
	inside, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.MkdirAll(dir, 0o755)
	case err != nil:
		return err
	case len(inside) > 0:
		return fmt.Errorf("%s is not empty, and nothing in it shall be overwritten", dir)
	}
	return nil
}

// layout says where each file goes, relative to the copy's folder, and which
// folder that stands for. Files that the room names by their absolute path, such
// as PowerMan's device files, are not copied: the copy names them too.
func (r *Rehearsal) layout() (root string, rel map[string]string, err error) {
	abs := make(map[string]string, len(r.read.Order))
	for _, name := range r.read.Order {
		if abs[name], err = filepath.Abs(name); err != nil {
			return "", nil, err
		}
	}
	if root, err = filepath.Abs(r.folder()); err != nil {
		return "", nil, err
	}
	rel = make(map[string]string, len(abs))
	for _, name := range r.read.Order {
		if inside(root, abs[name]) || !r.namedAbsolutely(abs[name]) {
			rel[name] = abs[name]
			for !inside(root, abs[name]) {
				root = filepath.Dir(root)
			}
		}
	}
	for name, path := range rel {
		rel[name] = relTo(root, path)
	}
	return root, rel, nil
}

func inside(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && filepath.IsLocal(rel)
}

func relTo(root, path string) string {
	if full, err := filepath.Abs(path); err == nil {
		path = full
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return "."
	}
	return rel
}

// namedAbsolutely tells whether some file of the room names a path, or a pattern
// in its folder, from the root on.
func (r *Rehearsal) namedAbsolutely(path string) bool {
	folder := strings.TrimSuffix(filepath.Dir(path), "/") + "/"
	for _, text := range r.read.Files {
		if strings.Contains(string(text), folder) {
			return true
		}
	}
	return false
}

// readdress gives the text of a file with the new addresses.
func readdress(name string, text []byte, at map[string]target, machines hosts) ([]byte, error) {
	if isRoomFile(name, text) {
		text, err := readdressYAML(name, text, at)
		if err != nil {
			return nil, err
		}
		if text, _, err = rehost(name, text, machines); err != nil {
			return nil, err
		}
		if text, err = cutOff(name, text); err != nil {
			return nil, err
		}
		return hushConsoles(name, text)
	}
	return readdressPowerMan(text, at), nil
}

// secrets gives where the room's secrets are: what devices are logged in with, and what is
// wanted of those who come to nodes as to BMCs.
func (r *Rehearsal) secrets() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, c := range r.read.Room.Credentials {
			for _, ref := range c.Secrets {
				if !yield(ref) {
					return
				}
			}
		}
		door := r.read.Room.Settings.IPMI
		for _, u := range door.Users {
			if !yield(u.Password) {
				return
			}
		}
		if door.Kg != "" {
			yield(door.Kg)
		}
	}
}

// writeSecrets gives the copy secrets of its own for those in files beside the
// room: the simulated devices want to hear these, and the real ones stay where
// they are.
func (r *Rehearsal) writeSecrets(folder string) error {
	for ref := range r.secrets() {
		name, ok := besideRoom(ref)
		if !ok {
			continue
		}
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(r.makeUp(ref)+"\n"), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// writeStore does the same for secrets that the room has in the daemon's store.
func (r *Rehearsal) writeStore(ctx context.Context, folder string) error {
	store := vault.New(vault.In(folder))
	for ref := range r.secrets() {
		if !r.inState(ref) {
			continue
		}
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		r.state = folder
		if err := store.Set(ctx, strings.TrimPrefix(ref, "secret:"), secret.NewValue(r.makeUp(ref))); err != nil {
			return err
		}
	}
	return nil
}

// verify reads the copy and holds it to what was meant.
func (r *Rehearsal) verify(ctx context.Context, config string, at map[string]target) error {
	back, err := roomfile.Load(ctx, config, r.opts.Files)
	if err != nil {
		return fmt.Errorf("the copy cannot be read back: %w", err)
	}
	if len(back.Room.Devices) != len(r.devices) || len(back.Room.Nodes) != len(r.read.Room.Nodes) {
		return fmt.Errorf("the copy in %s is not the same room", config)
	}
	for i := range back.Room.Devices {
		d := &back.Room.Devices[i]
		if whereIs(settingsOf(d)) != at[d.Name].address {
			return fmt.Errorf("the copy in %s has a wrong address for device %s, so it must not be used", config, d.Name)
		}
	}
	if err := led(back.Room, back.Files, r.hosts()); err != nil {
		return err
	}
	if err := isCutOff(back.Room); err != nil {
		return err
	}
	return hushed(back.Room)
}
