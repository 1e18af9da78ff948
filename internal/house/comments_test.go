package house

import (
	"regexp"
	"strings"
	"testing"
)

// TestPackageComments holds that each package says what it is, why it is, and,
// where it is more than a page, where to start.
func TestPackageComments(t *testing.T) {
	start := regexp.MustCompile(`(?i)\b(start|begin|read in this order|where to read)\b`)
	comments, files := make(map[string]string), make(map[string]int)
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		files[s.pkg.path()]++
		if s.Doc != nil {
			comments[s.pkg.path()] += s.Doc.Text()
		}
	}
	for pkg, n := range files {
		text := comments[pkg]
		switch {
		case len(strings.Fields(text)) < 12:
			t.Errorf("package %s says too little of itself: write, above its package clause, what it is and why it exists", pkg)
		case n > 3 && !strings.HasPrefix(text, "Command ") && !start.MatchString(text):
			t.Errorf("package %s has %d files and does not say where to start: add a line such as \"Start at New.\"", pkg, n)
		}
	}
}
