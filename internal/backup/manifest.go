package backup

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"millwright.dev/millwright/internal/store"
)

// ManifestName is the first member of every archive.
const ManifestName = "millwright-backup.json"

// format is the version of the archive's own form.
const format = 1

// Bounds on an archive.
const (
	maxMembers  = 100_000
	maxManifest = 64 << 20 // bytes; 100,000 members need a third of it
	maxTotal    = 1 << 40  // bytes of all members together
	maxName     = 1 << 10  // bytes
	maxDepth    = 32       // folders within folders
)

// The two folders within an archive.
const (
	StatePrefix  = "state/"
	ConfigPrefix = "config/"
)

// database is the member that every archive has.
const database = StatePrefix + "millwright.db"

// samples is the member with what was measured over time; an archive may lack it.
const samples = StatePrefix + "samples.db"

// Manifest says what an archive holds. It is JSON in the archive.
type Manifest struct {
	Format  int       `json:"format"`
	Program string    `json:"program"` // version that made the archive
	Schema  int64     `json:"schema"`  // version of the database's schema
	RoomID  string    `json:"room"`    // id that the room got with its database
	Time    time.Time `json:"time"`
	State   string    `json:"state"`  // the folder it was
	Config  string    `json:"config"` // the file or folder it was; "" for none
	Members []Member  `json:"members"`
}

// Member is one file of an archive.
type Member struct {
	Name   string `json:"name"` // state/… or config/…, with slashes
	Size   int64  `json:"size"` // bytes
	Mode   uint32 `json:"mode"` // rights, as of chmod
	Owner  string `json:"owner,omitempty"`
	Group  string `json:"group,omitempty"`
	SHA256 string `json:"sha256"`
}

// Total is how many bytes the members have together.
func (m *Manifest) Total() int64 {
	var total int64
	for _, member := range m.Members {
		total += member.Size
	}
	return total
}

// HasConfig says whether the archive holds a configuration.
func (m *Manifest) HasConfig() bool {
	return slices.ContainsFunc(m.Members, func(m Member) bool { return strings.HasPrefix(m.Name, ConfigPrefix) })
}

// parseManifest reads a manifest and holds it to the bounds.
func parseManifest(text []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", ManifestName, err)
	}
	if m.Format > format {
		return nil, fmt.Errorf("the archive has form %d, made by Millwright %s, and this program knows only up to %d: use the newer program", m.Format, clean(m.Program), format)
	}
	if m.Format != format {
		return nil, fmt.Errorf("%s names the form %d, which never was", ManifestName, m.Format)
	}
	if len(m.Members) > maxMembers {
		return nil, fmt.Errorf("the archive has %d members, more than %d", len(m.Members), maxMembers)
	}
	seen := make(map[string]bool, len(m.Members))
	var total int64
	for _, member := range m.Members {
		if err := member.check(); err != nil {
			return nil, err
		}
		if seen[member.Name] {
			return nil, fmt.Errorf("%s is in the archive twice", clean(member.Name))
		}
		seen[member.Name] = true
		if total += member.Size; total > maxTotal {
			return nil, fmt.Errorf("the archive holds more than %d GiB", maxTotal>>30)
		}
	}
	if !seen[database] {
		return nil, fmt.Errorf("the archive has no %s", database)
	}
	return &m, nil
}

func (m Member) check() error {
	if !wellNamed(m.Name) {
		return fmt.Errorf("the archive has a member with the name %s, which no backup makes", clean(m.Name))
	}
	if m.Size < 0 || m.Size > maxTotal {
		return fmt.Errorf("%s: a size of %d bytes is impossible", clean(m.Name), m.Size)
	}
	if sum, err := hex.DecodeString(m.SHA256); err != nil || len(sum) != 32 {
		return fmt.Errorf("%s: its SHA-256 is none", clean(m.Name))
	}
	return nil
}

// wellNamed says whether a member may have that name: a plain path below one of the
// two folders, and none of the files that belong to a running database.
func wellNamed(name string) bool {
	inside, found := strings.CutPrefix(name, StatePrefix)
	if found {
		if name != database && name != samples && slices.Contains(store.Files(), inside) {
			return false
		}
	} else if inside, found = strings.CutPrefix(name, ConfigPrefix); !found {
		return false
	}
	if inside == "" || len(name) > maxName || path.Clean(name) != name || strings.Count(name, "/") > maxDepth || !filepath.IsLocal(inside) {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > 255 || part == ".." {
			return false
		}
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar })
}

// clean makes what an archive says fit for a message.
func clean(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return fmt.Sprintf("%q", s)
}
