package ipmi_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// A BMC that says anything, at any moment of a session: every call ends, and nothing panics.
func FuzzHostileBMC(f *testing.F) {
	steps := []string{"open", "rakp2", "rakp4", "06/3b", "06/01", "caps"}
	for i := range steps {
		f.Add(uint8(i), uint8(0), []byte{6, 0, 0xff, 7, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		f.Add(uint8(i), uint8(0x11), []byte{0, 0, 4, 0})
		f.Add(uint8(i), uint8(0x80), []byte{0x81, 0x1c, 0x63, 0x20, 0x04, 0x01, 0x00})
	}
	f.Add(uint8(1), uint8(0x13), make([]byte, 240))
	f.Fuzz(func(t *testing.T, step, how uint8, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			n, c := newNetwork(t)
			f := n.add(bmc1)
			f.change = func(s string, nth int, b []byte) [][]byte {
				if s != steps[int(step)%len(steps)] || nth > 3 {
					return [][]byte{b}
				}
				return [][]byte{f.lie(how, data), b}
			}
			o := account()
			o.IPMI15 = step >= 0x80
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			s, err := c.Open(ctx, bmc1, o)
			if err != nil {
				return
			}
			s.HandlePayload(rmcp.PayloadSOL, func([]byte) {})
			_, _ = s.Do(ctx, getID)
			_, _ = s.Do(ctx, ipmi.Request{NetFn: 6, Cmd: 1, Bridge: []ipmi.Hop{{Channel: 1, Address: 0x82}}})
			_ = s.Close(ctx)
		})
	})
}

// lie makes a datagram of data: as it is, as a payload outside sessions, or in the newest session.
func (f *fake) lie(how uint8, data []byte) []byte {
	if len(data) > 1000 {
		data = data[:1000]
	}
	s := f.sessions[f.next]
	switch {
	case how == 0 || s == nil:
		return data
	case how&0x80 != 0 && s.channel != nil:
		return s.channel.Seal(nil, rmcp.PayloadType(how&0x3f), data)
	case how&0x40 != 0:
		return rmcp.AppendPlain15(nil, 0, 0, data[:min(len(data), 200)])
	}
	// With the console's number where payloads of a handshake have it.
	p := append([]byte(nil), data...)
	if len(p) >= 8 {
		id := s.x.Console
		p[4], p[5], p[6], p[7] = byte(id), byte(id>>8), byte(id>>16), byte(id>>24)
	}
	return rmcp.AppendPlain(nil, rmcp.PayloadType(how&0x3f), p)
}
