package redfishdoor_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

func reset(node string) string {
	return root + "/Systems/" + node + "/Actions/ComputerSystem.Reset"
}

// TestWhoSeesWhat: each user sees their own part of the room, and no more.
func TestWhoSeesWhat(t *testing.T) {
	s := newStand(t, nil)
	for user, want := range map[string][]string{"ann": {"m1", "n1", "n2", "n3"}, "bob": {"n1", "n2"}, "cid": {"n2"}} {
		for _, of := range []string{"Systems", "Chassis", "Managers"} {
			if got := s.ask(user, "GET", root+"/"+of, "").members(); !slices.Equal(got, want) {
				t.Errorf("%s sees the %s %v, want %v", user, of, got, want)
			}
		}
	}
	for _, tt := range []struct {
		user, method, path, body string
		want                     int
	}{
		{"bob", "GET", root + "/Systems/n3", "", 404},
		{"bob", "GET", root + "/Systems/n9", "", 404},
		{"bob", "POST", reset("n1"), `{"ResetType":"On"}`, 403},
		{"bob", "POST", reset("n3"), `{"ResetType":"On"}`, 403},
		{"cid", "POST", reset("n1"), `{"ResetType":"On"}`, 404},
		{"cid", "POST", reset("n2"), `{"ResetType":"On"}`, 204},
		{"ann", "POST", reset("n3"), `{"ResetType":"On"}`, 204},
		{"cid", "POST", root + "/EventService/Subscriptions", `{}`, 403},
		{"cid", "GET", root + "/AccountService/Accounts/ann", "", 404},
		{"nobody", "GET", root + "/Systems", "", 401},
		{"nobody", "GET", root + "/", "", 200},
	} {
		if r := s.ask(tt.user, tt.method, tt.path, tt.body); r.status != tt.want {
			t.Errorf("%s: %s %s: %d, want %d: %s", tt.user, tt.method, tt.path, r.status, tt.want, r.text)
		}
	}
	if r := s.send("GET", root+"/Systems", "", func(r *http.Request) { r.SetBasicAuth("bob", s.tokens["ann"]) }); r.status != 401 {
		t.Errorf("bob with ann's token: %d", r.status)
	}
	if r := s.send("GET", root+"/Systems", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+s.tokens["bob"]) }); r.status != 200 {
		t.Errorf("bob with his token: %d", r.status)
	}
}

// TestAnOutlet: what hangs on a power strip shows what a power strip can do.
func TestAnOutlet(t *testing.T) {
	s := newStand(t, nil)
	r := s.ask("ann", "GET", root+"/Systems/n1", "")
	if got, want := r.resets(), []string{"On", "ForceOff", "ForceRestart", "PowerCycle"}; !slices.Equal(got, want) || r.body["PowerState"] != "Off" {
		t.Errorf("got %v and %v, want %v", got, r.body["PowerState"], want)
	}
	for _, none := range []string{"Boot", "LogServices", "IndicatorLED"} {
		if r.body[none] != nil {
			t.Errorf("it shows %s: %v", none, r.body[none])
		}
	}
	if r := s.ask("ann", "POST", reset("n1"), `{"ResetType":"GracefulShutdown"}`); r.status != 400 || !strings.Contains(r.text, "ForceOff") {
		t.Errorf("a graceful shutdown: %d %s", r.status, r.text)
	}
	console, _ := r.body["SerialConsole"].(map[string]any)
	socket, _ := console["WebSocket"].(map[string]any)
	if uri, _ := socket["ConsoleURI"].(string); !strings.HasPrefix(uri, "wss://room.test:") || !strings.HasSuffix(uri, "/v1/nodes/n1/console") {
		t.Errorf("its console: %v", console)
	}
	if r := s.ask("bob", "GET", root+"/Systems/n1", ""); r.body["SerialConsole"] != nil {
		t.Errorf("bob, who may look, sees the console: %v", r.body["SerialConsole"])
	}
	for _, step := range []struct {
		how, state string
		op         room.Op
	}{{"On", "On", room.On}, {"ForceRestart", "On", room.Cycle}, {"ForceOff", "Off", room.Off}, {"PowerCycle", "On", room.Cycle}} {
		if r := s.ask("ann", "POST", reset("n1"), `{"ResetType":"`+step.how+`"}`); r.status != 204 {
			t.Errorf("%s: %d %s", step.how, r.status, r.text)
		}
		if ops := s.ops(); ops[len(ops)-1] != step.op {
			t.Errorf("%s became %v", step.how, ops)
		}
		if r := s.ask("ann", "GET", root+"/Systems/n1", ""); r.body["PowerState"] != step.state {
			t.Errorf("after %s: %v", step.how, r.body["PowerState"])
		}
	}
	// The strip's inlet is not the node's own.
	if got := s.ask("ann", "GET", root+"/Chassis/n1/Sensors", "").members(); !slices.Equal(got, []string{"pdu_n1_power", "pdu_n1_energy"}) {
		t.Errorf("sensors %v", got)
	}
	if r := s.ask("ann", "GET", root+"/Chassis/n1/EnvironmentMetrics", ""); !strings.Contains(r.text, `"PowerWatts":{"DataSourceUri":"/redfish/v1/Chassis/n1/Sensors/pdu_n1_power","Reading":100}`) || !strings.Contains(r.text, `"Reading":5}`) {
		t.Errorf("got %s", r.text)
	}
}

