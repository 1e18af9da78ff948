package rmcp_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"

	"millwright.dev/millwright/ipmi/rmcp"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPresencePingAndPong(t *testing.T) {
	ping := rmcp.ASF{Type: rmcp.ASFPing, Tag: 7}.Append(nil)
	if want := unhex(t, "0600ff06000011be80070000"); !bytes.Equal(ping, want) {
		t.Errorf("ping %x, want %x", ping, want)
	}
	pong := rmcp.ASF{Type: rmcp.ASFPong, Tag: 7, Enterprise: 4542, IPMI: true}
	b := pong.Append(nil)
	if want := unhex(t, "0600ff06000011be40070010000011be000000008100000000000000"); !bytes.Equal(b, want) {
		t.Errorf("pong %x, want %x", b, want)
	}
	for _, want := range []rmcp.ASF{{Type: rmcp.ASFPing, Tag: 7}, pong} {
		if got, err := rmcp.ParseASF(want.Append(nil)); err != nil || got != want {
			t.Errorf("read as %+v (%v), want %+v", got, err, want)
		}
	}
}

func TestMessageChecksums(t *testing.T) {
	m := rmcp.Message{To: 0x20, NetFn: 6, From: 0x81, Seq: 1, Cmd: 1}
	b := m.Append(nil)
	if want := unhex(t, "2018c88104017a"); !bytes.Equal(b, want) {
		t.Fatalf("Get Device ID is %x, want %x", b, want)
	}
	for i := range b {
		bad := slices.Clone(b)
		bad[i] ^= 0x10
		if _, err := rmcp.ParseMessage(bad); !errors.Is(err, rmcp.FaultChecksum) {
			t.Errorf("byte %d changed: %v, want a wrong checksum", i, err)
		}
	}
	reply := m.Reply([]byte{0, 0x20})
	got, err := rmcp.ParseMessage(reply.Append(nil))
	if err != nil || !got.IsResponse() || got.To != 0x81 || got.From != 0x20 || got.Seq != 1 || !bytes.Equal(got.Data, []byte{0, 0x20}) {
		t.Errorf("reply read as %+v, %v", got, err)
	}
}

func TestBridgedMessage(t *testing.T) {
	inner := rmcp.Message{To: 0x72, NetFn: 6, From: 0x20, Seq: 9, Cmd: 1, Data: []byte{1, 2}}
	got, channel, track, err := rmcp.ParseBridged(inner.AppendBridged(nil, 6, rmcp.TrackRequest))
	if err != nil || channel != 6 || track != rmcp.TrackRequest || got.To != 0x72 || !bytes.Equal(got.Data, inner.Data) {
		t.Errorf("read as %+v on channel %d, tracking %x, %v", got, channel, track, err)
	}
}

// The lengths of section 13.6's note: 22 bytes of RMCP packet make 56 of Ethernet.
func TestLegacyPad(t *testing.T) {
	for n := range 150 {
		b := rmcp.AppendPlain15(nil, 0, 0, make([]byte, n))
		bare := 4 + 10 + n
		want := bare
		if slices.Contains([]int{56, 84, 112, 128, 156}, 34+bare) {
			want++
		}
		if len(b) != want {
			t.Errorf("%d bytes make a packet of %d, want %d", n, len(b), want)
		}
		var p rmcp.Packet
		if err := p.Parse(b); err != nil || len(p.Payload) != n {
			t.Errorf("%d bytes read back as %d, %v", n, len(p.Payload), err)
		}
	}
}

func TestSuites(t *testing.T) {
	for _, s := range rmcp.Suites() {
		a, ok := s.Algorithms()
		if got, found := a.Suite(); !ok || !found || got != s {
			t.Errorf("%v is made of %v, which is %v", s, a, got)
		}
	}
	for _, s := range []rmcp.Suite{4, 5, 9, 10, 13, 14, 18, 19, 200} {
		if _, ok := s.Algorithms(); ok {
			t.Errorf("suite %d is there, and cannot be", uint8(s))
		}
	}
	if got, want := rmcp.Suite(17).String(), "suite 17 (HMAC-SHA256/HMAC-SHA256-128/AES-CBC-128)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if rmcp.Suite(17).Strength() <= rmcp.Suite(3).Strength() || rmcp.Suite(3).Strength() <= rmcp.Suite(16).Strength() || rmcp.Suite(0).Strength() != 0 {
		t.Error("strengths are out of order")
	}
	var records []byte
	for _, s := range []rmcp.Suite{3, 17} {
		records = rmcp.AppendSuite(records, s)
	}
	records = append(records, 0xc1, 0x80, 1, 2, 3, 0x41)
	if got := rmcp.ParseSuites(records); !slices.Equal(got, []rmcp.Suite{3, 17}) {
		t.Errorf("suites %v", got)
	}
}

