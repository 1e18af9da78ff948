package lan_test

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/lan"
)

func codecs() []ipmitest.Codec {
	const ip6 = "20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 07"
	return []ipmitest.Codec{
		ipmitest.Message(lan.ParseQuery, "01 03 00 00", "81 10 01 02"),
		ipmitest.Message(lan.ParseAnswer, "11 c0 00 02 07"),
		ipmitest.Message(lan.ParseSetting, "01 03 c0 00 02 07"),
		ipmitest.With(lan.ParseMask, func(n int, b []byte) []byte { return lan.AppendMask(b, n) }, "ff ff ff 00", "00 00 00 00", "ff ff ff ff", "ff 80 00 00"),
		ipmitest.With(lan.ParseAddr, func(a netip.Addr, b []byte) []byte { return append(b, a.AsSlice()...) }, "c0 00 02 07"),
		ipmitest.With(lan.ParseHardwareAddr, func(a lan.HardwareAddr, b []byte) []byte { return append(b, a[:]...) }, "00 11 22 33 44 55"),
		ipmitest.Message(lan.ParseVLAN, "2a 80", "ff 0f"),
		ipmitest.Message(lan.ParseDestType, "01 87 05 03"),
		ipmitest.Message(lan.ParseDestAddress, "01 00 01 c0 00 02 09 00 11 22 33 44 55", "02 10 "+ip6),
		ipmitest.Message(lan.ParseStatistics, "01 00 02 00 03 00 04 00 05 00 06 00 07 00 08 00 09 00"),
		ipmitest.Message(lan.ParseStatus6, "04 10 03"),
		ipmitest.Message(lan.ParseAddress6, "01 80 "+ip6+" 40 00"),
		ipmitest.Message(lan.ParseSOLAuth, "c4"),
		ipmitest.Message(lan.ParseAccumulate, "0c 60"),
		ipmitest.Message(lan.ParseSOLRetries, "07 32"),
		ipmitest.Message(lan.ParseBadPasswords, "01 03 1e 00 06 00"),
	}
}

func TestMessages(t *testing.T) { ipmitest.RoundTrips(t, codecs()) }

func FuzzMessages(f *testing.F) { ipmitest.Fuzz(f, codecs()) }

// answers is a channel's settings, with the keys of parameters.
func answers(params map[string]string) map[string]string {
	table := map[string]string{"0c/02": "80", "0c/01": "00"}
	for p, v := range params {
		table["0c/02 01 "+p] = "00 11 " + v
	}
	return table
}

