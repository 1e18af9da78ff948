package roomfile_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	checks "millwright.dev/millwright/internal/check/standard"
	controls "millwright.dev/millwright/internal/control/standard"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
)

func loadPlugins(t *testing.T, text string) (*roomfile.Result, error) {
	t.Helper()
	open, glob := roomfile.Replay(map[string][]byte{"room.yaml": []byte(text)})
	return roomfile.Load(t.Context(), "room.yaml", roomfile.Options{
		Drivers: standard.Drivers(script.Options{}), Checks: checks.Kinds(), Controls: controls.Kinds(),
		Open: open, Glob: glob,
	})
}

func TestPlugins(t *testing.T) {
	res, err := loadPlugins(t, `
nodes: {a: {cords: ["shelf1:1", "shelf2:1"]}}
plugins:
  example:
    exec: [./example.py, --quick]
    dir: /srv
    env: {LANG: C, TOKEN: "secret:hook", DEPTH: 3}
    pass-env: HTTPS_PROXY
    settings: {greeting: hello, often: 3, loud: yes}
    events: [machine, "ups*"]
    as: mender
    notify:
    - {provides: hook, events: result, settings: {file: /var/log/notices}, timeout: 5s}
    - provides: hook
  idle: {exec: idle, enabled: no}
devices:
  shelf[1-2]: {driver: plugin, settings: {plugin: example, provides: file}}
checks:
  space: {kind: plugin, nodes: a, settings: {plugin: idle, provides: free-space}}
controls:
  halt: {kind: plugin, nodes: a, settings: {plugin: example, provides: flag}}
`)
	if err != nil {
		t.Fatal(err)
	}
	p, found := res.Room.Plugin("example")
	want := room.Plugin{
		Name: "example", Argv: []string{"./example.py", "--quick"}, Dir: "/srv", Env: map[string]string{"LANG": "C", "DEPTH": "3"},
		Secrets: map[string]string{"TOKEN": "secret:hook"}, PassEnv: []string{"HTTPS_PROXY"}, Enabled: true,
		Settings: map[string]any{"greeting": "hello", "often": json.Number("3"), "loud": true}, Events: []string{"machine", "ups*"}, As: "mender",
		Notify: []room.PluginNotice{
			{Provides: "hook", Events: []string{"result"}, Settings: map[string]any{"file": "/var/log/notices"}, Timeout: 5 * time.Second},
			{Provides: "hook", Timeout: 20 * time.Second},
		},
	}
	if !found || !reflect.DeepEqual(*p, want) {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
	if idle, _ := res.Room.Plugin("idle"); idle == nil || idle.Enabled {
		t.Errorf("%+v", idle)
	}
	if _, found := res.Room.Plugin("another"); found {
		t.Error("there is another")
	}
}

func TestWrongPluginsAreToldWithTheirPlace(t *testing.T) {
	const before = "nodes: {a: }\nplugins:\n  example: {exec: x}\n  p: {"
	for entry, want := range map[string]string{
		``:                                     "4:6: exec is missing",
		`exec: []`:                             "4:13: the program is missing",
		`exec: x, exce: y`:                     "did you mean exec",
		`exec: x, env: {"A=B": c}`:             `cannot be the name of a variable`,
		`exec: x, pass-env: [A, "B "]`:         `4:30: "B " cannot be the name of a variable`,
		`exec: x, settings: [a]`:               "4:26: keys and values are expected",
		`exec: x, notify: [{events: machine}]`: "provides is missing",
		`exec: x, notify: [{provides: hook, timeout: 11m}]`:                                    "4:51: sending a notice takes",
		"exec: x}\nchecks:\n  c: {kind: plugin, settings: {plugin: exampel, provides: x}":      `6:40: check c: there is no plugin "exampel"; did you mean example?`,
		"exec: x}\ncontrols:\n  c: {kind: plugin, settings: {plugin: zzz, provides: x}":        `there is no plugin "zzz"; there are example, p`,
		"exec: x}\ndevices:\n  d: {driver: plugin, settings: {plugin: exampl, provides: file}": `6:42: device d: there is no plugin "exampl"; did you mean example?`,
		"exec: x}\n  q r: {exec: x": "cannot be the name of a plugin",
	} {
		_, err := loadPlugins(t, before+entry+"}\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", entry, err, want)
		}
	}
	if _, err := loadPlugins(t, "nodes: {a: }\nchecks:\n  c: {kind: plugin, settings: {plugin: p, provides: x}}\n"); err == nil || !strings.Contains(err.Error(), "stand under plugins:") {
		t.Errorf("without plugins: %v", err)
	}
}
