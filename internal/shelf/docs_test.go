package shelf_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/shelf"
)

var update = flag.Bool("update", false, "write the table of docs/device-files.md")

// page is the documentation of the shelf, with a table between its marks.
const (
	page  = "../../docs/device-files.md"
	begin = "<!-- shelf -->\n"
	end   = "<!-- /shelf -->\n"
)

// TestPageListsTheShelf holds the page's table to the files, and to the pairs that
// the tests beside this one have run.
func TestPageListsTheShelf(t *testing.T) {
	var b strings.Builder
	b.WriteString("\n| Specification | Hardware | Reached by | Log-in | Plugs | Success is seen by | Played by | powermand | Debian's files on the make |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, e := range shelf.All() {
		var theirs []string
		for _, d := range debians {
			if strings.TrimSuffix(d.make, "-quiet") == e.PlayedBy {
				theirs = append(theirs, "`"+d.spec+"`")
			}
		}
		slices.Sort(theirs)
		if len(theirs) == 0 {
			theirs = []string{"none there"}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | `%s` | runs | %s |\n", e.Name, e.Hardware, e.Reached, e.Login, e.Plugs, e.Proof, e.PlayedBy, strings.Join(theirs, ", "))
	}
	b.WriteString("\n")
	text, err := os.ReadFile(page)
	must(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table", page)
	}
	want := before + begin + b.String() + end + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s does not list what is there: go test ./internal/shelf -update", page)
	}
	must(t, os.WriteFile(page, []byte(want), 0o644))
}
