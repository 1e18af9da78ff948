package roomfile_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	checks "millwright.dev/millwright/internal/check/standard"
	controls "millwright.dev/millwright/internal/control/standard"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
)

// etc makes a folder of Ockle's of the example's files and others.
func etc(t *testing.T, more map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/ockle")); err != nil {
		t.Fatal(err)
	}
	for name, text := range more {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func loadOckle(t *testing.T, path string) *roomfile.Result {
	t.Helper()
	res, err := roomfile.Load(t.Context(), path, roomfile.Options{
		Drivers: standard.Drivers(script.Options{}), Checks: checks.Kinds(), Controls: controls.Kinds(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// warned gives the warnings of a room, with the folder's name taken out.
func warned(res *roomfile.Result, dir string) string {
	return strings.ReplaceAll(res.Warnings.Error(), dir+"/", "")
}

func TestOckleFolder(t *testing.T) {
	dir := etc(t, nil)
	for _, path := range []string{dir, dir + "/", filepath.Join(dir, "config.ini")} {
		res := loadOckle(t, path)
		r := res.Room
		if len(res.Warnings) > 0 {
			t.Errorf("%s: %s", path, res.Warnings)
		}
		if got := r.Names(r.Sorted()); strings.Join(got, " ") != "afterbad bad db storage switch web" {
			t.Errorf("the nodes are %v", got)
		}
		web, _ := r.Node("web")
		n := r.Nodes[web]
		if got := r.Fold(n.Needs); got != "db,storage" {
			t.Errorf("web needs %s", got)
		}
		d := r.Devices[n.Cords[0].Device]
		if plug := d.Plugs[n.Cords[0].Plug].Name; d.Name != "strip" || d.Driver != "dummy" || plug != "web.outlet1" {
			t.Errorf("web hangs on %s (%s) %s", d.Name, d.Driver, plug)
		}
		if c := r.Checks[n.Checks[0]]; c.Name != "web.test1" || c.Kind != "dummy" || c.Retries != 0 {
			t.Errorf("its check is %+v", c)
		}
		want := room.DefaultConduct()
		want.RetryAfter, want.StartWithin, want.Grace = 2*time.Second, 2*time.Second, 2*time.Second
		if got := *r.Conduct(web); got != want {
			t.Errorf("it is brought up by %+v, want %+v", got, want)
		}
		if got := r.Settings.Ockle.Listen; !slices.Equal(got, []string{"127.0.0.1:8088"}) {
			t.Errorf("the door listens at %v", got)
		}
		if len(res.Files) != 10 {
			t.Errorf("it is of the files %v", slices.Sorted(maps.Keys(res.Files)))
		}
	}
}

const (
	raritan = "[pdu]\ntype = Raritan\npdu_ip = 10.0.0.9\npdu_port = 1161\nread_community = look\nwrite_community = touch\n"
	ssh     = "[controller]\ntype = SSHController\n"
	ping    = "[tester]\ntype = Ping\n"
	server  = `[server]
outlets = ["a", "b"]
controls = ["down"]
tests = ["up"]
dependencies = ["group"]
[a]
pdu = px
socket = 3
[b]
pdu = px
socket = 4
[down]
controller = os
host = 10.0.0.7
username = me
password = hush%%hush
timeout = 7
[up]
tester = reach
hostname = 10.0.0.7
[spare]
pdu = px
socket = 5
`
	group = "[server]\ndependencies = [\"switch\"]\n"
)

func TestOckleTypes(t *testing.T) {
	dir := etc(t, map[string]string{
		"outlets/px.ini": raritan, "controllers/os.ini": ssh, "testers/reach.ini": ping, "servers/real.ini": server, "servers/group.ini": group,
	})
	res := loadOckle(t, dir)
	r := res.Room
	if len(res.Warnings) > 0 {
		t.Errorf("warnings: %s", res.Warnings)
	}
	id, _ := r.Node("real")
	n := r.Nodes[id]
	at, _ := r.Device("px")
	d := r.Devices[at]
	if d.Driver != "snmp" || d.Credential != "outlets.px" || len(n.Cords) != 2 || d.Plugs[n.Cords[1].Plug].Name != "4" {
		t.Errorf("it hangs on %+v by %v", d, n.Cords)
	}
	want := map[string]string{"password": "ini:outlets/px.ini#pdu/write_community", "passphrase": "ini:outlets/px.ini#pdu/read_community"}
	if c, found := r.Credential("outlets.px"); !found || !maps.Equal(c.Secrets, want) {
		t.Errorf("px logs in with %+v", c)
	}
	c := r.Controls[n.Controls[0]]
	if c.Name != "real.down" || c.Kind != "ssh" {
		t.Errorf("its control is %+v", c)
	}
	if who, _ := r.Credential(c.Credential); who.User != "me" || who.Secrets["password"] != "ini:servers/real.ini#down/password" {
		t.Errorf("who logs in with %+v", who)
	}
	if k := r.Checks[n.Checks[0]]; k.Kind != "icmp" {
		t.Errorf("its check is %+v", k)
	}
	if got := r.Conduct(id).Grace; got != 2*time.Minute {
		t.Errorf("a machine that is shut down by SSH has %v to halt", got)
	}
	if g, _ := r.Node("group"); len(r.Nodes[g].Cords) != 0 {
		t.Errorf("group hangs on %v", r.Nodes[g].Cords)
	}
}

// What is broken is set aside with what needs it, and told; the rest is used.
func TestOckleSetsAside(t *testing.T) {
	needs := func(what string) string { return "[server]\ndependencies = [\"" + what + "\"]\n" }
	outlet := func(pdu, more string) string {
		return "[server]\noutlets = [\"o\"]\ndependencies =\n[o]\npdu = " + pdu + "\n" + more
	}
	dir := etc(t, map[string]string{
		"outlets/px.ini":     raritan,
		"outlets/nokey.ini":  "[pdu]\ntype = Raritan\n",
		"outlets/what.ini":   "[pdu]\ntype = Toaster\n",
		"servers/first.ini":  outlet("px", "socket = 1\n"),
		"servers/second.ini": outlet("px", "socket = 1\n"),
		"servers/third.ini":  needs("second"),
		"servers/fourth.ini": needs("third"),
		"servers/dark.ini":   outlet("nokey", "socket = 1\n"),
		"servers/odd.ini":    outlet("what", ""),
		"servers/a b.ini":    needs("switch"),
		"servers/gone.ini":   needs("nowhere"),
		"servers/x[1-2].ini": needs("switch"),
		"servers/mess.ini":   "this is no file of Ockle's\n",
	})
	res := loadOckle(t, dir)
	if got := res.Room.Fold(res.Room.All()); got != "afterbad,bad,db,first,storage,switch,web" {
		t.Errorf("the nodes are %s", got)
	}
	said := warned(res, dir)
	for _, want := range []string{
		"server second is set aside: outlet o: server first has it already",
		"server third is set aside: it needs second, which is set aside",
		"server fourth is set aside: it needs third, which is set aside",
		"pdu nokey is set aside: ", "needs a credential with a password",
		"server dark is set aside: outlet o: pdu nokey is set aside",
		"outlets/what.ini:2: pdu what is set aside: there is no type Toaster",
		"server odd is set aside", "it cannot have its name here: it holds blanks", "it cannot have its name here: it holds [",
		"server gone is set aside", "servers/mess.ini:1: server mess is set aside",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("nobody says %q:\n%s", want, said)
		}
	}
	if strings.Contains(said, "touch") {
		t.Errorf("a community is told:\n%s", said)
	}
}

// Nothing is left: then it is an error that says why.
func TestOckleWithoutServers(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"config.ini": "[main]\n", "servers/a.ini": "[server]\ndependencies = [\"b\"]\n"} {
		os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := roomfile.Load(t.Context(), dir, roomfile.Options{})
	if err == nil || !strings.Contains(err.Error(), "no nodes are defined") || !strings.Contains(err.Error(), "there is no such server") {
		t.Errorf("got %v", err)
	}
}

// Room files beside Ockle's add what it cannot say.
func TestOckleWithRoomFiles(t *testing.T) {
	dir := etc(t, map[string]string{
		"millwright.yaml": `room: old and new
ockle: {listen: "127.0.0.1:9088"}
order: {grace: 1m}
feeds: {left: {amps: 16}}
devices:
  strip: {feed: left, poll: 10s}
nodes:
  web: {priority: 7, groups: [front]}
  extra: {cords: "strip:extra", needs: web}
`,
		"testers/port.ini": "[tester]\ntype = tcp\nport = 22\nevery = 30s\n",
		"outlets/ours.ini": "[pdu]\ntype = exec\non = true {plug}\noff = true {plug}\n",
		"servers/new.ini":  "[server]\noutlets = o\ntests = t\ndependencies = web\n[o]\npdu = ours\nplug = 7\n[t]\ntester = port\nhost = 10.0.0.1\n",
	})
	res := loadOckle(t, dir)
	r := res.Room
	if len(res.Warnings) > 0 {
		t.Errorf("warnings: %s", res.Warnings)
	}
	web, _ := r.Node("web")
	if n := r.Nodes[web]; n.Priority != 7 || r.Fold(n.Needs) != "db,storage" || len(n.Cords) != 1 {
		t.Errorf("web is %+v", n)
	}
	if c := r.Conduct(web); c.Grace != time.Minute || c.StartWithin != 2*time.Second {
		t.Errorf("it is brought up by %+v", c)
	}
	strip, _ := r.Device("strip")
	if d := r.Devices[strip]; d.Feed != "left" || d.Poll != 10*time.Second || d.Driver != "dummy" {
		t.Errorf("strip is %+v", d)
	}
	if r.Name != "old and new" || r.Settings.Ockle.Listen[0] != "127.0.0.1:9088" {
		t.Errorf("the room is %q and listens at %v", r.Name, r.Settings.Ockle.Listen)
	}
	id, _ := r.Node("new")
	n := r.Nodes[id]
	d := r.Devices[n.Cords[0].Device]
	if d.Driver != "exec" || d.Plugs[n.Cords[0].Plug].Name != "7" || r.Checks[n.Checks[0]].Kind != "tcp" || r.Checks[n.Checks[0]].Every != 30*time.Second {
		t.Errorf("types of our own: %+v, %+v", d, r.Checks[n.Checks[0]])
	}
}

// A room file can include such a folder, and a folder with a config.ini of something else
// is none.
func TestOckleIncluded(t *testing.T) {
	dir := etc(t, nil)
	over := t.TempDir()
	text := "include: " + filepath.Join(dir, "config.ini") + "\nnodes: {top: {needs: [web]}}\n"
	for name, text := range map[string]string{"room.yaml": text, "config.ini": "[something]\nelse = 1\n"} {
		if err := os.WriteFile(filepath.Join(over, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	res := loadOckle(t, over)
	if got := len(res.Room.Nodes); got != 7 || len(res.Warnings) > 0 {
		t.Errorf("there are %d nodes, %s", got, res.Warnings)
	}
}
