package script_test

import (
	"slices"
	"testing"

	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/room"
)

// TestVerbsAreScripts: a device can do what its specification has scripts for. What
// the language has no scripts for, such as a shutdown by the operating system, it
// cannot.
func TestVerbsAreScripts(t *testing.T) {
	settings := &script.Settings{Spec: "plain", Address: "tcp://peer:23"}
	traits, err := settings.Traits(shelf{parse(t, []byte(plain))})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(traits.Verbs, room.Status) || !slices.Contains(traits.Verbs, room.On) {
		t.Errorf("it can only do %v", traits.Verbs)
	}
	for _, op := range []room.Op{room.SoftOff, room.Diag} {
		if slices.Contains(traits.Verbs, op) {
			t.Errorf("it says that it can do %v", op)
		}
	}
}
