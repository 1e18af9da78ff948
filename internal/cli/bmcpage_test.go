package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBMCPage holds that docs/bmc.md shows what is so: what stands behind a $ in it is
// called, for machines of the test, and must say what the page says.
func TestBMCPage(t *testing.T) {
	atHome(t)
	page := filepath.Join(sourceDir, "../../docs/bmc.md")
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	machines := startBMCs(t, 3)
	t.Chdir(t.TempDir())
	var got strings.Builder
	console := false
	for line := range strings.Lines(string(want)) {
		call, is := strings.CutPrefix(line, "$ millwright bmc ")
		switch {
		case strings.HasPrefix(line, "```"):
			console = line == "```console\n"
			got.WriteString(line)
		case console && is:
			got.WriteString(line + replay(t, machines, strings.TrimSpace(call)))
		case !console:
			got.WriteString(line)
		}
	}
	if *updateBMC {
		if err := os.WriteFile(page, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got.String() != string(want) {
		t.Errorf("docs/bmc.md shows what is not so; -update-bmc writes it anew:\n%s", firstDifference(got.String(), string(want)))
	}
}
