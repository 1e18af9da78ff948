package snmp

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/snmp/profile"
)

// TestDocs holds the table of docs/snmp.md to the profiles.
func TestDocs(t *testing.T) {
	const page, from, to = "../../../docs/snmp.md", "<!-- profiles -->\n", "<!-- /profiles -->"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), from)
	shown, after, found := strings.Cut(rest, to)
	if !found {
		t.Fatalf("%s has no place for the table", page)
	}
	want := table()
	if shown != want && *update {
		write(t, page, before+from+want+to+after, 0o644)
	} else if shown != want {
		t.Error("docs/snmp.md shows another table of profiles: run go test ./internal/driver/snmp -run Docs -update")
	}
}

func table() string {
	var b strings.Builder
	b.WriteString("\n| Profile | For | Can | Measures, of each outlet; of the rest | MIB | Tested by |\n|---|---|---|---|---|---|\n")
	for _, name := range profile.Names() {
		p, _ := profile.Builtin(name)
		var can []string
		for _, op := range verbs(p) {
			can = append(can, op.String())
		}
		plugs, rest := quantities(p, true), quantities(p, false)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s; %s | %s | %s |\n", name, p.Title, strings.Join(can, ", "), plugs, rest, p.MIB, p.Tested)
	}
	b.WriteString("\n")
	return b.String()
}

// quantities names what a profile measures, of plugs or of all else.
func quantities(p *profile.Profile, plugs bool) string {
	var list []string
	seen := make(map[driver.Quantity]bool)
	for _, m := range p.Measures {
		if (m.Of == profile.OfPlug) == plugs && !seen[m.Quantity] {
			seen[m.Quantity] = true
			list = append(list, strings.ReplaceAll(string(m.Quantity), "_", " "))
		}
	}
	if len(list) == 0 {
		return "–"
	}
	return strings.Join(list, ", ")
}
