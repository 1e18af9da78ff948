package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"

	"millwright.dev/millwright/internal/secret"
)

// key is an AES-256 key.
type key [32]byte

func newKey() key {
	var k key
	_, _ = rand.Read(k[:]) // never fails; see its doc
	return k
}

// id names a key and tells nothing about it.
func (k key) id() string {
	sum := sha256.Sum256(append([]byte("millwright key id\n"), k[:]...))
	return hex.EncodeToString(sum[:8])
}

// String keeps a key from being printed.
func (k key) String() string { return "key " + k.id() }

// GoString keeps a key from being printed.
func (k key) GoString() string { return k.String() }

const keyHead = "# The key of millwright's secrets. Whoever has this file and the store can read them:\n# keep it apart from backups of the store.\n"

// maxKeys bounds a key file: there are two in the middle of a rotation, and as many
// more as rotations were cut off.
const maxKeys = 100

// readKeys reads the key file: a key a line in base64, the newest first. The error
// wraps [secret.ErrMissing] if there is no file, and never repeats what it holds.
func (v *Vault) readKeys() ([]key, error) {
	text, err := readSecret(v.o.Key)
	if err != nil {
		return nil, fmt.Errorf("its key file: %w", err)
	}
	keys, err := parseKeys(text.Reveal())
	if err != nil {
		return nil, fmt.Errorf("its key file %s: %w", v.o.Key, err)
	}
	return keys, nil
}

// parseKeys reads the text of a key file.
func parseKeys(text string) ([]key, error) {
	var keys []key
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != len(key{}) {
			return nil, fmt.Errorf("line %d is not 32 bytes in base64", n)
		}
		if len(keys) >= maxKeys {
			return nil, fmt.Errorf("there are more than %d keys", maxKeys)
		}
		keys = append(keys, key(raw))
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key in it")
	}
	return keys, nil
}

func (v *Vault) writeKeys(keys []key) error {
	b := bytes.NewBufferString(keyHead)
	for i, k := range keys {
		if i < maxKeys {
			b.WriteString(base64.StdEncoding.EncodeToString(k[:]) + "\n")
		}
	}
	return v.write(v.o.Key, b.Bytes())
}

// removeKeys takes the key file away when nothing needs it any more.
func (v *Vault) removeKeys() error {
	if err := v.step("remove the key file"); err != nil {
		return err
	}
	if err := os.Remove(v.o.Key); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// readSecret reads a file that must not be readable by everyone.
func readSecret(path string) (secret.Value, error) {
	ref, err := secret.Parse("file:" + path)
	if err != nil {
		return secret.Value{}, err
	}
	return ref.Resolve(context.Background(), secret.Places{})
}

// identities reads the age identity that the store is locked to.
func (v *Vault) identities() ([]age.Identity, error) {
	text, err := readSecret(v.o.Identity)
	if err != nil {
		return nil, fmt.Errorf("its age identity: %w", err)
	}
	list, err := age.ParseIdentities(strings.NewReader(text.Reveal()))
	if err != nil { // which may repeat a part of it
		return nil, fmt.Errorf("its age identity %s: the file is not one that age-keygen makes", v.o.Identity)
	}
	return list, nil
}

// wrapKey puts the content's key into its header, if the room wants an identity.
func (v *Vault) wrapKey(c *content) error {
	if v.o.Identity == "" {
		return nil
	}
	list, err := v.identities()
	if err != nil {
		return err
	}
	var to []age.Recipient
	for _, i := range list {
		switch i := i.(type) {
		case *age.X25519Identity:
			to = append(to, i.Recipient())
		case *age.HybridIdentity:
			to = append(to, i.Recipient())
		}
	}
	if len(to) == 0 {
		return fmt.Errorf("its age identity %s: there is no native age key in it", v.o.Identity)
	}
	for _, text := range v.o.Recipients {
		more, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil {
			return fmt.Errorf("the age recipient %q cannot be read", text)
		}
		to = append(to, more...)
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to...)
	if err != nil {
		return fmt.Errorf("lock its key with age: %w", err)
	}
	k := c.current()
	if _, err := w.Write(k[:]); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	c.header.Wrapped = b.Bytes()
	return nil
}

// unwrapKey opens the key in a header.
func (v *Vault) unwrapKey(h header) ([]key, error) {
	if v.o.Identity == "" {
		return nil, errors.New("it is locked to an age identity, and it is not said which file that is in: settings.secrets.identity of the room, or --identity")
	}
	list, err := v.identities()
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(bytes.NewReader(h.Wrapped), list...)
	if err != nil {
		return nil, fmt.Errorf("the age identity in %s does not open it: %w", v.o.Identity, err)
	}
	raw, err := io.ReadAll(io.LimitReader(r, int64(len(key{}))+1))
	if err != nil || len(raw) != len(key{}) {
		return nil, errors.New("what its header holds for a key is none")
	}
	return []key{key(raw)}, nil
}
