package channel_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/ipmitest"
)

func codecs() []ipmitest.Codec {
	return []ipmitest.Codec{
		ipmitest.Message(channel.ParseInfo, "01 04 01 82 f2 1b 00 00 00"),
		ipmitest.Message(channel.ParseAccess, "3a 04"),
		ipmitest.Message(channel.ParseAccessQuery, "01 80"),
		ipmitest.Message(channel.ParseAccessSetting, "01 92 84"),
		ipmitest.Message(channel.ParseSuitesQuery, "0e 00 80", "01 01 3f"),
		ipmitest.Message(channel.ParseSuitesAnswer, "01 c0 03 01 41 81"),
		ipmitest.Message(channel.ParseAuthQuery, "8e 04", "0e 02"),
		ipmitest.Message(channel.ParseAuthCapabilities, "01 97 3f 03 57 01 00 05"),
		ipmitest.Message(channel.ParsePrivilege, "04"),
		ipmitest.With(channel.ParseClose, channel.SessionRef.AppendClose, "01 02 03 04", "00 00 00 00 07"),
		ipmitest.With(channel.ParseSessionQuery, channel.SessionRef.AppendQuery, "00", "03", "fe 05", "ff 01 02 03 04"),
		ipmitest.Message(channel.ParseSessionInfo, "00 24 03", "05 24 03 02 04 11 c0 00 02 07 00 11 22 33 44 55 6f 02"),
		ipmitest.Message(channel.ParsePayloadRef, "01 01"),
		ipmitest.Message(channel.ParseActivation, "01 01 c6 00 00 00", "01 01 28 00 00 00"),
		ipmitest.Message(channel.ParseActivated, "00 00 00 00 ff 00 ff 00 6f 02 ff ff"),
		ipmitest.Message(channel.ParsePayloadStatus, "01 01 00"),
		ipmitest.Message(channel.ParsePayloadInstance, "01 02 03 04 01 00 00 00 00 00 00 00"),
		ipmitest.Message(channel.ParsePayloadSupport, "03 00 3f 00 01 00 00 00"),
		ipmitest.Message(channel.ParsePayloadVersion, "10"),
		ipmitest.Message(channel.ParseUserPayloads, "02 00 01 00"),
		ipmitest.Message(channel.ParseUserPayloadSetting, "01 42 02 00 00 00"),
		{Name: "suites", Vectors: []string{"c0 03 01 41 81 c1 80 57 01 00 02 42 43 81", "c0 00 00 40 80"}, Again: func(b []byte) ([]byte, error) {
			suites, err := channel.ParseSuites(b)
			var again []byte
			for _, s := range suites {
				again = s.Append(again)
			}
			return again, err
		}},
	}
}

func TestMessages(t *testing.T) { ipmitest.RoundTrips(t, codecs()) }

func FuzzMessages(f *testing.F) { ipmitest.Fuzz(f, codecs()) }

func TestInfo(t *testing.T) {
	got, err := channel.GetInfo(t.Context(), ipmitest.Table(t, map[string]string{"06/42 0e": "00 01 04 01 82 f2 1b 00 00 00"}), channel.Present)
	want := channel.Info{Channel: 1, Medium: channel.LAN, Protocol: 1, Sessions: channel.MultiSession, Active: 2, Vendor: 7154}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if s := got.Medium.String() + ", " + got.Sessions.String(); s != "802.3 LAN, multi-session" {
		t.Error(s)
	}
}

func TestAccess(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{"06/41 01 80": "00 2a 04", "06/40 01 62 04": "00"})
	a, err := channel.GetAccess(t.Context(), d, 1, channel.Volatile)
	if want := (channel.Access{Mode: channel.Always, NoAlerting: true, NoUserAuth: true, Limit: channel.Administrator}); err != nil || a != want {
		t.Fatalf("got %+v, %v; want %+v", a, err, want)
	}
	a.NoUserAuth = false
	if err := channel.SetAccess(t.Context(), d, channel.AccessSetting{Channel: 1, Access: a, Modes: channel.NonVolatile}); err != nil {
		t.Errorf("%v: sent %q", err, d.Sent())
	}
	for _, name := range []string{"disabled", "pre_boot", "always", "shared"} {
		if m, err := channel.ParseMode(name); err != nil || m.String() != name {
			t.Errorf("mode %q: %v, %v", name, m, err)
		}
	}
}

// All twenty suites take 100 bytes, so seven pieces, the last of 4.
func TestSuites(t *testing.T) {
	var records []byte
	for id := range uint8(20) {
		s, _ := channel.StandardSuite(id)
		records = s.Append(records)
	}
	for _, n := range []int{20, 16} { // 16 suites are 80 bytes: the list ends with a piece of 16
		table := map[string]string{"06/54": "cc"}
		for i := range uint8(8) {
			q := channel.SuitesQuery{Channel: 0x0e, BySuite: true, Index: i}
			a := channel.AnswerSuites(q, 1, records[:5*n])
			key := ipmitest.Key(ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: channel.CmdCipherSuites, Data: q.Append(nil)})
			table[key] = "00" + hexOf(a.Append(nil))
		}
		got, err := channel.GetSuites(t.Context(), ipmitest.Table(t, table), 0x0e, 0)
		if err != nil || len(got) != n {
			t.Fatalf("%d suites, %v; want %d", len(got), err, n)
		}
		var again []byte
		for _, s := range got {
			again = s.Append(again)
		}
		if !bytes.Equal(again, records[:5*n]) {
			t.Errorf("suites %+v", got)
		}
	}
	s17, _ := channel.StandardSuite(17)
	if got := hexOf(s17.Append(nil)); got != "c011034481" {
		t.Errorf("suite 17 is %s", got)
	}
	if _, ok := channel.StandardSuite(20); ok {
		t.Error("there is a suite 20")
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s []byte
	for _, x := range b {
		s = append(s, digits[x>>4], digits[x&15])
	}
	return string(s)
}

