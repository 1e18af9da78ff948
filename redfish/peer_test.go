package redfish_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/redfish"
	"millwright.dev/millwright/redfish/service"
)

// peer serves machines by our own server end, to root, and dials it.
func peer(t *testing.T, ids ...string) (*service.Memory, *service.Service, *redfish.Client) {
	t.Helper()
	b := service.NewMemory("root", password)
	inlet, watts, volts := 21.5, 143.0, 12.06
	for _, id := range ids {
		b.Add(service.Machine{
			ID: id, Name: "Machine " + id, Manufacturer: "Acme", Model: "A1", SerialNumber: "S-" + id, HostName: id + ".example", ManagerVersion: "3.4",
			Power: service.PowerOff, Health: service.OK, Indicator: service.Dark, Log: true,
			Resets: []service.ResetType{service.ResetOn, service.ForceOff, service.GracefulShutdown, service.ForceRestart, service.PowerCycle, service.Nmi},
			Boot:   &service.BootAbility{Sources: []service.BootSource{service.BootPxe, service.BootHdd, service.BootCd, service.BootBiosSetup}, Modes: true},
			Media:  []service.Medium{{ID: "Cd", Types: []string{"CD", "DVD"}}},
		}, service.Reading{Name: "Inlet", Kind: service.Temperature, Value: &inlet, Context: "Intake"},
			service.Reading{Name: "Inlet power", Kind: service.Power, Value: &watts}, service.Reading{Name: "12 V", Kind: service.Voltage, Value: &volts})
	}
	b.Write(ids[0], service.LogEntry{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Source: "PSU 1", Text: "Power supply failed", Health: service.Critical})
	s := service.New(service.Options{Backend: b, Name: "Test", Vendor: "Acme", Product: "Virtual BMC", UUID: "58893887-8974-2487-2389-841168418919"})
	server := httptest.NewTLSServer(s)
	t.Cleanup(func() {
		s.Close()
		server.Close()
	})
	c, err := redfish.Dial(t.Context(), redfish.Options{
		Address: server.URL, User: "root", Password: password, Trust: redfish.Trust{Pins: []string{redfish.Fingerprint(server.Certificate())}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("logging out: %v", err)
		}
	})
	return b, s, c
}

