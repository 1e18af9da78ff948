package devspec

import (
	"errors"
	"path/filepath"
	"testing"
)

// deviceFiles is where Debian's powerman package keeps its device files.
const deviceFiles = "/etc/powerman"

// TestShippedFilesLoad loads every device file of the packaged PowerMan.
func TestShippedFilesLoad(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(deviceFiles, "*.dev"))
	if err != nil || len(names) < 60 {
		t.Fatalf("only %d device files in %s (is powerman installed?): %v", len(names), deviceFiles, err)
	}
	specs, scripts := 0, 0
	for _, name := range names {
		c, err := ParseConfig(name, OSOpen)
		var list ErrorList
		if errors.As(err, &list) {
			t.Errorf("%s:\n%s", name, list.Caret())
		}
		if len(c.Specs) == 0 {
			t.Errorf("%s holds no specification", name)
		}
		for _, s := range c.Specs {
			specs++
			scripts += len(s.Scripts())
			if s.Script(ScriptLogin) == nil {
				t.Errorf("%s: specification %s has no login script", name, s.Name)
			}
		}
	}
	if specs < 60 || scripts < 500 {
		t.Errorf("found only %d specifications with %d scripts", specs, scripts)
	}
}
