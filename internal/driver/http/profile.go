package httpdriver

import (
	_ "embed" // for the archive
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"millwright.dev/millwright/internal/pressed"
)

// archive is the folder profiles, pressed.
//
//go:generate go test . -run TestPressed -press
//go:embed pressed.tar.gz
var archive string

var files = pressed.New(archive)

// shelf reads the profiles when the first is asked for, and never again.
var shelf = sync.OnceValues(readProfiles)

func readProfiles() (map[string]*Definition, error) {
	all := make(map[string]*Definition)
	for _, file := range files.Names() {
		text, err := files.ReadFile(file)
		if err != nil {
			return nil, err
		}
		d := new(Definition)
		if err := yaml.UnmarshalWithOptions(text, d, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("profile %s: %w", file, err)
		}
		all[strings.TrimSuffix(path.Base(file), ".yaml")] = d
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
