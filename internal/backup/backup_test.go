package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/backup"
	"millwright.dev/millwright/internal/store"
)

var noon = time.Date(2020, 1, 2, 12, 0, 0, 0, time.UTC)

// place is a state folder and one of configuration.
type place struct{ state, config string }

// newPlace makes both, with a database that has had one event, a key and a room.
func newPlace(t *testing.T) place {
	t.Helper()
	dir := t.TempDir()
	p := place{filepath.Join(dir, "state"), filepath.Join(dir, "config")}
	s, err := store.Open(t.Context(), p.state, store.Options{Program: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Write(t.Context(), func(tx *store.Tx) error {
		return tx.AppendEvents(&store.Event{Time: noon, Kind: "state", Detail: "kept"})
	})
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(p.state, "secrets.key"), "a key", 0o600)
	put(t, filepath.Join(p.state, "pki", "ca.pem"), "a certificate", 0o640)
	put(t, filepath.Join(p.config, "room.yaml"), "room: here\n", 0o644)
	put(t, filepath.Join(p.config, "racks", "rack 1.yaml"), "nodes: {}\n", 0o640)
	return p
}

func put(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

func (p place) write(t *testing.T, to ...age.Recipient) []byte {
	t.Helper()
	files, skipped, err := backup.ConfigFolder(p.config)
	if err != nil || len(skipped) > 0 {
		t.Fatalf("%v, skipped %q", err, skipped)
	}
	var b bytes.Buffer
	_, err = backup.Write(t.Context(), &b, backup.Source{
		State: p.state, Config: p.config, ConfigFiles: files, Program: "1.2.3", Time: noon, Recipients: to,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (p place) restore(t *testing.T, archive []byte, force bool, ids ...age.Identity) (*backup.Restored, error) {
	t.Helper()
	return backup.Restore(t.Context(), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil }, ids,
		backup.Target{State: p.state, Config: p.config, Force: force, Time: noon})
}

// files gives everything below a folder but the database, with its rights.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), "millwright.") {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, dir)] = fmt.Sprintf("%v %s", info.Mode(), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (p place) events(t *testing.T) []store.Event {
	t.Helper()
	s, err := store.Open(t.Context(), p.state, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := s.Events(t.Context(), store.EventRange{Page: 100})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func elsewhere(t *testing.T) place {
	t.Helper()
	dir := t.TempDir()
	return place{filepath.Join(dir, "var", "state"), filepath.Join(dir, "etc", "config")}
}

func TestWhatIsBackedUpComesBack(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, sealed := range map[string]bool{"plain": false, "encrypted": true} {
		t.Run(name, func(t *testing.T) {
			from, to := newPlace(t), elsewhere(t)
			var recipients []age.Recipient
			if sealed {
				recipients = append(recipients, key.Recipient())
			}
			archive := from.write(t, recipients...)
			if sealed {
				if _, err := to.restore(t, archive, false); !errors.Is(err, backup.ErrEncrypted) {
					t.Errorf("without a key: %v", err)
				}
			}
			done, err := to.restore(t, archive, false, key)
			if err != nil {
				t.Fatal(err)
			}
			if m := done.Manifest; m.Program != "1.2.3" || !m.Time.Equal(noon) || m.Config != from.config || m.Schema < 1 || len(done.Kept) != 0 {
				t.Errorf("restored %+v", done)
			}
			if diff := cmp.Diff(files(t, from.state), files(t, to.state)); diff != "" {
				t.Errorf("state (-was +is):\n%s", diff)
			}
			if diff := cmp.Diff(files(t, from.config), files(t, to.config)); diff != "" {
				t.Errorf("configuration (-was +is):\n%s", diff)
			}
			if diff := cmp.Diff(from.events(t), to.events(t)); diff != "" {
				t.Errorf("events (-was +is):\n%s", diff)
			}
		})
	}
}

// An archive is an ordinary file for age and tar, when one day there is no Millwright.
func TestOrdinaryToolsReadIt(t *testing.T) {
	dir := t.TempDir()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "key"), key.String()+"\n", 0o600)
	put(t, filepath.Join(dir, "room.tar.gz.age"), string(newPlace(t).write(t, key.Recipient())), 0o600)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "age -d -i key room.tar.gz.age | tar -xz && cat state/pki/ca.pem config/room.yaml && ls")
	cmd.Dir = dir
	said, err := cmd.CombinedOutput()
	if err != nil || string(said) != "a certificateroom: here\nconfig\nkey\nmillwright-backup.json\nroom.tar.gz.age\nstate\n" {
		t.Errorf("%v: %s", err, said)
	}
}

func TestWhatIsThereIsKept(t *testing.T) {
	from, to := newPlace(t), newPlace(t)
	put(t, filepath.Join(to.state, "secrets.key"), "another key", 0o600)
	archive := from.write(t)
	var full *backup.NotEmptyError
	if _, err := to.restore(t, archive, false); !errors.As(err, &full) || full.Dir != to.state {
		t.Errorf("onto folders that hold something: %v", err)
	}
	before := files(t, filepath.Dir(to.state))
	done, err := to.restore(t, archive, true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(files(t, from.state), files(t, to.state)); diff != "" {
		t.Errorf("state (-was +is):\n%s", diff)
	}
	want := []string{to.state + ".before-restore-20200102T120000Z", to.config + ".before-restore-20200102T120000Z"}
	if diff := cmp.Diff(want, done.Kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if got := files(t, done.Kept[0]); got["/secrets.key"] != before["/state/secrets.key"] {
		t.Errorf("kept: %q", got)
	}
	// The second time in the same second there is no place to keep it: nothing changes.
	before = files(t, filepath.Dir(to.state))
	if _, err := to.restore(t, archive, true); err == nil {
		t.Error("a folder that was kept would have been replaced")
	}
	if diff := cmp.Diff(before, files(t, filepath.Dir(to.state))); diff != "" {
		t.Errorf("after an error (-was +is):\n%s", diff)
	}
}

// If the second folder cannot be put in place, the first one goes back.
func TestAllOrNothing(t *testing.T) {
	from, to := newPlace(t), newPlace(t)
	put(t, filepath.Join(to.state, "secrets.key"), "another key", 0o600)
	archive := from.write(t)
	put(t, to.config+".before-restore-20200102T120000Z", "in the way", 0o600)
	before := files(t, filepath.Dir(to.state))
	if _, err := to.restore(t, archive, true); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, files(t, filepath.Dir(to.state))); diff != "" {
		t.Errorf("after an error (-was +is):\n%s", diff)
	}
}

func TestARunningDaemonIsLeftAlone(t *testing.T) {
	from, to := newPlace(t), newPlace(t)
	archive := from.write(t)
	s, err := store.Open(t.Context(), to.state, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var locked *store.LockedError
	if _, err := to.restore(t, archive, true); !errors.As(err, &locked) || !strings.Contains(err.Error(), "stop the daemon first") {
		t.Errorf("got %v", err)
	}
}

// What is no ordinary file is named, and a backup that was killed leaves nothing in
// the next one.
func TestOddFiles(t *testing.T) {
	p := newPlace(t)
	put(t, filepath.Join(p.state, ".backup-1", "0"), "left by a backup that was killed", 0o600)
	link := filepath.Join(p.state, "link")
	if err := os.Symlink("/etc/passwd", link); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	done, err := backup.Write(t.Context(), &b, backup.Source{State: p.state, Time: noon})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{link}, done.Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	var names []string
	for _, m := range done.Manifest.Members {
		names = append(names, m.Name)
	}
	if diff := cmp.Diff([]string{"state/millwright.db", "state/pki/ca.pem", "state/secrets.key"}, names); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if done.Manifest.HasConfig() {
		t.Error("there is a configuration that nobody gave")
	}
}

func TestNothingToBackUp(t *testing.T) {
	for name, dir := range map[string]string{"no folder": filepath.Join(t.TempDir(), "state"), "no database": t.TempDir()} {
		if _, err := backup.Write(t.Context(), io.Discard, backup.Source{State: dir}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := os.ReadDir(dir); err == nil && len(got) > 0 {
			t.Errorf("%s: it left %v", name, got)
		}
	}
}

func TestABackupCanBeStopped(t *testing.T) {
	p := newPlace(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := backup.Write(ctx, io.Discard, backup.Source{State: p.state}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for name := range files(t, p.state) {
		if strings.Contains(name, ".backup-") {
			t.Errorf("it left %s", name)
		}
	}
}

func TestKeys(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good"), filepath.Join(dir, "bad")
	put(t, good, "# ours\n"+key.Recipient().String()+"\n", 0o600)
	put(t, bad, "AGE-SECRET-KEY-1NOT\n", 0o600)
	if got, err := backup.Recipients([]string{key.Recipient().String(), good}); err != nil || len(got) != 2 {
		t.Errorf("recipients: %v, %v", got, err)
	}
	for _, said := range []string{"age1nonsense", filepath.Join(dir, "missing"), bad} {
		if _, err := backup.Recipients([]string{said}); err == nil {
			t.Errorf("recipient %s was taken", said)
		}
	}
	put(t, good, key.String()+"\n", 0o600)
	if got, err := backup.Identities(good); err != nil || len(got) != 1 {
		t.Errorf("identities: %v, %v", got, err)
	}
	if _, err := backup.Identities(bad); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("a bad identity: %v", err)
	}
}
