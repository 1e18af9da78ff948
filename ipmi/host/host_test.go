package host_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/field"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/lan"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/pef"
	"millwright.dev/millwright/ipmi/pet"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/ipmi/sel"
	"millwright.dev/millwright/ipmi/user"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config is a machine with two temperatures, of which one is too high, an inventory and a log.
func config(t *testing.T) bmc.Config {
	t.Helper()
	var records [][]byte
	for i, name := range []string{"CPU Temp", "Inlet"} {
		r := &sdr.Full{ID: sdr.ID(i + 1), Name: name, Factors: sdr.Factors{M: 1}, Max: 0x7f, HasNominal: true, Nominal: uint8(40 * (i + 1))}
		r.Key = sdr.Key{Owner: sdr.BMC, Number: uint8(0x30 + i)}
		r.Entity = sdr.Entity{Kind: 3, Instance: 1}
		r.Type, r.Reading, r.Units = 1, event.Threshold, event.Units{Base: 1}
		r.Capabilities.Thresholds = 2
		r.Masks = sdr.ThresholdMasks(0x3f, 0x3f, 0x3f, 0x0fff, 0x0fff)
		r.Thresholds = [sdr.LevelCount]uint8{3, 2, 1, 60, 70, 90}
		records = append(records, r.Append(nil))
	}
	l := &sdr.FRU{ID: 3, Access: sdr.BMC, Logical: true, Device: 2, Kind: 0x10, Name: "Riser"}
	records = append(records, l.Append(nil))
	image := func(serial string) []byte {
		s, err := field.NewFRU(25, serial)
		if err != nil {
			t.Fatal(err)
		}
		b, err := fru.Inventory{Product: &fru.Product{Language: 25, Serial: s}}.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return bmc.Config{
		Name: "node7", Asset: "tag 12", GUID: mc.GUID{0x78, 0x56, 0x34, 0x12, 0xbc, 0x9a, 0xef, 0x4d, 0x81, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef},
		Device: mc.DeviceID{ID: 32, Major: 2, Minor: 0x25, Version: 2, Support: 0xbf, Maker: 11, Product: 256},
		Users:  []bmc.Account{{Privilege: bmc.NoAccess}, {Name: "admin", Password: "password", Privilege: bmc.Administrator}},
		LAN:    bmc.LAN{Address: netip.MustParsePrefix("192.0.2.7/24"), Gateway: netip.MustParseAddr("192.0.2.1"), MAC: [6]byte{2, 0, 0, 0, 0, 7}},
		SDR:    records,
		FRU:    map[uint8][]byte{0: image("S1"), 2: image("S2")},
		SEL: []sel.Record{{ID: 1, Type: sel.TypeSystem, Time: 1_700_000_000, Event: sel.Event{
			Generator: 0x20, Revision: 4, SensorType: 1, Sensor: 0x31, Type: event.Threshold, Data: [3]byte{0x57, 80, 60},
		}}},
		Power: bmc.Power{Watts: 231, Limit: 500},
	}
}

// machine gives a machine that is off, and the host to be tested.
func machine(t *testing.T) (*bmc.Machine, *host.Host) {
	t.Helper()
	m, err := bmc.New(config(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, host.New(m.As("admin", bmc.Administrator), host.Options{})
}

func TestPower(t *testing.T) {
	_, h := machine(t)
	ctx := t.Context()
	for _, step := range []struct {
		verb host.Verb
		on   bool
	}{
		{host.On, true},
		{host.On, true},
		{host.Cycle, true},
		{host.Reset, true},
		{host.Diag, true},
		{host.Boot, true},
		{host.Off, false},
		{host.Boot, true},
		{host.Soft, false},
		{host.Shutdown, false},
	} {
		if err := h.SetPower(ctx, step.verb, 30*time.Second); err != nil {
			t.Errorf("%s: %v", step.verb, err)
		}
		if on, err := h.GetPower(ctx); err != nil || on != step.on {
			t.Errorf("after %s: on %v, %v", step.verb, on, err)
		}
	}
	if err := h.SetPower(ctx, "up", 0); err == nil || !strings.Contains(err.Error(), `"up"`) {
		t.Errorf("got %v", err)
	}
}

func TestBootDevice(t *testing.T) {
	_, h := machine(t)
	if b, err := h.GetBoot(t.Context()); err != nil || b.Device != chassis.NoOverride {
		t.Errorf("at first %+v, %v", b, err)
	}
	if err := h.SetBoot(t.Context(), chassis.PXE, true, true); err != nil {
		t.Fatal(err)
	}
	if b, err := h.GetBoot(t.Context()); err != nil || b.Device != chassis.PXE || !b.Persistent || !b.EFI {
		t.Errorf("then %+v, %v", b, err)
	}
	if err := h.SetBoot(t.Context(), chassis.NoOverride, false, false); err != nil {
		t.Fatal(err)
	}
	if b, err := h.GetBoot(t.Context()); err != nil || b != (chassis.Boot{}) {
		t.Errorf("at last %+v, %v", b, err)
	}
}

func TestIdentify(t *testing.T) {
	_, h := machine(t)
	for length, want := range map[time.Duration]chassis.Light{-1: chassis.LightForever, 0: chassis.LightOff, time.Minute: chassis.LightTimed} {
		if err := h.Identify(t.Context(), length); err != nil {
			t.Error(err)
		}
		s, err := chassis.GetStatus(t.Context(), doer{h})
		if err != nil || s.Identify != want {
			t.Errorf("%v: %v, %v", length, s.Identify, err)
		}
	}
}

func TestChassis(t *testing.T) {
	_, h := machine(t)
	ctx := t.Context()
	if err := h.SetPolicy(ctx, chassis.PolicyOn); err != nil {
		t.Error(err)
	}
	if p, err := h.Policy(ctx); err != nil || p != chassis.PolicyOn {
		t.Errorf("policy %v, %v", p, err)
	}
	if s, err := h.Status(ctx); err != nil || s.On || s.Policy != chassis.PolicyOn {
		t.Errorf("status %+v, %v", s, err)
	}
	if err := h.SetPower(ctx, host.On, 30*time.Second); err != nil {
		t.Error(err)
	}
	if c, err := h.RestartCause(ctx); err != nil || c.Reason != chassis.CauseCommand {
		t.Errorf("cause %+v, %v", c, err)
	}
	if d, err := h.Hours(ctx); err != nil || d < 0 {
		t.Errorf("on for %v, %v", d, err)
	}
}

// doer is a host as a Doer.
type doer struct{ h *host.Host }

func (d doer) Do(ctx context.Context, r ipmi.Request) ([]byte, error) { return d.h.Raw(ctx, r) }

func TestSensorsAndHealth(t *testing.T) {
	m, h := machine(t)
	ctx := t.Context()
	m.SetReading(0, 0x30, bmc.Reading{Raw: 40})
	m.SetReading(0, 0x31, bmc.Reading{Raw: 80})
	names, err := h.SensorNames(ctx)
	if err != nil || len(names) != 2 || names[0].Name != "CPU Temp" {
		t.Fatalf("sensors %+v, %v", names, err)
	}
	all, err := h.Sensors(ctx)
	if err != nil || len(all) != 2 || all[0].Value == nil || *all[0].Value != 40 || all[0].Health != event.OK {
		t.Errorf("readings %+v, %v", all, err)
	}
	r, err := h.Sensor(ctx, "inlet")
	if err != nil || r.Value == nil || *r.Value != 80 || r.Health != event.Critical {
		t.Errorf("reading %+v, %v", r, err)
	}
	if _, err := h.Sensor(ctx, "outlet"); err == nil || !strings.Contains(err.Error(), `"outlet"`) {
		t.Errorf("got %v", err)
	}
	health, err := h.Health(ctx)
	if err != nil || health.Worst != event.Critical || len(health.Bad) != 1 || health.Bad[0].Name != "Inlet" {
		t.Errorf("health %+v, %v", health, err)
	}
}

func TestLog(t *testing.T) {
	m, h := machine(t)
	ctx := t.Context()
	entries, err := h.Log(ctx, false)
	if err != nil || len(entries) != 1 || entries[0].Sensor != "Inlet" || entries[0].Reading == nil || entries[0].Reading.Value != 80 {
		t.Fatalf("log %+v, %v", entries, err)
	}
	if entries, err = h.Log(ctx, true); err != nil || len(entries) != 1 {
		t.Errorf("read and cleared %+v, %v", entries, err)
	}
	if entries, err = h.Log(ctx, false); err != nil || len(entries) > 1 || len(entries) == 1 && entries[0].Sensor == "Inlet" {
		t.Errorf("after clearing %+v, %v", entries, err)
	}
	if err := h.ClearLog(ctx); err != nil {
		t.Error(err)
	}
	var f sel.Follower
	told := errors.New("told")
	m.Log(sel.Event{Generator: 0x20, Revision: 4, SensorType: 1, Sensor: 0x30, Type: event.Threshold, Data: [3]byte{0x57, 80, 60}})
	err = h.FollowLog(ctx, &f, time.Millisecond, func(entries []sel.Entry, _ sel.Update) error {
		for _, e := range entries {
			if e.Sensor == "CPU Temp" {
				return told
			}
		}
		m.Log(sel.Event{Generator: 0x20, Revision: 4, SensorType: 1, Sensor: 0x30, Type: event.Threshold, Data: [3]byte{0x57, 80, 60}})
		return nil
	})
	if !errors.Is(err, told) {
		t.Errorf("got %v", err)
	}
}

// Entries that are followed have their times by our clock, as those of a log that is read.
func TestFollowedTimes(t *testing.T) {
	m, h := machine(t)
	ctx := t.Context()
	if err := sel.SetTime(ctx, m.As("admin", bmc.Administrator), sel.Stamp(time.Now().Add(-24*time.Hour).Unix())); err != nil {
		t.Fatal(err)
	}
	m.Log(sel.Event{Generator: 0x20, Revision: 4, SensorType: 1, Sensor: 0x31, Type: event.Threshold, Data: [3]byte{0x57, 80, 60}})
	told := errors.New("told")
	err := h.FollowLog(ctx, &sel.Follower{}, time.Millisecond, func(entries []sel.Entry, _ sel.Update) error {
		last := entries[len(entries)-1].When
		if off := time.Since(last.Time); last.Quality != sel.Corrected || off.Abs() > time.Hour {
			t.Errorf("%v, %v ago", last.Quality, off)
		}
		return told
	})
	if !errors.Is(err, told) {
		t.Error(err)
	}
}

func TestTrap(t *testing.T) {
	_, h := machine(t)
	trap := pet.FromEvent(sel.Event{Generator: 0x20, Revision: 4, SensorType: 1, Sensor: 0x31, Type: event.Threshold, Data: [3]byte{0x57, 80, 60}})
	got, e, err := h.Trap(t.Context(), trap.Specific(), trap.Append(nil))
	if err != nil || e.Sensor != "Inlet" || got.Sensor != 0x31 {
		t.Errorf("trap %+v, %v", e, err)
	}
	if _, _, err := h.Trap(t.Context(), 0, []byte{1, 2}); err == nil {
		t.Error("two octets are a trap")
	}
	if err := h.AcknowledgeTrap(t.Context(), got); err != nil && !errors.Is(err, ipmi.CodeInvalidCommand) {
		t.Error(err)
	}
}

func TestInventory(t *testing.T) {
	_, h := machine(t)
	ctx := t.Context()
	names, err := h.PartNames(ctx)
	if err != nil || !slices.Equal(names, []string{host.System, "Riser"}) {
		t.Errorf("parts %q, %v", names, err)
	}
	parts, err := h.Inventory(ctx)
	if err != nil || len(parts) != 2 {
		t.Fatalf("parts %+v, %v", parts, err)
	}
	for name, want := range map[string]string{
		"product.serial": "S1", "system.uuid": "12345678-9abc-4def-8123-456789abcdef", "bmc.manufacturer": "HPE", "bmc.product": "256", "bmc.firmware": "2.25",
	} {
		if !slices.Contains(parts[0].Fields, fru.Field{Name: name, Text: want}) {
			t.Errorf("no %s = %s in %+v", name, want, parts[0].Fields)
		}
	}
	riser, err := h.Part(ctx, "riser")
	if err != nil || riser.Inventory.Text("product.serial") != "S2" {
		t.Errorf("riser %+v, %v", riser, err)
	}
	if _, err := h.Part(ctx, "fan"); err == nil {
		t.Error("there is a fan")
	}
	fw, err := h.Firmware(ctx)
	if err != nil || fw[0].Name != "BMC" || fw[0].Version != "2.25" {
		t.Errorf("firmware %+v, %v", fw, err)
	}
	if fw, err := h.Firmware(ctx, "uefi"); err != nil || len(fw) != 0 {
		t.Errorf("firmware %+v, %v", fw, err)
	}
}

func TestNetwork(t *testing.T) {
	_, h := machine(t)
	ctx := t.Context()
	n, err := h.Network(ctx, channel.Present)
	if err != nil || n.Address != netip.MustParsePrefix("192.0.2.7/24") || n.Gateway != netip.MustParseAddr("192.0.2.1") || n.MAC != (lan.HardwareAddr{2, 0, 0, 0, 0, 7}) {
		t.Fatalf("network %+v, %v", n, err)
	}
	if err := h.SetNetwork(ctx, channel.Present, lan.NetworkChange{Address: netip.MustParsePrefix("192.0.2.8/25")}); err != nil {
		t.Fatal(err)
	}
	if n, err = h.Network(ctx, n.Channel); err != nil || n.Address != netip.MustParsePrefix("192.0.2.8/25") || n.Source != lan.SourceStatic {
		t.Errorf("network %+v, %v", n, err)
	}
	found, err := h.FindChannel(ctx)
	if err != nil || found != n.Channel {
		t.Errorf("channel %d, %v", found, err)
	}
	if _, err := h.Network6(ctx, found); err != nil && !errors.Is(err, ipmi.Code(0x80)) {
		t.Error(err)
	}
}

func TestConsoleSettings(t *testing.T) {
	_, h := machine(t)
	ctx, d := t.Context(), doer{h}
	n, err := h.FindChannel(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := lan.ChangeSOL(ctx, d, n, func() error { return lan.SetSOL(ctx, d, n, lan.SOLBitRateNow, 6) }); err != nil {
		t.Error(err)
	}
	if c, err := lan.GetSOLConfig(ctx, d, n); err != nil || !c.Enabled || c.Now.Baud() != 9600 {
		t.Errorf("console %+v, %v", c, err)
	}
	suites, err := channel.GetSuites(ctx, d, n, channel.PayloadSOL)
	if err != nil || len(suites) == 0 {
		t.Errorf("suites %+v, %v", suites, err)
	}
	if s, err := channel.GetPayloadSupport(ctx, d, n); err != nil || s.Standard&(1<<channel.PayloadSOL) == 0 {
		t.Errorf("payloads %+v, %v", s, err)
	}
}

func TestFilters(t *testing.T) {
	_, h := machine(t)
	ctx, d := t.Context(), doer{h}
	c, err := pef.GetCapabilities(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	filters, err := pef.GetFilters(ctx, d)
	if err != nil || len(filters) != int(c.Filters) {
		t.Errorf("%d filters of %d, %v", len(filters), c.Filters, err)
	}
}

func TestAlerts(t *testing.T) {
	_, h := machine(t)
	ctx := t.Context()
	count, err := h.CountDestinations(ctx, channel.Present)
	if err != nil || count == 0 {
		t.Fatalf("%d destinations, %v", count, err)
	}
	dest := lan.Destination{
		DestType: lan.DestType{Index: 1, Ack: true, Timeout: 3 * time.Second, Retries: 2},
		Address:  lan.DestAddress{Addr: netip.MustParseAddr("192.0.2.9")},
	}
	if err := h.SetDestination(ctx, channel.Present, dest); err != nil {
		t.Fatal(err)
	}
	got, err := h.Destination(ctx, channel.Present, 1)
	if dest.Address.Index = 1; err != nil || got != dest {
		t.Errorf("got %+v, %v; want %+v", got, err, dest)
	}
	if err := errors.Join(h.ClearDestination(ctx, channel.Present, 1), h.SetCommunity(ctx, channel.Present, "room")); err != nil {
		t.Error(err)
	}
	if c, err := h.Community(ctx, channel.Present); err != nil || c != "room" {
		t.Errorf("community %q, %v", c, err)
	}
}

func TestChannels(t *testing.T) {
	_, h := machine(t)
	ctx := t.Context()
	if i, err := h.ChannelInfo(ctx, channel.Present); err != nil || !i.Medium.IsLAN() {
		t.Errorf("channel %+v, %v", i, err)
	}
	a, err := h.ChannelAccess(ctx, channel.Present, channel.Volatile)
	if err != nil || a.Limit != channel.Administrator {
		t.Fatalf("access %+v, %v", a, err)
	}
	a.Limit = channel.Operator
	if err := h.SetChannelAccess(ctx, channel.AccessSetting{Channel: channel.Present, Access: a, LimitStore: channel.Volatile}); err != nil {
		t.Error(err)
	}
	if a, err := h.ChannelAccess(ctx, channel.Present, channel.Volatile); err != nil || a.Limit != channel.Operator {
		t.Errorf("access %+v, %v", a, err)
	}
}

func TestUsers(t *testing.T) {
	_, h := machine(t)
	ctx := t.Context()
	before, err := h.CountUsers(ctx, channel.Present)
	if err != nil || before.Max < 2 {
		t.Fatalf("counts %+v, %v", before, err)
	}
	id, err := h.CreateUser(ctx, channel.Present, user.NewUser{Name: "eve", Secret: []byte("seventeen bytes!!"), Limit: channel.User, Payload: true})
	if err != nil {
		t.Fatal(err)
	}
	users, err := h.Users(ctx, channel.Present)
	if err != nil || len(users) != 2 || users[1].Name != "eve" || users[1].ID != id || users[1].Limit != channel.User {
		t.Errorf("users %+v, %v", users, err)
	}
	if is, err := h.TestPassword(ctx, id, []byte("seventeen bytes!!")); err != nil || !is {
		t.Errorf("password %v, %v", is, err)
	}
	name, off := "mallory", false
	access := user.Access{Messaging: true, Limit: channel.Operator}
	if err := h.UpdateUser(ctx, channel.Present, id, host.UserChange{Name: &name, Secret: []byte("short"), Access: &access, Enabled: &off}); err != nil {
		t.Error(err)
	}
	if is, err := h.TestPassword(ctx, id, []byte("shorter")); err != nil || is {
		t.Errorf("another password %v, %v", is, err)
	}
	u, err := h.FindUser(ctx, channel.Present, name)
	if err != nil || u.ID != id || u.Limit != channel.Operator || u.Status == user.StatusEnabled {
		t.Errorf("user %+v, %v", u, err)
	}
	if err := h.DeleteUser(ctx, channel.Present, id); err != nil {
		t.Error(err)
	}
	if u, err := h.User(ctx, channel.Present, id); err != nil || u.Name != "" || u.Messaging {
		t.Errorf("user %+v, %v", u, err)
	}
	if c, err := h.CountUsers(ctx, channel.Present); err != nil || c != before {
		t.Errorf("counts %+v, %v; before %+v", c, err, before)
	}
}

func TestNames(t *testing.T) {
	_, h := machine(t)
	ctx := t.Context()
	for _, x := range []struct {
		what  string
		get   func(context.Context) (string, error)
		set   func(context.Context, string) error
		first string
	}{
		{"host name", h.Hostname, h.SetHostname, "node7"},
		{"id", h.ID, h.SetID, "short"}, // the same, by DCMI
		{"asset tag", h.AssetTag, h.SetAssetTag, "tag 12"},
	} {
		what := x.what
		if got, err := x.get(ctx); err != nil || got != x.first {
			t.Errorf("%s: %q, %v", what, got, err)
		}
		for _, name := range []string{"a name that takes more than one piece", "short"} {
			if err := x.set(ctx, name); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if got, err := x.get(ctx); err != nil || got != name {
				t.Errorf("%s: %q, %v; want %q", what, got, err, name)
			}
		}
	}
}

func TestWatts(t *testing.T) {
	_, h := machine(t)
	ctx := t.Context()
	if p, err := h.Power(ctx); err != nil || p.Now != 231 {
		t.Errorf("power %+v, %v", p, err)
	}
	if err := h.SetCap(ctx, host.Cap{Enabled: true, Watts: 400}); err != nil {
		t.Fatal(err)
	}
	if c, err := h.GetCap(ctx); err != nil || c != (host.Cap{Enabled: true, Watts: 400}) {
		t.Errorf("limit %+v, %v", c, err)
	}
	if err := h.SetCap(ctx, host.Cap{}); err != nil {
		t.Fatal(err)
	}
	if c, err := h.GetCap(ctx); err != nil || c.Enabled {
		t.Errorf("limit %+v, %v", c, err)
	}
}

func TestController(t *testing.T) {
	_, h := machine(t)
	ctx := t.Context()
	if st, err := h.SelfTest(ctx); err != nil || st.Result != mc.SelfTestPassed {
		t.Errorf("self test %+v, %v", st, err)
	}
	w := mc.Watchdog{Use: mc.WatchdogSMSOS, Initial: time.Hour}
	if err := h.SetWatchdog(ctx, w, true); err != nil {
		t.Error(err)
	}
	if got, err := h.Watchdog(ctx); err != nil || !got.Running || got.Initial != time.Hour {
		t.Errorf("watchdog %+v, %v", got, err)
	}
	fns, err := mc.GetNetFns(ctx, doer{h}, channel.Present)
	if err != nil || !slices.Contains(fns.List(0), ipmi.NetFnApp) {
		t.Errorf("network functions %v, %v", fns.List(0), err)
	}
	c, err := mc.GetCommands(ctx, doer{h}, mc.CommandQuery{Channel: channel.Present, NetFn: ipmi.NetFnApp})
	if err != nil || !c.Supported[mc.CmdDeviceID] || c.Supported[mc.CmdMasterWriteRead] {
		t.Errorf("device id %v, bus %v, %v", c.Supported[mc.CmdDeviceID], c.Supported[mc.CmdMasterWriteRead], err)
	}
	if err := mc.SetSystemInfo(ctx, doer{h}, mc.InfoOSName, "Debian GNU/Linux 13 (trixie)"); err != nil {
		t.Error(err)
	}
	if os, err := mc.GetSystemInfo(ctx, doer{h}, mc.InfoOSName); err != nil || os != "Debian GNU/Linux 13 (trixie)" {
		t.Errorf("system %q, %v", os, err)
	}
	if err := h.Reset(ctx); err != nil {
		t.Error(err)
	}
}

// TestOverTheNetwork does some of it by the client, over a real socket.
func TestOverTheNetwork(t *testing.T) {
	m, err := bmc.New(config(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- bmc.Serve(ctx, conn, m) }()
	defer func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	c := ipmi.NewClient(ipmi.ClientOptions{})
	defer c.Close()
	s, err := c.Open(ctx, conn.LocalAddr().String(), ipmi.Options{User: "admin", Password: "password"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close(ctx) }()
	if !s.Encrypted() {
		t.Error("the session is not encrypted")
	}
	h := host.New(s, host.Options{})
	if err := h.SetPower(ctx, host.On, 30*time.Second); err != nil {
		t.Error(err)
	}
	if entries, err := h.Log(ctx, false); err != nil || len(entries) != 1 || entries[0].Sensor != "Inlet" {
		t.Errorf("log %+v, %v", entries, err)
	}
	if parts, err := h.Inventory(ctx); err != nil || len(parts) != 2 || parts[1].Inventory.Text("product.serial") != "S2" {
		t.Errorf("parts %+v, %v", parts, err)
	}
	if id, err := h.CreateUser(ctx, channel.Present, user.NewUser{Name: "eve", Secret: []byte("secret"), Limit: channel.User}); err != nil || id == 0 {
		t.Errorf("user %d, %v", id, err)
	}
}
