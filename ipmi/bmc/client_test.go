package bmc

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// wire is a network between one machine and one console, without sockets.
type wire struct {
	m    *Machine
	from netip.AddrPort

	mu  sync.Mutex
	got [][]byte
}

func newWire(m *Machine) *wire {
	return &wire{m: m, from: netip.MustParseAddrPort("192.0.2.200:5000")}
}

func (w *wire) send(b []byte, _ netip.AddrPort, _ netip.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, bytes.Clone(b))
}

// put gives the machine a datagram and takes what it answered at once.
func (w *wire) put(b []byte) [][]byte {
	w.m.receive(way{out: w, from: w.from}, bytes.Clone(b))
	return w.take()
}

func (w *wire) take() [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.got
	w.got = nil
	return got
}

// payload reads the only answer, which must be outside any session.
func payload(t *testing.T, got [][]byte, want rmcp.PayloadType) []byte {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("%d answers, not one", len(got))
	}
	var p rmcp.Packet
	if err := p.Parse(got[0]); err != nil || p.Type != want || p.ID != 0 {
		t.Fatalf("answer of type %v (%v), not %v", p.Type, err, want)
	}
	return p.Payload
}

// console is a client that does what it is told, right or wrong.
type console struct {
	*wire
	t     *testing.T
	id    uint32
	x     rmcp.Exchange
	user  rmcp.Key
	kg    rmcp.Key
	ch    *rmcp.Channel
	seq   uint8
	rakp3 []byte
}

// knock asks for a session.
func (w *wire) knock(t *testing.T, id uint32, suite rmcp.Suite, level Privilege) (*console, rmcp.OpenResponse) {
	t.Helper()
	a, _ := suite.Algorithms()
	o := rmcp.OpenRequest{Tag: 7, Privilege: uint8(level), Console: id, Algorithms: a}
	r, err := rmcp.ParseOpenResponse(payload(t, w.put(rmcp.AppendPlain(nil, rmcp.PayloadOpenRequest, o.Append(nil))), rmcp.PayloadOpenResponse))
	if err != nil {
		t.Fatal(err)
	}
	c := &console{wire: w, t: t, id: id}
	c.x = rmcp.Exchange{Algorithms: r.Algorithms, Console: id, Managed: r.Managed, ConsoleRandom: [16]byte{1, 2, 3}}
	return c, r
}

// name says who one is.
func (c *console) name(user, password string, level Privilege) rmcp.RAKP2 {
	c.t.Helper()
	c.user, _ = rmcp.PasswordKey(password)
	c.x.Role, c.x.Name = uint8(level)|rmcp.RoleNameOnly, []byte(user)
	r1 := rmcp.RAKP1{Tag: 8, Managed: c.x.Managed, Random: c.x.ConsoleRandom, Role: c.x.Role, Name: c.x.Name}
	r, err := rmcp.ParseRAKP2(payload(c.t, c.put(rmcp.AppendPlain(nil, rmcp.PayloadRAKP1, r1.Append(nil))), rmcp.PayloadRAKP2))
	if err != nil {
		c.t.Fatal(err)
	}
	c.x.ManagedRandom, c.x.GUID = r.Random, r.GUID
	return r
}

// prove shows that one knows the password, and begins the session.
func (c *console) prove() rmcp.RAKP4 {
	c.t.Helper()
	r3 := rmcp.RAKP3{Tag: 9, Managed: c.x.Managed, Code: c.x.AppendCode3(nil, &c.user)}
	c.rakp3 = rmcp.AppendPlain(nil, rmcp.PayloadRAKP3, r3.Append(nil))
	r, err := rmcp.ParseRAKP4(payload(c.t, c.put(c.rakp3), rmcp.PayloadRAKP4))
	if err != nil {
		c.t.Fatal(err)
	}
	if r.Status == rmcp.StatusOK {
		keys := c.x.Keys(&c.kg, &c.user)
		if !bytes.Equal(keys.Check(), r.Code) {
			c.t.Fatal("the machine's check value is wrong")
		}
		if c.ch, err = rmcp.NewChannel(&keys, c.id, c.x.Managed); err != nil {
			c.t.Fatal(err)
		}
	}
	return r
}

// signIn opens a session and must succeed.
func signIn(t *testing.T, m *Machine, user, password string, level Privilege) *console {
	t.Helper()
	c, o := newWire(m).knock(t, 0xc0ffee, 17, level)
	if o.Status != rmcp.StatusOK {
		t.Fatalf("opening: %v", o.Status)
	}
	r := c.name(user, password, level)
	if want := c.x.AppendCode2(nil, &c.user); r.Status != rmcp.StatusOK || !bytes.Equal(want, r.Code) {
		t.Fatalf("the machine's proof: %v, right %v", r.Status, bytes.Equal(want, r.Code))
	}
	if r := c.prove(); r.Status != rmcp.StatusOK {
		t.Fatalf("login: %v", r.Status)
	}
	if level > User {
		if code, _ := c.do(ipmi.NetFnApp, 0x3b, byte(level)); code != ipmi.CodeOK {
			t.Fatalf("privilege: %v", code)
		}
	}
	return c
}

// packet seals a request with the next number.
func (c *console) packet(fn ipmi.NetFn, cmd byte, data ...byte) []byte {
	c.seq = (c.seq + 1) & 0x3f
	return c.repeat(fn, cmd, data...)
}

// repeat seals a request with the number of the last one.
func (c *console) repeat(fn ipmi.NetFn, cmd byte, data ...byte) []byte {
	m := rmcp.Message{To: rmcp.AddressBMC, NetFn: uint8(fn), From: rmcp.AddressConsole, Seq: c.seq, Cmd: cmd, Data: data}
	return c.ch.Seal(nil, rmcp.PayloadIPMI, m.Append(nil))
}

// do asks, and reads the answer that comes at once.
func (c *console) do(fn ipmi.NetFn, cmd byte, data ...byte) (ipmi.Code, []byte) {
	c.t.Helper()
	return c.read(c.put(c.packet(fn, cmd, data...)))
}

func (c *console) read(got [][]byte) (ipmi.Code, []byte) {
	c.t.Helper()
	if len(got) != 1 {
		c.t.Fatalf("%d answers, not one", len(got))
	}
	var p rmcp.Packet
	if err := p.Parse(got[0]); err != nil {
		c.t.Fatal(err)
	}
	b, err := c.ch.Open(&p)
	if err != nil {
		c.t.Fatal(err)
	}
	m, err := rmcp.ParseMessage(b)
	if err != nil || len(m.Data) == 0 {
		c.t.Fatalf("answer % x: %v", b, err)
	}
	return ipmi.Code(m.Data[0]), m.Data[1:]
}

// failing is a log that fails the test when a panic is told.
func failing(t testing.TB) *slog.Logger { return slog.New(noPanic{slog.DiscardHandler, t}) }

type noPanic struct {
	slog.Handler
	t testing.TB
}

func (noPanic) Enabled(context.Context, slog.Level) bool { return true }

func (n noPanic) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "panic" {
			n.t.Errorf("%s: %v", r.Message, a.Value)
			panic(a.Value.String())
		}
		return true
	})
	return nil
}
