package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// MaxSize is the largest secret that is read, in bytes.
const MaxSize = 64 << 10

// Errors of [Parse] and [Ref.Resolve], to be found with errors.Is. No error
// ever repeats the secret, nor a reference that may be one by mistake.
var (
	ErrSyntax  = errors.New("not a secret reference (env:NAME, file:PATH, secret:NAME or ini:PATH#SECTION/KEY)")
	ErrMissing = errors.New("secret is missing")
	ErrExposed = errors.New("secret file can be read by everyone")
)

// Ref names where a secret is kept. The zero Ref names none. It is no secret
// and may be printed.
type Ref struct{ scheme, name string }

// Parse reads a reference: "env:NAME", an environment variable of the daemon,
// "file:PATH", a file whose path may be relative to the room's folder,
// "secret:NAME", an entry of the encrypted store, or "ini:PATH#SECTION/KEY", a value
// in a file of Ockle's, which has its passwords there. An empty text gives the zero
// Ref. Because people write the password itself where
// a reference belongs, the error does not repeat the text.
func Parse(text string) (Ref, error) {
	if text == "" {
		return Ref{}, nil
	}
	scheme, name, found := strings.Cut(text, ":")
	switch {
	case !found:
		return Ref{}, ErrSyntax
	case scheme == "env":
		if !validEnv(name) {
			return Ref{}, fmt.Errorf("%w: after env: comes a variable's name, of letters, digits and _", ErrSyntax)
		}
	case scheme == "file":
		if name == "" || len(name) > unix.PathMax || strings.ContainsRune(name, 0) {
			return Ref{}, fmt.Errorf("%w: after file: comes a path", ErrSyntax)
		}
	case scheme == storeScheme:
		if err := CheckName(name); err != nil {
			return Ref{}, fmt.Errorf("%w: after secret: comes a name: %w", ErrSyntax, err)
		}
	case scheme == iniScheme:
		if _, _, _, ok := cutINI(name); !ok || len(name) > unix.PathMax || strings.ContainsRune(name, 0) {
			return Ref{}, fmt.Errorf("%w: after ini: comes PATH#SECTION/KEY", ErrSyntax)
		}
	default:
		return Ref{}, ErrSyntax
	}
	return Ref{scheme, name}, nil
}

// INI names a value in a file of Ockle's configuration.
func INI(path, section, key string) Ref { return Ref{iniScheme, path + "#" + section + "/" + key} }

// storeScheme marks what is kept in a [Store].
const storeScheme = "secret"

// Stored gives the name of an entry of the encrypted store, if the Ref is one.
func (r Ref) Stored() (name string, is bool) { return r.name, r.scheme == storeScheme }

// Variable gives the name of an environment variable, if the Ref is one.
func (r Ref) Variable() (name string, is bool) { return r.name, r.scheme == "env" }

// MaxName is the length of the longest name of an entry of a store, in bytes.
const MaxName = 128

// CheckName says what is wrong with the name of an entry of a store: it is made
// of letters, digits and . _ / -, and begins with a letter or a digit. Like Parse
// it does not repeat the text.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("a secret's name has 1 to %d characters", MaxName)
	}
	for i, c := range []byte(name) {
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !plain && (i == 0 || !strings.ContainsRune("._/-", rune(c))) {
			return errors.New("a secret's name holds letters, digits and . _ / -, and begins with a letter or a digit")
		}
	}
	return nil
}

func validEnv(name string) bool {
	for i, c := range []byte(name) {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != "" && len(name) <= 256
}

// IsZero says whether the Ref names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// String returns the reference as Parse reads it.
func (r Ref) String() string {
	if r.IsZero() {
		return ""
	}
	return r.scheme + ":" + r.name
}

// MarshalText is String, for encoders.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is Parse, for decoders.
func (r *Ref) UnmarshalText(text []byte) (err error) {
	*r, err = Parse(string(text))
	return err
}

// Store is where "secret:NAME" is kept: package vault has one.
type Store interface {
	// Get gives the secret of that name. The error wraps [ErrMissing] if there is
	// none. It never repeats a secret.
	Get(ctx context.Context, name string) (Value, error)
}

// Places say where references lead.
type Places struct {
	Dir   string // the room's folder, which relative file names start from
	Store Store  // where secret:NAME is kept; nil for nowhere
}

// Resolve fetches the secret. One trailing line end of a file is cut. A file must
// be a regular one of at most [MaxSize] bytes and not be readable or writable by
// everyone (mode & 0006); the group may be the daemon's, so its bits are left
// to you. The zero Ref gives the zero Value.
func (r Ref) Resolve(ctx context.Context, from Places) (Value, error) {
	if err := ctx.Err(); err != nil {
		return Value{}, err
	}
	var text string
	var err error
	switch r.scheme {
	case "":
		return Value{}, nil
	case storeScheme:
		v, err := from.stored(ctx, r.name)
		if err != nil {
			return Value{}, fmt.Errorf("secret %s: %w", r, err)
		}
		return v, nil
	case "env":
		text, err = fromEnv(r.name)
	case "file":
		text, err = fromFile(from.path(r.name), false)
	case iniScheme:
		text, err = fromINI(from, r.name)
	default:
		err = ErrSyntax
	}
	if err != nil {
		return Value{}, fmt.Errorf("secret %s: %w", r, err)
	}
	return NewValue(text), nil
}

// path gives the place of a file by its name in a reference.
func (p Places) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.Dir, name)
}

func (p Places) stored(ctx context.Context, name string) (Value, error) {
	if p.Store == nil {
		return Value{}, fmt.Errorf("%w: there is no store of secrets here", ErrMissing)
	}
	return p.Store.Get(ctx, name)
}

func fromEnv(name string) (string, error) {
	text, set := os.LookupEnv(name)
	switch {
	case !set:
		return "", fmt.Errorf("%w: the environment of the daemon has no %s", ErrMissing, name)
	case len(text) > MaxSize:
		return "", fmt.Errorf("longer than %d KiB", MaxSize>>10)
	}
	return text, nil
}

func fromFile(path string, exposed bool) (string, error) {
	// Without O_NONBLOCK, opening a FIFO would wait for a writer for ever.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %w", ErrMissing, err)
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return "", fmt.Errorf("%s is not a regular file", path)
	case mode.Perm()&0o006 != 0 && !exposed:
		return "", fmt.Errorf("%w: %s has mode %04o; run chmod o-rwx on it", ErrExposed, path, mode.Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return "", err
	}
	if len(text) > MaxSize {
		return "", fmt.Errorf("%s is longer than %d KiB", path, MaxSize>>10)
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	return string(text), nil
}
