package backup

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"filippo.io/age"

	"millwright.dev/millwright/internal/store"
)

// spoolPrefix begins the name of the folder, within the state folder, in which an
// archive is prepared.
const spoolPrefix = ".backup-"

// spoolAge is how old such a folder is when it must have been left by a backup that
// was killed.
const spoolAge = 24 * time.Hour

// Source says what to back up.
type Source struct {
	State string // the state folder
	// Config is the file or folder that the configuration is; for people.
	Config string
	// ConfigFiles are the files of the configuration: path by name relative to
	// its folder. See [ConfigFolder].
	ConfigFiles map[string]string

	Program string    // version of this program
	Time    time.Time // to be noted in the archive
	// Recipients may read the archive; without any, everyone may who has the file.
	Recipients []age.Recipient
	// WithoutSamples leaves out what was measured over time, which is most of a large
	// room's state, and which it can live without.
	WithoutSamples bool
}

// Written tells what came of a backup.
type Written struct {
	Manifest *Manifest
	Skipped  []string // paths that were left out because they are no ordinary files
}

// Write writes an archive of the source. A daemon may be running on it: of its
// database the archive has what was acknowledged when Write began.
func Write(ctx context.Context, w io.Writer, src Source) (*Written, error) {
	spool, err := makeSpool(src.State)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(spool) }()
	b := &builder{spool: spool, done: &Written{}}
	copied := filepath.Join(spool, "0")
	content, err := store.Snapshot(ctx, src.State, copied)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(filepath.Join(src.State, filepath.Base(database)))
	if err != nil {
		return nil, err
	}
	if err := b.note(database, copied, info); err != nil {
		return nil, err
	}
	if err := b.samples(ctx, src); err != nil {
		return nil, err
	}
	if err := b.stateFiles(ctx, src.State); err != nil {
		return nil, err
	}
	for name, from := range src.ConfigFiles {
		if within(src.State, from) {
			continue // the state folder lies in that of the configuration, and is kept already
		}
		if err := b.keep(ctx, ConfigPrefix+filepath.ToSlash(name), from); err != nil {
			return nil, err
		}
	}
	sort.Slice(b.parts, func(i, j int) bool { return b.parts[i].Name < b.parts[j].Name })
	slices.Sort(b.done.Skipped)
	b.done.Manifest = &Manifest{
		Format: format, Program: src.Program, Schema: content.Schema, RoomID: content.RoomID,
		Time: src.Time.UTC().Truncate(time.Second), State: src.State, Config: src.Config,
	}
	for _, p := range b.parts {
		b.done.Manifest.Members = append(b.done.Manifest.Members, p.Member)
	}
	if err := b.send(ctx, w, src.Recipients); err != nil {
		return nil, fmt.Errorf("write the archive: %w", err)
	}
	return b.done, nil
}

// samples keeps what was measured, if there is any and it is wanted.
func (b *builder) samples(ctx context.Context, src Source) error {
	info, err := os.Stat(filepath.Join(src.State, filepath.Base(samples)))
	if src.WithoutSamples || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("back up the samples: %w", err)
	}
	copied := filepath.Join(b.spool, fmt.Sprint(len(b.parts)))
	if err := store.SnapshotSamples(ctx, src.State, copied); err != nil {
		return err
	}
	return b.note(samples, copied, info)
}

