package mc_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/mc"
)

func codecs() []ipmitest.Codec {
	return []ipmitest.Codec{
		ipmitest.Message(mc.ParseDeviceID, "20 81 02 25 02 bf 57 01 00 49 00 11 22 33 44", "12 00 84 51 51 ff 7c 2a 00 64 08"),
		ipmitest.Message(mc.ParseSelfTest, "55 00", "57 81"),
		ipmitest.Message(mc.ParseGUID, "00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff"),
		ipmitest.Message(mc.ParseACPI, "05 03"),
		ipmitest.Message(mc.ParseSetACPIRequest, "80 83", "2a 7f"),
		ipmitest.Message(mc.ParseEnables, "09"),
		ipmitest.Message(mc.ParseFlags, "0b"),
		ipmitest.Message(mc.ParseWatchdog, "c4 31 0a 10 58 02 2c 01"),
		ipmitest.With(mc.ParseWatchdog, mc.Watchdog.AppendRequest, "44 01 00 3e 10 0e"),
		ipmitest.Message(mc.ParseBusTransfer, "07 a0 10 00", "50 2c 00 01 02 03"),
		ipmitest.Message(mc.ParseNetFns, "a5 01 00 00 00 02 00 00 00 04 00 00 80 ff ff ff ff"),
		ipmitest.Message(mc.ParseCommandQuery, "0e 46 00", "01 2c 00 dc", "01 2e 01 57 01 00"),
		ipmitest.Message(mc.ParseCommandMask, "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"),
		ipmitest.Message(mc.ParseSystemInfoQuery, "00 02 00 01", "80 03 00 00"),
	}
}

func TestMessages(t *testing.T) { ipmitest.RoundTrips(t, codecs()) }

func FuzzMessages(f *testing.F) { ipmitest.Fuzz(f, codecs()) }

