package standard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/oem/dell"
	"millwright.dev/millwright/ipmi/oem/fujitsu"
	"millwright.dev/millwright/ipmi/oem/inventec"
	"millwright.dev/millwright/ipmi/oem/lenovo"
	"millwright.dev/millwright/ipmi/oem/standard"
	"millwright.dev/millwright/ipmi/oem/supermicro"
)

// found gives the machine of a maker, with its answers, as one that has a capability.
func found[T any](t *testing.T, id mc.DeviceID, answers map[string]string) (T, *ipmitest.Doer) {
	t.Helper()
	d := ipmitest.Table(t, answers)
	name, m, err := oem.Find(t.Context(), standard.Makers(), oem.Target{Doer: d, ID: id}, oem.Options{})
	x, ok := oem.As[T](m)
	if err != nil || !ok {
		t.Fatalf("%q is no %T: %v", name, x, err)
	}
	return x, d
}

var smm = mc.DeviceID{Maker: lenovo.ID, Product: 1180, ID: 32}

func TestEnclosure(t *testing.T) {
	ctx := t.Context()
	m, d := found[*lenovo.Enclosure](t, smm, map[string]string{
		"32/90 01": "00 e8 03 dc 05 d0 07", "32/90 02": "00 84 03 78 05 6c 07", "32/90 03": "00 3c 00 00",
		"32/91":    "00 00 04 0f 0b 00 00",
		"32/a5 01": "00 10 27 32 02", "32/a5 02": "00 00 00 00 01", "32/a5 03": "00 00 00 00 00", "32/a5 04": "c9",
		"32/96":    "00 02 00",
		"32/a7 01": "00 80 01 02 04", "32/a7 02": "00 00 00 00 00", "32/a7": "c9",
		"32/a4 03 02": "00",
		"32/9d 0d":    "00 e8 03 a0 0f", "32/9e 0d dc 05": "00", "32/a0 0d": "00 01 dc 05 02", "32/9f 0d 00 02": "00",
	})
	if p, err := m.Power(ctx); err != nil || p != (oem.PowerStatistics{Now: 1500, Min: 1000, Max: 2000, Average: 1500}) {
		t.Errorf("power %+v, %v", p, err)
	}
	readings, err := m.ExtraSensors(ctx)
	var got []string
	for _, r := range readings {
		s := r.Name
		if r.Value != nil {
			s += fmt.Sprintf(" %.0f %s", *r.Value, r.Units)
		}
		for _, x := range r.States {
			s += " " + x.Name
		}
		got = append(got, s)
	}
	want := []string{
		"DC Power 1400 W", "Fan Power 60 W", "PSU 1 power good", "PSU 2 power good", "PSU 3 no power", "PSU 4 power good",
		"PSU 1 Fan 10000 RPM", "PSU 2 Fan 0 RPM abnormal",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("readings %q, %v; want %q", got, err, want)
	}
	if l, err := m.LEDs(ctx); err != nil || !slices.Equal(l, []oem.LED{{Name: "locator", State: "blink"}, {Name: "check log", State: "off"}}) {
		t.Errorf("lights %v, %v", l, err)
	}
	if items, err := m.Inventory(ctx); err != nil || len(items) != 1 || items[0].Name != "Bay 1" || items[0].Fields[0].Text != "on" || items[0].Fields[3].Text != "granted" {
		t.Errorf("bays %+v, %v", items, err)
	}
	if err := m.ReseatBay(ctx, 13); err == nil {
		t.Error("there is a bay 13")
	}
	on, err1 := m.CappingEnabled(ctx)
	watts, err2 := m.Cap(ctx)
	if err := errors.Join(err1, err2, m.ReseatBay(ctx, 3), m.SetCap(ctx, 1500), m.SetCappingEnabled(ctx, false)); err != nil || !on || watts != 1500 {
		t.Errorf("limited %v to %d W, %v", on, watts, err)
	}
	if err := m.SetCap(ctx, 999); err == nil || slices.Contains(d.Sent(), "32/9e 0d e7 03") {
		t.Errorf("limited to less than is possible: %v", err)
	}
}

func TestXCCBuild(t *testing.T) {
	id := mc.DeviceID{Maker: lenovo.ID, Product: 1, ID: 32}
	m, _ := found[oem.FirmwareList](t, id, map[string]string{"3a/c1": "00 00 10 00", "3a/50": `00 "TEI392O" 00 00 "2024-01-31" 00 00 00`})
	if list, err := m.Firmware(t.Context()); err != nil || len(list) != 1 || list[0].Version != "TEI392O" || list[0].Build != "2024-01-31" {
		t.Errorf("%+v, %v", list, err)
	}
}

