package rehearse_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/rehearse"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/sim"
)

// ordered is a room whose checks and controls would reach its machines.
const ordered = `credentials:
  ops: {user: root, key: "file:ops.key"}
devices:
  pdu: {driver: script, settings: {spec: mw-menu, address: "telnet://192.0.2.1:23"}}
controls:             # how they shut down
  systems:
    kind: ssh         # as root
    credential: ops
    nodes: db1
    settings:
      off: systemctl poweroff
      known-hosts: hosts

      # by and by
      on: "true"
  hook: {kind: http, nodes: web1, settings: {off: {url: "http://{node}/off"}}, timeout: 5s}
  pretends: {kind: dummy, nodes: web2}
checks:
  pings:
    nodes: db1
    kind: icmp
    every: 5s
  answers: {kind: tcp, nodes: "web[1-2]", settings: {port: 80}}
  page:
    settings: {url: "https://{address}/",
               contains: shop}
    kind: http        # the shop's
    nodes: web1
  both: {kind: composite, nodes: web1, settings: {all: [answers, page]}}
  bare: {kind: icmp, nodes: service}
feeds: {A: {amps: 16}}
ups:
  big: {address: ups.example, feeds: A}
samples:
  remote-write:
    url: https://prometheus.example/api/v1/write   # for good
nodes:
  db1: {cords: "pdu:1", watts: 100, inrush: 250}
  web[1-2]: {cords: "pdu:[2-3]", needs: db1}
  service: {needs: "web[1-2]"}
`

func TestChecksAndControlsAreLedToTheSimulatedMachines(t *testing.T) {
	dir := folder(t, map[string]string{"room.yaml": ordered, "specs.yaml": "specifications: mw.dev\n", "mw.dev": string(sim.DeviceFile("menu")), "hosts": "", "ops.key": ""})
	r, played, copied := play(t, dir, options())
	text, err := os.ReadFile(filepath.Join(copied, "room.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	at := `"http://` + r.Hosts() + `/{node}/`
	for _, want := range []string{
		"    kind: http         # as root\n    credential: ops\n    nodes: db1\n    settings: {off: {url: " + at + `shutdown"}, on: {url: ` + at + `start"}`,
		"  hook: {kind: http, nodes: web1, settings: {off: {url: " + at + `shutdown"}}, timeout: 5s}`,
		"  pretends: {kind: dummy, nodes: web2}\n",
		"    kind: http\n    settings: {url: " + at + `health"}` + "\n    every: 5s\n",
		"  answers: {kind: http, nodes: \"web[1-2]\", settings: {url: " + at + `health"}}`,
		"    settings: {url: " + at + `health"}` + "\n    kind: http        # the shop's\n",
		"  both: {kind: composite, nodes: web1, settings: {all: [answers, page]}}\n",
		"  big: {address: \"127.0.0.1:1\", feeds: A}", "    url: \"http://127.0.0.1:1/\"   # for good",
		"  bare: {kind: http, settings: {url: " + at + `health"}, nodes: service}`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the copy does not have\n%s\nbut\n%s", want, text)
		}
	}
	read, err := roomfile.Load(t.Context(), copied, app.ReadOptions(standard.Drivers(script.Options{}), false))
	if err != nil || len(read.Room.Checks) != 5 || len(read.Room.Controls) != 3 {
		t.Errorf("read back: %v", err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	for name, want := range map[string]int{"db1": http.StatusGatewayTimeout, "service": http.StatusOK} {
		resp, err := http.Get("http://" + r.Hosts() + "/" + name + "/health")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s answers %s", name, resp.Status)
		}
	}
	if err := played.Turn("pdu", "1", true); err != nil {
		t.Fatal(err)
	}
	if m, _ := played.Machine("db1"); m.Watts < 95 {
		t.Errorf("it draws %v W", m.Watts)
	}
}

func TestAFixedPlaceForTheMachines(t *testing.T) {
	o := options()
	o.Hosts = "127.0.0.1:65536"
	dir := folder(t, map[string]string{"room.yaml": ordered, "specs.yaml": "specifications: mw.dev\n", "mw.dev": string(sim.DeviceFile("menu")), "hosts": "", "ops.key": ""})
	r, err := rehearse.Read(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "where machines answer") {
		t.Errorf("got %v", err)
	}
}

func TestTheExampleOfOrder(t *testing.T) {
	const dir = "../../examples/order"
	r, played, _ := play(t, dir, options())
	if read, err := roomfile.Load(t.Context(), dir, options().Files); err != nil || len(read.Warnings) > 0 {
		t.Errorf("%v, %v", err, read.Warnings)
	}
	script, err := os.Open(filepath.Join(dir, "machines.sim"))
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	if err := played.Script(script); err != nil {
		t.Error(err)
	}
	if m, _ := played.Machine("web2"); len(m.Faults) != 1 || m.Faults[0].Kind != sim.Sick {
		t.Errorf("web2 has %v", m.Faults)
	}
	if n := len(r.Room().Schedules); n != 2 {
		t.Errorf("there are %d schedules", n)
	}
}