func TestGetNetwork(t *testing.T) {
	d := ipmitest.Table(t, answers(map[string]string{
		"03 00 00": "c0 00 02 07", "06 00 00": "ff ff ff c0", "04 00 00": "02", "05 00 00": "00 11 22 33 44 55",
		"0c 00 00": "c0 00 02 01", "14 00 00": "2a 80", "15 00 00": "03",
	}))
	got, err := lan.GetNetwork(t.Context(), d, 1)
	want := lan.Network{
		Channel: 1, Address: netip.MustParsePrefix("192.0.2.7/26"), Source: lan.SourceDHCP, MAC: lan.HardwareAddr{0, 0x11, 0x22, 0x33, 0x44, 0x55},
		Gateway: netip.MustParseAddr("192.0.2.1"), VLAN: lan.VLANTag{Enabled: true, ID: 42}, VLANPriority: 3,
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if s := got.MAC.String() + " " + got.Source.String(); s != "00:11:22:33:44:55 DHCP" {
		t.Error(s)
	}
	for name, bad := range map[string]map[string]string{
		"a mask with holes": {"03 00 00": "c0 00 02 07", "06 00 00": "ff 00 ff 00"},
		"a short address":   {"03 00 00": "c0 00"},
		"no source":         {"04 00 00": ""},
	} {
		if _, err := lan.GetNetwork(t.Context(), ipmitest.Table(t, answers(bad)), 1); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSetNetwork(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{"0c/01": "00"})
	err := lan.SetNetwork(t.Context(), d, 1, lan.NetworkChange{
		Address: netip.MustParsePrefix("192.0.2.8/24"), Gateway: netip.MustParseAddr("192.0.2.1"), VLAN: &lan.VLANTag{},
	})
	want := []string{
		"0c/01 01 00 01", "0c/01 01 04 01", "0c/01 01 03 c0 00 02 08", "0c/01 01 06 ff ff ff 00",
		"0c/01 01 0c c0 00 02 01", "0c/01 01 14 00 00", "0c/01 01 00 00",
	}
	if err != nil || !slices.Equal(d.Sent(), want) {
		t.Errorf("%v: sent %q, want %q", err, d.Sent(), want)
	}
}

func TestTheMarkOfAChange(t *testing.T) {
	for name, tt := range map[string]struct {
		answers map[string]string
		err     error
		sent    []string
	}{
		"somebody else is at it": {
			map[string]string{"0c/01 01 00 01": "81"},
			ipmi.ErrInProgress,
			[]string{"0c/01 01 00 01"},
		},
		"a BMC without the mark": {
			map[string]string{"0c/01 01 00 01": "80", "0c/01": "00"},
			nil,
			[]string{"0c/01 01 00 01", "0c/01 01 10 78 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"},
		},
		"the change fails": {
			map[string]string{"0c/01 01 00 01": "00", "0c/01 01 00 00": "00", "0c/01": "82"},
			ipmi.Code(0x82),
			[]string{"0c/01 01 00 01", "0c/01 01 10 78 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", "0c/01 01 00 00"},
		},
	} {
		d := ipmitest.Table(t, tt.answers)
		err := lan.Change(t.Context(), d, 1, func() error { return lan.SetCommunity(t.Context(), d, 1, "x") })
		if !errors.Is(err, tt.err) || (tt.err == nil) != (err == nil) || !slices.Equal(d.Sent(), tt.sent) {
			t.Errorf("%s: %v, sent %q", name, err, d.Sent())
		}
	}
}

func TestFindChannel(t *testing.T) {
	const lanInfo, serial = " 04 01 80 f2 1b 00 00 00", " 05 01 40 f2 1b 00 00 00"
	for name, tt := range map[string]struct {
		answers map[string]string
		want    uint8
	}{
		"the one in use": {map[string]string{"06/42 0e": "00 08" + lanInfo}, 8},
		"the first LAN that can be read": {map[string]string{
			"06/42 0e": "00 0f" + serial, "06/42 01": "00 01" + serial, "06/42 02": "00 02" + lanInfo, "06/42 06": "00 06" + lanInfo,
			"0c/02 02 05 00 00": "80", "0c/02 06 05 00 00": "00 11 00 11 22 33 44 55",
		}, 6},
	} {
		if got, err := lan.FindChannel(t.Context(), ipmitest.Table(t, tt.answers)); err != nil || got != tt.want {
			t.Errorf("%s: %d, %v; want %d", name, got, err, tt.want)
		}
	}
	if _, err := lan.FindChannel(t.Context(), ipmitest.Table(t, nil)); err == nil {
		t.Error("a BMC without LAN has a channel")
	}
}

func TestDestinations(t *testing.T) {
	d := ipmitest.Table(t, answers(map[string]string{
		"11 00 00": "04", "12 01 00": "01 80 05 03", "13 01 00": "01 00 00 c0 00 02 09 00 00 00 00 00 00", "10 00 00": `"public" 00 00 00 00 00 00 00 00 00 00 00 00`,
	}))
	ctx := t.Context()
	n, err := lan.CountDestinations(ctx, d, 1)
	if err != nil || n != 4 {
		t.Errorf("%d destinations, %v", n, err)
	}
	dest, err := lan.GetDestination(ctx, d, 1, 1)
	if err != nil || dest.Address.Addr != netip.MustParseAddr("192.0.2.9") || !dest.Ack || dest.Timeout != 5*time.Second || dest.Retries != 3 {
		t.Errorf("destination %+v, %v", dest, err)
	}
	before := len(d.Sent())
	dest.Address.Addr = netip.MustParseAddr("2001:db8::9")
	if err := errors.Join(lan.SetDestination(ctx, d, 1, dest), lan.ClearDestination(ctx, d, 1, 2), lan.SetCommunity(ctx, d, 1, "room")); err != nil {
		t.Error(err)
	}
	want := []string{
		"0c/01 01 00 01", "0c/01 01 13 01 10 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 09", "0c/01 01 12 01 80 05 03", "0c/01 01 00 00",
		"0c/01 01 00 01", "0c/01 01 13 02 00 00 00 00 00 00 00 00 00 00 00 00", "0c/01 01 12 02 00 00 00", "0c/01 01 00 00",
		"0c/01 01 10 72 6f 6f 6d" + strings.Repeat(" 00", 14),
	}
	if sent := d.Sent()[before:]; !slices.Equal(sent, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(sent, "\n"), strings.Join(want, "\n"))
	}
	if c, err := lan.GetCommunity(ctx, d, 1); err != nil || c != "public" {
		t.Errorf("community %q, %v", c, err)
	}
	if err := lan.SetCommunity(ctx, d, 1, strings.Repeat("x", 19)); err == nil {
		t.Error("19 bytes of community were sent")
	}
}

func TestNetwork6(t *testing.T) {
	const zero = "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
	d := ipmitest.Table(t, answers(map[string]string{
		"33 00 00": "02", "37 00 00": "01 02 03", "38 00 00": "00 80 " + zero + " 40 00",
		"3b 00 00": "00 01 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 07 40 00",
	}))
	n, err := lan.GetNetwork6(t.Context(), d, 1)
	if err != nil || n.Families != lan.IPv4And6 || !n.SLAAC || !n.DHCPv6 || len(n.Addresses) != 1 || n.Addresses[0].Address != netip.MustParsePrefix("2001:db8::7/64") {
		t.Errorf("got %+v, %v", n, err)
	}
	if err := lan.SetStatic6(t.Context(), d, 1, 0, netip.MustParsePrefix("2001:db8::8/64")); err != nil {
		t.Error(err)
	}
	if sent := d.Sent(); sent[len(sent)-2] != "0c/01 01 38 00 80 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 08 40" {
		t.Errorf("sent %q", sent)
	}
	if _, err := lan.GetNetwork6(t.Context(), ipmitest.Table(t, answers(nil)), 1); !errors.Is(err, ipmi.Code(0x80)) {
		t.Errorf("without IPv6: %v", err)
	}
	if err := lan.SetStatic6(t.Context(), d, 1, 0, netip.MustParsePrefix("192.0.2.8/24")); err == nil {
		t.Error("an IPv4 address was taken")
	}
}

func TestSOLConfig(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{
		"0c/22 01 01 00 00": "00 11 01", "0c/22 01 02 00 00": "00 11 c2", "0c/22 01 03 00 00": "00 11 0c 60", "0c/22 01 04 00 00": "00 11 07 32",
		"0c/22 01 05 00 00": "00 11 07", "0c/22 01 06 00 00": "00 11 0a", "0c/22 01 08 00 00": "00 11 6f 02", "0c/22": "80", "0c/21": "00",
	})
	got, err := lan.GetSOLConfig(t.Context(), d, 1)
	want := lan.SOLConfig{
		Enabled: true, SOLAuth: lan.SOLAuth{ForceEncryption: true, ForceAuthentication: true, Privilege: channel.User},
		Accumulate: lan.Accumulate{Interval: 60 * time.Millisecond, Threshold: 96}, Retries: lan.SOLRetries{Count: 7, Interval: 500 * time.Millisecond},
		Stored: 7, Now: 10, Port: 623,
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if got.Stored.Baud() != 19200 || got.Now.Baud() != 115200 {
		t.Errorf("rates %d and %d", got.Stored.Baud(), got.Now.Baud())
	}
	rate, err := lan.ParseBitRate(9600)
	if err != nil || rate != 6 {
		t.Errorf("9600 is %d, %v", rate, err)
	}
	before := len(d.Sent())
	if err := lan.ChangeSOL(t.Context(), d, 1, func() error { return lan.SetSOL(t.Context(), d, 1, lan.SOLBitRateNow, byte(rate)) }); err != nil {
		t.Error(err)
	}
	if sent := d.Sent()[before:]; !slices.Equal(sent, []string{"0c/21 01 00 01", "0c/21 01 06 06", "0c/21 01 00 00"}) {
		t.Errorf("sent %q", sent)
	}
	if _, err := lan.ParseBitRate(300); err == nil {
		t.Error("300 baud were taken")
	}
}

func TestSuitePrivileges(t *testing.T) {
	d := ipmitest.Table(t, answers(map[string]string{"16 00 00": "03", "17 00 00": "00 01 03 11", "18 00 00": "00 42 04 00 00 00 00 00 00"}))
	got, err := lan.GetSuites(t.Context(), d, 1)
	if want := map[uint8]channel.Privilege{1: channel.User, 3: channel.Administrator, 17: channel.Administrator}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if err := lan.SetSuitePrivilege(t.Context(), d, 1, 3, 0); err != nil {
		t.Error(err)
	}
	if sent := d.Sent(); sent[len(sent)-2] != "0c/01 01 18 00 02 04 00 00 00 00 00 00" {
		t.Errorf("sent %q", sent)
	}
	if err := lan.SetSuitePrivilege(t.Context(), d, 1, 8, 0); err == nil {
		t.Error("a suite that is not there was limited")
	}
}

func TestStatistics(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{"0c/04 01 01": "00 01 00 02 00 03 00 04 00 05 00 06 00 07 00"})
	s, err := lan.GetStatistics(t.Context(), d, 1, true)
	if err != nil || s.IPReceived != 1 || s.RMCPValid != 7 || s.UDPProxyDropped != 0 || !d.Requests()[0].Once {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestSources(t *testing.T) {
	for s := lan.SourceUnspecified; s <= lan.SourceOther; s++ {
		if got, err := lan.ParseSource(strings.ToLower(s.String())); err != nil || got != s {
			t.Errorf("%v: %v, %v", s, got, err)
		}
	}
}
