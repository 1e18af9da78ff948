package rmcp_test

import (
	"bytes"
	"slices"
	"testing"

	"millwright.dev/millwright/ipmi/rmcp"
)

// What reads as a message is made of exactly the bytes it was read from.
func FuzzMessage(f *testing.F) {
	f.Add(rmcp.Message{To: 0x20, NetFn: 6, From: 0x81, Seq: 63, Cmd: 1, Data: []byte{1, 2, 3}}.Append(nil))
	f.Add([]byte{0x20, 0x18})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := rmcp.ParseMessage(b)
		if err != nil {
			return
		}
		if again := m.Append(nil); !bytes.Equal(again, b) {
			t.Errorf("%x was read and written as %x", b, again)
		}
		_, _, _, _ = rmcp.ParseBridged(m.Data)
	})
}

// A datagram of anybody's: as plain packet with any payload in it, and within sessions of each kind.
func FuzzPacket(f *testing.F) {
	for _, s := range []rmcp.Suite{0, 1, 3, 12, 17} {
		_, bmc := channels(f, s)
		f.Add(bmc.Seal(nil, rmcp.PayloadIPMI, []byte("some payload")), uint8(s))
	}
	name := rmcp.RAKP1{Tag: 1, Managed: 2, Name: []byte("admin")}.Append(nil)
	name[27] = 240
	f.Add(rmcp.AppendPlain(nil, rmcp.PayloadRAKP1, name), uint8(17))
	f.Add(rmcp.AppendPlain15(nil, 0, 0, []byte{0x20, 0x18, 0xc8}), uint8(3))
	f.Add(rmcp.ASF{Type: rmcp.ASFPong, Enterprise: 4542}.Append(nil), uint8(0))
	// A ciphertext of one block, which has no room for a payload.
	f.Add(append([]byte{6, 0, 0xff, 7, 6, 0xc0, 0x44, 0x33, 0x22, 0x11, 1, 0, 0, 0, 16, 0}, make([]byte, 16)...), uint8(17))
	f.Fuzz(func(t *testing.T, b []byte, suite uint8) {
		_, _ = rmcp.ParseASF(b)
		var p rmcp.Packet
		if err := p.Parse(b); err != nil {
			return
		}
		payloads(p.Payload)
		if _, ok := rmcp.Suite(suite).Algorithms(); ok {
			console, _ := channels(t, rmcp.Suite(suite))
			_, _ = console.Open(&p)
		}
		var password rmcp.Key
		_ = p.Verify15(&password)
		if c, err := rmcp.NewChannel15(p.Auth, &password, p.ID, 1, p.Seq); err == nil {
			_, _ = c.Open(&p)
		}
	})
}

func payloads(b []byte) {
	_, _ = rmcp.ParseMessage(b)
	_, _ = rmcp.ParseSOL(b)
	_, _ = rmcp.ParseOpenRequest(b)
	_, _ = rmcp.ParseOpenResponse(b)
	_, _ = rmcp.ParseRAKP2(b)
	_, _ = rmcp.ParseRAKP3(b)
	_, _ = rmcp.ParseRAKP4(b)
	_, _ = rmcp.ParseAuthCapsRequest(b)
	_, _ = rmcp.ParseAuthCaps(b)
	_, _ = rmcp.ParseCipherSuitesRequest(b)
	_, _ = rmcp.ParseChallengeRequest(b)
	_, _ = rmcp.ParseChallenge(b)
	_, _ = rmcp.ParseActivateRequest(b)
	_, _ = rmcp.ParseActivated(b)
	rmcp.ParseSuites(b)
}

func FuzzRAKP1(f *testing.F) {
	f.Add(rmcp.RAKP1{Tag: 1, Managed: 2, Role: 0x14, Name: []byte("admin")}.Append(nil))
	long := rmcp.RAKP1{Tag: 1, Managed: 2}.Append(nil)
	long[27] = 240
	f.Add(long)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := rmcp.ParseRAKP1(b)
		if err == nil && (len(r.Name) > rmcp.MaxName || len(r.Name) != int(b[27])) {
			t.Errorf("a name of %d bytes", len(r.Name))
		}
	})
}

// Whatever is encrypted, by somebody who has the key or not, is opened or refused.
func FuzzSealed(f *testing.F) {
	f.Add([]byte("x"), uint8(0), uint8(0))
	f.Add(make([]byte, 15), uint8(20), uint8(0xff))
	f.Fuzz(func(t *testing.T, payload []byte, at, change uint8) {
		if len(payload) > 1000 {
			return
		}
		for _, s := range []rmcp.Suite{1, 3, 11, 17} {
			console, bmc := channels(t, s)
			b := console.Seal(nil, rmcp.PayloadIPMI, payload)
			if change == 0 || int(at) >= len(b) || s == 1 {
				if got, err := open(t, bmc, b); err != nil || !bytes.Equal(got, payload) {
					t.Fatalf("%v: %x, %v", s, got, err)
				}
				continue
			}
			bad := slices.Clone(b)
			bad[at] ^= change
			if got, err := open(t, bmc, bad); err == nil && at > 3 {
				t.Fatalf("%v: byte %d changed and believed: %x", s, at, got)
			}
		}
	})
}
