package rehearse_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/rehearse"
	"millwright.dev/millwright/internal/shelf"
)

// TestShippedSpecificationsArePlayed: a room with each of them can be rehearsed as it
// stands, those behind SSH too.
func TestShippedSpecificationsArePlayed(t *testing.T) {
	var devices, nodes strings.Builder
	for i, e := range shelf.All() {
		scheme, plug := "telnet", "1"
		if e.Login == "SSH" {
			scheme = "ssh"
		}
		if strings.HasPrefix(e.Plugs, "any") {
			plug = ".AA1"
		}
		fmt.Fprintf(&devices, "  d%d: {driver: script, credential: c, settings: {spec: %s, address: \"%s://10.0.0.%d?%s\"}}\n", i, e.Name, scheme, i+1, map[bool]string{true: "insecure=yes"}[scheme == "ssh"])
		fmt.Fprintf(&nodes, "  n%d: {cords: \"d%d:%s\"}\n", i, i, plug)
	}
	dir := t.TempDir()
	room := "credentials:\n  c: {user: u, password: \"file:pass\"}\ndevices:\n" + devices.String() + "nodes:\n" + nodes.String()
	room = strings.ReplaceAll(room, "?\"", "\"")
	if err := os.WriteFile(filepath.Join(dir, "room.yaml"), []byte(room), 0o600); err != nil {
		t.Fatal(err)
	}
	o := rehearse.Options{Files: app.ReadOptions(standard.Drivers(script.Options{}), false), Copy: true}
	r, err := rehearse.Read(t.Context(), filepath.Join(dir, "room.yaml"), o)
	if err != nil {
		t.Fatal(err)
	}
	played, err := r.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer played.Close()
	for i, d := range r.Devices() {
		if want := shelf.All()[i].PlayedBy; d.Style != want {
			t.Errorf("%s is played by %q, want %q", d.Spec, d.Style, want)
		}
	}
	if _, err := r.Write(t.Context(), filepath.Join(dir, "copy")); err != nil {
		t.Error(err)
	}
}