// The commands that no packaged client knows, as their makers' documents and users have them.
func TestDocumented(t *testing.T) {
	ctx := t.Context()
	power, _ := found[oem.PowerMeter](t, mc.DeviceID{Maker: 119}, map[string]string{"3e/0b": "00 4c 00"})
	if p, err := power.Power(ctx); err != nil || p.Now != 76 {
		t.Errorf("NEC: %+v, %v", p, err)
	}
	answers := map[string]string{
		"30/93 db 07 00 11 00": "00 db 07 00 10 03 00 00", "30/93 db 07 00 11 01": "00 db 07 00 20 03 00 00 00 00 00 00",
		"30/93 db 07 00 11 03": "00 db 07 00 70 17 00 00",
	}
	power, _ = found[oem.PowerMeter](t, mc.DeviceID{Maker: 2011}, answers)
	if p, err := power.Power(ctx); err != nil || p.Now != 784 || p.Max != 800 || p.Average != 0 {
		t.Errorf("Huawei: %+v, %v", p, err)
	}
	extra, _ := found[oem.ExtraSensors](t, mc.DeviceID{Maker: 2011}, answers)
	if r, err := extra.ExtraSensors(ctx); err != nil || len(r) != 1 || *r[0].Value != 1 {
		t.Errorf("Huawei: %+v, %v", r, err)
	}
	board := mc.DeviceID{Maker: supermicro.NewID}
	config, d := found[oem.BMCConfig](t, board, map[string]string{"30/70 0c 00": "00 02", "30/45 00": "00 04", "30/70 0c 01 01": "00", "30/45 01 02": "00"})
	settings, err := config.BMCConfig(ctx, false)
	if err != nil || len(settings) != 2 || settings[0].Value != "failover" || settings[1].Value != "heavy_io" || !slices.Contains(settings[1].Possible, "full") {
		t.Errorf("Supermicro: %+v, %v", settings, err)
	}
	if err := config.SetBMCConfig(ctx, map[string]string{"fan.mode": "optimal", "nic.mode": "shared"}); err != nil {
		t.Error(err)
	}
	n := len(d.Sent())
	for _, bad := range []map[string]string{{"fan.mode": "loud"}, {"nic.mode": "shared", "colour": "red"}} {
		if err := config.SetBMCConfig(ctx, bad); err == nil || len(d.Sent()) != n {
			t.Errorf("%v was tried: %v", bad, err)
		}
	}
	list, _ := found[oem.FirmwareList](t, board, map[string]string{"30/ac 00 00": `00 00 "3.4 " 00`})
	if f, err := list.Firmware(ctx); err != nil || len(f) != 1 || f[0] != (oem.Firmware{Name: "BIOS", Version: "3.4"}) {
		t.Errorf("Supermicro: %+v, %v", f, err)
	}
	m, d := found[*supermicro.Machine](t, board, map[string]string{"30/03": "00"})
	if err := m.ResetIntrusion(ctx); err != nil || !slices.Equal(d.Sent(), []string{"30/03"}) {
		t.Errorf("%v: %q", err, d.Sent())
	}
}

func TestIRMC(t *testing.T) {
	ctx := t.Context()
	id := mc.DeviceID{Maker: fujitsu.ID}
	m, _ := found[*fujitsu.Machine](t, id, map[string]string{
		"2e/f5 80 28 00 43 02 00 00 20": `00 80 28 00 03 00 02 00 02 01 00 00 50 30 09 "Fan 3" 00`,
		"2e/f5 80 28 00 43 02 00 05 20": `00 80 28 00 03 00 02 00 02 01 00 00 50 30 09 " bad" 00`,
		"2e/f5 80 28 00 43 04 00 00 20": "00 80 28 00 03 00 02 00 02 01 00 00 50 10 ff 00",
		"2e/f5 80 28 00 b0 01":          "00 80 28 00",
		"2e/f5 80 28 00 b1":             "00 80 28 00 00", "2e/f5 80 28 00 b3": "00 80 28 00 07",
	})
	if s, severity, err := m.EventText(ctx, 2); err != nil || s != "Fan 3 bad" || severity != event.Critical {
		t.Errorf("%q, %v, %v", s, severity, err)
	}
	// It promises 255 bytes and never gives one.
	if s, _, err := m.EventText(ctx, 4); err != nil || s != "" {
		t.Errorf("%q, %v", s, err)
	}
	if err := m.SetIdentify(ctx, true); err != nil {
		t.Error(err)
	}
	if l, err := m.LEDs(ctx); err != nil || !slices.Equal(l, []oem.LED{{Name: "identify", State: "off"}, {Name: "css", State: "blink"}, {Name: "error", State: "on"}}) {
		t.Errorf("%v, %v", l, err)
	}
}

