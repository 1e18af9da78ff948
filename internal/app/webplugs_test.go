package app_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/sim/webplug"
	"millwright.dev/millwright/powerman"
)

// Plugs of several makes, by HTTP, through the daemon: from a room file to the relay,
// and a room that is wrong about one of them is turned down as a whole.
func TestWebPlugsThroughTheDaemon(t *testing.T) {
	const password = "Wallaby/0x7f+"
	t.Setenv("PLUG_PASSWORD", password)
	s := newSite(t)
	var boxes []*webplug.Box
	var at []any
	for _, model := range []string{"shelly-gen2", "dli", "tasmota"} {
		b, err := webplug.New(model, []string{"1", "2", "3", "4"}, "admin", password)
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() { _ = b.Serve(l); close(served) }()
		t.Cleanup(func() { l.Close(); b.Close(); <-served })
		boxes, at = append(boxes, b), append(at, l.Addr())
	}
	room := fmt.Sprintf(`
credentials:
  plugs: {user: admin, password: "env:PLUG_PASSWORD"}
devices:
  shelly: {driver: http, credential: plugs, settings: {address: "http://%s", profile: shelly-gen2, plugs: ["[1-4]"]}}
  strip: {driver: http, credential: plugs, settings: {address: "http://%s", profile: dli}}
  board: {driver: http, credential: plugs, settings: {address: "http://%s", profile: tasmota, plugs: ["[1-4]"]}}
nodes:
  web[1-4]: {cords: "shelly:[1-4]"}
  db[1-4]: {cords: "strip:[1-4]"}
  gw[1-4]: {cords: "board:[1-4]"}
`, at...)
	s.write("room.yaml", room)
	s.start()
	c := s.client()
	if _, err := c.On(t.Context(), "web[2-3],db4,gw1"); err != nil {
		t.Fatalf("on: %v\n%s", err, &s.log)
	}
	if _, err := c.Off(t.Context(), "web3"); err != nil {
		t.Fatalf("off: %v\n%s", err, &s.log)
	}
	boxes[1].Set("2", true) // by hand
	results, err := c.Status(t.Context(), "web[1-4],db[1-4],gw[1-4]")
	if err != nil {
		t.Fatalf("status: %v\n%s", err, &s.log)
	}
	var on []string
	for _, r := range results {
		if r.State == powerman.On {
			on = append(on, r.Node)
		}
	}
	if got := strings.Join(on, " "); got != "db2 db4 gw1 web2" {
		t.Errorf("on are %q", got)
	}
	if boxes[0].Moves("3") != 2 || boxes[2].Moves("1") != 1 {
		t.Error("the relays have moved otherwise than they were told to")
	}
	s.write("room.yaml", strings.Replace(room, "profile: dli", "profile: dly", 1))
	if err := s.reloaded(); err == nil || !strings.Contains(err.Error(), `"dly" is not one of`) {
		t.Errorf("a room with a make that nobody knows is taken: %v", err)
	}
	if strings.Contains(s.log.String(), password) {
		t.Error("the password is in the log")
	}
}
