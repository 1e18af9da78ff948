package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/internal/secret"
)

// The names of the files in the state folder, unless the room says others.
const (
	DefaultFile = "secrets.vault"
	DefaultKey  = "secrets.key"
)

// Options say where a vault is.
type Options struct {
	// File is the path of the store itself.
	File string
	// Key is the path of the key file; empty means [DefaultKey] beside File.
	Key string
	// Identity is the path of an age identity. If it is set, a new store's key, and
	// at the next rotation an old one's, is wrapped to it, and no key file is used.
	Identity string
	// Recipients are more age recipients ("age1…") that the key is wrapped to, so
	// that another identity, kept elsewhere, opens the store when the first is lost.
	Recipients []string
}

// In gives the options of a store in a state folder.
func In(state string) Options { return Options{File: filepath.Join(state, DefaultFile)} }

// Entry tells of one secret, without its text.
type Entry struct {
	Name string    `json:"name"`
	Set  time.Time `json:"set"` // when its text was given
	Key  string    `json:"key"` // the id of the key that it is sealed with
}

// Vault is an encrypted store of secrets. Its methods may be called from any
// goroutine, and other processes may use the same file.
type Vault struct {
	o    Options
	step func(string) error // tests stop the writing here

	mu   sync.Mutex
	seen stamp // of what content was read from
	last *content
}

var _ secret.Store = (*Vault)(nil)

// ErrNone says that there is no store yet.
var ErrNone = errors.New("there is no store of secrets yet")

// New gives the vault of these options. Nothing is read or made before it is used.
func New(o Options) *Vault {
	if o.Key == "" {
		o.Key = filepath.Join(filepath.Dir(o.File), DefaultKey)
	}
	o.Recipients = slices.Clone(o.Recipients)
	return &Vault{o: o, step: func(string) error { return nil }}
}

// File gives the path of the store.
func (v *Vault) File() string { return v.o.File }

// Get gives one secret. The error wraps [secret.ErrMissing] if there is none of
// this name, and [ErrNone] too if there is no store at all.
func (v *Vault) Get(ctx context.Context, name string) (secret.Value, error) {
	c, err := v.current(ctx)
	if err != nil {
		return secret.Value{}, v.wrap("open", err)
	}
	r, found := c.records[name]
	if !found {
		return secret.Value{}, fmt.Errorf("%w: the store %s has no %s; give it one with: millwright secret set %s", secret.ErrMissing, v.o.File, name, name)
	}
	value, err := c.open(r)
	if err != nil {
		return secret.Value{}, v.wrap("open "+name+" in", err)
	}
	return value, nil
}

// List tells of all secrets, sorted by name. There may be none; no store at all is
// [ErrNone].
func (v *Vault) List(ctx context.Context) ([]Entry, error) {
	c, err := v.current(ctx)
	if err != nil {
		return nil, v.wrap("open", err)
	}
	list := make([]Entry, 0, len(c.records))
	for _, name := range c.names() {
		r := c.records[name]
		list = append(list, Entry{Name: r.Name, Key: r.Key, Set: r.Set})
	}
	return list, nil
}

// Set keeps a secret, in the place of an older one of the same name. The first
// one makes the store and, if need be, its key file.
func (v *Vault) Set(ctx context.Context, name string, value secret.Value) error {
	switch {
	case value.IsZero():
		return errors.New("the secret is empty; nothing was changed")
	case len(value.Reveal()) > secret.MaxSize:
		return fmt.Errorf("the secret is longer than %d KiB; nothing was changed", secret.MaxSize>>10)
	}
	if err := secret.CheckName(name); err != nil {
		return err
	}
	return v.change(ctx, "change", func(c *content) error {
		if _, found := c.records[name]; !found && len(c.records) >= MaxRecords {
			return fmt.Errorf("it is full: %d secrets", MaxRecords)
		}
		r, err := c.seal(name, value, time.Now().UTC())
		c.records[name] = r
		return err
	})
}

// Remove forgets a secret. The error wraps [secret.ErrMissing] if there is none.
func (v *Vault) Remove(ctx context.Context, name string) error {
	return v.change(ctx, "change", func(c *content) error {
		if _, found := c.records[name]; !found {
			return fmt.Errorf("%w: it has no such name", secret.ErrMissing)
		}
		delete(c.records, name)
		return nil
	})
}

