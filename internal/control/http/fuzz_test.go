package httphook

import (
	"testing"

	"github.com/theory/jsonpath"
)

// FuzzFind: whatever a hook answers, there is a short text or an error.
func FuzzFind(f *testing.F) {
	f.Add("$.state", `{"state": "up"}`)
	f.Add("$..*", `[[[[1]]], null, true, 1e400]`)
	f.Fuzz(func(t *testing.T, path, body string) {
		parsed, err := jsonpath.Parse(path)
		if err != nil || len(path) > 100 {
			return
		}
		if text, err := find(parsed, []byte(body)); err == nil && len(text) > 3*len(body)+4 {
			t.Errorf("%q in %q is %q", path, body, text)
		}
	})
}
