package rehearse_test

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/rehearse"
	"millwright.dev/millwright/internal/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(choices ...string) rehearse.Options {
	o := rehearse.Options{Files: app.ReadOptions(standard.Drivers(script.Options{}), false), Copy: true, Boot: time.Millisecond}
	for _, text := range choices {
		c, err := rehearse.ParseChoice(text)
		if err != nil {
			panic(err)
		}
		o.Choices = append(o.Choices, c)
	}
	return o
}

// folder writes files and gives the folder that holds them.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// play starts a rehearsal and writes its copy.
func play(t *testing.T, path string, o rehearse.Options) (r *rehearse.Rehearsal, played *sim.Room, copied string) {
	t.Helper()
	r, err := rehearse.Read(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	played, err = r.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(played.Close)
	copied, err = r.Write(t.Context(), filepath.Join(t.TempDir(), "copy"))
	if err != nil {
		t.Fatal(err)
	}
	return r, played, copied
}

// switchOn starts the real daemon on a room and switches every node on.
func switchOn(t *testing.T, config string) {
	t.Helper()
	switchOnBut(t, config, "")
}

// switchOnBut lets one node be out of reach.
func switchOnBut(t *testing.T, config, away string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	socket := filepath.Join(t.TempDir(), "s")
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: config, Drivers: standard.Drivers(script.Options{}),
			Doors: app.Doors{Socket: socket, PowerMan: []string{}},
			Ready: func(app.Addresses) { close(ready) },
		})
	}()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	c := client.New(socket)
	defer c.Close()
	for line, err := range c.Do(ctx, wire.Do{Op: "on", Targets: "@all"}) {
		if err != nil {
			t.Fatal(err)
		}
		if line.Kind == wire.KindResult && (line.Node == "" || line.Node != away) && line.Outcome != fleet.OK && line.Outcome != fleet.Skipped {
			t.Errorf("%s: %s %s", line.Node, line.Outcome, line.Said)
		}
	}
}

func allUp(t *testing.T, played *sim.Room, machines int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := played.Await(ctx, func(s sim.Snapshot) bool {
		for _, m := range s.Machines {
			if m.State != sim.Up {
				return false
			}
		}
		return len(s.Machines) == machines
	})
	if err != nil {
		t.Fatalf("%v: %+v", err, played.Snapshot().Machines)
	}
}

func TestRoomsAreRehearsed(t *testing.T) {
	const powerman = `
include "/etc/powerman/vpc.dev"
include "/etc/powerman/apc7900v3.dev"
include "/etc/powerman/baytech-rpc3-nc.dev"
include "/etc/powerman/wti.dev"
# device "p0" "vpc" "10.1.1.9:23"
device "p1" "vpc" "10.1.1.1:10000"
device "p2" "apc7900v3" "10.1.1.2:23" "quiet"
device "p3" "baytech-rpc3-nc" "/dev/ttyS0" "9600,8n1"
device "p4" "wti" "/usr/bin/conman -j p4 |&"
node "a[0-15]" "p1" "[0-15]"   node "b[1-8]" "p2" "[1-8]"
node "c[1-4]" "p3" "[1-4]"
node "d[1-2]" "p4" "[7-8]"
`
	const room = `
room: odd
include: [sub/more.yaml]
specifications: [dev/own.dev, /etc/powerman/vpc.dev]
devices:
  "pdu[1-3]": # in order
    driver: script
    settings: {spec: mw-menu, address: "telnet://10.9.9.[1-3]:23"}   # as they are
  pdu2:
    settings:
      address: 'tls://10.9.9.77:992'
  kvm: {driver: script, settings: {spec: vpc, address: tcp://10.9.9.8:99}}
nodes:
  n[1-24]: {cords: "pdu[1-3]:[1-8]"}
  big: {cords: kvm:11, needs: n1}
`
	tests := map[string]struct {
		path     string
		machines int
	}{
		"the small example":                     {"../../examples/small", 6},
		"a powerman.conf":                       {filepath.Join(folder(t, map[string]string{"powerman.conf": powerman}), "powerman.conf"), 30},
		"the demo, with a credential in a file": {"../../examples/demo/room.yaml", 43},
		"the example with all of order":         {"../../examples/order", 12},
		"PowerMan's example":                    {"../../examples/powerman/powerman.conf", 10},
		"ranges and overrides":                  {folder(t, map[string]string{"room.yaml": room, "sub/more.yaml": "groups: {g: n1}\n", "dev/own.dev": string(sim.DeviceFile("menu"))}), 25},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, played, copied := play(t, tt.path, options())
			if r.Own() {
				t.Error("these addresses are not of this machine")
			}
			switchOn(t, copied)
			allUp(t, played, tt.machines)
		})
	}
}

