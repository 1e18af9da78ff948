package revision

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"millwright.dev/millwright/internal/durable"
	"millwright.dev/millwright/internal/secret"
)

// shown gives a file as differences show it: Ockle's files hold passwords, which are
// masked so that two that differ still do.
func shown(path string, text []byte) []byte {
	if filepath.Ext(path) != ".ini" {
		return text
	}
	var out bytes.Buffer
	hidden := false
	for line := range bytes.Lines(text) {
		body := strings.TrimRight(string(line), "\r\n")
		end := string(line[len(body):])
		more := body != "" && (body[0] == ' ' || body[0] == '\t') // of the value above
		at := strings.IndexAny(body, "=:")
		switch {
		case more && hidden:
			body = body[:1] + masked(body[1:])
		case more || at < 0:
		default:
			if hidden = isSecret(body[:at]); hidden {
				body = body[:at+1] + " " + masked(body[at+1:])
			}
		}
		out.WriteString(body + end)
	}
	return out.Bytes()
}

// isSecret says whether a key of Ockle's files is that of a secret.
func isSecret(key string) bool {
	key = strings.ToLower(strings.TrimSpace(key))
	return strings.HasSuffix(key, "password") || strings.HasSuffix(key, "community") || strings.HasSuffix(key, "secret")
}

// mark is what this process tells secrets apart by.
var mark = sync.OnceValue(func() []byte { return []byte(rand.Text()) })

func masked(value string) string {
	value = strings.TrimSpace(value)
	if value == "" {
		return ""
	}
	h := hmac.New(sha256.New, mark())
	h.Write([]byte(value))
	return secret.Mask + " (" + hex.EncodeToString(h.Sum(nil)[:3]) + ")"
}

// setAside copies the files that a change takes away into a folder beside them, and
// overwrites nothing there.
func (b *Book) setAside(folder string, from, to files) error {
	for _, path := range differing(from, to) {
		if to[path] != nil || folder == "" {
			continue
		}
		place := filepath.Join(b.folder, folder)
		if !within(b.folder, place) {
			return fmt.Errorf("%s leads out of the room's folder", folder)
		}
		if err := os.MkdirAll(place, 0o755); err != nil {
			return err
		}
		if err := durable.Replace(free(filepath.Join(place, filepath.Base(path))), from[path], 0o640); err != nil {
			return err
		}
	}
	return nil
}

// free gives a path at which there is nothing yet: this one, or one with a number.
func free(path string) string {
	ext := filepath.Ext(path)
	for n := 1; ; n++ {
		at := path
		if n > 1 {
			at = fmt.Sprintf("%s.%d%s", strings.TrimSuffix(path, ext), n, ext)
		}
		if _, err := os.Lstat(at); errors.Is(err, fs.ErrNotExist) {
			return at
		}
	}
}
