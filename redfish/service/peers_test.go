package service_test

import (
	"context"
	"encoding/json"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stmcginnis/gofish"
	"github.com/stmcginnis/gofish/schemas"
)

// run runs a program of somebody else's, which must end well unless it shall not.
func run(t *testing.T, fails bool, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin", "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8", "no_proxy=*"} // none of this place's proxies and authorities
	out, err := cmd.CombinedOutput()
	if (err != nil) != fails {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestSushy drives a machine as Ironic and Metal3 do.
func TestSushy(t *testing.T) {
	s := newStand(t, nil)
	run(t, false, "/usr/bin/python3", "-W", "ignore", "testdata/sushy_client.py", s.server.URL, m1)
}

// TestFenceRedfish drives a machine as clusters do.
func TestFenceRedfish(t *testing.T) {
	s := newStand(t, nil)
	u, err := url.Parse(s.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(u.Host)
	fence := func(action string, more ...string) string {
		return run(t, len(more) > 0, "fence_redfish", append([]string{
			"-a", host, "-u", port, "--ssl-insecure", "-l", "root", "-p", "secret", "--systems-uri", m1,
			"--power-timeout=20", "-o", action,
		}, more...)...)
	}
	for _, step := range []struct{ action, want string }{
		{"on", "ON"}, {"status", "ON"}, {"reboot", "Rebooted"}, {"off", "OFF"},
	} {
		if got := fence(step.action); !strings.Contains(got, step.want) {
			t.Errorf("%s: %s", step.action, got)
		}
	}
	if m := s.get(m1); m["PowerState"] != "Off" {
		t.Errorf("the machine is %v", m["PowerState"])
	}
	fence("on", "-p", "guess") // refused
}

func TestGofish(t *testing.T) {
	s := newStand(t, nil)
	client, err := gofish.ConnectContext(t.Context(), gofish.ClientConfig{Endpoint: s.server.URL, Username: "root", Password: "secret", HTTPClient: s.client})
	if err != nil {
		t.Fatal(err)
	}
	defer client.HTTPClient.CloseIdleConnections()
	defer client.Logout()
	systems, err := client.Service.Systems()
	if err != nil || len(systems) != 3 {
		t.Fatalf("%d systems, %v", len(systems), err)
	}
	system := named(t, systems, "m1", func(s *schemas.ComputerSystem) string { return s.ID })
	if system.ID != "m1" || system.UUID != "58893887-8974-2487-2389-841168418919" || system.Manufacturer != "Acme" {
		t.Errorf("got %+v", system)
	}
	if _, err := system.Reset(schemas.OnResetType); err != nil {
		t.Error(err)
	}
	if _, err := system.Reset(schemas.PushPowerButtonResetType); err == nil {
		t.Error("a reset that there is not was taken")
	}
	if system, err = schemas.GetComputerSystem(client, m1); err != nil { // the ETag of before is worth nothing now
		t.Fatal(err)
	}
	if err := system.SetBoot(&schemas.Boot{BootSourceOverrideTarget: schemas.CdBootSource, BootSourceOverrideEnabled: schemas.OnceBootSourceOverrideEnabled}); err != nil {
		t.Error(err)
	}
	if m := s.get(m1); m["PowerState"] != "On" || at(m, "Boot", "BootSourceOverrideTarget") != "Cd" {
		t.Errorf("got %v", m)
	}
	gofishRest(t, client, system)
}

// named gives the one of that id; gofish lists in no order.
func named[T any](t *testing.T, list []T, id string, of func(T) string) (one T) {
	t.Helper()
	i := slices.IndexFunc(list, func(v T) bool { return of(v) == id })
	if i < 0 {
		t.Fatalf("no %s among %d", id, len(list))
	}
	return list[i]
}

// gofishRest reads all else with gofish.
func gofishRest(t *testing.T, client *gofish.APIClient, system *schemas.ComputerSystem) {
	t.Helper()
	logs, err := system.LogServices()
	if err != nil || len(logs) != 1 {
		t.Fatalf("%d logs, %v", len(logs), err)
	}
	entries, err := logs[0].Entries()
	if err != nil || len(entries) != 2 || named(t, entries, "1", func(e *schemas.LogEntry) string { return e.ID }).Message != "Power supply failed" {
		t.Errorf("entries %+v, %v", entries, err)
	}
	if _, err := logs[0].ClearLog(""); err != nil {
		t.Error(err)
	}
	chassis, err := client.Service.Chassis()
	if err != nil || len(chassis) != 3 {
		t.Fatalf("%d chassis, %v", len(chassis), err)
	}
	c := named(t, chassis, "m1", func(c *schemas.Chassis) string { return c.ID })
	sensors, err := c.Sensors()
	if err != nil || len(sensors) != 9 {
		t.Errorf("%d sensors, %v", len(sensors), err)
	}
	power, err := c.Power()
	if err != nil || *power.PowerControl[0].PowerConsumedWatts != 143 {
		t.Errorf("power %+v, %v", power, err)
	}
	managers, err := client.Service.Managers()
	if err != nil || len(managers) != 3 {
		t.Fatalf("%d managers, %v", len(managers), err)
	}
	media, err := named(t, managers, "m1", func(m *schemas.Manager) string { return m.ID }).VirtualMedia()
	if err != nil || len(media) != 1 {
		t.Errorf("%d media, %v", len(media), err)
	}
	accounts, err := client.Service.AccountService()
	if err != nil {
		t.Fatal(err)
	}
	if list, err := accounts.Accounts(); err != nil || len(list) != 3 {
		t.Errorf("%d accounts, %v", len(list), err)
	}
	if events, err := client.Service.EventService(); err != nil || events.ServerSentEventURI == "" {
		t.Errorf("events %+v, %v", events, err)
	}
}

// TestCurl is what people do by hand.
func TestCurl(t *testing.T) {
	s := newStand(t, nil)
	out := run(t, false, "curl", "-ksS", "-u", "root:secret", "-H", "Content-Type: application/json", "-d", `{"ResetType":"On"}`, "-w", "%{http_code}", s.server.URL+resetM1)
	if out != "204" {
		t.Errorf("got %s", out)
	}
	var o map[string]any
	if err := json.Unmarshal([]byte(run(t, false, "curl", "-ksS", "-u", "root:secret", s.server.URL+m1+"?$select=PowerState")), &o); err != nil || o["PowerState"] != "On" {
		t.Errorf("got %v, %v", o, err)
	}
}