// A limit of a PowerEdge without Dell's commands is DCMI's.
func TestDellByDCMI(t *testing.T) {
	m, d := found[oem.Capping](t, mc.DeviceID{Maker: dell.ID}, map[string]string{
		"2c/03 dc 00 00": "00 dc 00 00 11 c8 00 e8 03 00 00 00 00 3c 00", "2c/04": "00 dc", "2c/05": "00 dc",
	})
	watts, err := m.Cap(t.Context())
	if err := errors.Join(err, m.SetCap(t.Context(), 300), m.SetCappingEnabled(t.Context(), true)); err != nil || watts != 200 {
		t.Errorf("%d W, %v", watts, err)
	}
	if s := strings.Join(d.Sent(), "; "); !strings.Contains(s, "2c/04 dc 00 00 00 11 2c 01") || !strings.Contains(s, "2c/05 dc 01") {
		t.Error(s)
	}
	m, _ = found[oem.Capping](t, mc.DeviceID{Maker: dell.ID}, map[string]string{"30/ba 01 ff": "00 01"})
	if err := m.SetCap(t.Context(), 300); err == nil {
		t.Error("a limit that is fixed was set")
	}
}

func TestNotClearedByGuess(t *testing.T) {
	for _, maker := range []uint32{dell.ID, 343, 15370, supermicro.ID, inventec.ID} {
		m, d := found[oem.BMCConfig](t, mc.DeviceID{Maker: maker}, nil)
		if err := m.ClearBMCConfig(t.Context()); !errors.Is(err, oem.ErrUnsupported) || len(d.Sent()) > 0 {
			t.Errorf("%d: %v after %q", maker, err, d.Sent())
		}
	}
	m, d := found[oem.BMCConfig](t, mc.DeviceID{Maker: 7244}, map[string]string{"30/04 ff": "00 01"})
	if err := m.ClearBMCConfig(t.Context()); err != nil || !slices.Equal(d.Sent(), []string{"30/04 ff"}) {
		t.Errorf("Quanta: %v after %q", err, d.Sent())
	}
}

// noise answers every request with the same bytes.
type noise []byte

func (n noise) Do(_ context.Context, r ipmi.Request) ([]byte, error) {
	if len(n) > 0 && n[0] == 0xc1 {
		return nil, &ipmi.CodeError{NetFn: r.NetFn, Cmd: r.Cmd, Code: ipmi.CodeInvalidCommand}
	}
	return n, nil
}

// everything asks a machine for all that it can tell.
func everything(ctx context.Context, m oem.Machine) {
	if x, ok := oem.As[oem.PowerMeter](m); ok {
		_, _ = x.Power(ctx)
	}
	if x, ok := oem.As[oem.ExtraSensors](m); ok {
		_, _ = x.ExtraSensors(ctx)
	}
	if x, ok := oem.As[oem.LEDs](m); ok {
		_, _ = x.LEDs(ctx)
	}
	if x, ok := oem.As[oem.Inventory](m); ok {
		_, _ = x.Inventory(ctx)
	}
	if x, ok := oem.As[oem.FirmwareList](m); ok {
		_, _ = x.Firmware(ctx)
	}
	if x, ok := oem.As[oem.BMCConfig](m); ok {
		_, _ = x.BMCConfig(ctx, true)
	}
	if x, ok := oem.As[oem.Capping](m); ok {
		_, _ = x.Cap(ctx)
		_, _ = x.CappingEnabled(ctx)
		_ = x.SetCap(ctx, 1)
	}
	if x, ok := oem.As[oem.DomainName](m); ok {
		_, _ = x.DomainName(ctx)
	}
	if x, ok := m.(*fujitsu.Machine); ok {
		_, _, _ = x.EventText(ctx, 1)
	}
}

// FuzzAnswers holds that no answer of a BMC is too much for a maker's code.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{"", "00", "c1", "57 01 00 05 02 00 04 05", "80 28 00 03 00 02 00 02 01 00 00 50 30 ff 41", "11 00 00 ff 41", "01 00 00 00 ff 61", "01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18"} {
		f.Add(ipmitest.Bytes(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range standard.Makers() {
			everything(t.Context(), m.Open(oem.Target{Doer: noise(b)}))
		}
	})
}
