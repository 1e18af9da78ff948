package rehearse_test

import (
	"os"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/sim"
)

const processors = `
credentials:
  bmc: {user: root, password: "file:bmc", kg: "file:kg"}
  web: {user: Administrator, password: "file:web"}
devices:
  pdu1: {driver: snmp, credential: bmc, settings: {address: 10.0.0.1}}
  bmc[1-2]: {driver: ipmi, credential: bmc, settings: {address: "10.0.1.[1-2]"}}
  old: {driver: ipmi, credential: bmc, settings: {address: "old.lab:6230", suites: "3"}}
  frame: {driver: ipmi, credential: web, settings: {address: "10.0.1.9", bridged: {left: "0:0x82", right: "6:0x84"}}}
  rf[1-2]: {driver: redfish, credential: web, settings: {address: "https://10.0.2.[1-2]", tls: {insecure: yes}, system: System.Embedded.1}}
  wide: {driver: redfish, credential: web, settings: {address: "https://10.0.2.9", systems: {a: /redfish/v1/Systems/437, b: "438"}}}
  gone: {driver: ipmi, credential: bmc, settings: {address: 10.0.1.10, timeout: 500ms}}
nodes:
  db[1-2]: {cords: "pdu1:[1-2]", bmc: "bmc[1-2]:1"}
  legacy: {bmc: old}
  left: {bmc: "frame:left"}
  right: {cords: "frame:right"}
  web[1-2]: {bmc: "rf[1-2]"}
  a: {bmc: "wide:a"}
  b: {bmc: "wide:b"}
  away: {bmc: gone}
`

// TestServiceProcessorsArePlayed: nodes with and without cords, by both protocols, in
// every way that settings name machines.
func TestServiceProcessorsArePlayed(t *testing.T) {
	path := folder(t, map[string]string{"room.yaml": processors, "bmc": "a\n", "kg": "b\n", "web": "c\n"}) + "/room.yaml"
	r, played, copied := play(t, path, options("gone=none", "old=ipmi"))
	text, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "10.0.") || strings.Contains(string(text), "old.lab") {
		t.Errorf("the copy leads to a real device:\n%s", text)
	}
	styles := ""
	for _, d := range r.Devices() {
		styles += d.Style + " "
	}
	if want := "snmp apc-rpdu2 ipmi ipmi ipmi ipmi redfish redfish redfish none "; styles != want {
		t.Errorf("they are played by %s, want %s", styles, want)
	}
	silent := func() (names string) {
		for _, p := range played.Snapshot().PDUs {
			if !p.Reachable {
				names += p.Name + " "
			}
		}
		return names
	}
	if got := silent(); got != "bmc1 bmc2 " {
		t.Errorf("silent before their machines have power: %q", got)
	}
	read := func(name string) {
		t.Helper()
		if m, _ := played.Machine(name); m.State != sim.Off {
			t.Errorf("%s is %v", name, m.State)
		}
	}
	read("db1")
	read("legacy")
	switchOnBut(t, copied, "away")
	allUp(t, played, 9)
	if got := silent(); got != "" {
		t.Errorf("silent: %q", got)
	}
}

// TestBMCsApart: they answer without their machines' power.
func TestBMCsApart(t *testing.T) {
	path := folder(t, map[string]string{"room.yaml": processors, "bmc": "a\n", "kg": "b\n", "web": "c\n"}) + "/room.yaml"
	o := options()
	o.BMCsApart = true
	_, played, _ := play(t, path, o)
	for _, p := range played.Snapshot().PDUs {
		if !p.Reachable {
			t.Errorf("%s is silent", p.Name)
		}
	}
}
