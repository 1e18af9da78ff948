package plugincontrol_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/control"
	plugincontrol "millwright.dev/millwright/internal/control/plugin"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/room"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The control of the example in Python.
func TestControl(t *testing.T) {
	h := plugin.New(plugin.Options{})
	defer h.Close(context.Background())
	if err := h.Apply([]plugin.Spec{{Name: "example", Argv: []string{"./example.py"}, Dir: "../../../examples/plugins/python", Enabled: true}}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "n1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	kinds := plugincontrol.WithHost([]control.Kind{plugincontrol.New(nil)}, h)
	s := kinds[0].New().(*plugincontrol.Settings)
	s.Plugin, s.Provides, s.Settings = "example", "flag", plugin.Values{"folder": dir}
	c, err := s.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	env := control.Env{Node: "n1", Address: "n1"}
	is := func(want room.State) {
		t.Helper()
		if got, err := c.Status(t.Context(), env); got != want || err != nil {
			t.Errorf("n1 is %v (%v), want %v", got, err, want)
		}
	}
	is(room.StateOn)
	if err := c.Off(t.Context(), env); err != nil {
		t.Errorf("off: %v", err)
	}
	is(room.StateOff)
	if err := c.Off(t.Context(), env); err == nil || err.Error() != "n1: plugin example: it is down already" {
		t.Errorf("off again: %v", err)
	}
	if err := c.On(t.Context(), env); !errors.Is(err, control.ErrCannot) || c.Can().On {
		t.Errorf("on, which the settings do not name: %v", err)
	}
	s.Settings = nil
	if _, err := s.Prepare(); err == nil || !strings.HasPrefix(err.Error(), "settings: folder: it is missing") {
		t.Errorf("settings that the plugin does not like: %v", err)
	}
}

func TestSettings(t *testing.T) {
	for field, change := range map[string]func(*plugincontrol.Settings){
		"plugin":   func(s *plugincontrol.Settings) { s.Plugin = "" },
		"provides": func(s *plugincontrol.Settings) { s.Provides = "" },
		"verbs":    func(s *plugincontrol.Settings) { s.Verbs = []string{"cycle"} },
		"timeout":  func(s *plugincontrol.Settings) { s.Timeout = 0 },
	} {
		s := plugincontrol.New(nil).New().(*plugincontrol.Settings)
		s.Plugin, s.Provides = "p", "c"
		c, err := s.Prepare()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Off(t.Context(), control.Env{Node: "n1"}); err == nil || !strings.Contains(err.Error(), "no plugins run here") {
			t.Errorf("off without a host: %v", err)
		}
		change(s)
		_, err = s.Prepare()
		var wrong *driver.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("want a fault of %s, got %v", field, err)
		}
	}
}