func TestGetDeviceID(t *testing.T) {
	for name, tt := range map[string]struct {
		answer string
		want   mc.DeviceID
	}{
		"15 bytes": {
			"00 20 81 02 25 02 bf 57 01 00 49 00 11 22 33 44",
			mc.DeviceID{
				ID: 0x20, Revision: 1, DeviceSDR: true, Major: 2, Minor: 0x25, Version: 2, Support: 0xbf,
				Maker: 343, Product: 0x49, Aux: [4]byte{0x11, 0x22, 0x33, 0x44}, HasAux: true,
			},
		},
		"14 bytes, of which 11 are taken": {
			"00 20 81 02 25 02 bf 57 01 00 49 00 11 22 33",
			mc.DeviceID{ID: 0x20, Revision: 1, DeviceSDR: true, Major: 2, Minor: 0x25, Version: 2, Support: 0xbf, Maker: 343, Product: 0x49},
		},
		"11 bytes, being updated": {
			"00 20 00 85 10 51 81 66 4a 00 02 01",
			mc.DeviceID{ID: 0x20, Updating: true, Major: 5, Minor: 0x10, Version: 0x51, Support: 0x81, Maker: 19046, Product: 0x0102},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := mc.GetDeviceID(t.Context(), ipmitest.Table(t, map[string]string{"06/01": tt.answer}))
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
	_, err := mc.GetDeviceID(t.Context(), ipmitest.Table(t, map[string]string{"06/01": "00 20 81 02 25 02 bf 57 01 00 49"}))
	if !errors.Is(err, ipmi.ErrShort) {
		t.Errorf("10 bytes are no device id, but the error is %v", err)
	}
	id := mc.DeviceID{Major: 2, Minor: 0x05, Version: 0x51}
	if id.Firmware() != "2.05" || id.IPMI() != "1.5" {
		t.Errorf("versions %s and %s", id.Firmware(), id.IPMI())
	}
}

func TestGUIDs(t *testing.T) {
	for wire, want := range map[string][3]string{
		// The same GUID, 12345678-9abc-4def-8123-456789abcdef, in three orders.
		"78 56 34 12 bc 9a ef 4d 81 23 45 67 89 ab cd ef": {"smbios", "12345678-9abc-4def-8123-456789abcdef"},
		"ef cd ab 89 67 45 23 81 ef 4d bc 9a 78 56 34 12": {"ipmi", "", "12345678-9abc-4def-8123-456789abcdef"},
		"12 34 56 78 9a bc 4d ef 81 23 45 67 89 ab cd ef": {"plain"},
	} {
		g, err := mc.GetSystemGUID(t.Context(), ipmitest.Table(t, map[string]string{"06/37": "00" + wire}))
		if err != nil || g.Order() != want[0] {
			t.Errorf("%s: order %q, %v; want %q", wire, g.Order(), err, want[0])
		}
		if g.String() != "12345678-9abc-4def-8123-456789abcdef" {
			t.Errorf("%s is shown as %v", wire, g)
		}
		if want[1] != "" && g.SMBIOS() != want[1] || want[2] != "" && g.IPMI() != want[2] {
			t.Errorf("%s reads %s and %s", wire, g.SMBIOS(), g.IPMI())
		}
		if want[0] == "plain" && g.Plain() != "12345678-9abc-4def-8123-456789abcdef" {
			t.Errorf("%s reads %s", wire, g.Plain())
		}
	}
}

func TestResetsAreSentOnce(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{"06/02": "00", "06/03": "00"})
	if err := errors.Join(mc.ColdReset(t.Context(), d), mc.WarmReset(t.Context(), d)); err != nil {
		t.Fatal(err)
	}
	for _, r := range d.Requests() {
		if !r.Once {
			t.Errorf("%s may be sent twice", ipmitest.Key(r))
		}
	}
}

func TestWatchdog(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{"06/25": "00 44 01 00 10 58 02 2c 01", "06/24 04 13 05 10 58 02": "00", "06/22": "80"})
	w, err := mc.GetWatchdog(t.Context(), d)
	want := mc.Watchdog{Use: mc.WatchdogSMSOS, Running: true, Action: mc.WatchdogHardReset, Expired: 0x10, Initial: time.Minute, Left: 30 * time.Second}
	if err != nil || w != want {
		t.Fatalf("got %+v, %v; want %+v", w, err, want)
	}
	w.Running, w.Action, w.PreInterrupt, w.PreTimeout = false, mc.WatchdogPowerCycle, mc.WatchdogSMI, 5*time.Second
	if err := mc.SetWatchdog(t.Context(), d, w); err != nil {
		t.Error(err)
	}
	if err := mc.ResetWatchdog(t.Context(), d); !errors.Is(err, ipmi.Code(0x80)) {
		t.Errorf("a watchdog that was never set started: %v", err)
	}
	w.PreTimeout = time.Hour
	if err := mc.SetWatchdog(t.Context(), d, w); err == nil {
		t.Error("a warning before the start was sent")
	}
}

func TestSystemInfo(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{
		"06/59 00 01 00 00": `00 11 00 00 13 "2.1.0-abcdefgh"`,
		"06/59 00 01 01 00": `00 11 01 "ijkl~" 00 00 00`,
		"06/58":             "00",
	})
	got, err := mc.GetSystemInfo(t.Context(), d, mc.InfoFirmwareVersion)
	if err != nil || got != "2.1.0-abcdefghijkl~" {
		t.Errorf("the version is %q, %v", got, err)
	}
	if err := mc.SetSystemInfo(t.Context(), d, mc.InfoSystemName, "node-123.example.net"); err != nil {
		t.Error(err)
	}
	want := []string{
		"06/58 02 00 01 14 6e 6f 64 65 2d 31 32 33 2e 65 78 61 6d 70",
		"06/58 02 01 6c 65 2e 6e 65 74 00 00 00 00 00 00 00 00 00 00",
	}
	if sent := d.Sent(); !slices.Equal(sent[2:], want) {
		t.Errorf("the name was sent as %q", sent)
	}
	if _, err := mc.GetSystemInfo(t.Context(), d, mc.InfoOSName); !errors.Is(err, ipmi.CodeInvalidCommand) {
		t.Errorf("a parameter that is not there gives %v", err)
	}
}