// makeSpool makes a folder to prepare the archive in. It lies in the state folder,
// so that secrets stay on the disk, and under the rights, that they are kept on.
func makeSpool(state string) (string, error) {
	if _, err := os.Stat(state); err != nil {
		return "", fmt.Errorf("back up the state folder: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(escape(state), spoolPrefix+"*"))
	if err != nil {
		return "", fmt.Errorf("back up the state folder %s: %w", state, err)
	}
	for _, dir := range old {
		if info, err := os.Lstat(dir); err == nil && time.Since(info.ModTime()) > spoolAge {
			_ = os.RemoveAll(dir) // a copy of what is there anyway; the next backup tries again
		}
	}
	spool, err := os.MkdirTemp(state, spoolPrefix)
	if err != nil {
		return "", fmt.Errorf("prepare the backup: %w", err)
	}
	return spool, nil
}

// escape makes a path into a pattern that matches itself.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// builder collects what goes into an archive.
type builder struct {
	spool string
	parts []part
	total int64
	done  *Written
}

// part is a member with the spooled copy of its content.
type part struct {
	Member
	from string
}

// stateFiles keeps all files of the state folder but those of the database.
func (b *builder) stateFiles(ctx context.Context, dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("back up the state folder: %w", err)
		}
		inside, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch {
		case e.IsDir() && strings.HasPrefix(inside, spoolPrefix):
			return fs.SkipDir
		case e.IsDir(), slices.Contains(store.Files(), inside), e.Type() == fs.ModeSocket:
			return nil
		case !e.Type().IsRegular():
			b.done.Skipped = append(b.done.Skipped, path)
			return nil
		}
		return b.keep(ctx, StatePrefix+filepath.ToSlash(inside), path)
	})
}

// keep copies a file aside, so that its content, size and digest belong together
// whatever happens to it while the archive is written.
func (b *builder) keep(ctx context.Context, name, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	from, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if !info.Mode().IsRegular() {
		b.done.Skipped = append(b.done.Skipped, path)
		return nil
	}
	if !wellNamed(name) {
		return fmt.Errorf("back up %q: such a name cannot be kept; rename it or move it elsewhere", path)
	}
	copied := filepath.Join(b.spool, fmt.Sprint(len(b.parts)))
	to, err := os.OpenFile(copied, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("back up %s: %w", path, err)
	}
	_, err = io.Copy(to, io.LimitReader(from, maxTotal))
	if err = errors.Join(err, to.Close()); err != nil {
		return fmt.Errorf("back up %s: %w", path, err)
	}
	return b.note(name, copied, info)
}

// note makes a spooled copy of a file a member.
func (b *builder) note(name, copied string, info fs.FileInfo) error {
	f, err := os.Open(copied)
	if err != nil {
		return fmt.Errorf("back up %s: %w", name, err)
	}
	defer f.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	if err != nil {
		return fmt.Errorf("back up %s: %w", name, err)
	}
	if b.total += size; len(b.parts) >= maxMembers || b.total > maxTotal {
		return fmt.Errorf("back up %s: more than %d files or %d GiB cannot be kept in one archive", name, maxMembers, maxTotal>>30)
	}
	owner, group := namesOf(info)
	b.parts = append(b.parts, part{from: copied, Member: Member{
		Name: name, Size: size, Mode: uint32(info.Mode().Perm()), Owner: owner, Group: group, SHA256: hex.EncodeToString(sum.Sum(nil)),
	}})
	return nil
}

// send writes the archive.
func (b *builder) send(ctx context.Context, w io.Writer, to []age.Recipient) (err error) {
	if len(to) > 0 {
		sealed, err := age.Encrypt(w, to...)
		if err != nil {
			return err
		}
		if err := b.send(ctx, sealed, nil); err != nil {
			return err
		}
		return sealed.Close()
	}
	zipped := gzip.NewWriter(w)
	packed := tar.NewWriter(zipped)
	text, err := json.MarshalIndent(b.done.Manifest, "", " ")
	if err != nil {
		return err
	}
	if err := b.header(packed, ManifestName, 0o600, int64(len(text))); err != nil {
		return err
	}
	if _, err := packed.Write(text); err != nil {
		return err
	}
	for _, p := range b.parts {
		if err := b.sendPart(ctx, packed, p); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return errors.Join(packed.Close(), zipped.Close())
}

func (b *builder) sendPart(ctx context.Context, to *tar.Writer, p part) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.Open(p.from)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := b.header(to, p.Name, int64(p.Mode), p.Size); err != nil {
		return err
	}
	_, err = io.Copy(to, interruptible{ctx, f})
	return err
}

func (b *builder) header(to *tar.Writer, name string, mode, size int64) error {
	return to.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: size, ModTime: b.done.Manifest.Time, Format: tar.FormatPAX,
	})
}

// interruptible ends a long copy with its context.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

// Read implements [io.Reader].
func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