// TestAServiceProcessor: what can do more shows more.
func TestAServiceProcessor(t *testing.T) {
	s := newStand(t, nil)
	const m1 = root + "/Systems/m1"
	r := s.ask("ann", "GET", m1, "")
	if got, want := r.resets(), []string{"On", "ForceOff", "GracefulShutdown", "ForceRestart", "PowerCycle", "Nmi"}; !slices.Equal(got, want) || r.body["Boot"] == nil || r.body["LogServices"] == nil {
		t.Fatalf("got %v\n%s", got, r.text)
	}
	if r := s.ask("ann", "POST", reset("m1"), `{"ResetType":"ForceRestart"}`); r.status != 204 || !slices.Equal(s.ops(), []room.Op{room.Reset}) {
		t.Errorf("a reset: %d %v", r.status, s.ops())
	}
	if r := s.ask("ann", "PATCH", m1, `{"Boot":{"BootSourceOverrideTarget":"Pxe","BootSourceOverrideEnabled":"Continuous","BootSourceOverrideMode":"Legacy"}}`); r.status != 200 {
		t.Errorf("boot: %d %s", r.status, r.text)
	}
	s.mu.Lock()
	if want := (driver.Boot{From: driver.BootNetwork, Persistent: true}); s.boot != want {
		t.Errorf("it boots from %v, want %v", s.boot, want)
	}
	s.mu.Unlock()
	if r := s.ask("ann", "GET", m1+"/LogServices/Log/Entries", ""); !strings.Contains(r.text, "power supply lost") || !strings.Contains(r.text, `"Severity":"Critical"`) {
		t.Errorf("log: %s", r.text)
	}
	if r := s.ask("ann", "POST", m1+"/LogServices/Log/Actions/LogService.ClearLog", ""); r.status != 204 {
		t.Errorf("clear: %d %s", r.status, r.text)
	}
	if got := s.ask("ann", "GET", m1+"/LogServices/Log/Entries", "").members(); len(got) != 0 {
		t.Errorf("afterwards %v", got)
	}
	if r := s.ask("ann", "PATCH", m1, `{"IndicatorLED":"Lit"}`); r.status != 200 {
		t.Errorf("light: %d %s", r.status, r.text)
	}
}

