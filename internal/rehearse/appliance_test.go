package rehearse_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/rehearse"
	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/internal/sim/webplug"

	"millwright.dev/millwright/internal/driver/snmp/profile"
)

const garage = `
name: garage
index: {form: unit.outlet, unit: 1}
state: {object: 1.3.6.1.4.1.99999.1.2, on: 1, off: 0}
command: {object: 1.3.6.1.4.1.99999.1.3, on: {value: 1}, off: {value: 0}}
`

// everyMake is a room with a device of each profile, in the versions of SNMP by turns.
func everyMake() (text string, devices int) {
	var b strings.Builder
	b.WriteString(`
credentials:
  plain: {password: "file:plain", passphrase: "file:read"}
  users: {user: operator, password: "file:auth", passphrase: "file:priv"}
  web: {user: admin, password: "file:web"}
devices:
  odd1: {driver: snmp, credential: plain, settings: {address: 10.0.9.1, profile-file: profiles/garage.yaml, outlets: 4}}
  odd2: {driver: snmp, credential: plain, settings: {address: "tcp://10.0.9.2:1161", profile: generic, state-object: 1.3.6.1.4.1.99999.7, state-on: ["1"], state-off: ["0"], command-on: "1", command-off: "0"}}
  odd3: {driver: snmp, credential: plain, settings: {address: 10.0.9.3, plugs: [AA1, AB2]}}
  odd4: {driver: snmp, credential: users, settings: {address: 10.0.9.4, version: "3", auth: none, privacy: none, unit: 3, profile: apc-rpdu2}}
`)
	nodes := "  o1: {cords: \"odd1:2\"}\n  o2: {cords: \"odd2:10\"}\n  o3: {cords: \"odd3:AB2\"}\n  o4: {cords: \"odd4:7\"}\n"
	versions := []string{`version: "1"`, `version: 2c`, `version: "3", auth: sha256, privacy: aes256`}
	for i, name := range profile.Names() {
		credential := "plain"
		if i%3 == 2 {
			credential = "users"
		}
		fmt.Fprintf(&b, "  s%d: {driver: snmp, credential: %s, settings: {address: 10.0.1.%d, profile: %s, %s, outlets: 3}}\n", i, credential, i+1, name, versions[i%3])
		p, _ := profile.Builtin(name)
		nodes += fmt.Sprintf("  sn%d: {cords: \"s%d:%d\"}\n", i, i, p.Index.First+1)
	}
	for i, model := range webplug.Models() {
		fmt.Fprintf(&b, "  h%d: {driver: http, credential: web, settings: {address: \"https://10.0.2.%d\", profile: %s, plugs: [a, b]}}\n", i, i+1, model)
		nodes += fmt.Sprintf("  hn%d: {cords: \"h%d:b\"}\n", i, i)
	}
	return b.String() + "nodes:\n" + nodes, 4 + len(profile.Names()) + len(webplug.Models())
}

func TestDevicesOfEachProfileArePlayed(t *testing.T) {
	text, devices := everyMake()
	path := folder(t, map[string]string{
		"room/room.yaml": text, "room/profiles/garage.yaml": garage,
		"room/plain": "a\n", "room/read": "b\n", "room/auth": "c\n", "room/priv": "d\n", "room/web": "e\n",
	}) + "/room"
	o := options()
	o.Copy = true
	r, played, copied := play(t, path+"/room.yaml", o)
	if len(r.Devices()) != devices {
		t.Errorf("%d devices, want %d", len(r.Devices()), devices)
	}
	switchOn(t, copied)
	allUp(t, played, devices)
	for _, pdu := range played.Snapshot().PDUs {
		on := 0
		for _, o := range pdu.Outlets {
			if o.On {
				on++
			}
		}
		if on != 1 {
			t.Errorf("%s (%s): %d outlets are on, want 1", pdu.Name, pdu.Style, on)
		}
	}
}

