package roomfile_test

import (
	"errors"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
)

// atoz uses every directive and every way of naming plugs.
const atoz = `# everything
listen "127.0.0.1:10101"
listen "0.0.0.0:10102"
tcpwrappers yes
plug_log_level "notice"
include "specs.dev"
specification "in place" {
	timeout 2.5
	plug name { "a" "b" "c10" "c9" }
	script login { expect "\"} # no comment" } # {
	script on { send "on %s\n" }
}
device "p1" "eight" "pdu1:23"
device "p2" "eight" "pdu2:23" "quiet"
device "p3" "eight" "pdu3:23" "quiet"
device "free08" "free" "10.0.0.8:2008"
device "free09" "free" "10.0.0.9:2008"
device "free10" "free" "10.0.0.10:2008"
device "odd" "in place" "/bin/cat -u |&"
node "t[1-4]" "p1" "[1-4]"
node "t[5-8]" "p1"
node "t[9-24]" "p2"  "[1-8]"   # too many on purpose in one test, see below
node "x,y" "free08"
node "web[1-3]" "free09"
node "web[4-6]" "free10" "[09-11]"
node "o[1-4]" "odd"
alias "rack" "t[1-3,1]"
alias "one" "x"
`

func TestConvertRoundTrip(t *testing.T) {
	good := strings.Replace(atoz, `node "t[9-24]" "p2"  "[1-8]"   # too many on purpose in one test, see below`, "node \"t[9-16]\" \"p2\"\nnode \"t[17-24]\" \"p3\"", 1)
	for name, conf := range map[string]string{
		"everything": good,
		"small":      "include \"specs.dev\"\ndevice \"d\" \"free\" \"h:1\"\nnode \"n\" \"d\"\n",
		"numbers":    "include \"/etc/specs.dev\"\ndevice \"1\" \"free\" \"h:1\"\nnode \"[1-8]\" \"1\"\nnode \"no,null,yes,0x1,1e5\" \"1\"\nalias \"12\" \"[2-3]\"\n",
		"holes":      "include \"specs.dev\"\ndevice \"d\" \"eight\" \"h:1\"\nnode \"n[1,3,5,7-8]\" \"d\" \"[8,6,1-3]\"\nnode \"m[08-10]\" \"d\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string][]byte{"specs.dev": []byte(specs), "/etc/specs.dev": []byte(specs), "p.conf": []byte(conf)}
			before, err := roomfile.Load(t.Context(), "p.conf", options(files))
			if err != nil {
				t.Fatal(err)
			}
			c, err := roomfile.Convert(t.Context(), "p.conf", options(files))
			if err != nil {
				t.Fatalf("%v", err)
			}
			delete(files, "p.conf")
			delete(files, "specs.dev")
			files["room.yaml"] = c.Room
			for name, text := range c.Beside {
				files[name] = text
			}
			after, err := roomfile.Load(t.Context(), "room.yaml", options(files))
			if err != nil {
				t.Fatalf("%v\n%s", err, c.Room)
			}
			same(t, before.Room, after.Room)
			if name == "everything" {
				for _, want := range []string{"\n  t[1-24]:\n    cords: p[1-3]:[1-8]\n", "\n  p[2-3]:\n", "address: pdu[2-3]:23", "\n  web[1-6]:\n    cords: free09:web[1-3],free10:[09-11]\n", "\n  rack: t[1-3,1]\n", "- devices/in_place.dev"} {
					if !strings.Contains(string(c.Room), want) {
						t.Errorf("%q is missing in\n%s", want, c.Room)
					}
				}
			}
		})
	}
}

// same compares what rooms say, apart from the order of free plugs.
func same(t *testing.T, a, b *room.Room) {
	t.Helper()
	if x, y := a.Names(a.All()), b.Names(b.All()); strings.Join(x, " ") != strings.Join(y, " ") {
		t.Errorf("nodes %v became %v", x, y)
		return
	}
	for _, n := range a.Nodes {
		if x, y := describe(a, n.Name), describe(b, n.Name); x != y {
			t.Errorf("node %s: %s became %s", n.Name, x, y)
		}
	}
	if len(a.Devices) != len(b.Devices) {
		t.Fatalf("%d devices became %d", len(a.Devices), len(b.Devices))
	}
	for i, x := range a.Devices {
		y := b.Devices[i]
		m, n := x.Settings.(driver.Prepared).Settings.(*menu), y.Settings.(driver.Prepared).Settings.(*menu)
		if x.Name != y.Name || len(x.Plugs) != len(y.Plugs) || x.Driver != y.Driver || m.Spec != n.Spec || m.Address != n.Address || m.Flags != n.Flags {
			t.Errorf("device %+v became %+v", x, y)
		}
		if x.Verify != 0 || y.Verify != 0 || x.Poll != 0 || y.Poll != 0 {
			t.Errorf("device %s: verified for %v, then %v; polled every %v, then %v; want nothing said of either", y.Name, x.Verify, y.Verify, x.Poll, y.Poll)
		}
	}
	for i, x := range a.Aliases {
		if y := b.Aliases[i]; x.Name != y.Name || a.Fold(x.Nodes) != b.Fold(y.Nodes) || len(x.Nodes) != len(y.Nodes) {
			t.Errorf("alias %+v became %+v", x, y)
		}
	}
	x, y := a.Settings.PowerMan, b.Settings.PowerMan
	if strings.Join(x.Listen, " ") != strings.Join(y.Listen, " ") || x.TCPWrappers != y.TCPWrappers || x.PlugLogLevel != y.PlugLogLevel {
		t.Errorf("%+v became %+v", x, y)
	}
}

