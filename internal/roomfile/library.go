package roomfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"millwright.dev/millwright/devspec"
)

// Library is device files by the names of their specifications.
type Library interface {
	// Text gives the file that defines a specification of that very name.
	Text(name string) (text []byte, found bool)
	// Names gives the names of all, for hints.
	Names() []string
}

// fromLibrary reads a specification that comes with the program.
func fromLibrary(lib Library, name string) (shelved, bool) {
	text, found := lib.Text(name)
	if !found {
		return shelved{}, false
	}
	conf, err := devspec.ParseConfig(name+".dev", func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(text)), nil
	})
	if err != nil || conf.Spec(name) == nil { // the library's own tests keep this from happening
		return shelved{}, false
	}
	sum := sha256.Sum256(text)
	return shelved{spec: conf.Spec(name), mark: hex.EncodeToString(sum[:])}, true
}

func libraryNames(lib Library) []string {
	if lib == nil {
		return nil
	}
	return lib.Names()
}