// What nobody can play is out of reach in the copy, or keeps the room from being
// played: real devices are never reached.
func TestOtherDriversAreLeftOut(t *testing.T) {
	const reachable = `
credentials: {c: {user: u, password: "file:p"}}
devices:
  amt1: {driver: amt, credential: c, settings: {address: "http://10.0.0.1:16992"}}
  ilo1: {driver: ilo, credential: c, settings: {address: "https://10.0.0.2"}}
  ipal[1-2]: {driver: ipal, credential: c, settings: {address: "tcp://10.0.0.[3-4]:9100"}}
  relay1: {driver: modbus, settings: {address: "rtu:///dev/ttyUSB0", relays: 4}}
  mq1: {driver: mqtt, credential: c, settings: {address: "mqtts://10.0.0.6:8883", style: tasmota, plugs: {p: plug1}}}
  mine: {driver: http, credential: c, settings: {address: "https://10.0.0.7/ui", define: {plugs: [a], status: {path: /s}, on: {path: /on}, off: {path: /off}}}}
  no: {driver: snmp, credential: c, settings: {address: 10.0.0.8}}
  pdu1: {driver: snmp, credential: c, settings: {address: 10.0.0.9}}
nodes:
  n1: {cords: "pdu1:12"}
  n2: {cords: "mine:a"}
`
	path := folder(t, map[string]string{"room.yaml": reachable, "p": "long enough\n"}) + "/room.yaml"
	r, played, copied := play(t, path, options("no=none"))
	var out []string
	for _, d := range r.Devices() {
		if d.Style == rehearse.None {
			out = append(out, d.Name+": "+d.Why)
		}
	}
	const want = `amt1: the driver amt cannot be simulated
ilo1: the driver ilo cannot be simulated
ipal1: the driver ipal cannot be simulated
ipal2: the driver ipal cannot be simulated
relay1: the driver modbus cannot be simulated
mq1: the driver mqtt cannot be simulated
mine: its settings define how it is spoken to, and name no make
no: `
	if got := strings.Join(out, "\n"); got != want {
		t.Errorf("got\n%s", got)
	}
	text, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	if devices, _, _ := strings.Cut(string(text), "nodes:"); strings.Contains(devices, "10.0.0.") || strings.Contains(devices, "ttyUSB") {
		t.Errorf("the copy leads to a real device:\n%s", devices)
	}
	if s := played.Snapshot(); len(s.PDUs) != 1 || len(s.PDUs[0].Outlets) != 12 || len(s.Machines) != 1 {
		t.Errorf("%+v", s)
	}

	const manual = "devices: {hand: {driver: manual}}\nnodes: {n: {cords: \"hand:1\"}}\n"
	path = folder(t, map[string]string{"room.yaml": manual}) + "/room.yaml"
	_, err = rehearse.Read(t.Context(), path, options())
	if err == nil || !strings.Contains(err.Error(), `hand (driver "manual")`) {
		t.Errorf("%v", err)
	}
}

// What can be wrong with a strip that is typed to can be wrong with these, too.
func TestAppliancesHaveFaults(t *testing.T) {
	const text = `
credentials: {c: {user: admin, password: "file:p"}}
devices:
  pdu1: {driver: snmp, credential: c, settings: {address: 10.0.0.1}}
  plug1: {driver: http, credential: c, settings: {address: "http://10.0.0.2", profile: shelly-gen2}}
nodes:
  n1: {cords: "pdu1:1"}
  n2: {cords: "plug1:0"}
`
	path := folder(t, map[string]string{"room.yaml": text, "p": "long enough\n"}) + "/room.yaml"
	_, played, copied := play(t, path, options())
	for device, kinds := range map[string][]sim.FaultKind{"pdu1": {sim.Lie, sim.Slow}, "plug1": {sim.Lie, sim.Slow, sim.Half}} {
		for _, kind := range kinds {
			if err := played.Break(device, sim.Fault{Kind: kind, Delay: time.Millisecond}); err != nil {
				t.Fatal(err)
			}
		}
	}
	switchOn(t, copied)
	for _, m := range played.Snapshot().Machines {
		if m.State != sim.Off {
			t.Errorf("%s is %v behind an outlet that lies", m.Name, m.State)
		}
	}
}
