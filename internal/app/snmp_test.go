package app_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/internal/driver/snmp/agent"
	"millwright.dev/millwright/internal/driver/snmp/profile"
	"millwright.dev/millwright/powerman"
)

const garage = `
name: garage
state: {object: 1.3.6.1.4.1.99999.1.2, on: 1, off: 0}
command: {object: 1.3.6.1.4.1.99999.1.3, on: {value: 1}, off: {value: 0}}
`

// PDUs that speak SNMP through the daemon: by community, by user, and by a profile
// from the room's own folder, which can be changed while the daemon runs.
func TestSNMPThroughTheDaemon(t *testing.T) {
	const community, phrase = "Wombat/0x7f+", "Bandicoot/0x7e-"
	t.Setenv("PDU_COMMUNITY", community)
	t.Setenv("PDU_PHRASE", phrase)
	s := newSite(t)
	plugs := []string{"1", "2", "3", "4"}
	start := func(cfg agent.Config) (*agent.Agent, string) {
		cfg.Plugs = plugs
		a, err := agent.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		at, done, err := a.Listen(ctx, "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cancel()
			<-done
		})
		return a, at
	}
	own, err := profile.Parse([]byte(garage))
	if err != nil {
		t.Fatal(err)
	}
	px, _ := profile.Builtin("raritan-px2")
	apc, _ := profile.Builtin("apc-rpdu2")
	first, at1 := start(agent.Config{Profile: apc, Community: community})
	second, at2 := start(agent.Config{Profile: px, User: &agent.User{
		Name: "millwright", Password: community, Passphrase: phrase, Auth: gosnmp.SHA256, Privacy: gosnmp.AES,
	}})
	third, at3 := start(agent.Config{Profile: own, Community: community})
	if err := os.Mkdir(filepath.Join(s.dir, "profiles"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.write("profiles/garage.yaml", garage)
	s.write("room.yaml", fmt.Sprintf(`
credentials:
  v2: {password: "env:PDU_COMMUNITY"}
  v3: {user: millwright, password: "env:PDU_COMMUNITY", passphrase: "env:PDU_PHRASE"}
devices:
  a: {driver: snmp, credential: v2, settings: {address: %q, outlets: 4}}
  b: {driver: snmp, credential: v3, settings: {address: %q, version: "3", auth: sha256, outlets: 4}}
  c: {driver: snmp, credential: v2, settings: {address: %q, profile-file: profiles/garage.yaml, outlets: 4}}
nodes:
  web[1-4]: {cords: "a:[1-4]"}
  db[1-4]: {cords: "b:[1-4]"}
  gw[1-4]: {cords: "c:[1-4]"}
`, at1, at2, at3))
	s.start()
	c := s.client()
	if _, err := c.On(t.Context(), "web[2-3],db4,gw1"); err != nil {
		t.Fatalf("on: %v\n%s", err, &s.log)
	}
	if _, err := c.Off(t.Context(), "web3"); err != nil {
		t.Fatalf("off: %v\n%s", err, &s.log)
	}
	second.Set("2", true) // by hand
	if got := on(t, c, s); got != "db2 db4 gw1 web2" {
		t.Errorf("on are %q", got)
	}
	if first.Moves("3") != 2 || third.Moves("1") != 1 {
		t.Error("the relays have moved otherwise than they were told to")
	}
	// The other way round: what was on is off.
	s.write("profiles/garage.yaml", strings.Replace(garage, "on: 1, off: 0", "on: 0, off: 1", 1))
	if err := s.reloaded(); err != nil {
		t.Fatal(err)
	}
	if got := on(t, s.client(), s); got != "db2 db4 gw2 gw3 gw4 web2" {
		t.Errorf("with another profile, on are %q", got)
	}
	s.write("profiles/garage.yaml", "state: {}")
	if err := s.reloaded(); err == nil || !strings.Contains(err.Error(), "garage.yaml") {
		t.Errorf("a room with a profile that is none is taken: %v", err)
	}
	for _, word := range []string{community, phrase} {
		if strings.Contains(s.log.String(), word) {
			t.Error("a password is in the log")
		}
	}
}

// on names the nodes that are on.
func on(t *testing.T, c *powerman.Client, s *site) string {
	t.Helper()
	results, err := c.Status(t.Context(), "web[1-4],db[1-4],gw[1-4]")
	if err != nil {
		t.Fatalf("status: %v\n%s", err, &s.log)
	}
	var names []string
	for _, r := range results {
		if r.State == powerman.On {
			names = append(names, r.Node)
		}
	}
	return strings.Join(names, " ")
}
