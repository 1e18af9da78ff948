package ockle_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"millwright.dev/millwright/ockle"
)

// Clients that edit at the same time all have their way: none of them knows of conflicts.
func TestManyEditAtOnce(t *testing.T) {
	h := openN1(t, false, nil)
	h.grant("configure")
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Go(func() {
			keys := ockle.Section{Name: "server", Keys: ockle.Values{{Key: fmt.Sprintf("k%d", n), Text: "v"}}}
			sections := ockle.Sections{keys, {Name: "outlet1"}, {Name: "test1"}}
			if err := h.client.SetINIFile(t.Context(), "servers/db.ini", sections); err != nil {
				t.Errorf("edit %d: %v", n, err)
			}
		})
	}
	wg.Wait()
	text := h.get("servers/db.ini")
	for n := range 6 {
		if !strings.Contains(text, fmt.Sprintf("k%d = v\n", n)) {
			t.Errorf("edit %d is lost:\n%s", n, text)
		}
	}
}
