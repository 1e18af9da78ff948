package room_test

import (
	"testing"

	"millwright.dev/millwright/internal/room"
)

// TestAddresses holds that no address can be taken for an option by a program.
func TestAddresses(t *testing.T) {
	for address, good := range map[string]bool{
		"": true, "10.0.0.1": true, "web-1.example.org": true, "fe80::1%eth0": true,
		"-oProxyCommand=id": false, "10.0.0.1 -x": false, "a\nb": false,
	} {
		_, problems := room.New(room.Draft{Nodes: []room.DraftNode{{Name: "web", Address: address}}})
		if (len(problems) == 0) != good {
			t.Errorf("%q: %v", address, problems)
		}
	}
}
