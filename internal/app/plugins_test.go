package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/dummy"
	plugindriver "millwright.dev/millwright/internal/driver/plugin"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/room"
)

// guard switches victim off whenever somebody switches trigger on.
const guard = `#!/usr/bin/env python3
import os
import sys

sys.path.insert(0, %q)
import millwright_plugin as mw

plugin = mw.Plugin("guard", os.environ["RELEASE"])


@plugin.reaction("protect", "switches victim off when trigger goes on")
def protect(event):
    if event.get("op") == "on" and event.get("targets") == "trigger" and event["kind"] == "result":
        try:
            mw.log("done: " + plugin.do("off", "victim", "trigger is on").get("said", ""))
        except mw.Error as e:
            mw.log("refused: %%s" %% e)


mw.log("my word is " + os.environ["WORD"])
plugin.run()
`

// shop is a room that plugins make: everything of one is theirs but its strip.
const shop = `
plugins:
  example:
    exec: [%s/example.py]
    events: [machine]
    notify: [{provides: hook, events: res*, settings: {file: %s/notices}}]
  guard: {exec: [./guard.py], events: [result], as: mender, env: {RELEASE: "2.0", WORD: "file:password"}}
  idle: {exec: [./nothing-there], enabled: no}
devices:
  shelf: {driver: plugin, settings: {plugin: example, provides: file, timeout: 2s, settings: {path: %s/plugs.json}}}
  strip: {driver: dummy}
checks:
  space: {kind: plugin, nodes: one, every: 0s, settings: {plugin: example, provides: free-space, settings: {percent: 1}}}
controls:
  halt: {kind: plugin, nodes: one, settings: {plugin: example, provides: flag, settings: {folder: %s/flags}}}
nodes:
  one: {cords: "shelf:1"}
  trigger: {cords: "strip:1"}
  victim: {cords: "strip:2"}
`

// workshop is a daemon with plugins, which can be started again.
type workshop struct {
	*client.Client
	t    *testing.T
	dir  string
	stop func()
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	w := &workshop{t: t, dir: t.TempDir()}
	examples, err := filepath.Abs("../../examples/plugins/python")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"room.yaml": fmt.Sprintf(shop, examples, w.dir, w.dir, w.dir), "guard.py": fmt.Sprintf(guard, examples),
		"plugs.json": `{"plugs": {"1": "off", "2": "off"}}`, "password": "Heron-9\n", "flags/one": "",
	} {
		path := filepath.Join(w.dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err == nil && strings.HasSuffix(name, ".py") {
			err = os.Chmod(path, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { w.stop() })
	w.start()
	return w
}

func (w *workshop) start() {
	w.t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: filepath.Join(w.dir, "room.yaml"), State: filepath.Join(w.dir, "state"), Drivers: []driver.Driver{plugindriver.New(nil), dummy.New()},
			Doors: app.Doors{PowerMan: []string{}, Socket: filepath.Join(w.dir, "s")}, Ready: func(app.Addresses) { close(ready) },
		})
	}()
	select {
	case <-ready:
	case err := <-ended:
		stop()
		w.stop = func() {}
		w.t.Fatal(err)
	}
	w.Client = client.New(filepath.Join(w.dir, "s"))
	w.stop = func() {
		w.stop = func() {}
		w.Close()
		stop()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	}
}

// until asks until something is so.
func (w *workshop) until(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			for _, name := range []string{"example", "guard"} {
				lines, err := w.PluginLog(w.t.Context(), name)
				w.t.Logf("%s: %+v, %v", name, lines, err)
			}
			w.t.Fatalf("it never came that %s", what)
		}
	}
}

// stands waits until a plugin is in a state.
func (w *workshop) stands(name string, state plugin.State) (now wire.Plugin) {
	w.t.Helper()
	w.until(fmt.Sprintf("%s is %s", name, state), func() bool {
		list, err := w.Plugins(w.t.Context())
		i := slices.IndexFunc(list, func(p wire.Plugin) bool { return p.Name == name })
		if err != nil || i < 0 {
			w.t.Fatalf("%v, %v", list, err)
		}
		now = list[i]
		return now.State == state
	})
	return now
}

// did carries out an operation on one node and gives what became of it.
func (w *workshop) did(op, node string) (outcome string) {
	w.t.Helper()
	for line, err := range w.Do(w.t.Context(), wire.Do{Op: op, Targets: node}) {
		if err != nil {
			return err.Error()
		}
		if line.Kind == wire.KindResult {
			outcome = string(line.Outcome)
		}
	}
	return outcome
}

func (w *workshop) plugs() (plugs map[string]string) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "plugs.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	var file struct{ Plugs map[string]string }
	if err := json.Unmarshal(text, &file); err != nil {
		w.t.Fatal(err)
	}
	return file.Plugs
}

// past finds an event.
func (w *workshop) past(is func(wire.Event) bool) (found bool) {
	w.t.Helper()
	for e, err := range w.Events(w.t.Context(), event.Filter{}, false) {
		if err != nil {
			w.t.Fatal(err)
		}
		found = found || is(e)
	}
	return found
}

