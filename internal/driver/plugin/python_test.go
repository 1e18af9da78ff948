package plugindriver_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/drivertest"
	plugindriver "millwright.dev/millwright/internal/driver/plugin"
	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "long-and-odd-word"

// file is the device of the example: a file that holds its plugs.
type file struct {
	t    *testing.T
	path string
}

type content struct {
	Password string            `json:"password"`
	Plugs    map[string]string `json:"plugs"`
}

func newFile(t *testing.T, plugs ...string) *file {
	f := &file{t: t, path: filepath.Join(t.TempDir(), "plugs.json")}
	c := content{Password: password, Plugs: make(map[string]string)}
	for _, p := range plugs {
		c.Plugs[p] = "off"
	}
	f.write(c)
	return f
}

func (f *file) write(c content) {
	text, _ := json.Marshal(c) // texts only
	if err := os.WriteFile(f.path, text, 0o600); err != nil {
		f.t.Error(err)
	}
}

func (f *file) change(do func(*content)) {
	text, err := os.ReadFile(f.path)
	if err != nil {
		f.t.Error(err)
	}
	var c content
	if err := json.Unmarshal(text, &c); err != nil {
		f.t.Error(err)
	}
	do(&c)
	f.write(c)
}

func (f *file) on(plug string) (on bool) {
	f.change(func(c *content) { on = c.Plugs[plug] == "on" })
	return on
}

func (f *file) set(plug string, to string) { f.change(func(c *content) { c.Plugs[plug] = to }) }

// python starts the example and returns when it runs.
func python(t *testing.T) *plugin.Host {
	t.Helper()
	states := make(chan plugin.Status, 100)
	h := plugin.New(plugin.Options{Changed: func(s plugin.Status) { states <- s }, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := h.Apply([]plugin.Spec{{Name: "example", Argv: []string{"./example.py"}, Dir: "../../../examples/plugins/python", Enabled: true}}); err != nil {
		t.Fatal(err)
	}
	for s := range states {
		if s.State == plugin.Running {
			break
		}
		if s.State == plugin.Waiting {
			t.Fatalf("the example does not start: %s", s.Reason)
		}
	}
	return h
}

func settings(h *plugin.Host, path string) *plugindriver.Settings {
	s := plugindriver.New(h).New().(*plugindriver.Settings)
	s.Plugin, s.Provides, s.Settings, s.Rest = "example", "file", plugin.Values{"path": path}, time.Millisecond
	return s
}

func credential() secret.Resolved {
	return secret.Resolved{Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}}
}

// The example in Python, as people run it: one process for all.
func TestPython(t *testing.T) {
	h := python(t)
	drivertest.Run(t, drivertest.Subject{New: func(t *testing.T) drivertest.Rig {
		plugs := []string{"1", "2", "3", "4"}
		f := newFile(t, plugs...)
		return drivertest.Rig{
			Settings: settings(h, f.path), Plugs: plugs, Credential: credential(),
			Truth: drivertest.Truth{On: f.on, Set: func(plug string, on bool) {
				f.set(plug, map[bool]string{true: "on", false: "off"}[on])
			}},
			Faults: drivertest.Faults{
				Refuse:      func() { _ = os.Remove(f.path) },
				BadPassword: func() { f.change(func(c *content) { c.Password = "another" }) },
				Garbage:     func() { _ = os.WriteFile(f.path, []byte("no {JSON"), 0o600) },
				Reject:      func(plug string) { f.set(plug, "locked") },
				Stick:       func(plug string) { f.set(plug, "stuck") },
			},
		}
	}})
}

// A plugin that dies takes its sessions with it, and is soon there again.
func TestPythonDies(t *testing.T) {
	h, f := python(t), newFile(t, "1")
	s, env := settings(h, f.path), deviceEnv()
	if _, err := s.Traits(nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		session, err := s.Open(t.Context(), env) // waits for the process
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(h.Status()[0].Pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-session.Done()
		err = session.(driver.Meter).Measure(t.Context(), func(driver.Reading) { t.Error("it has measured") })
		var f *driver.Fault
		if !errors.As(err, &f) || f.Phase != driver.Lost {
			t.Errorf("measuring with a plugin that died: %v", err)
		}
		_ = session.Close()
	}
}

func deviceEnv() driver.Env {
	return driver.Env{
		Device: "d", Plugs: []driver.Plug{{Name: "1", Used: true}}, Credential: credential(),
		Reached: func() {}, Acted: func() {}, Log: slog.New(slog.DiscardHandler),
	}
}

// A device that hangs holds up nobody else of the same plugin, and nobody who gives up.
func TestPythonHangs(t *testing.T) {
	h, well := python(t), newFile(t, "1")
	fifo := filepath.Join(t.TempDir(), "plugs.json")
	hangs := &file{t: t, path: fifo}
	hangs.write(content{Password: password, Plugs: map[string]string{"1": "off"}})
	open := func(path string) driver.Session {
		s := settings(h, path)
		if _, err := s.Traits(nil); err != nil {
			t.Fatal(err)
		}
		session, err := s.Open(t.Context(), deviceEnv())
		if err != nil {
			t.Fatal(err)
		}
		return session
	}
	stuck, other := open(fifo), open(well.path)
	if err := os.Remove(fifo); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(fifo, 0o600); err != nil { // whoever reads it waits for a writer
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- stuck.(driver.Meter).Measure(ctx, func(driver.Reading) { t.Error("it has measured") })
	}()
	power := -1.0
	if err := other.(driver.Meter).Measure(t.Context(), func(r driver.Reading) { power = r.Value }); err != nil || power != 0 {
		t.Errorf("another device: %v W, %v", power, err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("measuring, given up: %v", err)
	}
	_, _ = other.Close(), stuck.Close()
}

func TestSettings(t *testing.T) {
	for field, change := range map[string]func(*plugindriver.Settings){
		"plugin":   func(s *plugindriver.Settings) { s.Plugin = "" },
		"provides": func(s *plugindriver.Settings) { s.Provides = "" },
		"verbs":    func(s *plugindriver.Settings) { s.Verbs = []string{"on", "explode"} },
		"plugs":    func(s *plugindriver.Settings) { s.Plugs = []string{"[1-"} },
		"timeout":  func(s *plugindriver.Settings) { s.Timeout = 0 },
		"rest":     func(s *plugindriver.Settings) { s.Rest = -1 },
	} {
		s := settings(nil, "/f")
		if _, err := s.Traits(nil); err != nil {
			t.Fatal(err)
		}
		change(s)
		_, err := s.Traits(nil)
		var wrong *driver.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("want a fault of %s, got %v", field, err)
		}
	}
	// Nobody runs plugins here: that is seen when a device is reached.
	s := settings(nil, "/f")
	_, err := s.Open(t.Context(), driver.Env{Device: "d", Reached: func() { t.Error("reached") }})
	var f *driver.Fault
	if !errors.As(err, &f) || f.Phase != driver.Connecting {
		t.Errorf("open without a host: %v", err)
	}
	list := plugindriver.WithHost([]driver.Driver{plugindriver.New(nil), {Name: "other"}}, nil)
	if len(list) != 2 || list[0].Name != plugindriver.Name {
		t.Errorf("the list is %v", list)
	}
}
