package httpdriver

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed profiles/*.yaml
var files embed.FS

// shelf reads the profiles when the first is asked for, and never again.
var shelf = sync.OnceValues(readProfiles)

func readProfiles() (map[string]*Definition, error) {
	entries, err := files.ReadDir("profiles")
	if err != nil {
		return nil, err
	}
	all := make(map[string]*Definition, len(entries))
	for _, e := range entries {
		text, err := files.ReadFile(path.Join("profiles", e.Name()))
		if err != nil {
			return nil, err
		}
		d := new(Definition)
		if err := yaml.UnmarshalWithOptions(text, d, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("profile %s: %w", e.Name(), err)
		}
		all[strings.TrimSuffix(e.Name(), ".yaml")] = d
	}
	return all, nil
}

// Profiles gives the names of the built-in profiles, sorted.
func Profiles() []string {
	all, _ := shelf() // a test reads them
	return slices.Sorted(maps.Keys(all))
}

// profile gives a built-in profile. It is shared, for reading only.
func profile(name string) (*Definition, error) {
	all, err := shelf()
	if err != nil {
		return nil, err
	}
	d, ok := all[name]
	if !ok {
		return nil, fmt.Errorf("there is no profile %q; there are %s", name, strings.Join(Profiles(), ", "))
	}
	return d, nil
}