// Our client does at our service what it can do at any.
func TestOurService(t *testing.T) {
	b, _, c := peer(t, "m1", "m2")
	ctx := t.Context()
	all, err := c.Systems(ctx)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	s, err := c.System(ctx, "m1")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		do   redfish.Power
		want redfish.PowerState
	}{{redfish.PowerOn, redfish.StateOn}, {redfish.PowerReset, redfish.StateOn}, {redfish.PowerCycle, redfish.StateOn}, {redfish.Diagnose, redfish.StateOn}, {redfish.SoftOff, redfish.StateOff}, {redfish.PowerBoot, redfish.StateOn}, {redfish.PowerOff, redfish.StateOff}} {
		wait, cancel := context.WithTimeout(ctx, 30*time.Second)
		if err := errors.Join(s.Power(wait, step.do), s.WaitPower(wait, step.want, time.Millisecond)); err != nil {
			t.Errorf("%v: %v", step.do, err)
		}
		cancel()
	}
	if ignored, err := s.SetBoot(ctx, redfish.Boot{Target: "Pxe", Enabled: "Continuous", Mode: "Legacy"}); err != nil || ignored {
		t.Error(ignored, err)
	}
	if boot, err := s.Boot(ctx); err != nil || boot.Target != "Pxe" || boot.Enabled != "Continuous" || boot.Mode != "Legacy" {
		t.Errorf("%+v, %v", boot, err)
	}
	if err := s.SetLight(ctx, redfish.LightOn); err != nil {
		t.Error(err)
	}
	if l, err := s.Light(ctx); err != nil || l != redfish.LightOn {
		t.Error(l, err)
	}
	if h, list, err := s.Health(ctx, true); err != nil || h != redfish.HealthOK || len(list) != 0 {
		t.Error(h, list, err)
	}
	sensors, err := s.Sensors(ctx)
	var kinds []string
	for _, x := range sensors {
		kinds = append(kinds, fmt.Sprintf("%s %s %g", x.Kind, x.Name, x.Value))
	}
	if err != nil || !slices.Contains(kinds, "Temperature Inlet 21.5") || !slices.Contains(kinds, "Power Inlet power 143") || !slices.Contains(kinds, "Voltage 12 V 12.06") {
		t.Errorf("%q, %v", kinds, err)
	}
	list, err := s.Entries(ctx)
	if err != nil || len(list) != 1 || !strings.Contains(list[0].Text, "Power supply failed") || list[0].Severity != redfish.HealthCritical || list[0].At.Year() != 2026 {
		t.Errorf("%+v, %v", list, err)
	}
	logs, err := s.Logs(ctx)
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	if err := c.ClearLog(ctx, logs[0]); err != nil {
		t.Error(err)
	}
	if list, err := s.Entries(ctx); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
	parts, err := s.Inventory(ctx)
	if err != nil || len(parts) == 0 || parts[0].Serial != "S-m1" {
		t.Errorf("%+v, %v", parts, err)
	}
	m, err := s.MediaFor(ctx, "CD")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Insert(ctx, m, "http://images.example/rescue.iso", "", ""); err != nil {
		t.Error(err)
	}
	if m, err = s.MediaFor(ctx, "CD"); err != nil || !m.Inserted || m.Image != "http://images.example/rescue.iso" {
		t.Errorf("%+v, %v", m, err)
	}
	if err := errors.Join(s.BootMedia(ctx, m), c.Eject(ctx, m)); err != nil {
		t.Error(err)
	}
	managers, err := s.Managers(ctx)
	if err != nil || len(managers) != 1 || managers[0].Firmware != "3.4" {
		t.Errorf("%+v, %v", managers, err)
	}
	b.SetUser(service.Account{Name: "root", Role: service.Administrator, Enabled: true}, password) // which ends all sessions
	if is, err := s.PowerState(ctx); err != nil || is != redfish.StateOff {
		t.Errorf("after the session had ended: %v, %v", is, err)
	}
}

func TestOurServiceUsersAndEvents(t *testing.T) {
	_, publisher, c := peer(t, "m1")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	u, err := c.AddUser(ctx, "joe", "a-long-password", "Operator")
	if err != nil || u.Role != "Operator" {
		t.Fatal(u, err)
	}
	if err := errors.Join(c.SetRole(ctx, u, "ReadOnly"), c.SetPassword(ctx, u, "another-password"), c.EnableUser(ctx, u, false)); err != nil {
		t.Error(err)
	}
	if u, err = c.User(ctx, "joe"); err != nil || u.Role != "ReadOnly" || u.Enabled {
		t.Error(u, err)
	}
	if err := c.DeleteUser(ctx, u); err != nil {
		t.Error(err)
	}
	if _, err = c.User(ctx, "joe"); !errors.Is(err, redfish.NotFound) {
		t.Error(err)
	}
	if _, err := c.AddUser(ctx, "x", "y", "Emperor"); err == nil {
		t.Error("a role that there is not")
	}
	enough := errors.New("enough")
	var heard redfish.Event
	err = c.Listen(ctx, "", func() {
		publisher.Publish(service.Event{Machine: "m1", Key: service.PowerChanged, Args: []string{"m1", "On"}, Type: service.StatusChange})
	}, func(e redfish.Event) error {
		heard = e
		return enough
	})
	if !errors.Is(err, enough) || !strings.HasSuffix(heard.MessageID, ".PowerChanged") || heard.Origin != "/redfish/v1/Systems/m1" || heard.Stream == "" {
		t.Errorf("%+v, %v", heard, err)
	}
}
