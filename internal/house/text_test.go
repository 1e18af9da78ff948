package house

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// everywhere are the top folders of the Filesystem Hierarchy Standard.
var everywhere = strings.Fields("bin boot dev etc home lib media mnt opt proc root run sbin srv sys tmp usr var")

// TestNobodysComputer holds that no file tells on whose computer it was written.
func TestNobodysComputer(t *testing.T) {
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	telling := []string{here + "/"}
	// Where the checkout stands tells as much, unless it is in one of the folders
	// that every system has and that docs may well name.
	if top, _, _ := strings.Cut(here[1:], "/"); !slices.Contains(everywhere, top) {
		telling = append(telling, filepath.Dir(here)+"/")
	}
	if home, err := os.UserHomeDir(); err == nil && len(home) > 1 {
		telling = append(telling, home+"/go/")
	}
	homes := regexp.MustCompile(`/(home|Users)/[a-z]+/`)
	for _, name := range tracked(t) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			continue // deleted but not yet committed, or not text
		}
		for _, path := range telling {
			if len(path) > len("/x/") && bytes.Contains(text, []byte(path)) {
				t.Errorf("%s holds the path %s of this computer", name, path)
			}
		}
		if found := homes.Find(text); found != nil && !strings.HasPrefix(name, "internal/house/") {
			t.Errorf("%s holds somebody's home folder: %s", name, found)
		}
	}
}
