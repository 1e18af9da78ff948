package roomfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
)

// head has what every room of these tests begins with.
const head = `room: lab
specifications: specs.dev
`

const full = head + `
settings: {verify: 30s, rest: 5s, audit-reads: yes}
credentials:
  pdus: {user: apc, password: env:PDU_PASSWORD}
feeds:
  main: {amps: 64}
  A: {amps: 32, from: main}
devices:
  pdu[1-5]:
    driver: script
    credential: pdus
    settings: {spec: eight, address: "telnet://10.0.0.[1-5]:23", prompts: ["[::1]", "[1-2]"]}
    feed: A
    stagger: 250ms
    at-once: 4
    verify: 10s
    poll: 30s
  pdu3:            # not like the others
    verify: never
    settings: {address: "telnet://[::1]:2003"}
  free[1-2]: {driver: script, settings: {spec: free, address: "x"}}
nodes:
  web[1-16]:
    cords: pdu[1-2]:[1-8]
    needs: [db1, "@storage"]
    groups: web
  web7: {needs: [], settle: 3s}
  db1:
    cords: ["pdu3:8", free1]
  nas[1-2]:
    cords: free[1-2]:left
    groups: [storage]
    settle: 2s
  app[1-4]: {cords: "pdu[4-5]"}
groups: {compute: "web[1-16],-web7", odd: ["@compute", "-web[2,4,6,8,10,12,14,16]"]}
aliases: {frontend: web1}
powerman: {listen: ["127.0.0.1:10101", "[::1]:10101"], tcpwrappers: no, plug-log-level: info}
`