func TestAuthCapabilitiesOfOldBMCs(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{"06/38 8e 04": "cc", "06/38 0e 04": "00 01 15 04 00 00 00 00 00"})
	a, err := channel.GetAuthCapabilities(t.Context(), d, channel.AuthQuery{Channel: 0x0e, IPMI2: true, Privilege: channel.Administrator})
	if err != nil || a.Extended || !a.Types.Has(channel.AuthMD5|channel.AuthPassword) || a.Types.Has(channel.AuthMD2) || !a.NamedUsers {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestSessions(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{
		"06/3d 01":             "00 05 24 02 02 04 11 c0 00 02 07 00 11 22 33 44 55 6f 02",
		"06/3d 02":             "00 06 24 02 03 02 01",
		"06/3b 03":             "00 03",
		"06/3c 01 02 03 04":    "00",
		"06/3d ff 01 02 03 04": "cb",
	})
	got, err := channel.GetSessions(t.Context(), d)
	if err != nil || len(got) != 2 {
		t.Fatalf("sessions %+v, %v", got, err)
	}
	if got[0].Peer != netip.MustParseAddrPort("192.0.2.7:623") || got[0].User != 2 || !got[0].IPMI2 || got[0].Channel != 1 || got[1].HasPeer {
		t.Errorf("sessions %+v", got)
	}
	if p, err := channel.SetPrivilege(t.Context(), d, channel.Operator); err != nil || p != channel.Operator {
		t.Errorf("privilege %v, %v", p, err)
	}
	ref := channel.SessionRef{ID: 0x04030201}
	if err := channel.CloseSession(t.Context(), d, ref); err != nil {
		t.Error(err)
	}
	if _, err := channel.GetSession(t.Context(), d, ref); !errors.Is(err, ipmi.CodeNotPresent) {
		t.Errorf("a session that is gone gives %v", err)
	}
}

func TestPayloads(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{
		"06/48 01 01 c0 00 00 00": "00 00 00 00 00 c8 00 d0 00 6f 02 ff ff;80",
		"06/49 01 01 00 00 00 00": "00", "06/4a 01": "00 01 01 00", "06/4b 01 01": "00 04 03 02 01 01 00 00 00 00 00 00 00",
		"06/4e 0e": "00 03 00 3f 00 00 00 00 00", "06/4f 0e 01": "00 10", "06/55 01 01 01": "00",
		"06/4d 01 02": "00 02 00 00 00", "06/4c 01 42 02 00 00 00": "00",
	})
	ctx, sol := t.Context(), channel.PayloadRef{Type: channel.PayloadSOL, Instance: 1}
	a, err := channel.ActivatePayload(ctx, d, channel.Activation{PayloadRef: sol, Encrypt: true, Authenticate: true})
	if want := (channel.Activated{Inbound: 200, Outbound: 208, Port: 623, VLAN: 0xffff}); err != nil || a != want {
		t.Errorf("activated %+v, %v", a, err)
	}
	if _, err := channel.ActivatePayload(ctx, d, channel.Activation{PayloadRef: sol, Encrypt: true, Authenticate: true}); !errors.Is(err, ipmi.Code(0x80)) {
		t.Errorf("activated twice: %v", err)
	}
	st, err := channel.GetPayloadStatus(ctx, d, channel.PayloadSOL)
	if err != nil || !st.IsActive(1) || st.IsActive(2) || st.IsActive(0) || st.Capacity != 1 {
		t.Errorf("status %+v, %v", st, err)
	}
	i, err := channel.GetPayloadInstance(ctx, d, sol)
	if err != nil || i.Session != 0x01020304 || i.Info[0] != 1 {
		t.Errorf("instance %+v, %v", i, err)
	}
	sup, err := channel.GetPayloadSupport(ctx, d, channel.Present)
	if err != nil || sup.Standard != 3 || sup.Setup != 0x3f {
		t.Errorf("support %+v, %v", sup, err)
	}
	v, err := channel.GetPayloadVersion(ctx, d, channel.Present, channel.PayloadSOL)
	if err != nil || v.String() != "1.0" {
		t.Errorf("version %v, %v", v, err)
	}
	p, err := channel.GetUserPayloads(ctx, d, 1, 2)
	if err != nil || p.Standard != 2 {
		t.Errorf("payloads of the user %+v, %v", p, err)
	}
	if err := errors.Join(
		channel.SetUserPayloads(ctx, d, channel.UserPayloadSetting{Channel: 1, User: 2, Disable: true, UserPayloads: p}),
		channel.SetPayloadEncryption(ctx, d, sol, channel.EncryptionSuspend),
		channel.DeactivatePayload(ctx, d, sol)); err != nil {
		t.Errorf("%v: sent %q", err, d.Sent())
	}
}

func TestPrivilegeNames(t *testing.T) {
	for _, p := range []channel.Privilege{channel.Callback, channel.User, channel.Operator, channel.Administrator, channel.OEM, channel.NoAccess} {
		if got, err := channel.ParsePrivilegeName(p.String()); err != nil || got != p {
			t.Errorf("%v: %v, %v", p, got, err)
		}
	}
	if i := slices.Index([]channel.Privilege{1, 2, 3, 4, 5}, channel.Administrator); i != 3 {
		t.Error("administrator is not 4")
	}
}
