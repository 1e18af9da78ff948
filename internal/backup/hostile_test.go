package backup_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/backup"
)

// entry is a member of an archive that somebody else made.
type entry struct {
	header tar.Header
	text   []byte
}

// entries takes an archive apart.
func entries(t testing.TB, archive []byte) []entry {
	t.Helper()
	zipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	var list []entry
	packed := tar.NewReader(zipped)
	for {
		h, err := packed.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(packed)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, entry{*h, text})
	}
}

// pack puts it together again.
func pack(t testing.TB, list []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	packed := tar.NewWriter(zipped)
	for _, e := range list {
		e.header.Size = int64(len(e.text))
		if err := packed.WriteHeader(&e.header); err != nil {
			t.Fatal(err)
		}
		if _, err := packed.Write(e.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(packed.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// declared changes the manifest of an archive.
func declared(t *testing.T, list []entry, change func(*backup.Manifest)) []entry {
	t.Helper()
	var m backup.Manifest
	if err := json.Unmarshal(list[0].text, &m); err != nil {
		t.Fatal(err)
	}
	change(&m)
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	list[0].text = text
	return list
}

// smuggled adds a member that the manifest declares properly.
func smuggled(t *testing.T, list []entry, name, text string) []entry {
	t.Helper()
	sum := sha256.Sum256([]byte(text))
	list = declared(t, list, func(m *backup.Manifest) {
		m.Members = append(m.Members, backup.Member{Name: name, Size: int64(len(text)), Mode: 0o6777, SHA256: hex.EncodeToString(sum[:])})
	})
	return append(list, entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o6777}, []byte(text)})
}

// Whatever is wrong with an archive, it is refused, in words that say what, and nothing
// at all is written.
func TestHostileArchives(t *testing.T) {
	from := newPlace(t)
	good := from.write(t)
	last := func(list []entry) *entry { return &list[len(list)-1] }
	for name, test := range map[string]struct {
		change func(*testing.T, []entry) []entry
		bytes  func([]byte) []byte
		want   string
	}{
		"nothing":         {bytes: func([]byte) []byte { return nil }, want: "no backup of Millwright"},
		"text":            {bytes: func([]byte) []byte { return []byte("hello, world") }, want: "no backup of Millwright"},
		"cut off":         {bytes: func(b []byte) []byte { return b[:len(b)/2] }, want: "cut off or damaged"},
		"without its end": {bytes: func(b []byte) []byte { return b[:len(b)-4] }, want: "unexpected EOF"},
		"damaged": {change: func(_ *testing.T, l []entry) []entry {
			last(l).text = bytes.Clone(last(l).text)
			last(l).text[0] ^= 1
			return l
		}, want: "is damaged: its SHA-256"},
		"without a member": {change: func(_ *testing.T, l []entry) []entry { return l[:len(l)-1] }, want: "cut off or damaged"},
		"with one more": {change: func(_ *testing.T, l []entry) []entry {
			return append(l, entry{tar.Header{Typeflag: tar.TypeReg, Name: "state/more"}, nil})
		}, want: "of which its manifest knows nothing"},
		"in another order": {change: func(_ *testing.T, l []entry) []entry { l[1], l[2] = l[2], l[1]; return l }, want: "where its manifest says"},
		"without manifest": {change: func(_ *testing.T, l []entry) []entry { return l[1:] }, want: "it begins with"},
		"a link": {change: func(_ *testing.T, l []entry) []entry {
			last(l).header.Typeflag, last(l).header.Linkname, last(l).text = tar.TypeSymlink, "/etc/passwd", nil
			return l
		}, want: "where its manifest says"},
		"a way out":       {change: func(t *testing.T, l []entry) []entry { return smuggled(t, l, "state/../../evil", "x") }, want: "no backup makes"},
		"from the root":   {change: func(t *testing.T, l []entry) []entry { return smuggled(t, l, "/etc/evil", "x") }, want: "no backup makes"},
		"another folder":  {change: func(t *testing.T, l []entry) []entry { return smuggled(t, l, "evil/x", "x") }, want: "no backup makes"},
		"a journal":       {change: func(t *testing.T, l []entry) []entry { return smuggled(t, l, "state/millwright.db-wal", "x") }, want: "no backup makes"},
		"control bytes":   {change: func(t *testing.T, l []entry) []entry { return smuggled(t, l, "config/a\x1b[2J", "x") }, want: "no backup makes"},
		"twice":           {change: func(t *testing.T, l []entry) []entry { return smuggled(t, l, "state/secrets.key", "x") }, want: "twice"},
		"file and folder": {change: func(t *testing.T, l []entry) []entry { return smuggled(t, l, "state/secrets.key/x", "x") }, want: "secrets.key"},
		"a bomb": {change: func(t *testing.T, l []entry) []entry {
			return declared(t, l, func(m *backup.Manifest) { m.Members[0].Size = 1 << 39 })
		}, want: "MiB left"},
		"more than all": {change: func(t *testing.T, l []entry) []entry {
			return declared(t, l, func(m *backup.Manifest) { m.Members[0].Size = 1 << 41 })
		}, want: "impossible"},
		"a newer form": {change: func(t *testing.T, l []entry) []entry {
			return declared(t, l, func(m *backup.Manifest) { m.Format = 2 })
		}, want: "use the newer program"},
		"a newer schema": {change: func(t *testing.T, l []entry) []entry {
			return declared(t, l, func(m *backup.Manifest) { m.Schema, m.Program = 9999, "7.7" })
		}, want: "Millwright 7.7 has written"},
		"a lie": {change: func(t *testing.T, l []entry) []entry {
			return declared(t, l, func(m *backup.Manifest) { m.RoomID = "another" })
		}, want: "not the one"},
		"without database": {change: func(t *testing.T, l []entry) []entry {
			return declared(t, l, func(m *backup.Manifest) { m.Members = m.Members[:1] })
		}, want: "has no state/millwright.db"},
		"no database": {change: func(t *testing.T, l []entry) []entry {
			for i := range l {
				if l[i].header.Name == "state/millwright.db" {
					l[i].text = []byte(strings.Repeat("garbage ", 1000))
					sum := sha256.Sum256(l[i].text)
					l = declared(t, l, func(m *backup.Manifest) {
						m.Members[i-1].Size, m.Members[i-1].SHA256 = int64(len(l[i].text)), hex.EncodeToString(sum[:])
					})
				}
			}
			return l
		}, want: "millwright.db"},
	} {
		t.Run(name, func(t *testing.T) {
			archive := good
			if test.change != nil {
				archive = pack(t, test.change(t, entries(t, good)))
			}
			if test.bytes != nil {
				archive = test.bytes(bytes.Clone(archive))
			}
			to := newPlace(t)
			before := files(t, filepath.Dir(to.state))
			_, err := to.restore(t, archive, true)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if diff := cmp.Diff(before, files(t, filepath.Dir(to.state))); diff != "" {
				t.Errorf("it wrote something (-was +is):\n%s", diff)
			}
			if list := to.events(t); len(list) != 1 {
				t.Errorf("events: %+v", list)
			}
		})
	}
}

// Rights that an archive asks for are not given: no set-id bits, no writing by others.
func TestRightsAreTamed(t *testing.T) {
	to := elsewhere(t)
	if _, err := to.restore(t, pack(t, smuggled(t, entries(t, newPlace(t).write(t)), "state/tool", "x")), false); err != nil {
		t.Fatal(err)
	}
	if got := files(t, to.state)["/tool"]; got != "-rwxrwxr-x x" {
		t.Errorf("got %s", got)
	}
}

// FuzzRead gives the reader what is inside an archive, so that compression is not in
// the way. What it takes is what its manifest says, and stays where it belongs.
func FuzzRead(f *testing.F) {
	f.Fuzz(func(t *testing.T, inside []byte) {
		var b bytes.Buffer
		zipped, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = zipped.Write(inside)
		if err := zipped.Close(); err != nil {
			t.Fatal(err)
		}
		var total int64
		m, err := backup.Read(t.Context(), &b, nil, backup.Visit{Member: func(m backup.Member, r io.Reader) error {
			n, err := io.Copy(io.Discard, r)
			total += n
			if place, rest, _ := strings.Cut(m.Name, "/"); place != "state" && place != "config" || !filepath.IsLocal(rest) {
				t.Errorf("a member has the name %q", m.Name)
			}
			return err
		}})
		if err == nil && (m.Total() != total || total > int64(len(inside))) {
			t.Errorf("%d bytes of members, the manifest says %d, the archive had %d", total, m.Total(), len(inside))
		}
	})
}
