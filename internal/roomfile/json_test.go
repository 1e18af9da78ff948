package roomfile_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/driver"
	plugindriver "millwright.dev/millwright/internal/driver/plugin"
	"millwright.dev/millwright/internal/roomfile"
)

// What a plugin wants to have set nobody knows here: it goes to it as it is written.
func TestSettingsOfPlugins(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`{a: 3, b: yes, c: "yes", d: [x, 4], e: x y, f: "7", g: 010, h: -1.5, i: true}`, `{"a":3,"b":true,"c":"yes","d":["x",4],"e":"x y","f":"7","g":"010","h":-1.5,"i":true}`},
		{`{}`, `{}`},
		{`[a]`, "cannot unmarshal array"},
		{`x`, "cannot unmarshal string"},
	} {
		dir := t.TempDir()
		room := "plugins: {p: {exec: p}}\ndevices:\n  pdu: {driver: plugin, settings: {plugin: p, provides: d, settings: " + tt.text + "}}\nnodes:\n  n1: {cords: pdu:1}\n"
		if err := os.WriteFile(filepath.Join(dir, "room.yaml"), []byte(room), 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := roomfile.Load(t.Context(), filepath.Join(dir, "room.yaml"), roomfile.Options{Drivers: []driver.Driver{plugindriver.New(nil)}})
		if err != nil {
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", tt.text, err, tt.want)
			}
			continue
		}
		given := read.Room.Devices[0].Settings.(driver.Prepared).Settings.(*plugindriver.Settings).Settings
		if got, err := json.Marshal(given); string(got) != tt.want {
			t.Errorf("%s is %s (%v), want %s", tt.text, got, err, tt.want)
		}
	}
}