func TestLoad(t *testing.T) {
	res, err := load(t, "room.yaml", "room.yaml", full)
	if err != nil {
		t.Fatal(err)
	}
	r := res.Room
	for name, want := range map[string]string{
		"web1": "pdu1:1 needs db1,nas[1-2]",
		"web8": "pdu1:8 needs db1,nas[1-2]",
		"web9": "pdu2:1 needs db1,nas[1-2]",
		"web7": "pdu1:7 settle 3s",
		"db1":  "pdu3:8 free1:db1",
		"nas2": "free2:left settle 2s",
		"app2": "pdu4:2",
		"app3": "pdu5:1",
	} {
		if got := describe(r, name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	for expr, want := range map[string]string{
		"@compute": "web[1-6,8-16]", "@odd": "web[1,3,5,9,11,13,15]", "@storage": "nas[1-2]", "frontend": "web1", "@web": "web[1-16]",
	} {
		targets, err := r.Resolve(expr)
		if err != nil || r.Fold(targets.Nodes) != want {
			t.Errorf("%s: got %s, %v", expr, r.Fold(targets.Nodes), err)
		}
	}
	pdu := func(name string) (room.Device, *menu) {
		id, _ := r.Device(name)
		return r.Devices[id], r.Devices[id].Settings.(driver.Prepared).Settings.(*menu)
	}
	d2, s2 := pdu("pdu2")
	d3, s3 := pdu("pdu3")
	if s2.Address != "telnet://10.0.0.2:23" || s2.Prompts[0] != "[::1]" || s2.Prompts[1] != "[1-2]" || s2.Retries != 3 {
		t.Errorf("pdu2: %+v", s2)
	}
	if s3.Address != "telnet://[::1]:2003" || s3.Spec != "eight" {
		t.Errorf("pdu3: %+v", s3)
	}
	if d2.Verify != 10*time.Second || d3.Verify >= 0 || d3.Stagger != 250*time.Millisecond || d3.AtOnce != 4 || d3.Feed != "A" || d2.Credential != "pdus" {
		t.Errorf("pdu2 %+v, pdu3 %+v", d2, d3)
	}
	if r.Name != "lab" || r.Settings.Verify != 30*time.Second || r.Settings.KeepEvents != 400*24*time.Hour || !r.Settings.AuditReads || len(r.Settings.PowerMan.Listen) != 2 || r.Settings.PowerMan.PlugLogLevel != 6 {
		t.Errorf("%+v", r.Settings)
	}
	if c, _ := r.Credential("pdus"); c.User != "apc" || c.Secrets["password"] != "env:PDU_PASSWORD" {
		t.Errorf("%+v", c)
	}
	if len(res.Files) != 2 || len(res.Warnings) != 0 {
		t.Errorf("files %v, warnings %v", res.Order, res.Warnings)
	}
}

// describe shows a node in one line.
func describe(r *room.Room, name string) string {
	id, found := r.Node(name)
	if !found {
		return "not there"
	}
	n := r.Nodes[id]
	var parts []string
	for i, p := range r.PlugsOf(id) {
		parts = append(parts, r.Devices[n.Cords[i].Device].Name+":"+p.Name)
	}
	if len(n.Needs) > 0 {
		parts = append(parts, "needs "+r.Fold(n.Needs))
	}
	if n.Settle > 0 {
		parts = append(parts, "settle "+n.Settle.String())
	}
	return strings.Join(parts, " ")
}

func TestProblems(t *testing.T) {
	const pdu = head + "devices:\n  pdu1: {driver: script, settings: {spec: eight, address: x}}\n"
	for _, tt := range []struct{ name, text, want string }{
		{"unknown key", "nods:\n  a:\n", `room.yaml:1:1: there is no key "nods" here; did you mean nodes?`},
		{"unknown key in a node", pdu + "nodes:\n  a: {cord: pdu1}\n", `room.yaml:6:7: there is no key "cord" here; did you mean cords?`},
		{"no device", pdu + "nodes:\n  a[1-3]:\n    cords: pdu2:[1-3]\n", `room.yaml:7:12: nodes a[1-3]: there is no device "pdu2"; did you mean pdu1?`},
		{"no plug", pdu + "nodes:\n  a:\n    cords: [\"pdu1:1\", \"pdu1:9\"]\n", `room.yaml:7:23: node a: there is no plug "9" on device pdu1; it has [1-8]`},
		{"plug taken", pdu + "nodes:\n  a: {cords: \"pdu1:1\"}\n  b:\n    cords: pdu1:1\n", `room.yaml:8:12: node b: plug 1 of device pdu1 is taken already by node a`},
		{"counts", pdu + "nodes:\n  a[1-3]:\n    cords: pdu1:[1-4]\n", `room.yaml:7:12: "pdu1:[1-4]" makes 4 plugs for 3 nodes`},
		{"several cords", pdu + "nodes:\n  a:\n    cords: pdu1:[1-2]\n", `room.yaml:7:12: "pdu1:[1-2]" makes 2 plugs for 1 node; several cords of one node are written as a list`},
		{"no need", pdu + "nodes:\n  a:\n    needs: [b, \"c[1-2]\"]\n  b:\n", `room.yaml:7:16: node a: there is no node "c[1-2]"`},
		{"cycle", pdu + "nodes:\n  a: {needs: b}\n  b: {needs: c}\n  c: {needs: a}\n  d: {needs: a}\n", `room.yaml:6:14: node a: needs itself: a → b → c → a`},
		{"self", pdu + "nodes:\n  a[1-2]: {needs: a2}\n", `room.yaml:6:19: node a2: needs itself: a2 → a2`},
		{"duplicate", pdu + "nodes:\n  a:\n  b:\n  a:\n", `room.yaml:8:3: node a is defined twice (first at line 6)`},
		{"overlap", pdu + "nodes:\n  a[1-3]:\n  a[3-4]:\n", `room.yaml:7:3: node a3 is defined already at line 6; only an entry for it alone, below the range, changes one member of a range`},
		{"changed twice", pdu + "nodes:\n  a[1-3]:\n  a3:\n  a3:\n", `room.yaml:8:3: node a3 is defined three times (first at line 6)`},
		{"group cycle", pdu + "nodes: {a: }\ngroups:\n  x: \"@y\"\n  y: [a, \"@x\"]\n", `room.yaml:7:6: group x: is part of itself: @x → @y → @x`},
		{"alias and node", pdu + "nodes: {a: }\naliases: {a: a}\n", `room.yaml:6:11: alias a: a node has this name`},
		{"feeds", head + "feeds: {a: {from: b}, b: {from: a}, c: {from: d}}\nnodes: {n: }\n", "room.yaml:3:19: feed a: feeds itself: a → b → a\nroom.yaml:3:47: feed c: there is no feed \"d\""},
		{"secret", "credentials: {a: {password: hunter2}}\nnodes: {n: }\n", `room.yaml:1:29: secrets do not stand in a room file; say where`},
		{"driver", "devices: {a: {driver: scrip}}\nnodes: {n: }\n", `room.yaml:1:23: device a: there is no driver "scrip"; there are script`},
		{"no driver", "devices: {a: {poll: 1s}}\nnodes: {n: }\n", `room.yaml:1:14: driver is missing`},
		{"field of settings", head + "devices:\n  a:\n    driver: script\n    settings:\n      spec: eigth\n      address: x\nnodes: {n: }\n", `room.yaml:7:13: device a: there is no specification "eigth"; did you mean eight?`},
		{"strict settings", head + "devices:\n  a[1-2]:\n    driver: script\n    settings: {spec: eight, address: x, adress: y, style: odd, retries: 300, wait: 5, quiet: maybe, nested: 1}\nnodes: {n: }\n", `room.yaml:6:41: there is no key "adress" here; did you mean address?
room.yaml:6:59: "odd" is not one of old, new
room.yaml:6:73: "300" is not a whole number, not below zero
room.yaml:6:84: "5" is not a time; write a number with a unit, such as 250ms, 30s or 2m
room.yaml:6:94: "maybe" is neither yes nor no
room.yaml:6:109: keys and values are expected here`},
		{"no nodes", "room: x\n", `room.yaml: no nodes are defined`},
		{"empty", "", `room.yaml: no nodes are defined`},
		{"a list", "- a\n- b\n", `room.yaml:1:1: a room file is a mapping`},
		{"a word", "hello\n", `room.yaml:1:1: a room file is a mapping`},
		{"one error for a range", pdu + "nodes:\n  a[1-12]:\n    cords: pdu1:[1-12]\n  b: {cords: pdu7}\n", "room.yaml:7:12: nodes a[9-12]: there is no plug \"[9-12]\" on device pdu1; it has [1-8]\nroom.yaml:8:14: node b: there is no device \"pdu7\"; did you mean pdu1?"},
		{"errors in several entries", "nodes:\n  a: {needs: b\n  b: {needs: [c}\n  c: {needs: d}\nfeeds:\n  x: {amps: 3\n", "room.yaml:2:"},
		{"key twice", "nodes:\n  a: {settle: 1s, needs: [], settle: 2s}\n", `room.yaml:2:30: "settle" is here twice (first in line 2)`},
		{"section twice", "nodes: {a: }\nnodes: {b: }\n", `room.yaml:2:1: "nodes" is here twice (first in line 1)`},
		{"crooked", "nodes:\n" + strings.Repeat("  a:\n    needs: []\n", 40000) + " x:\n", `room.yaml:80002:1: this line does not look like one of the entries above it`},
		{"anchor", "nodes: {a: &x {}, b: *x}\n", `room.yaml:1:12: YAML anchors and aliases are not used`},
		{"tag", "nodes: {a: !!map {}}\n", `room.yaml:1:12: "!!map": YAML's tags`},
		{"two documents", "nodes: {a: }\n---\nnodes: {b: }\n", `room.yaml:3:6: a room file holds one document only`},
		{"brackets in a list", "nodes:\n  a: {cords: [pdu1:[1-2], b]}\n", `room.yaml:2:`},
		{"at sign", "nodes:\n  a:\n    needs: @x\n", `room.yaml:3:12: '@' is a reserved character (put the text in quotes`},
		{"two syntax errors", "nodes:\n  a: {needs: b\nfeeds:\n  - x: [\n", `room.yaml:`},
		{"bad name", "nodes:\n  -x:\n  \"a b\":\n", `room.yaml:2:3: "-x" cannot be the name of a node`},
		{"range", "nodes:\n  a[3-1]:\n", `room.yaml:2:3: "a[3-1]" is not a list of names: invalid range`},
		{"too many", "nodes:\n  a[1-2000000]:\n", `room.yaml:2:3: "a[1-2000000]" is not a list of names: too many`},
		{"too many in all", "nodes:\n  a[1-700000]:\n  b[1-700000]:\n", `room.yaml:3:3: that makes more than 1000000 nodes`},
		{"not text", "nodes: {\xff: }\n", `room.yaml: the file is not UTF-8 text`},
		{"deep", "nodes: " + strings.Repeat("[", 100000) + "\n", `room.yaml:1:48: this is nested too deeply`},
		{"deep dashes", "nodes:\n  " + strings.Repeat("- ", 100000) + "\n", `room.yaml:2:83: this is nested too deeply`},
		{"missing include", "include: other.yaml\nnodes: {a: }\n", `room.yaml:1:10: cannot read other.yaml: file does not exist`},
		{"no match", "include: [\"x*.yaml\"]\nnodes: {a: }\n", `room.yaml:1:11: no file matches "x*.yaml"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, "room.yaml", "room.yaml", tt.text)
			var problems roomfile.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v", err)
			}
			if got := err.Error(); !strings.HasPrefix(got, tt.want) || strings.Contains(tt.want, "\n") && got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAllProblemsAtOnceInTheirOrder(t *testing.T) {
	_, err := load(t, "room.yaml",
		"room.yaml", head+"include: [b.yaml, a.yaml]\nnodes:\n  x: {needs: y}\n  z: {cord: q}\n",
		"a.yaml", "nodes:\n  x:\n  y2: {needs: x1}\n",
		"b.yaml", "nodes:\n  b: {settle: 3}\ngroups: {g: zz}\n")
	want := `room.yaml:5:3: node x is defined twice (first at a.yaml:2)
room.yaml:6:7: there is no key "cord" here; did you mean cords?
b.yaml:2:15: "3" is not a time; write a number with a unit, such as 250ms, 30s or 2m
b.yaml:3:13: group g: there is no node "zz"`
	if err == nil || !strings.HasPrefix(err.Error(), strings.Split(want, "\n")[0]) {
		t.Fatalf("got %v", err)
	}
	got := strings.Split(err.Error(), "\n")
	for i, line := range strings.Split(want, "\n") {
		if i >= len(got) || !strings.HasPrefix(got[i], line) {
			t.Errorf("line %d\n got %s\nwant %s", i, got[min(i, len(got)-1)], line)
		}
	}
}

func TestRender(t *testing.T) {
	_, err := load(t, "room.yaml", "room.yaml", "nodes:\n  \"é\":\n    settle: 3é\n")
	var problems roomfile.Problems
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	var plain, colour strings.Builder
	if err := errors.Join(problems.Render(&plain, false), problems.Render(&colour, true)); err != nil {
		t.Fatal(err)
	}
	want := "room.yaml:3:13: \"3é\" is not a time; write a number with a unit, such as 250ms, 30s or 2m\n        settle: 3é\n                ^\n"
	if plain.String() != want {
		t.Errorf("got\n%s\nwant\n%s", plain.String(), want)
	}
	if !strings.Contains(colour.String(), "\x1b[31m") || strings.Contains(plain.String(), "\x1b") {
		t.Errorf("colours: %q", colour.String())
	}
}

func TestFolder(t *testing.T) {
	res, err := load(t, "etc",
		"etc/room.yaml", "room: lab\nnodes: {\"a[1-3]\": }\n", "etc/a.yaml", "nodes: {a2: {settle: 1s}}\n", "etc/z.yml", "nodes: {z: {needs: a2}}\n", "etc/notes.txt", "?")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(res.Order, res.Room.Names(res.Room.All())); got != "[etc/room.yaml etc/a.yaml etc/z.yml] [a1 a2 a3 z]" {
		t.Error(got)
	}
}

func TestIncludesMayBeCircular(t *testing.T) {
	res, err := load(t, "room.yaml", "room.yaml", "include: b.yaml\nnodes: {a: }\n", "b.yaml", "include: room.yaml\nnodes: {b: }\n")
	if err != nil || len(res.Room.Nodes) != 2 {
		t.Errorf("%v, %v", res, err)
	}
}

// What is cut into pieces means what it means as a whole.
func TestPiecesAreTheWhole(t *testing.T) {
	var b strings.Builder
	b.WriteString("---\n# a comment\nnodes:   # of all kinds\n\n")
	for i := range 2000 {
		fmt.Fprintf(&b, "  n%d:\n\n    settle: %ds\n# odd comment\n    groups:\n    - g%d\n    - \"x\"\n", i, i%10, i%3)
	}
	text := b.String()
	tricky := text + "  last: {groups: \"a\n  b\n  c\"}\ngroups:\n  all-of-it: >-\n    n[0-1999]\n"
	for name, text := range map[string]string{"plain": text, "a text over several lines": tricky} {
		res, err := load(t, "room.yaml", "room.yaml", text)
		if name != "plain" {
			// The name of that group holds blanks, so that it was read right shows in the error.
			if err == nil || !strings.Contains(err.Error(), `"a b c" cannot be the name of a group`) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := res.Room.Nodes[1999]; n.Name != "n1999" || n.Settle != 9*time.Second {
			t.Errorf("%+v", n)
		}
		if g, _ := res.Room.GroupNodes("x"); len(g) != 2000 {
			t.Errorf("group x has %d nodes", len(g))
		}
	}
}

func TestIdentity(t *testing.T) {
	identity := func(text string) string {
		t.Helper()
		res, err := load(t, "room.yaml", "room.yaml", head+text)
		if err != nil {
			t.Fatal(err)
		}
		id, _ := res.Room.Device("p1")
		return res.Room.Devices[id].Identity
	}
	const base = "credentials: {c: {user: u, password: env:P}}\ndevices:\n  \"p[1-2]\": {driver: script, credential: c, poll: 1s, settings: {spec: free, address: \"h[1-2]\"}}\nnodes:\n  a: {cords: \"p1:x\"}\n"
	first := identity(base)
	for _, tt := range []struct {
		name, old, new string
		same           bool
	}{
		{"nothing", "room", "room", true},
		{"another poll", "poll: 1s", "poll: 2s", true},
		{"another node's name", "  a:", "  b:", true},
		{"keys in another order", "spec: free, address: \"h[1-2]\"", "address: \"h[1-2]\", spec: free", true},
		{"another address", "h[1-2]", "g[1-2]", false},
		{"another secret", "env:P", "env:Q", false},
		{"another plug", "p1:x", "p1:y", false},
		{"another specification", "spec: free", "spec: eight", false},
	} {
		text := strings.Replace(base, tt.old, tt.new, 1)
		if tt.name == "another specification" {
			text = strings.Replace(text, "p1:x", "p1:1", 1)
		}
		if got := identity(text); (got == first) != tt.same {
			t.Errorf("%s: same identity is %v", tt.name, got == first)
		}
	}
}

// What a message quotes from a file may be long; the message is not.
func TestLongMessagesAreCut(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for name, text := range map[string]string{
		"directive": long + " \"a\"\n", "level": "plug_log_level \"" + long + "\"\n", "alias": "node \"a\" \"d\"\nalias \"a\" \"" + long + "\"\n",
	} {
		_, err := roomfile.Load(t.Context(), "p.conf", options(map[string][]byte{"p.conf": []byte(text)}))
		var problems roomfile.Problems
		if !errors.As(err, &problems) {
			t.Errorf("%s: %.200v", name, err)
		}
		for _, p := range problems {
			if len(p.Msg) > 1100 {
				t.Errorf("%s: a message of %d bytes", name, len(p.Msg))
			}
		}
	}
}
