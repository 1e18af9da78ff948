package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLinks holds that links between pages, and names of files in the
// repository, lead somewhere.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	path := regexp.MustCompile("`((?:docs|internal|cmd|examples|scripts|tools|devspec|hostlist|powerman|telnet|bench)/[A-Za-z0-9_./-]*[A-Za-z0-9_])`")
	for _, page := range pages(t) {
		text := read(t, page)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
		for _, m := range path.FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(m[1], "internal/driver/relay") || strings.HasPrefix(m[1], "internal/check/tick") {
				continue // the examples of docs/drivers.md and docs/kinds.md
			}
			if _, err := os.Stat(root + m[1]); err != nil {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
	}
}

// pages gives all pages for people, from the top of the repository.
func pages(t *testing.T) []string {
	t.Helper()
	list := []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md"}
	found, err := filepath.Glob(root + "docs/*.md")
	if err != nil || len(found) < 5 {
		t.Fatalf("found %d pages in docs (%v)", len(found), err)
	}
	for _, f := range found {
		list = append(list, "docs/"+filepath.Base(f))
	}
	return list
}
