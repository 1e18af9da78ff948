package processor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/internal/sim/processor"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/sol"
)

var letIn = sim.Login{User: "admin", Password: "a-good-password"}

// stand is a room with a strip, a machine with a cord to it and a BMC, and one that has
// nothing but a BMC.
func stand(t *testing.T, boot time.Duration) *sim.Room {
	t.Helper()
	byIPMI := func(u *sim.Unit) (sim.Style, error) { return processor.IPMI(u, processor.IPMIOptions{Login: letIn}) }
	r, err := sim.Start(t.Context(), sim.Config{
		PDUs: []sim.PDU{
			{Name: "pdu", Outlets: sim.Numbered(1, 2)},
			{Name: "bmc1", Outlets: sim.Numbered(1, 1), Standby: true, Make: byIPMI},
			{Name: "bmc2", Outlets: sim.Numbered(1, 1), Standby: true, Feed: "A", Make: byIPMI},
			{Name: "web", Outlets: sim.Numbered(1, 1), Feed: "A", Make: func(u *sim.Unit) (sim.Style, error) {
				return processor.Redfish(u, processor.RedfishOptions{Login: letIn, Systems: map[string]string{"1": "Big.1"}}), nil
			}},
		},
		Machines: []sim.Machine{
			{Name: "db", Boot: boot, Inlets: []sim.Inlet{{PDU: "pdu", Outlet: "1"}}, Button: sim.Inlet{PDU: "bmc1", Outlet: "1"}},
			{Name: "gpu", Boot: boot, Button: sim.Inlet{PDU: "bmc2", Outlet: "1"}},
			{Name: "fat", Boot: boot, Button: sim.Inlet{PDU: "web", Outlet: "1"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// until waits for a machine to be in a state.
func until(t *testing.T, r *sim.Room, machine string, want sim.MachineState) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := r.Await(ctx, func(sim.Snapshot) bool {
		m, ok := r.Machine(machine)
		return ok && m.State == want
	})
	if err != nil {
		t.Fatalf("%s is not %v: %v", machine, want, err)
	}
}

func do(t *testing.T, r *sim.Room, line string) {
	t.Helper()
	if err := r.Do(line, io.Discard); err != nil {
		t.Fatal(err)
	}
}

// dial opens a session with a BMC of the room.
func dial(t *testing.T, c *ipmi.Client, r *sim.Room, bmc string) *ipmi.Session {
	t.Helper()
	s, err := c.Open(t.Context(), r.Addr(bmc), ipmi.Options{User: letIn.User, Password: letIn.Password, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func client(t *testing.T) *ipmi.Client {
	c := ipmi.NewClient(ipmi.ClientOptions{})
	t.Cleanup(func() { c.Close() })
	return c
}

// TestABMCLivesOnItsMachinesCords: no mains, no answer; with mains the machine boots by
// itself, and its button works.
func TestABMCLivesOnItsMachinesCords(t *testing.T) {
	r, c := stand(t, time.Millisecond), client(t)
	reachable := func() bool { return r.Snapshot().PDUs[1].Reachable }
	if reachable() {
		t.Error("the BMC lives without mains")
	}
	do(t, r, "turn pdu/1 on")
	until(t, r, "db", sim.Up)
	if !reachable() {
		t.Fatal("the BMC is dead, with mains")
	}
	s := dial(t, c, r, "bmc1")
	if err := chassis.Control(t.Context(), s, chassis.SoftOff); err != nil {
		t.Fatal(err)
	}
	until(t, r, "db", sim.Off)
	if now, err := chassis.GetStatus(t.Context(), s); err != nil || now.On {
		t.Errorf("it says %+v, %v", now, err)
	}
	if err := chassis.Control(t.Context(), s, chassis.PowerOn); err != nil {
		t.Fatal(err)
	}
	until(t, r, "db", sim.Up)
	do(t, r, "turn pdu/1 off")
	if m, _ := r.Machine("db"); m.State != sim.Off || reachable() {
		t.Errorf("without mains it is %v, and its BMC lives: %t", m.State, reachable())
	}
	do(t, r, "turn pdu/1 on")
	until(t, r, "db", sim.Up)
	var said []string
	log, err := host.New(dial(t, c, r, "bmc1"), host.Options{}).Log(t.Context(), false)
	for _, e := range log {
		word, _, _ := strings.Cut(e.Kind, " ")
		said = append(said, word)
	}
	if want := "System Base Power System Base Power System Base"; err != nil || !strings.HasSuffix(strings.Join(said, " "), want) {
		t.Errorf("the log says %q, %v", said, err)
	}
}

func TestSensorsFollowTheMachine(t *testing.T) {
	r, c := stand(t, time.Millisecond), client(t)
	h := host.New(dial(t, c, r, "bmc2"), host.Options{})
	read := func() string {
		list, err := h.Sensors(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var text []string
		for _, s := range list {
			value := "none"
			if s.Value != nil {
				value = fmt.Sprint(*s.Value > 60, " ", s.Units)
			}
			text = append(text, s.Name+" "+value)
		}
		return strings.Join(text, ", ")
	}
	if got, want := read(), "CPU Temp none, Inlet Temp false °C, Fan 1 none, Power false W"; got != want {
		t.Errorf("off: %s, want %s", got, want)
	}
	do(t, r, "turn bmc2/1 on")
	until(t, r, "gpu", sim.Up)
	if got, want := read(), "CPU Temp false °C, Inlet Temp false °C, Fan 1 true RPM, Power true W"; got != want {
		t.Errorf("on: %s, want %s", got, want)
	}
}

// TestAMachineWithoutCordsIsAsItWas when its circuit comes back.
func TestAMachineWithoutCordsIsAsItWas(t *testing.T) {
	r := stand(t, time.Millisecond)
	for _, on := range []sim.MachineState{sim.Off, sim.Up} {
		if on == sim.Up {
			do(t, r, "turn bmc2/1 on")
			until(t, r, "gpu", sim.Up)
		}
		do(t, r, "feed A off")
		if m, _ := r.Machine("gpu"); m.State != sim.Off || r.Snapshot().PDUs[2].Reachable {
			t.Errorf("on a dead circuit it is %v", m.State)
		}
		do(t, r, "feed A on")
		until(t, r, "gpu", on)
	}
}

// TestTheConsole: a boot from what was chosen, a log-in, and a command that ends it.
func TestTheConsole(t *testing.T) {
	r, c := stand(t, 50*time.Millisecond), client(t)
	s := dial(t, c, r, "bmc2")
	if err := chassis.SetBoot(t.Context(), s, chassis.Boot{Device: chassis.PXE}); err != nil {
		t.Fatal(err)
	}
	line, err := sol.Open(t.Context(), s, sol.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	do(t, r, "turn bmc2/1 on")
	var text []byte
	expect := func(want string) {
		t.Helper()
		buf := make([]byte, 512)
		for !bytes.Contains(text, []byte(want)) {
			n, err := line.Read(buf)
			if err != nil {
				t.Fatalf("%v, before %q; it said:\n%s", err, want, text)
			}
			text = append(text, buf[:n]...)
		}
		_, text, _ = bytes.Cut(text, []byte(want))
	}
	typed := func(keys string) {
		t.Helper()
		if _, err := line.Write([]byte(keys)); err != nil {
			t.Fatal(err)
		}
	}
	expect("Booting from network\r\n")
	expect("starting services")
	expect("gpu login: ")
	typed("roow\x7ft\r")
	expect("roow\b \bt\r\nPassword: ")
	typed("secret\r")
	expect("root@gpu:~$ ")
	if bytes.Contains(text, []byte("secret")) {
		t.Errorf("it shows the password: %q", text)
	}
	typed("reboot\r")
	expect("Booting from disk\r\n") // the other was for once
	expect("gpu login: ")
	typed("root\rx\rpoweroff\r")
	expect("goes down for power off")
	until(t, r, "gpu", sim.Off)
}

func TestRedfish(t *testing.T) {
	r := stand(t, time.Millisecond)
	ask := func(method, path, body string) (status int, doc map[string]any) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.Addr("web")+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(letIn.User, letIn.Password)
		req.Header.Set("Content-Type", "application/json")
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); err != nil || len(text) > 0 && json.Unmarshal(text, &doc) != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return resp.StatusCode, doc
	}
	const system = "/redfish/v1/Systems/Big.1"
	for _, step := range []struct {
		how    string
		status int
		power  string
	}{
		{"", 0, "Off"},
		{"Nmi", 400, "Off"},
		{"On", 204, "On"},
		{"ForceRestart", 204, "On"},
		{"GracefulShutdown", 204, "Off"},
		{"PushPowerButton", 204, "On"},
		{"ForceOff", 204, "Off"},
		{"ForceOff", 204, "Off"},
	} {
		if step.how != "" {
			status, said := ask("POST", system+"/Actions/ComputerSystem.Reset", `{"ResetType":"`+step.how+`"}`)
			if status != step.status && (status < 400 || step.status < 400) {
				t.Errorf("%s: %d %v", step.how, status, said)
			}
			until(t, r, "fat", map[string]sim.MachineState{"On": sim.Up, "Off": sim.Off}[step.power])
		}
		if _, doc := ask("GET", system, ""); doc["PowerState"] != step.power || doc["Name"] != "fat" {
			t.Errorf("after %q it is %v, %v", step.how, doc["Name"], doc["PowerState"])
		}
	}
	if _, doc := ask("GET", "/redfish/v1/Chassis/Big.1/Sensors/Power", ""); doc["Reading"] != 7.0 {
		t.Errorf("off, it draws %v", doc["Reading"])
	}
	do(t, r, "fault web/1 error")
	if status, _ := ask("GET", system, ""); status < 500 {
		t.Errorf("a machine that does not answer gives %d", status)
	}
	do(t, r, "fault web badlogin")
	if status, _ := ask("GET", system, ""); status != 401 {
		t.Errorf("no password is right, and it is %d", status)
	}
}

// TestFaults: those of the room's control show at a BMC, too.
func TestFaults(t *testing.T) {
	r, c := stand(t, time.Millisecond), client(t)
	open := func(patience time.Duration) error {
		s, err := c.Open(t.Context(), r.Addr("bmc2"), ipmi.Options{User: letIn.User, Password: letIn.Password, Timeout: patience})
		if err == nil {
			return s.Close(t.Context())
		}
		return err
	}
	for _, fault := range []string{"refuse", "hang", "garbage", "badlogin"} {
		do(t, r, "fault bmc2 "+fault)
		if open(300*time.Millisecond) == nil {
			t.Errorf("%s does not show", fault)
		}
		do(t, r, "heal bmc2")
		if err := open(20 * time.Second); err != nil {
			t.Errorf("%s lasts: %v", fault, err)
		}
	}
	for _, fault := range []string{"drop", "slow delay 2ms"} {
		do(t, r, "fault bmc2 "+fault)
		if err := open(20 * time.Second); err != nil {
			t.Errorf("%s: %v", fault, err)
		}
		do(t, r, "heal bmc2")
	}
}

func TestOptionsThatNoBMCTakes(t *testing.T) {
	_, err := sim.Start(t.Context(), sim.Config{PDUs: []sim.PDU{{Name: "b", Outlets: sim.Numbered(1, 1), Make: func(u *sim.Unit) (sim.Style, error) {
		return processor.IPMI(u, processor.IPMIOptions{Login: sim.Login{User: "u", Password: strings.Repeat("x", 21)}})
	}}}})
	if err == nil || !strings.Contains(err.Error(), "20 bytes") {
		t.Errorf("got %v", err)
	}
}

// TestAProcessorThatSleepsHasItsAddress: who writes down where it is does so before its
// machine has power.
func TestAProcessorThatSleepsHasItsAddress(t *testing.T) {
	r, c := stand(t, time.Millisecond), client(t)
	at := r.Addr("bmc1")
	if strings.HasSuffix(at, ":0") {
		t.Fatalf("it is at %s", at)
	}
	do(t, r, "turn pdu/1 on")
	if dial(t, c, r, "bmc1"); r.Addr("bmc1") != at {
		t.Errorf("it was to be at %s, and is at %s", at, r.Addr("bmc1"))
	}
}
