package bmc

import (
	"net/netip"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// FuzzServer sends a machine two datagrams, as anybody can.
func FuzzServer(f *testing.F) {
	a, _ := rmcp.Suite(17).Algorithms()
	open := rmcp.OpenRequest{Tag: 1, Console: 9, Algorithms: a}.Append(nil)
	long := append(rmcp.RAKP1{Name: []byte("admin")}.Append(nil), 0)
	long[27] = 240 // a name longer than its message
	caps := rmcp.Message{To: 0x20, NetFn: 6, From: 0x81, Cmd: 0x38, Data: []byte{0x8e, 4}}.Append(nil)
	f.Add(rmcp.AppendPlain(nil, rmcp.PayloadOpenRequest, open), rmcp.AppendPlain(nil, rmcp.PayloadRAKP1, long))
	f.Add(rmcp.AppendPlain15(nil, 0, 0, caps), rmcp.AppendPlain(nil, rmcp.PayloadIPMI, caps))
	f.Add(rmcp.ASF{Type: rmcp.ASFPing, Tag: 1}.Append(nil), []byte{6, 0, 0xff, 7, 6, 0xc0})
	cfg := demo()
	cfg.V15 = true
	m, err := New(cfg, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(m.Close)
	m.log = failing(f)
	w := newWire(m)
	f.Fuzz(func(t *testing.T, one, two []byte) {
		sent := len(one) + len(two)
		got := 0
		for _, b := range [][]byte{one, two} {
			for _, a := range w.put(b) {
				got += len(a)
			}
		}
		if got > 8*sent+64 {
			t.Errorf("%d bytes were answered with %d", sent, got)
		}
		if n := len(m.sessions.list); n > m.cfg.Limits.Sessions+m.cfg.Limits.HalfOpen {
			t.Errorf("%d sessions", n)
		}
	})
}

// FuzzCommands does any command with any data as an administrator.
func FuzzCommands(f *testing.F) {
	for fn := uint8(0); fn < 0x30; fn += 2 {
		for cmd := range 0x60 {
			if c, ok := lookup(ipmi.NetFn(fn), uint8(cmd)); ok {
				f.Add(fn, uint8(cmd), uint8(0), make([]byte, c.min))
				f.Add(fn, uint8(cmd), uint8(0), []byte{0xdc, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
			}
		}
	}
	m, err := New(demo(), talker{NewMemory(true)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(m.Close)
	m.log = failing(f)
	f.Fuzz(func(t *testing.T, fn, cmd, lun uint8, data []byte) {
		c := &call{ctx: t.Context(), m: m, from: netip.AddrPort{}, who: Caller{Privilege: Administrator}, data: data}
		c.req = ipmi.Request{NetFn: ipmi.NetFn(fn), Cmd: cmd, LUN: lun & 3, Data: data}
		if answer, _ := m.do(c); len(answer) > 300 {
			t.Errorf("an answer of %d bytes", len(answer))
		}
		m.mu.Lock()
		defer m.unlock()
		if len(m.sel.records) > m.cfg.Limits.SELSize || len(m.sdr.records) > m.cfg.Limits.SDRSize || len(m.sdr.partial) > sdrMax {
			t.Error("more is kept than there is room for")
		}
	})
}