// TestPasswordsAndAccounts: the room's users log in with their passwords, and admins
// change users.
func TestPasswordsAndAccounts(t *testing.T) {
	s := newStand(t, nil)
	const sessions, accounts = root + "/SessionService/Sessions", root + "/AccountService/Accounts"
	nobody := func(*http.Request) {}
	in := s.send("POST", sessions, `{"UserName":"bob","Password":"`+password+`"}`, nobody)
	token := func(r *http.Request) { r.Header.Set("X-Auth-Token", in.header.Get("X-Auth-Token")) }
	if r := s.send("GET", root+"/Systems", "", token); r.status != 200 || len(r.members()) != 2 {
		t.Errorf("bob by his session: %d %s", r.status, r.text)
	}
	if got := s.ask("ann", "GET", accounts, "").members(); !slices.Equal(got, []string{"ann", "bob", "cid"}) {
		t.Errorf("accounts %v", got)
	}
	if r := s.ask("ann", "GET", accounts+"/cid", ""); r.body["RoleId"] != "Operator" {
		t.Errorf("cid is %v", r.body)
	}
	if r := s.ask("ann", "POST", accounts, `{"UserName":"dan","Password":"another long password","RoleId":"ReadOnly"}`); r.status != 201 {
		t.Errorf("a new user: %d %s", r.status, r.text)
	}
	dan := s.send("POST", sessions, `{"UserName":"dan","Password":"another long password"}`, nobody)
	if dan.status != 201 {
		t.Errorf("dan logs in: %d %s", dan.status, dan.text)
	}
	if r := s.ask("ann", "PATCH", accounts+"/bob", `{"Enabled":false}`); r.status != 200 {
		t.Errorf("bob is shut out: %d %s", r.status, r.text)
	}
	if r := s.send("GET", root+"/Systems", "", token); r.status != 401 {
		t.Errorf("bob by his session, shut out: %d", r.status)
	}
	if r := s.ask("ann", "DELETE", accounts+"/dan", ""); r.status != 204 {
		t.Errorf("dan is deleted: %d %s", r.status, r.text)
	}
	if r := s.send("POST", sessions, `{"UserName":"dan","Password":"another long password"}`, nobody); r.status != 401 {
		t.Errorf("dan logs in again: %d", r.status)
	}
}

// TestEvents: what happens in the room is told to who may see it.
func TestEvents(t *testing.T) {
	s := newStand(t, nil)
	follow := func(user string) <-chan string {
		ctx, cancel := context.WithCancel(context.Background())
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+s.at+root+"/EventService/SSE", http.NoBody)
		s.check(err)
		req.SetBasicAuth(user, s.tokens[user])
		resp, err := s.client.Do(req)
		s.check(err)
		lines, over := make(chan string, 100), make(chan struct{})
		scan := bufio.NewScanner(resp.Body)
		scan.Scan()
		go func() {
			defer close(over)
			for scan.Scan() {
				if data, is := strings.CutPrefix(scan.Text(), "data: "); is {
					lines <- data
				}
			}
		}()
		t.Cleanup(func() {
			cancel()
			<-over
			resp.Body.Close()
		})
		return lines
	}
	ann, bob := follow("ann"), follow("bob")
	wait := func(from <-chan string, what ...string) {
		t.Helper()
		for deadline := time.After(30 * time.Second); ; {
			select {
			case line := <-from:
				if strings.Contains(line, "Systems/n3") && from == bob {
					t.Errorf("bob hears of n3: %s", line)
				}
				if !slices.ContainsFunc(what, func(w string) bool { return !strings.Contains(line, w) }) {
					return
				}
			case <-deadline:
				t.Fatalf("nothing with %v came", what)
			}
		}
	}
	s.ask("ann", "POST", reset("n3"), `{"ResetType":"On"}`)
	s.ask("ann", "POST", reset("n1"), `{"ResetType":"On"}`)
	wait(ann, "Machine.1.0.Switched", "Systems/n3")
	wait(bob, "Machine.1.0.Switched", "Systems/n1")
}

// TestFenceRedfish switches an outlet as clusters do.
func TestFenceRedfish(t *testing.T) {
	s := newStand(t, nil)
	host, port, _ := net.SplitHostPort(s.at)
	for _, step := range []struct{ action, want string }{{"on", "ON"}, {"status", "ON"}, {"reboot", "Rebooted"}, {"off", "OFF"}} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		cmd := exec.CommandContext(ctx, "fence_redfish", "-a", host, "-u", port, "--ssl-insecure", "-l", "ann", "-p", s.tokens["ann"],
			"--systems-uri", root+"/Systems/n2", "--power-timeout=30", "-o", step.action)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin", "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8"}
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil || !strings.Contains(string(out), step.want) {
			t.Errorf("%s: %v\n%s", step.action, err, out)
		}
	}
	if s.mu.Lock(); s.on["n2"] {
		t.Error("the outlet is on")
	}
	s.mu.Unlock()
}
