package app_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/sim"
)

// TestShippedSpecificationsThroughTheDaemon: a room names device files that it does
// not have, and its nodes are switched by them.
func TestShippedSpecificationsThroughTheDaemon(t *testing.T) {
	const password = "Wallaby-0x7f"
	t.Setenv("PDU_PASSWORD", password)
	s := newSite(t)
	played, err := sim.Start(t.Context(), sim.Config{PDUs: []sim.PDU{
		{Name: "menu", Style: "apc-menu-12p3", Outlets: sim.Numbered(1, 4), Login: sim.Login{Password: password}},
		{Name: "bay", Style: "apc-cli", Outlets: sim.Numbered(1, 4), SSH: true, Login: sim.Login{User: "apc", Password: password}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(played.Close)
	pin, err := played.HostPin()
	if err != nil {
		t.Fatal(err)
	}
	s.write("room.yaml", fmt.Sprintf(`
credentials:
  keeper: {user: apc, password: "env:PDU_PASSWORD"}
devices:
  menu: {driver: script, credential: keeper, settings: {spec: apc-menu-12p3/4, address: "telnet://%s"}}
  bay: {driver: script, credential: keeper, settings: {spec: apc-cli-ssh/4, address: "ssh://%s?pin=%s"}}
nodes:
  web[1-4]: {cords: "menu:[1-4]"}
  db1: {cords: "bay:3"}
`, played.Addr("menu"), played.Addr("bay"), url.QueryEscape(pin)))
	s.start()
	c := s.client()
	on := func(nodes string) error { _, err := c.On(t.Context(), nodes); return err }
	off := func(nodes string) error { _, err := c.Off(t.Context(), nodes); return err }
	for _, step := range []struct {
		do    func(string) error
		nodes string
		want  string // the relays of both
	}{{on, "web[2-3]", "0110 0000"}, {on, "db1", "0110 0010"}, {off, "web2", "0010 0010"}} {
		if err := step.do(step.nodes); err != nil {
			t.Fatalf("%s: %v\n%s", step.nodes, err, &s.log)
		}
		var relays []string
		for _, p := range played.Snapshot().PDUs {
			states := ""
			for _, o := range p.Outlets {
				states += map[bool]string{true: "1", false: "0"}[o.On]
			}
			relays = append(relays, states)
		}
		if got := strings.Join(relays, " "); got != step.want {
			t.Errorf("after %s the relays are %q, want %q", step.nodes, got, step.want)
		}
	}
	if strings.Contains(s.log.String(), password) {
		t.Error("the password is in the log")
	}
}
