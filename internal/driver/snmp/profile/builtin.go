package profile

import (
	_ "embed" // for the archive
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"millwright.dev/millwright/internal/pressed"
)

// archive is the folder profiles, pressed.
//
//go:generate go test . -run TestPressed -press
//go:embed pressed.tar.gz
var archive string

var files = pressed.New(archive)

// builtin reads the profiles that come with the program, when somebody first asks.
var builtin = sync.OnceValues(func() (map[string]*Profile, error) {
	all := make(map[string]*Profile)
	for _, file := range files.Names() {
		text, err := files.ReadFile(file)
		if err != nil {
			return nil, err
		}
		p, err := Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all[p.Name] = p
	}
	return all, nil
})

// Builtin gives a profile that comes with the program. It is shared: for reading.
func Builtin(name string) (*Profile, bool) {
	all, err := builtin()
	return all[name], err == nil && all[name] != nil
}

// Names gives the names of those that come with the program, sorted.
func Names() []string {
	all, _ := builtin()
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Match gives the profiles that a device may be of that says this sysObjectID, the
// most particular ones first; where two are as good as each other, their Probe
// decides, which the caller has to ask the device for.
func Match(sysObjectID string) []*Profile {
	all, _ := builtin()
	id := strings.TrimPrefix(sysObjectID, ".") + "."
	type match struct {
		p   *Profile
		len int
	}
	var found []match
	for _, name := range Names() {
		best := 0
		for _, prefix := range all[name].ObjectIDs {
			if prefix += "."; strings.HasPrefix(id, prefix) {
				best = max(best, len(prefix))
			}
		}
		if best > 0 {
			found = append(found, match{all[name], best})
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].len > found[j].len })
	list := make([]*Profile, len(found))
	for i, m := range found {
		list[i] = m.p
	}
	return list
}