// Rotate makes a new key, seals every secret anew with it, and forgets the old
// keys. It gives the new key's id and how many secrets there are. One that cannot
// be opened stops it, and nothing is changed.
func (v *Vault) Rotate(ctx context.Context) (key string, n int, err error) {
	unlock, err := v.lock(ctx)
	if err != nil {
		return "", 0, v.wrap("rotate the key of", err)
	}
	defer unlock()
	old, err := v.load()
	if err != nil {
		return "", 0, v.wrap("rotate the key of", err)
	}
	fresh, err := old.resealed()
	if err == nil {
		err = v.replace(old, fresh)
	}
	if err != nil {
		return "", 0, v.wrap("rotate the key of", err)
	}
	return fresh.header.Key, len(fresh.records), nil
}

// replace takes a new key into use. The key file has both keys until the store is
// the new one: whatever stops us in between, what is there can be read.
func (v *Vault) replace(old, fresh *content) error {
	if err := v.wrapKey(fresh); err != nil {
		return err
	}
	if fresh.header.Wrapped == nil {
		both := append([]key{fresh.current()}, old.keys...)
		if err := v.writeKeys(both); err != nil {
			return err
		}
	}
	if err := v.writeContent(fresh); err != nil {
		return err
	}
	if fresh.header.Wrapped == nil {
		return v.writeKeys(fresh.keys)
	}
	return v.removeKeys()
}

// change does one thing to the content, under the lock.
func (v *Vault) change(ctx context.Context, what string, do func(*content) error) error {
	unlock, err := v.lock(ctx)
	if err != nil {
		return v.wrap(what, err)
	}
	defer unlock()
	c, err := v.load()
	if errors.Is(err, ErrNone) {
		c, err = v.begin()
	}
	if err == nil {
		err = do(c)
	}
	if err == nil {
		err = v.writeContent(c)
	}
	return v.wrap(what, err)
}

// begin makes the content of a store that is not there yet.
func (v *Vault) begin() (*content, error) {
	if v.o.Identity != "" {
		c := newContent(newKey())
		return c, v.wrapKey(c)
	}
	keys, err := v.readKeys()
	if errors.Is(err, secret.ErrMissing) {
		keys = []key{newKey()}
		err = v.writeKeys(keys)
	}
	if err != nil {
		return nil, err
	}
	return newContent(keys...), nil
}

// current gives the content as it is on the disk now: read again only if the
// files have changed. It is not to be changed.
func (v *Vault) current(ctx context.Context) (*content, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.stamp()
	if v.last != nil && now == v.seen {
		return v.last, nil
	}
	c, err := v.load()
	if err != nil {
		v.last = nil
		return nil, err
	}
	v.last, v.seen = c, now // taken before reading: what came after is read next time
	return c, nil
}

// load reads the files. The store is read before its keys, so a rotation in
// between shows as a key that is not there any more; then it is read once more.
func (v *Vault) load() (*content, error) {
	const tries = 3
	for try := 1; ; try++ {
		c, err := v.loadOnce()
		var gone *keyGone
		if try == tries || !errors.As(err, &gone) {
			return c, err
		}
	}
}

func (v *Vault) loadOnce() (*content, error) {
	data, err := readFile(v.o.File)
	if err != nil {
		return nil, err
	}
	c, err := parse(data)
	if err != nil {
		return nil, err
	}
	if c.header.Wrapped != nil {
		c.keys, err = v.unwrapKey(c.header)
	} else {
		c.keys, err = v.readKeys()
	}
	if err != nil {
		return nil, err
	}
	return c, c.check()
}

// wrap says to which store it happened, in an error.
func (v *Vault) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s the store of secrets %s: %w", what, v.o.File, err)
}

// stamp tells whether files were replaced: each is written anew under another
// inode.
type stamp struct{ file, key, identity mark }

type mark struct {
	inode uint64
	size  int64
	time  time.Time
}

func (v *Vault) stamp() stamp {
	return stamp{markOf(v.o.File), markOf(v.o.Key), markOf(v.o.Identity)}
}

func markOf(path string) mark {
	if path == "" {
		return mark{}
	}
	info, err := os.Stat(path)
	if err != nil {
		return mark{}
	}
	return mark{inode: inodeOf(info), size: info.Size(), time: info.ModTime()}
}

// names gives the secrets' names, sorted.
func (c *content) names() []string {
	list := make([]string, 0, len(c.records))
	for name := range c.records {
		list = append(list, name)
	}
	slices.SortFunc(list, strings.Compare)
	return list
}
