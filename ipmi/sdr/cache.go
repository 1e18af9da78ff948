package sdr

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// How much a cache holds.
const (
	cacheMagic    = "millwright SDR 1\n" // the number is the version of the form
	cacheSuffix   = ".sdr"
	maxCacheFile  = maxRecords * (headerSize + maxBody + 2)
	maxCacheFiles = 65536
)

// Cache keeps records in files of a folder, one for each BMC. Records are valid for as long
// as the BMC is the same product with the same firmware and says the same of its
// repository: number of records, free space, times of the last addition and erasure.
// A file that is damaged counts as none. Several programs may use one folder at once.
type Cache struct {
	dir string
}

// NewCache gives a cache in a folder, which is made when something is put there.
func NewCache(dir string) *Cache { return &Cache{dir: dir} }

// file gives the file of a BMC; one without a name shares that of its key.
func (c *Cache) file(host string, key []byte) string {
	name := []byte("host " + host)
	if host == "" {
		name = append([]byte("key "), key...)
	}
	sum := sha256.Sum256(name)
	return filepath.Join(c.dir, hex.EncodeToString(sum[:16])+cacheSuffix)
}

// load gives the records, or nil if they are not there or no longer true.
func (c *Cache) load(host string, key []byte) [][]byte {
	if c == nil {
		return nil
	}
	f, err := os.Open(c.file(host, key))
	if err != nil {
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCacheFile))
	if err != nil {
		return nil
	}
	return decodeCache(b, key)
}

// encodeCache is: magic, length of the key, key, for each record its length and
// bytes, and the SHA-256 of all before.
func encodeCache(key []byte, records [][]byte) []byte {
	b := append([]byte(cacheMagic), byte(len(key)))
	b = append(b, key...)
	for _, r := range records {
		b = append(binary.LittleEndian.AppendUint16(b, uint16(len(r))), r...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func decodeCache(b, key []byte) [][]byte {
	if len(b) < sha256.Size {
		return nil
	}
	b, tail := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	sum := sha256.Sum256(b)
	if !bytes.Equal(sum[:], tail) {
		return nil
	}
	b, ok := bytes.CutPrefix(b, append([]byte(cacheMagic), byte(len(key))))
	if ok {
		b, ok = bytes.CutPrefix(b, key)
	}
	if !ok {
		return nil
	}
	records := [][]byte{}
	for len(b) > 0 {
		if len(b) < 2 {
			return nil
		}
		n := int(binary.LittleEndian.Uint16(b))
		if b = b[2:]; len(b) < n {
			return nil
		}
		records = append(records, b[:n])
		b = b[n:]
	}
	return records
}

// save writes the records; the file is there as a whole or not at all.
func (c *Cache) save(host string, key []byte, records [][]byte) (err error) {
	if c == nil {
		return nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("keep sensor data records in %s: %w", c.dir, err)
		}
	}()
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	if err := c.makeRoom(); err != nil {
		return err
	}
	f, err := os.CreateTemp(c.dir, "new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(encodeCache(key, records))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.file(host, key))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// makeRoom takes the oldest half away when there are too many files.
func (c *Cache) makeRoom() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil || len(entries) < maxCacheFiles {
		return err
	}
	var files []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), cacheSuffix) {
			files = append(files, info)
		}
	}
	sort.Slice(files, func(i, j int) bool { return files[i].ModTime().Before(files[j].ModTime()) })
	for _, f := range files[:len(files)/2] {
		if err := os.Remove(filepath.Join(c.dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
