package vault

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"millwright.dev/millwright/internal/secret"
)

// Bounds of a store.
const (
	// MaxRecords is how many secrets a store may hold.
	MaxRecords = 10_000
	// MaxFile is the size of the largest file that is read, in bytes.
	MaxFile = 32 << 20

	maxLine = secret.MaxSize*4/3 + 4<<10
)

const (
	magic   = "secrets"
	version = 1
)

// header is the first line.
type header struct {
	Millwright string `json:"millwright"` // what file it is: "secrets"
	Version    int    `json:"version"`
	Key        string `json:"key"`               // the id of the key that new records are sealed with
	Wrapped    []byte `json:"wrapped,omitempty"` // that key, encrypted by age; none if it is in the key file
}

// record is every other line.
type record struct {
	Name   string    `json:"name"`
	Key    string    `json:"key"` // the id of the key that it is sealed with
	Set    time.Time `json:"set"`
	Nonce  []byte    `json:"nonce"`
	Sealed []byte    `json:"sealed"`
}

// content is a store in memory.
type content struct {
	header  header
	records map[string]record
	keys    []key // the first one seals what is new
}

func newContent(keys ...key) *content {
	return &content{
		header:  header{Millwright: magic, Version: version, Key: keys[0].id()},
		records: make(map[string]record), keys: keys,
	}
}

// keyGone says that a key is needed that is not there.
type keyGone struct{ id string }

func (e *keyGone) Error() string {
	return fmt.Sprintf("key %s, which it is sealed with, is not there: the key file and the store belong together, also in a backup", e.id)
}

// parse reads a store; its keys come from elsewhere. No error repeats what it read.
func parse(data []byte) (*content, error) {
	if len(data) > MaxFile {
		return nil, fmt.Errorf("it is longer than %d MiB", MaxFile>>20)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxLine)
	c := &content{records: make(map[string]record)}
	for n := 1; lines.Scan(); n++ {
		if err := c.line(n, lines.Bytes()); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	switch {
	case lines.Err() != nil:
		return nil, fmt.Errorf("a line is longer than %d KiB", maxLine>>10)
	case c.header.Millwright == "":
		return nil, errors.New("it is empty")
	case data[len(data)-1] != '\n':
		return nil, errors.New("its last line is cut off")
	}
	return c, nil
}

func (c *content) line(n int, text []byte) error {
	if n == 1 {
		if strict(text, &c.header) != nil || c.header.Millwright != magic || c.header.Key == "" {
			return errors.New("it is no store of secrets")
		}
		if c.header.Version != version {
			return fmt.Errorf("it has version %d, and this program knows version %d: a newer millwright wrote it", c.header.Version, version)
		}
		return nil
	}
	var r record
	switch err := strict(text, &r); {
	case err != nil, len(r.Nonce) != nonceSize, len(r.Sealed) < tagSize, r.Key == "", secret.CheckName(r.Name) != nil, !timely(r.Set):
		return errors.New("it is no record of a secret")
	case len(c.records) >= MaxRecords:
		return fmt.Errorf("there are more than %d secrets", MaxRecords)
	}
	if _, twice := c.records[r.Name]; twice {
		return fmt.Errorf("%s is there twice", r.Name)
	}
	c.records[r.Name] = r
	return nil
}

// timely says whether a time can be written again and sealed as a number.
func timely(t time.Time) bool { return t.Year() >= 1970 && t.Year() < 2262 }

// strict reads one JSON object and nothing else.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.InputOffset() != int64(len(bytes.TrimRight(text, " \t\r"))) {
		return errors.New("more behind it")
	}
	return nil
}

// encode writes a store, sorted by name.
func (c *content) encode() ([]byte, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	if err := out.Encode(c.header); err != nil {
		return nil, err
	}
	for _, name := range c.names() {
		if err := out.Encode(c.records[name]); err != nil {
			return nil, err
		}
	}
	if b.Len() > MaxFile {
		return nil, fmt.Errorf("it would be longer than %d MiB", MaxFile>>20)
	}
	return b.Bytes(), nil
}

// check holds that every key that is needed is there.
func (c *content) check() error {
	if _, found := c.key(c.header.Key); !found {
		return &keyGone{c.header.Key}
	}
	for _, name := range c.names() {
		if _, found := c.key(c.records[name].Key); !found {
			return &keyGone{c.records[name].Key}
		}
	}
	return nil
}

func (c *content) key(id string) (key, bool) {
	i := slices.IndexFunc(c.keys, func(k key) bool { return k.id() == id })
	if i < 0 {
		return key{}, false
	}
	return c.keys[i], true
}

// current gives the key that new records are sealed with.
func (c *content) current() key {
	k, _ := c.key(c.header.Key)
	return k
}

const (
	nonceSize = 12
	tagSize   = 16
)

// aead is AES-256-GCM (NIST SP 800-38D) with 96-bit random nonces: far fewer than
// 2^32 records are ever sealed with one key.
func (k key) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// bound is what is sealed in beside the text: a record with another name, key or
// time does not open.
func (r record) bound() []byte {
	return fmt.Appendf(nil, "millwright secret %d\n%s\n%s\n%d", version, r.Name, r.Key, r.Set.UnixNano())
}

func (c *content) seal(name string, value secret.Value, set time.Time) (record, error) {
	r := record{Name: name, Key: c.header.Key, Set: set, Nonce: make([]byte, nonceSize)}
	_, _ = rand.Read(r.Nonce) // never fails; see its doc
	aead, err := c.current().aead()
	if err != nil {
		return record{}, err
	}
	r.Sealed = aead.Seal(nil, r.Nonce, []byte(value.Reveal()), r.bound())
	return r, nil
}

func (c *content) open(r record) (secret.Value, error) {
	k, found := c.key(r.Key)
	if !found {
		return secret.Value{}, &keyGone{r.Key}
	}
	aead, err := k.aead()
	if err != nil {
		return secret.Value{}, err
	}
	text, err := aead.Open(nil, r.Nonce, r.Sealed, r.bound())
	if err != nil {
		return secret.Value{}, errors.New("the record was changed by something that does not have the key; set it again")
	}
	return secret.NewValue(string(text)), nil
}

// resealed gives the same secrets under a new key.
func (c *content) resealed() (*content, error) {
	fresh := newContent(newKey())
	for _, name := range c.names() {
		old := c.records[name]
		value, err := c.open(old)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if fresh.records[name], err = fresh.seal(name, value, old.Set); err != nil {
			return nil, err
		}
	}
	return fresh, nil
}
