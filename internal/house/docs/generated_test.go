package docs

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/cli"
	httpdoor "millwright.dev/millwright/internal/door/http"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/roomfile"
)

var update = flag.Bool("update", false, "write the pages that are made from the code")

// TestGenerated holds that the pages made from the code are those of this code.
func TestGenerated(t *testing.T) {
	schema, err := roomfile.Schema(app.ReadOptions(standard.Drivers(script.Options{}), false))
	if err != nil {
		t.Fatal(err)
	}
	reference, err := RoomFile(schema)
	if err != nil {
		t.Fatal(err)
	}
	described, err := httpdoor.Describe(cli.Version)
	if err != nil {
		t.Fatal(err)
	}
	api, err := API(described)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"docs/room.schema.json": string(schema),
		"docs/cli.md":           Commands(cli.Tree()),
		"docs/api.md":           api,
		"docs/room-file.md":     between(t, "docs/room-file.md", "<!-- reference -->\n", "<!-- /reference -->", reference),
	} {
		if have, err := os.ReadFile(root + name); err == nil && string(have) == want {
			continue
		}
		if !*update {
			t.Errorf("%s is not what the code says: run go generate ./internal/house/docs", name)
			continue
		}
		if err := os.MkdirAll(filepath.Dir(root+name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// between gives a page with what stands between two marks replaced.
func between(t *testing.T, name, from, to, text string) string {
	t.Helper()
	before, rest, _ := strings.Cut(read(t, name), from)
	_, after, found := strings.Cut(rest, to)
	if !found {
		t.Fatalf("%s has no place for the reference: %s … %s", name, from, to)
	}
	return before + from + text + to + after
}