func TestNothingButTheAddressesChanges(t *testing.T) {
	const room = `# A room.
devices:
  pdu[1-2]: {driver: script, settings: {spec: mw-vpc, address: "telnet://10.0.0.[1-2]:23"}}  # two
  pdu3:
    driver: script
    settings:
      address: tcp://pdu3.example:7000   # raw
      spec: mw-vpc

# address: telnet://10.0.0.9:23
specifications: own.dev
nodes:
  n[1-3]: {cords: "pdu[1-3]:1"}
`
	r, _, copied := play(t, folder(t, map[string]string{"room.yaml": room, "own.dev": string(sim.DeviceFile("vpc"))}), options())
	got, err := os.ReadFile(filepath.Join(copied, "room.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var ports [3]string
	for i, d := range r.Devices() {
		_, ports[i], _ = net.SplitHostPort(d.Address)
	}
	want := strings.NewReplacer(
		"10.0.0.[1-2]:23", fmt.Sprintf("127.0.0.1:[%s,%s]", ports[0], ports[1]),
		"tcp://pdu3.example:7000", fmt.Sprintf("%q", "tcp://127.0.0.1:"+ports[2])).Replace(room)
	if string(got) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestTheRoomsOwnAddressesAreUsed(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	conf := fmt.Sprintf("include \"/etc/powerman/vpc.dev\"\ndevice \"p1\" \"vpc\" %q\nnode \"a\" \"p1\" \"3\"\n", address)
	path := filepath.Join(folder(t, map[string]string{"powerman.conf": conf}), "powerman.conf")

	r, _, _ := play(t, path, options())
	if r.Own() || r.Devices()[0].Address == address {
		t.Error("the address is taken, and still used")
	}
	o := options()
	o.Copy = false
	if r, err = rehearse.Read(t.Context(), path, o); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Start(t.Context()); err == nil {
		t.Error("the address is taken, and nobody said that another will do")
	}
	ln.Close()
	r, _, copied := play(t, path, options())
	if !r.Own() || r.Devices()[0].Address != address {
		t.Errorf("the address is free, and %q is used instead", r.Devices()[0].Address)
	}
	if got, err := os.ReadFile(copied); err != nil || string(got) != conf {
		t.Errorf("the copy is %q, %v", got, err)
	}
}

func TestWhatNobodyPlaysIsNeverLeftAsItIs(t *testing.T) {
	conf := `include "/etc/powerman/vpc.dev"
specification "strange" { script status_all { send "?" expect "(!)" setplugstate "1" $1 } script on { send "%s" } script off { send "%s" } }
device "good" "vpc" "10.0.0.1:23"
device "odd1" "strange" "10.0.0.2:23"
device "odd2" "strange" "10.0.0.3:23"
node "a" "good" "1"  node "b" "odd1" "1"  node "c" "odd2" "1"
`
	path := filepath.Join(folder(t, map[string]string{"powerman.conf": conf}), "powerman.conf")
	_, err := rehearse.Read(t.Context(), path, options())
	var unplayed *rehearse.Unplayed
	if !errors.As(err, &unplayed) || len(unplayed.Devices) != 2 || !strings.Contains(err.Error(), `odd[1-2] (specification "strange")`) {
		t.Fatalf("got %v", err)
	}
	for _, choices := range [][]string{{"odd[1-2]=none"}, {"strange=none"}, {"strange=vpc", "odd1=none", "odd2=none"}} {
		_, played, copied := play(t, path, options(choices...))
		got, err := os.ReadFile(copied)
		if err != nil || strings.Contains(string(got), "10.0.0") || strings.Count(string(got), `"127.0.0.1:1"`) != 2 {
			t.Errorf("%v: %v\n%s", choices, err, got)
		}
		if s := played.Snapshot(); len(s.PDUs) != 1 || len(s.Machines) != 1 {
			t.Errorf("%v: %+v", choices, s)
		}
	}
}

// vpc is a device file of a make that is known.
var vpc = strings.Replace(string(sim.DeviceFile("vpc")), "mw-vpc", "vpc", -1)

// strange is a device file for makes that nobody knows.
const strange = `
specification "strange8" { plug name { "P1" "P2" "P3" "P4" }
	script status_all { send "?" expect "(!)" setplugstate "P1" $1 } script on { send "%s" } script off { send "%s" } }
specification "strange" { script status_all { send "?" expect "(!)" setplugstate "1" $1 } script on { send "%s" } script off { send "%s" } }
`

func TestOthersStandInForStrangeMakes(t *testing.T) {
	const devices = `
devices:
  pdu[1-2]: {driver: script, settings: {spec: strange8, address: "telnet://10.0.0.[1-2]:23"}}
  odd:
    driver: script
    settings: {spec: "strange", address: "exec:/usr/bin/odd --real"}
  good: {driver: script, settings: {spec: vpc, address: "telnet://10.0.0.4:23"}}
nodes:
  n[1-8]: {cords: "pdu[1-2]"}
  o[1-2]: {cords: "odd:[7,11]"}
  g: {cords: good:0}
`
	const conf = "include \"strange.dev\"\ndevice \"c\" \"strange8\" \"/dev/ttyS1\" \"9600\"\nnode \"c[1-4]\" \"c\"\n"
	tests := map[string]struct {
		files    map[string]string
		start    string
		machines int
	}{
		"one name":         {map[string]string{"room.yaml": "specifications: '*.dev'\n" + devices, "vpc.dev": vpc}, "", 11},
		"a flow list":      {map[string]string{"room.yaml": "specifications: [strange.dev, vpc.dev]  # both\n" + devices, "vpc.dev": vpc}, "room.yaml", 11},
		"a block list":     {map[string]string{"room.yaml": devices + "specifications:\n  - strange.dev\n  - vpc.dev\n", "vpc.dev": vpc}, "", 11},
		"several files":    {map[string]string{"room.yaml": "include: sub/*.yaml\n" + devices, "sub/s.yaml": "specifications: ../*.dev\n", "vpc.dev": vpc}, "room.yaml", 11},
		"a conf":           {map[string]string{"powerman.conf": conf}, "powerman.conf", 4},
		"a room of a conf": {map[string]string{"room.yaml": "include: powerman.conf\n", "powerman.conf": conf}, "", 4},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.files["strange.dev"] = strange
			o := options()
			o.StandIns = true
			_, played, copied := play(t, filepath.Join(folder(t, tt.files), tt.start), o)
			switchOn(t, copied)
			allUp(t, played, tt.machines)
		})
	}
}

func TestChoices(t *testing.T) {
	for text, good := range map[string]bool{"pdu1=menu": true, "pdu[1-3]=none": true, "pdu1": false, "=menu": false, "pdu1=": false, "pdu1=apc": false} {
		if _, err := rehearse.ParseChoice(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestConsolesAreOutOfReach holds that a rehearsal touches no console of the room.
func TestConsolesAreOutOfReach(t *testing.T) {
	dir := folder(t, map[string]string{"vpc.dev": vpc, "room.yaml": `
specifications: vpc.dev
credentials: {box: {user: ops, password: "env:NONE"}}
devices: {lamp: {driver: script, settings: {spec: vpc, address: "tcp://10.0.0.1:23"}}}
nodes:
  "web[1-2]": {console: {via: "telnet://ts1:[7001-7002]"}} # a rack
  db1:
    console: {credential: box, via: ssh://db1, log: yes}
  vm1: {console: {via: 'exec:virsh console "vm1"'}}
  pdu1: {cords: "lamp:1", console: {via: "lamp:1"}}
`})
	_, _, copied := play(t, filepath.Join(dir, "room.yaml"), options())
	text, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	for _, real := range []string{"ts1", "ssh://db1", "virsh"} {
		if strings.Contains(string(text), real) {
			t.Errorf("%s is still there:\n%s", real, text)
		}
	}
}

func TestACopyOverwritesNothing(t *testing.T) {
	dir := folder(t, map[string]string{"mine": "keep"})
	r, err := rehearse.Read(t.Context(), "../../examples/small", options())
	if err != nil {
		t.Fatal(err)
	}
	played, err := r.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer played.Close()
	if _, err := r.Write(t.Context(), dir); err == nil {
		t.Error("the folder was not empty")
	}
}
