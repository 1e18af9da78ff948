package app_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
)

// A listener that no door would serve keeps the daemon from starting: its clients
// would wait for ever.
func TestPassedListenersNeedADoor(t *testing.T) {
	s := newSite(t)
	for _, test := range []struct{ name, network, want string }{
		{"millwright.socket", "tcp", "no door has that name"},
		{app.PassedLocal, "tcp", "sockets of another kind"},
		{app.PassedPowerMan, "unix", "sockets of another kind"},
		{app.PassedHTTP, "unix", "sockets of another kind"},
	} {
		at := "127.0.0.1:0"
		if test.network == "unix" {
			at = filepath.Join(t.TempDir(), "s")
		}
		l, err := net.Listen(test.network, at)
		if err != nil {
			t.Fatal(err)
		}
		err = app.Run(t.Context(), app.Options{
			Config: filepath.Join(s.dir, "room.yaml"), State: s.state, Drivers: standard.Drivers(script.Options{}),
			Doors: app.Doors{Passed: map[string][]net.Listener{test.name: {l}}},
		})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s on %s: %v, want %q", test.name, test.network, err, test.want)
		}
		l.Close()
	}
}

// A room that names the address of a listener that was passed means that listener.
func TestPassedListenersStandForTheirAddress(t *testing.T) {
	s := newSite(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.passed = map[string][]net.Listener{app.PassedHTTP: {l}}
	s.write("room.yaml", s.room("web[1-4]")+"http: {listen: \""+l.Addr().String()+"\"}\n")
	s.start()
	if s.https != l.Addr().String() {
		t.Errorf("the API is at %q, want %v: %v", s.https, l.Addr(), s.stop())
	}
}