func TestConvertSaysWhatHasNoForm(t *testing.T) {
	for conf, want := range map[string]string{
		"include \"specs.dev\"\ndevice \"my pdu\" \"free\" \"h:1\"\nnode \"n\" \"my pdu\"\n": "no form in a room file",
		"include \"specs.dev\"\ndevice \"d\" \"free\" \"h:1\"\nnode \"n\" \"e\"\n":           "p.conf:3:",
	} {
		_, err := roomfile.Convert(t.Context(), "p.conf", options(map[string][]byte{"specs.dev": []byte(specs), "p.conf": []byte(conf)}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", conf, err)
		}
	}
	if _, err := roomfile.Convert(t.Context(), "room.yaml", options(map[string][]byte{"room.yaml": []byte("nodes: {a: }\n")})); err == nil {
		t.Error("a room file was converted")
	}
}

func TestPowerManConf(t *testing.T) {
	_, err := load(t, "p.conf", "p.conf", atoz)
	var problems roomfile.Problems
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	if got := problems[0]; got.Line != 22 || got.Powermand() != "powermand: more nodes than plugs: p.conf::22" || got.Text == "" {
		t.Errorf("got %v, %q", got, got.Powermand())
	}
	res, err := load(t, "p.conf", "p.conf", "include \"specs.dev\"\ndevice \"d\" \"free\" \"h:1\"\ndevice \"d\" \"free\" \"h:2\"\nnode \"n[1-3]\" \"d\"\nalias \"n1\" \"n[2-3]\"\nalias \"none\" \"\"\n")
	if err != nil {
		t.Fatal(err)
	}
	r := res.Room
	if d := r.Devices[0]; len(r.Devices) != 1 || d.Plugs[0].Name != "n3" || d.Poll != 0 || d.Verify != 0 {
		t.Errorf("%+v", r.Devices)
	}
	if got := describe(r, "n3"); got != "d:n3" {
		t.Errorf("n3: %s", got)
	}
	if targets, err := r.ResolvePowerMan("n1"); err != nil || r.Fold(targets.Nodes) != "n[2-3]" {
		t.Errorf("an alias must hide a node as PowerMan does: %v, %v", targets, err)
	}
	if len(res.Warnings) != 1 || res.Warnings[0].Line != 3 {
		t.Errorf("warnings: %v", res.Warnings)
	}
	_, err = load(t, "p.conf", "p.conf", "include \"specs.dev\"\n")
	if !errors.As(err, &problems) || problems[0].Powermand() != "powermand: no nodes are defined" {
		t.Errorf("got %v", err)
	}
	_, err = load(t, "p.conf")
	if !errors.As(err, &problems) || problems[0].Powermand() != "powermand: p.conf: file does not exist" {
		t.Errorf("got %v", err)
	}
}

func TestRoomIncludesPowerManConf(t *testing.T) {
	res, err := load(t, "room.yaml", "room.yaml",
		"include: p.conf\nnodes:\n  extra: {cords: \"d:9\", needs: n1}\n  n[2-3]: {needs: n1, settle: 3s}\ndevices: {e: {driver: script, settings: {spec: free, address: x}}}\npowerman: {listen: \"h:1\"}\n",
		"p.conf", "listen \"g:1\"\nplug_log_level \"err\"\ninclude \"specs.dev\"\ndevice \"d\" \"free\" \"h:1\"\nnode \"n[1-3]\" \"d\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := describe(res.Room, "extra"); got != "d:9 needs n1" {
		t.Error(got)
	}
	if got := describe(res.Room, "n3"); got != "d:n3 needs n1 settle 3s" {
		t.Errorf("a room file may add to a powerman.conf's nodes; n3: %s", got)
	}
	if p := res.Room.Settings.PowerMan; len(p.Listen) != 1 || p.Listen[0] != "h:1" || p.PlugLogLevel != 3 {
		t.Errorf("%+v", p)
	}
	if len(res.Files) != 3 {
		t.Errorf("%v", res.Order)
	}
}