func TestGetCommands(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{
		"06/09 0e":       "00 01 09 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
		"06/0a 0e 06 00": "00 fd ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff", // a set bit: not there
		"06/0c 0e 06 00": "00 fd ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff",
		"06/0a 0e 46 00": "00 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff 7f",
	})
	fns, err := mc.GetNetFns(t.Context(), d, 0x0e)
	if err != nil || !slices.Equal(fns.List(0), []ipmi.NetFn{0x00, 0x06}) {
		t.Errorf("network functions %v, %v", fns.List(0), err)
	}
	c, err := mc.GetCommands(t.Context(), d, mc.CommandQuery{Channel: 0x0e, NetFn: ipmi.NetFnApp})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Configurable[1] || c.Configurable[2] || c.Enabled[1] {
		t.Errorf("configurable %v %v, enabled %v", c.Configurable[1], c.Configurable[2], c.Enabled[1])
	}
	for cmd := range 256 {
		if want := cmd == 1 || cmd == 0xff; c.Supported[cmd] != want {
			t.Errorf("command %02x: supported %v", cmd, c.Supported[cmd])
		}
	}
}

func TestTransfer(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{"06/52 03 a0 02 10": "00 ab cd", "06/52 03 a0 02": "83"})
	got, err := mc.Transfer(t.Context(), d, mc.BusTransfer{Bus: 1, Private: true, Address: 0xa0, Read: 2, Write: []byte{0x10}})
	if err != nil || string(got) != "\xab\xcd" {
		t.Errorf("read % x, %v", got, err)
	}
	if _, err := mc.Transfer(t.Context(), d, mc.BusTransfer{Bus: 1, Private: true, Address: 0xa0, Read: 2}); !errors.Is(err, ipmi.Code(0x83)) {
		t.Errorf("no acknowledgement gives %v", err)
	}
	if r := d.Requests(); !r[0].Once || r[1].Once {
		t.Error("only a transfer that writes must not be repeated")
	}
}

func TestSelfTestFaults(t *testing.T) {
	st, err := mc.GetSelfTest(t.Context(), ipmitest.Table(t, map[string]string{"06/04": "00 57 81"}))
	if err != nil || len(st.Faults()) != 2 || st.Faults()[1] != "SEL device cannot be reached" {
		t.Errorf("faults %q, %v", st.Faults(), err)
	}
	if f := (mc.SelfTest{Result: mc.SelfTestPassed, Detail: 0xff}).Faults(); f != nil {
		t.Errorf("a test that was passed has faults %q", f)
	}
}

func TestEnablesFlagsAndACPI(t *testing.T) {
	ctx := t.Context()
	d := ipmitest.Table(t, map[string]string{
		"06/2f": "00 0c", "06/2e 04": "00", "06/31": "00 09", "06/30 08": "00", "06/07": "00 05 2a", "06/06 80 7f": "00", "06/08": "d5",
	})
	e, err := mc.GetEnables(ctx, d)
	if err != nil || !e.Has(mc.EnableSEL|mc.EnableEventBuffer) || e.Has(mc.EnableOEM0) {
		t.Errorf("enables %02x, %v", e, err)
	}
	f, err := mc.GetFlags(ctx, d)
	if err != nil || !f.Has(mc.FlagMessage|mc.FlagWatchdogPreTime) || f.Has(mc.FlagEventBuffer) {
		t.Errorf("flags %02x, %v", f, err)
	}
	a, err := mc.GetACPI(ctx, d)
	if err != nil || a.String() != "S5/G2 soft off" || a.Device != 0x2a {
		t.Errorf("ACPI %v, %v", a, err)
	}
	if err := errors.Join(mc.SetEnables(ctx, d, e&^mc.EnableSEL), mc.ClearFlags(ctx, d, mc.FlagWatchdogPreTime),
		mc.SetACPI(ctx, d, mc.ACPI{Device: mc.ACPIUnchanged})); err != nil {
		t.Errorf("%v: sent %q", err, d.Sent())
	}
	if _, err := mc.GetDeviceGUID(ctx, d); !errors.Is(err, ipmi.CodeState) || !strings.Contains(err.Error(), "read the controller's GUID") {
		t.Errorf("got %v", err)
	}
}