func TestKg(t *testing.T) {
	text, err := rmcp.ParseKg("secret")
	if err != nil || string(text[:6]) != "secret" || text[6] != 0 {
		t.Errorf("text: %x, %v", text, err)
	}
	for _, s := range []string{"0x736563726574", "7365637265740000000000000000000000000000"} {
		if k, err := rmcp.ParseKg(s); err != nil || k != text {
			t.Errorf("%s: %x, %v", s, k, err)
		}
	}
	for _, s := range []string{"0xzz", "a text of more than twenty bytes", "0x" + fmt.Sprintf("%042d", 0), "ten times äöü"[:9] + "ääääääää"} {
		if _, err := rmcp.ParseKg(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
	if _, err := rmcp.PasswordKey("123456789012345678901"); err == nil {
		t.Error("a password of 21 bytes was taken")
	}
}

// channels are the two ends of a session under a suite.
func channels(t testing.TB, s rmcp.Suite) (console, bmc *rmcp.Channel) {
	t.Helper()
	a, _ := s.Algorithms()
	x := rmcp.Exchange{Algorithms: a, Console: 0x11223344, Managed: 0x55667788, Role: 0x14, Name: []byte("admin")}
	user, _ := rmcp.PasswordKey("secret")
	keys := x.Keys(&rmcp.Key{}, &user)
	var err error
	if console, err = rmcp.NewChannel(&keys, x.Console, x.Managed); err != nil {
		t.Fatal(err)
	}
	if bmc, err = rmcp.NewChannel(&keys, x.Managed, x.Console); err != nil {
		t.Fatal(err)
	}
	return console, bmc
}

func open(t testing.TB, c *rmcp.Channel, datagram []byte) ([]byte, error) {
	t.Helper()
	var p rmcp.Packet
	if err := p.Parse(slices.Clone(datagram)); err != nil {
		return nil, err
	}
	return c.Open(&p)
}

func TestChannelBothWays(t *testing.T) {
	for _, s := range rmcp.Suites() {
		console, bmc := channels(t, s)
		for n := range 70 {
			payload := bytes.Repeat([]byte{0xa5}, n)
			there := console.Seal(nil, rmcp.PayloadIPMI, payload)
			if got, err := open(t, bmc, there); err != nil || !bytes.Equal(got, payload) {
				t.Fatalf("%v, %d bytes: %x, %v", s, n, got, err)
			}
			if _, err := open(t, bmc, there); !errors.Is(err, rmcp.FaultSequence) {
				t.Fatalf("%v: the same packet a second time: %v", s, err)
			}
			if got, err := open(t, console, bmc.Seal(nil, rmcp.PayloadSOL, payload)); err != nil || !bytes.Equal(got, payload) {
				t.Fatalf("%v, %d bytes back: %x, %v", s, n, got, err)
			}
		}
	}
}

// No bit of an authenticated packet can be changed, and nothing cut off or put on.
func TestChannelBelievesNothingForged(t *testing.T) {
	for _, s := range []rmcp.Suite{2, 3, 7, 8, 11, 12, 16, 17} {
		console, bmc := channels(t, s)
		good := console.Seal(nil, rmcp.PayloadIPMI, []byte("power is on"))
		for i := 4; i < len(good); i++ {
			for _, bit := range []byte{1, 0x40, 0x80} {
				bad := slices.Clone(good)
				bad[i] ^= bit
				if got, err := open(t, bmc, bad); err == nil {
					t.Fatalf("%v: byte %d changed by %x and believed: %q", s, i, bit, got)
				}
			}
			if _, err := open(t, bmc, good[:i]); err == nil {
				t.Fatalf("%v: cut at %d and believed", s, i)
			}
		}
		if _, err := open(t, bmc, append(slices.Clone(good), 0)); err == nil {
			t.Errorf("%v: lengthened and believed", s)
		}
		for _, plain := range [][]byte{
			rmcp.AppendPlain(nil, rmcp.PayloadIPMI, []byte("clear")),
			rmcp.AppendPlain15(nil, 0x55667788, 1, []byte("clear")),
			rmcp.AppendPlain15(nil, 0, 0, []byte("clear")),
		} {
			if got, err := open(t, bmc, plain); err == nil {
				t.Errorf("%v: believed in clear: %q", s, got)
			}
		}
		if got, err := open(t, bmc, good); err != nil || string(got) != "power is on" {
			t.Errorf("%v: the true one after the forged: %q, %v", s, got, err)
		}
	}
}

func TestChannelWindow(t *testing.T) {
	console, bmc := channels(t, 17)
	var sent [][]byte
	for range 60 {
		sent = append(sent, console.Seal(nil, rmcp.PayloadIPMI, nil))
	}
	for _, step := range []struct {
		n    int
		want error
	}{
		{10, nil},
		{10, rmcp.FaultSequence},
		{0, nil}, // 10 back
		{26, nil},
		{10, rmcp.FaultSequence}, // 16 back
		{11, nil},                // 15 back
		{11, rmcp.FaultSequence},
		{43, rmcp.FaultSequence}, // 17 ahead
		{42, nil},
	} {
		if _, err := open(t, bmc, sent[step.n]); !errors.Is(err, step.want) {
			t.Errorf("packet %d: %v, want %v", step.n, err, step.want)
		}
	}
}

func TestWindow15AndPasswords(t *testing.T) {
	password, _ := rmcp.PasswordKey("secret")
	for _, auth := range []rmcp.AuthType{rmcp.AuthNone, rmcp.AuthMD5, rmcp.AuthPassword} {
		bmc, err := rmcp.NewChannel15(auth, &password, 77, 1, 0xfffffffe)
		if err != nil {
			t.Fatal(err)
		}
		// The numbers go round past 0, which is none.
		console, err := rmcp.NewChannel15(auth, &password, 77, 0xfffffffe, 1)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 12 {
			there := console.Seal(nil, rmcp.PayloadIPMI, []byte{byte(i)})
			if got, err := open(t, bmc, there); err != nil || !bytes.Equal(got, []byte{byte(i)}) {
				t.Fatalf("%v, packet %d: %x, %v", auth, i, got, err)
			}
			if _, err := open(t, bmc, there); !errors.Is(err, rmcp.FaultSequence) {
				t.Errorf("%v: a replay: %v", auth, err)
			}
		}
		var wrong rmcp.Key
		forger, _ := rmcp.NewChannel15(auth, &wrong, 77, 12, 1)
		if _, err := open(t, bmc, forger.Seal(nil, rmcp.PayloadIPMI, nil)); auth != rmcp.AuthNone && !errors.Is(err, rmcp.FaultCode) {
			t.Errorf("%v: another password: %v", auth, err)
		}
	}
	if _, err := rmcp.NewChannel15(rmcp.AuthMD2, &password, 1, 1, 1); !errors.Is(err, rmcp.FaultAlgorithm) {
		t.Errorf("MD2: %v", err)
	}
}

func TestHandshakeMessagesRoundTrip(t *testing.T) {
	alg, _ := rmcp.Suite(17).Algorithms()
	req := rmcp.OpenRequest{Tag: 1, Privilege: 4, Console: 5, Algorithms: alg}
	if got, err := rmcp.ParseOpenRequest(req.Append(nil)); err != nil || got != req {
		t.Errorf("open request %+v, %v", got, err)
	}
	req.Algorithms.Confidentiality = rmcp.AnyAlgorithm
	if got, err := rmcp.ParseOpenRequest(req.Append(nil)); err != nil || got != req {
		t.Errorf("open request with a wild card %+v, %v", got, err)
	}
	for _, resp := range []rmcp.OpenResponse{
		{Tag: 1, Privilege: 4, Console: 5, Managed: 6, Algorithms: alg},
		{Tag: 1, Status: rmcp.StatusNoResources, Console: 5},
	} {
		if got, err := rmcp.ParseOpenResponse(resp.Append(nil)); err != nil || got != resp {
			t.Errorf("open response %+v, %v", got, err)
		}
	}
	r1 := rmcp.RAKP1{Tag: 2, Managed: 6, Random: [16]byte{1}, Role: 0x14, Name: []byte("admin")}
	if got, err := rmcp.ParseRAKP1(r1.Append(nil)); err != nil || string(got.Name) != "admin" || got.Role != 0x14 || got.Random != r1.Random {
		t.Errorf("RAKP 1 %+v, %v", got, err)
	}
	long := append(r1.Append(nil), make([]byte, 255)...)
	long[27] = 240
	if _, err := rmcp.ParseRAKP1(long); !errors.Is(err, rmcp.FaultLength) {
		t.Errorf("a name of 240 bytes: %v", err)
	}
	r2 := rmcp.RAKP2{Tag: 2, Console: 5, Random: [16]byte{2}, GUID: [16]byte{3}, Code: []byte{4}}
	if got, err := rmcp.ParseRAKP2(r2.Append(nil)); err != nil || got.GUID != r2.GUID || !bytes.Equal(got.Code, r2.Code) {
		t.Errorf("RAKP 2 %+v, %v", got, err)
	}
	if got, err := rmcp.ParseRAKP2(rmcp.RAKP2{Tag: 2, Status: rmcp.StatusName, Console: 5}.Append(nil)); err != nil || got.Status != rmcp.StatusName {
		t.Errorf("RAKP 2 that refuses %+v, %v", got, err)
	}
	if got, err := rmcp.ParseRAKP3(rmcp.RAKP3{Managed: 6, Code: []byte{9}}.Append(nil)); err != nil || got.Managed != 6 || len(got.Code) != 1 {
		t.Errorf("RAKP 3 %+v, %v", got, err)
	}
	if got, err := rmcp.ParseRAKP4(rmcp.RAKP4{Console: 5, Code: []byte{9}}.Append(nil)); err != nil || got.Console != 5 || len(got.Code) != 1 {
		t.Errorf("RAKP 4 %+v, %v", got, err)
	}
}

func TestSessionCommandsRoundTrip(t *testing.T) {
	caps := rmcp.AuthCaps{Channel: 1, Types: 0x14, PlusValid: true, PerMessage: true, Named: true, Plus20: true, Plus15: true, Maker: 0x010203}
	if got, err := rmcp.ParseAuthCaps(caps.Append(nil)); err != nil || got != caps || !got.Offers(rmcp.AuthMD5) || got.Offers(rmcp.AuthNone) {
		t.Errorf("capabilities %+v, %v", got, err)
	}
	challenge := rmcp.ChallengeRequest{Auth: rmcp.AuthMD5, Name: []byte("admin")}
	if got, err := rmcp.ParseChallengeRequest(challenge.Append(nil)); err != nil || string(got.Name) != "admin" {
		t.Errorf("challenge %+v, %v", got, err)
	}
	activate := rmcp.ActivateRequest{Auth: rmcp.AuthMD5, Privilege: 4, Challenge: [16]byte{1}, Outbound: 9}
	if got, err := rmcp.ParseActivateRequest(activate.Append(nil)); err != nil || got != activate {
		t.Errorf("activate %+v, %v", got, err)
	}
	done := rmcp.Activated{Auth: rmcp.AuthMD5, ID: 3, Inbound: 4, Privilege: 4}
	if got, err := rmcp.ParseActivated(done.Append(nil)); err != nil || got != done {
		t.Errorf("activated %+v, %v", got, err)
	}
	sol := rmcp.SOL{Seq: 1, Ack: 2, Accepted: 3, Flags: rmcp.SOLNack, Data: []byte("x")}
	if got, err := rmcp.ParseSOL(sol.Append(nil)); err != nil || got.Ack != 2 || string(got.Data) != "x" {
		t.Errorf("SOL %+v, %v", got, err)
	}
}

func BenchmarkChannel(b *testing.B) {
	for _, s := range []rmcp.Suite{3, 17} {
		b.Run(fmt.Sprint(uint8(s)), func(b *testing.B) {
			console, bmc := channels(b, s)
			payload, buf := make([]byte, 24), make([]byte, 0, 256)
			var p rmcp.Packet
			b.ReportAllocs()
			for b.Loop() {
				buf = console.Seal(buf[:0], rmcp.PayloadIPMI, payload)
				if err := p.Parse(buf); err != nil {
					b.Fatal(err)
				}
				if _, err := bmc.Open(&p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkKeys(b *testing.B) {
	a, _ := rmcp.Suite(17).Algorithms()
	x := rmcp.Exchange{Algorithms: a, Console: 1, Managed: 2, Name: []byte("admin")}
	var user rmcp.Key
	b.ReportAllocs()
	for b.Loop() {
		keys := x.Keys(&rmcp.Key{}, &user)
		if _, err := rmcp.NewChannel(&keys, 1, 2); err != nil {
			b.Fatal(err)
		}
	}
}
