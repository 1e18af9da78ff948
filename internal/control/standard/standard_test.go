package standard_test

import (
	"testing"

	"millwright.dev/millwright/internal/control/standard"
)

func TestKinds(t *testing.T) {
	seen := make(map[string]bool)
	for _, k := range standard.Kinds() {
		if k.Name == "" || k.Summary == "" || seen[k.Name] {
			t.Errorf("kind %q has no name of its own, or no summary", k.Name)
		}
		seen[k.Name] = true
		if a, b := k.New(), k.New(); a == b && k.Name != "soft-off" {
			t.Errorf("%s: New gives the same settings twice", k.Name)
		}
	}
}