// TestPluginsOfARoom uses the example in Python for all that it provides.
func TestPluginsOfARoom(t *testing.T) {
	w := newWorkshop(t)
	w.stands("example", plugin.Running)
	if idle := w.stands("idle", plugin.Disabled); idle.Pid != 0 {
		t.Errorf("%+v", idle)
	}
	w.until("its device is switched", func() bool { return w.did("on", "one") == "ok" })
	if w.plugs()["1"] != "on" {
		t.Errorf("on: %v", w.plugs())
	}
	list, err := w.Look(t.Context(), "one", nil)
	if err != nil || len(list) != 1 || list[0].Last != check.OK || !strings.Contains(list[0].Said, "are free on one") {
		t.Errorf("the check: %+v, %v", list, err)
	}
	if now, err := w.Control(t.Context(), "one", "halt", "off"); err != nil || now.State != room.StateOff {
		t.Errorf("the control: %+v, %v", now, err)
	}
	w.until("a notice is sent", func() bool {
		text, _ := os.ReadFile(filepath.Join(w.dir, "notices"))
		return strings.Contains(string(text), "result ")
	})
	if !w.past(func(e wire.Event) bool {
		return e.Kind == event.Plugin && e.Actor == "plugin example" && e.Op == "started"
	}) {
		t.Error("that the plugin runs is no event")
	}
}

// TestReactionsHaveTheRightsOfTheirUser has an event make a plugin ask for something.
func TestReactionsHaveTheRightsOfTheirUser(t *testing.T) {
	w := newWorkshop(t)
	if g := w.stands("guard", plugin.Running); g.Version != "2.0" {
		t.Errorf("%+v", g)
	}
	if got := w.did("on", "victim"); got != "ok" {
		t.Fatal(got)
	}
	says := func(what string) {
		t.Helper()
		w.until("guard says "+what, func() bool {
			lines, err := w.PluginLog(t.Context(), "guard")
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(lines, func(l wire.PluginLine) bool { return strings.Contains(l.Text, "Heron-9") }) {
				t.Fatalf("its log shows a secret: %+v", lines)
			}
			return slices.ContainsFunc(lines, func(l wire.PluginLine) bool { return strings.Contains(l.Text, what) })
		})
	}
	says("my word is ****")
	w.did("on", "trigger")
	says("refused: ")
	mine := func(kind event.Kind) bool {
		return w.past(func(e wire.Event) bool {
			return e.Kind == kind && e.Actor == "plugin guard" && e.Op == "off" && e.Targets == "victim"
		})
	}
	w.until("the refusal is an event", func() bool { return mine(event.Refusal) })
	if mine(event.Intent) {
		t.Error("who has no rights has switched something")
	}

	if err := w.AddGrant(t.Context(), wire.Grant{Principal: "user:mender", Role: "operate", Nodes: "victim"}); err != nil {
		t.Fatal(err)
	}
	w.did("off", "trigger")
	w.did("on", "trigger")
	says("done: 1 ok")
	if !w.past(func(e wire.Event) bool {
		return e.Kind == event.Intent && e.Actor == "plugin guard" && strings.Contains(e.Detail, "trigger is on")
	}) || !mine(event.Result) {
		t.Error("what it did is not in the log")
	}
}

// TestAPluginMayDie kills one, has it switched off, and starts the daemon again.
func TestAPluginMayDie(t *testing.T) {
	w := newWorkshop(t)
	before := w.stands("example", plugin.Running)
	w.until("its device is switched", func() bool { return w.did("on", "one") == "ok" })
	if err := syscall.Kill(before.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.until("another process runs", func() bool { return w.stands("example", plugin.Running).Pid != before.Pid })
	w.until("its device can be used again", func() bool { return w.did("off", "one") == "ok" })
	if w.plugs()["1"] != "off" {
		t.Error("it is not off")
	}

	if err := w.EnablePlugin(t.Context(), "example", false); err != nil {
		t.Fatal(err)
	}
	w.stands("example", plugin.Disabled)
	if got := w.did("on", "one"); got == "ok" || w.plugs()["1"] != "off" {
		t.Errorf("with its plugin disabled: %s", got)
	}
	if err := w.RestartPlugin(t.Context(), "example"); err == nil || !strings.Contains(err.Error(), "plugins enable example") {
		t.Errorf("restarting one that is disabled: %v", err)
	}
	w.stop()
	w.start()
	w.stands("example", plugin.Disabled)
	if err := w.EnablePlugin(t.Context(), "example", true); err != nil {
		t.Fatal(err)
	}
	w.stands("example", plugin.Running)
	w.until("its device can be used again", func() bool { return w.did("on", "one") == "ok" })

	if err := w.RestartPlugin(t.Context(), "nobody"); room.CodeOf(err) != room.CodeNotFound {
		t.Errorf("restarting one that is not there: %v", err)
	}
	if _, err := w.PluginLog(t.Context(), "nobody"); room.CodeOf(err) != room.CodeNotFound {
		t.Errorf("the log of one that is not there: %v", err)
	}
}
