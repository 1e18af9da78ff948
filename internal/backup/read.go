package backup

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// ErrEncrypted says that an archive cannot be read without an identity.
var ErrEncrypted = errors.New("the archive is encrypted: say with which age identity to read it (--identity FILE)")

// sealed is how every file of age begins.
const sealed = "age-encryption.org/"

// Visit is what [Read] hands an archive to. Both may be nil.
type Visit struct {
	// Manifest gets the manifest before anything else is read.
	Manifest func(*Manifest) error
	// Member gets each file, in the manifest's order. What it reads is only known
	// to be right when Read has returned nil; it need not read to the end.
	Member func(Member, io.Reader) error
}

// Read reads an archive to its end, and holds all of it to what its manifest says:
// nothing more, nothing less, nothing else. It writes nothing.
func Read(ctx context.Context, r io.Reader, identities []age.Identity, v Visit) (*Manifest, error) {
	m, err := read(ctx, r, identities, v)
	if err != nil {
		return nil, fmt.Errorf("read the archive: %w", err)
	}
	return m, nil
}

func read(ctx context.Context, r io.Reader, identities []age.Identity, v Visit) (*Manifest, error) {
	from := bufio.NewReaderSize(interruptible{ctx, r}, 64<<10)
	if head, _ := from.Peek(len(sealed)); string(head) == sealed {
		if len(identities) == 0 {
			return nil, ErrEncrypted
		}
		opened, err := age.Decrypt(from, identities...)
		if err != nil {
			return nil, fmt.Errorf("decrypt it: %w", err)
		}
		from = bufio.NewReaderSize(opened, 64<<10)
	}
	zipped, err := gzip.NewReader(from)
	if err != nil {
		return nil, fmt.Errorf("it is no backup of Millwright: %w", err)
	}
	m, err := readTar(zipped, v)
	if err != nil {
		return nil, err
	}
	// The sums of gzip and age are at the very end.
	if n, err := io.Copy(io.Discard, io.LimitReader(zipped, 1<<20)); err != nil || n == 1<<20 {
		return nil, errors.Join(errors.New("there is something behind its end"), err)
	}
	return m, nil
}

// readTar reads what is inside.
func readTar(r io.Reader, v Visit) (*Manifest, error) {
	packed := tar.NewReader(r)
	m, err := readManifest(packed)
	if err != nil {
		return nil, err
	}
	if v.Manifest != nil {
		if err := v.Manifest(m); err != nil {
			return nil, err
		}
	}
	for _, member := range m.Members {
		if err := readMember(packed, member, v.Member); err != nil {
			return nil, err
		}
	}
	h, err := packed.Next()
	if err == nil {
		return nil, fmt.Errorf("it has %s, of which its manifest knows nothing", clean(h.Name))
	}
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("its end is damaged: %w", err)
	}
	return m, nil
}

func readManifest(packed *tar.Reader) (*Manifest, error) {
	h, err := packed.Next()
	if err != nil {
		return nil, fmt.Errorf("it is no backup of Millwright: %w", notEOF(err))
	}
	if h.Name != ManifestName || h.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("it is no backup of Millwright: it begins with %s", clean(h.Name))
	}
	if h.Size > maxManifest {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", ManifestName, h.Size, maxManifest)
	}
	text, err := io.ReadAll(packed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ManifestName, err)
	}
	return parseManifest(text)
}

func readMember(packed *tar.Reader, member Member, visit func(Member, io.Reader) error) error {
	h, err := packed.Next()
	if err != nil {
		return fmt.Errorf("%s: it is cut off or damaged: %w", clean(member.Name), notEOF(err))
	}
	if h.Name != member.Name || h.Typeflag != tar.TypeReg || h.Size != member.Size {
		return fmt.Errorf("it has %s where its manifest says %s of %d bytes", clean(h.Name), clean(member.Name), member.Size)
	}
	sum := sha256.New()
	content := io.TeeReader(packed, sum)
	if visit != nil {
		if err := visit(member, content); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return fmt.Errorf("%s: it is cut off or damaged: %w", clean(member.Name), notEOF(err))
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != member.SHA256 {
		return fmt.Errorf("%s is damaged: its SHA-256 is %s, not %s", clean(member.Name), got, member.SHA256)
	}
	return nil
}

// notEOF is for where the end comes too early.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
