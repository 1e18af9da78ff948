package host_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/lan"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/user"
)

// sim gives a session with OpenIPMI's simulator.
func sim(t *testing.T) (context.Context, *ipmi.Session) {
	t.Helper()
	ctx := t.Context()
	c := ipmi.NewClient(ipmi.ClientOptions{})
	t.Cleanup(func() { c.Close() })
	s, err := c.Open(ctx, ipmitest.Sim(t, ""), ipmi.Options{User: ipmitest.SimUser, Password: ipmitest.SimPassword})
	if err != nil {
		t.Fatal(err)
	}
	return ctx, s
}

// TestOpenIPMI asks OpenIPMI's simulator for its machine.
func TestOpenIPMI(t *testing.T) {
	ctx, s := sim(t)
	h := host.New(s, host.Options{})
	id, err := h.Device(ctx)
	if err != nil || id.Maker != 0x1291 || id.Product != 0xf02 || id.Firmware() != "9.08" {
		t.Errorf("device %+v, %v", id, err)
	}
	if v, err := h.Variant(ctx); err != nil || v != "" {
		t.Errorf("variant %q, %v", v, err)
	}
	if on, err := h.GetPower(ctx); err != nil || on {
		t.Errorf("on %v, %v", on, err)
	}
	// This machine cannot be switched, and says so.
	if err := h.SetPower(ctx, host.On, 0); !errors.Is(err, ipmi.CodeInvalidField) {
		t.Errorf("switched on: %v", err)
	}
	if _, err := h.LEDs(ctx); !errors.Is(err, oem.ErrUnsupported) {
		t.Errorf("lights: %v", err)
	}
	parts, err := h.Inventory(ctx)
	if err != nil || len(parts) != 1 || !slices.Contains(parts[0].Fields, fru.Field{Name: "bmc.product", Text: "3842"}) {
		t.Errorf("parts %+v, %v", parts, err)
	}
	if health, err := h.Health(ctx); err != nil || health.Worst != event.OK {
		t.Errorf("health %+v, %v", health, err)
	}
	if _, err := h.Log(ctx, true); err != nil {
		t.Error(err)
	}
	if w, err := h.Watchdog(ctx); err != nil || w.Running {
		t.Errorf("watchdog %+v, %v", w, err)
	}
}

// TestOpenIPMIChannel asks it for its channel, its users and its network.
func TestOpenIPMIChannel(t *testing.T) {
	ctx, s := sim(t)
	h := host.New(s, host.Options{})
	if n, err := h.FindChannel(ctx); err != nil || n != 1 {
		t.Errorf("channel %d, %v", n, err)
	}
	if n, err := h.Network(ctx, channel.Present); err != nil || n.Channel != 1 || !n.Address.IsValid() {
		t.Errorf("network %+v, %v", n, err)
	}
	if a, err := h.ChannelAccess(ctx, channel.Present, channel.NonVolatile); err != nil || a.Mode != channel.Always || a.Limit != channel.Administrator {
		t.Errorf("access %+v, %v", a, err)
	}
	id, err := h.CreateUser(ctx, channel.Present, user.NewUser{Name: "eve", Secret: []byte("secret"), Limit: channel.User})
	if err != nil || id != 3 {
		t.Fatalf("user %d, %v", id, err)
	}
	users, err := h.Users(ctx, channel.Present)
	if err != nil || len(users) != 2 || users[1].Name != "eve" || users[1].Limit != channel.User || !users[1].Messaging {
		t.Errorf("users %+v, %v", users, err)
	}
	if err := h.DeleteUser(ctx, channel.Present, id); err != nil {
		t.Error(err)
	}
	if users, err := h.Users(ctx, channel.Present); err != nil || len(users) != 1 {
		t.Errorf("users %+v, %v", users, err)
	}
	if c, err := h.Community(ctx, channel.Present); err != nil || c != "public" {
		t.Errorf("community %q, %v", c, err)
	}
	suites, err := channel.GetSuites(ctx, s, channel.Present, 0)
	s3, _ := channel.StandardSuite(3)
	if err != nil || !slices.ContainsFunc(suites, func(x channel.Suite) bool { return reflect.DeepEqual(x, s3) }) {
		t.Errorf("suites %+v, %v", suites, err)
	}
	limits, err := lan.GetSuites(ctx, s, 1)
	if err != nil || limits[3] != channel.Administrator {
		t.Errorf("limits %v, %v", limits, err)
	}
	sessions, err := channel.GetSessions(ctx, s)
	if err != nil || len(sessions) != 1 || sessions[0].User != 2 || !sessions[0].IPMI2 {
		t.Errorf("sessions %+v, %v", sessions, err)
	}
}
