package ockle_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/ockle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long what must happen may take.
const patience = 30 * time.Second

// house is a daemon with a room, and a client at its door for Ockle's.
type house struct {
	*testing.T
	dir    string
	client *ockle.Client
	addr   string
	local  *client.Client
	stop   func()
}

// files are texts by names.
type files map[string]string

// quick has N1 take no time: pauses of a second, and none between attempts.
var quick = files{
	"config.ini": "[main]\nserver_dir = servers\n[plugins]\npluginlist = [\"SocketListener\"]\n[servers]\nmax_startup_time = 1\nmax_attempts = 3\n[plugins.AutoControl]\nwait_time = 0\n",
	"room.yaml":  "ockle: {listen: \"127.0.0.1:0\"}\npowerman: {off: yes}\nsettings: {verify: 300ms}\n",
}

// openN1 starts a daemon on the network N1, a folder of Ockle's, without bad and afterbad
// unless they are wanted.
func openN1(t *testing.T, bad bool, more files) *house {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../../examples/ockle")); err != nil {
		t.Fatal(err)
	}
	if !bad {
		for _, name := range []string{"bad", "afterbad"} {
			if err := os.Remove(filepath.Join(dir, "servers", name+".ini")); err != nil {
				t.Fatal(err)
			}
		}
	}
	return open(t, dir, quick, more)
}

// open starts a daemon on a folder with these files besides what it has.
func open(t *testing.T, dir string, sets ...files) *house {
	t.Helper()
	h := &house{T: t, dir: dir}
	for _, set := range sets {
		for name, text := range set {
			h.put(name, text)
		}
	}
	socket := filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan app.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: dir, Drivers: standard.Drivers(script.Options{}), Doors: app.Doors{Socket: socket},
			Log: slog.New(slog.DiscardHandler), Ready: func(a app.Addresses) { ready <- a },
		})
	}()
	h.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		h.stop = func() {}
	}
	t.Cleanup(func() { h.stop() })
	select {
	case a := <-ready:
		if len(a.Ockle) != 1 {
			t.Fatalf("it listens for Ockle's clients at %v", a.Ockle)
		}
		h.addr = a.Ockle[0]
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	h.client = &ockle.Client{Addr: h.addr, Timeout: patience}
	var err error
	if h.local, err = client.Open(client.Options{Server: socket}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.local.Close)
	return h
}

func (h *house) put(name, text string) {
	h.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.Fatal(err)
	}
}

func (h *house) get(name string) string {
	h.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil && !os.IsNotExist(err) {
		h.Fatal(err)
	}
	return string(text)
}

// grant gives the door a role on everything.
func (h *house) grant(role string) {
	h.Helper()
	if err := h.local.AddGrant(h.Context(), wire.Grant{Principal: "door:ockle", Role: role, Nodes: "@all"}); err != nil {
		h.Fatal(err)
	}
}

// no stops the test if there is an error.
func (h *house) no(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// state gives the state of a server.
func (h *house) state(server string) ockle.State {
	h.Helper()
	v, known, err := h.client.ServerView(h.Context(), server)
	if err != nil || !known {
		h.Fatalf("%s: %t, %v", server, known, err)
	}
	return v.OpState
}

// want holds that servers are in states: "switch=OK web=OFF".
func (h *house) want(all string) {
	h.Helper()
	for _, one := range strings.Split(all, "; ") {
		server, state, _ := strings.Cut(one, "=")
		if got := h.state(server); string(got) != state {
			h.Errorf("%s is %q, want %q", server, got, state)
		}
	}
}

// switched begins to switch the network and waits until nothing more is done.
func (h *house) switched(on bool) {
	h.Helper()
	said, err := h.client.SwitchNetwork(h.Context(), on)
	want := ockle.NetworkOff
	if on {
		want = ockle.NetworkOn
	}
	if err != nil || said != want {
		h.Fatalf("switchNetwork says %q, %v", said, err)
	}
	h.quiet()
}

// quiet waits until AutoControl is off.
func (h *house) quiet() {
	h.Helper()
	h.until("AutoControl is off", func() bool {
		busy, err := h.client.AutoControl(h.Context())
		h.no(err)
		return !busy
	})
}

func (h *house) until(what string, is func() bool) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			h.Fatal("it did not come to pass that", what)
		}
	}
}

// happened says whether there is such an event.
func (h *house) happened(is func(wire.Event) bool) bool {
	h.Helper()
	for e, err := range h.local.Events(h.Context(), event.Filter{}, false) {
		h.no(err)
		if is(e) {
			return true
		}
	}
	return false
}

// code gives an error's code.
func code(err error) ockle.Code {
	var e *ockle.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
