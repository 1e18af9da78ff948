package host_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/sel"
	"millwright.dev/millwright/ipmi/sensor"
)

func TestWithoutTheMakersCommands(t *testing.T) {
	_, h := machine(t)
	ctx := t.Context()
	for what, do := range map[string]func() error{
		"lights":        func() error { _, err := h.LEDs(ctx); return err },
		"NTP":           func() error { _, err := h.NTP(ctx); return err },
		"set NTP":       func() error { return h.SetNTP(ctx, host.NTP{}) },
		"domain":        func() error { _, err := h.DomainName(ctx); return err },
		"set domain":    func() error { return h.SetDomainName(ctx, "x") },
		"description":   func() error { _, err := h.Description(ctx); return err },
		"bay":           func() error { return h.ReseatBay(ctx, 1) },
		"video":         func() error { _, err := h.Video(ctx); return err },
		"media":         func() error { _, err := h.Media(ctx); return err },
		"licences":      func() error { _, err := h.Licences(ctx); return err },
		"system config": func() error { _, err := h.SystemConfig(ctx); return err },
		"BMC config":    func() error { _, err := h.BMCConfig(ctx); return err },
		"storage":       func() error { _, err := h.Storage(ctx); return err },
		"firmware":      func() error { return h.UpdateFirmware(ctx, strings.NewReader(""), "", nil) },
		"diagnostics":   func() error { return h.Diagnostics(ctx, io.Discard, nil) },
	} {
		err := do()
		var un *oem.UnsupportedError
		if !errors.As(err, &un) || un.Maker != 11 || un.Product != 256 || un.What == "" || !strings.Contains(err.Error(), "HPE product 256") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if v, err := h.Variant(ctx); err != nil || v != "" {
		t.Errorf("variant %q, %v", v, err)
	}
}

// all is a machine whose maker has commands for much.
type all struct{ did *[]string }

func (a all) say(what string) { *a.did = append(*a.did, what) }

func (a all) SetPower(_ context.Context, verb string) error { a.say("power " + verb); return nil }

func (a all) Identify(_ context.Context, l time.Duration) error {
	a.say("identify " + l.String())
	return nil
}
func (a all) Hostname(context.Context) (string, error)           { return "its name", nil }
func (a all) SetHostname(_ context.Context, name string) error   { a.say("name " + name); return nil }
func (a all) AssetTag(context.Context) (string, error)           { return "its tag", nil }
func (a all) SetAssetTag(_ context.Context, tag string) error    { a.say("tag " + tag); return nil }
func (a all) CappingEnabled(context.Context) (bool, error)       { return true, nil }
func (a all) SetCappingEnabled(_ context.Context, on bool) error { a.say("capping"); return nil }
func (a all) Cap(context.Context) (int, error)                   { return 77, nil }
func (a all) SetCap(_ context.Context, watts int) error          { a.say("cap"); return nil }
func (a all) Inventory(context.Context) ([]oem.Item, error)      { return []oem.Item{{Name: "DIMM 1"}}, nil }

func (a all) Firmware(context.Context) ([]oem.Firmware, error) {
	return []oem.Firmware{{Name: "UEFI", Version: "3"}}, nil
}

func (a all) DecodeEvent(e *sel.Entry) { e.State.Name = "as the maker says" }

func (a all) DecodeFRU(_ fru.Device, i *fru.Inventory) { i.Warnings = append(i.Warnings, "decoded") }

func (a all) LEDs(context.Context) ([]oem.LED, error) {
	return []oem.LED{{Name: "power", State: "green"}}, nil
}

func (a all) Description(context.Context) (map[string]string, error) {
	return map[string]string{"slot": "7"}, nil
}

func (a all) ReseatBay(_ context.Context, bay int) error {
	a.say(fmt.Sprintf("bay %d", bay))
	return nil
}

func (a all) DomainName(context.Context) (string, error) { return "example.net", nil }
func (a all) NTPEnabled(context.Context) (bool, error)   { return true, nil }
func (a all) NTPServers(context.Context) ([]string, error) {
	return []string{"192.0.2.1"}, nil
}

func (a all) SetDomainName(_ context.Context, name string) error {
	a.say("domain " + name)
	return nil
}

func (a all) SetNTPEnabled(_ context.Context, on bool) error {
	a.say(fmt.Sprintf("ntp %v", on))
	return nil
}

func (a all) SetNTPServer(_ context.Context, i int, server string) error {
	a.say(fmt.Sprintf("ntp %d %s", i, server))
	return nil
}

func (a all) UpdateFirmware(_ context.Context, _ io.Reader, bank string, _ func(string, float64)) error {
	a.say("update " + bank)
	return nil
}

func (a all) Diagnostics(_ context.Context, to io.Writer, _ func(string, float64)) error {
	_, err := io.WriteString(to, "all is well")
	return err
}

func (a all) ExtraSensors(context.Context) ([]sensor.Reading, error) {
	return []sensor.Reading{{Name: "Energy", Health: event.OK}}, nil
}

// A maker's commands come before the generic ones where they must, and after them where
// they add to them.
func TestWithTheMakersCommands(t *testing.T) {
	m, _ := machine(t)
	var did []string
	maker := oem.Maker{
		Name: "all", Products: []oem.Product{{Maker: 11, Product: oem.AnyProduct, Device: oem.AnyProduct}},
		Open: func(oem.Target) oem.Machine { return all{did: &did} },
	}
	h := host.New(m.As("admin", 4), host.Options{Makers: []oem.Maker{maker}})
	ctx := t.Context()
	if err := errors.Join(h.SetPower(ctx, host.On, 0), h.Identify(ctx, time.Second), h.SetHostname(ctx, "n"), h.SetAssetTag(ctx, "t"),
		h.SetCap(ctx, host.Cap{Enabled: true, Watts: 5})); err != nil {
		t.Error(err)
	}
	if want := []string{"power on", "identify 1s", "name n", "tag t", "cap", "capping"}; !slices.Equal(did, want) {
		t.Errorf("did %q, want %q", did, want)
	}
	did = nil
	if err := errors.Join(h.ReseatBay(ctx, 3), h.SetDomainName(ctx, "d"), h.SetNTP(ctx, host.NTP{Enabled: true, Servers: []string{"a", "b"}}),
		h.UpdateFirmware(ctx, strings.NewReader(""), "backup", nil)); err != nil {
		t.Error(err)
	}
	if want := []string{"bay 3", "domain d", "ntp 0 a", "ntp 1 b", "ntp true", "update backup"}; !slices.Equal(did, want) {
		t.Errorf("did %q, want %q", did, want)
	}
	leds, err1 := h.LEDs(ctx)
	ntp, err2 := h.NTP(ctx)
	domain, err3 := h.DomainName(ctx)
	where, err4 := h.Description(ctx)
	var diagnostics strings.Builder
	err5 := h.Diagnostics(ctx, &diagnostics, nil)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil || len(leds) != 1 || !ntp.Enabled || len(ntp.Servers) != 1 ||
		domain != "example.net" || where["slot"] != "7" || diagnostics.String() != "all is well" {
		t.Errorf("%v, %v, %q, %v, %q, %v", leds, ntp, domain, where, diagnostics.String(), err)
	}
	name, err1 := h.Hostname(ctx)
	tag, err2 := h.AssetTag(ctx)
	limit, err3 := h.GetCap(ctx)
	if err := errors.Join(err1, err2, err3); err != nil || name != "its name" || tag != "its tag" || limit != (host.Cap{Enabled: true, Watts: 77}) {
		t.Errorf("%q, %q, %+v, %v", name, tag, limit, err)
	}
	parts, err := h.Inventory(ctx)
	if err != nil || len(parts) != 3 || parts[2].Name != "DIMM 1" || !slices.Contains(parts[1].Inventory.Warnings, "decoded") {
		t.Errorf("parts %+v, %v", parts, err)
	}
	if p, err := h.Part(ctx, "dimm 1"); err != nil || p.Name != "DIMM 1" {
		t.Errorf("part %+v, %v", p, err)
	}
	fw, err := h.Firmware(ctx, "uefi")
	if err != nil || len(fw) != 1 || fw[0].Version != "3" {
		t.Errorf("firmware %+v, %v", fw, err)
	}
	readings, err := h.Sensors(ctx)
	if err != nil || readings[len(readings)-1].Name != "Energy" {
		t.Errorf("readings %+v, %v", readings, err)
	}
	entries, err := h.Log(ctx, false)
	if err != nil || entries[0].State.Name != "as the maker says" {
		t.Errorf("log %+v, %v", entries, err)
	}
	if v, err := h.Variant(ctx); err != nil || v != "all" {
		t.Errorf("variant %q, %v", v, err)
	}
}

// Of alike machines one is asked which variant it is, also when it is of none that is known.
func TestSeen(t *testing.T) {
	for want, answers := range map[string]map[string]string{
		"lenovo xcc": {"06/01": "00 20 81 02 25 02 bf 66 4a 00 01 00", "3a/c1": "00 00 10 00"},
		"":           {"06/01": "00 21 81 02 25 02 bf 66 4a 00 01 00"},
	} {
		var seen oem.Seen
		for i := range 3 {
			d := ipmitest.Table(t, answers)
			h := host.New(d, host.Options{Seen: &seen, NoProbes: i == 0})
			v, err := h.Variant(t.Context())
			n := len(d.Sent()) - 1
			switch {
			case err != nil, i > 0 && v != want:
				t.Errorf("%q, %v; want %q", v, err, want)
			case i == 0 && n != 0, i == 1 && n == 0, i == 2 && n != 0:
				t.Errorf("%q: machine %d was asked %d times", want, i, n)
			}
		}
	}
}

// A machine without DCMI has its watts from the Node Manager.
func TestPowerWithoutDCMI(t *testing.T) {
	answers := map[string]string{
		"06/01":                   "00 20 00 02 25 02 bf 57 01 00 49 00",
		"2e/c8 57 01 00 01 00 00": "00 57 01 00 38 00 04 00 41 00 39 00 ec 56 f7 53 5a 86 00 00 50",
		"00/01":                   "00 01 00 00",
		"00/04":                   "c1",
	}
	d := ipmitest.Table(t, answers)
	h := host.New(d, host.Options{})
	if p, err := h.Power(t.Context()); err != nil || p.Now != 56 {
		t.Errorf("power %+v, %v", p, err)
	}
	if on, err := h.GetPower(t.Context()); err != nil || !on {
		t.Errorf("on %v, %v", on, err)
	}
	n := len(d.Sent())
	if _, err := h.Device(t.Context()); err != nil || len(d.Sent()) != n {
		t.Errorf("the device id was asked for twice: %v", err)
	}
	h.Refresh()
	if _, err := h.Device(t.Context()); err != nil || len(d.Sent()) != n+1 {
		t.Errorf("after Refresh it was not: %v", err)
	}
	if _, err := h.AssetTag(t.Context()); err == nil {
		t.Error("there is an asset tag")
	}
	if err := chassis.SetIdentify(t.Context(), d, 0); err == nil {
		t.Error("there is a light")
	}
}
