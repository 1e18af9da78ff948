package bmc

import (
	"context"
	"io"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/rmcp"
)

// message is a request to the controller, outside any session.
func message(cmd uint8, data []byte) []byte {
	return rmcp.Message{To: rmcp.AddressBMC, NetFn: uint8(ipmi.NetFnApp), From: rmcp.AddressConsole, Seq: 1, Cmd: cmd, Data: data}.Append(nil)
}

func openRequest(id uint32) []byte {
	a, _ := rmcp.Suite(17).Algorithms()
	return rmcp.AppendPlain(nil, rmcp.PayloadOpenRequest, rmcp.OpenRequest{Tag: 1, Console: id, Algorithms: a}.Append(nil))
}

func TestAChallengeIsGoodForOneGuess(t *testing.T) {
	m := machine(t, func(c *Config) { c.V15 = true }, nil)
	w := newWire(m)
	ask := rmcp.ChallengeRequest{Auth: rmcp.AuthMD5, Name: []byte("admin")}
	var p rmcp.Packet
	if err := p.Parse(w.put(rmcp.AppendPlain15(nil, 0, 0, message(rmcp.CmdGetChallenge, ask.Append(nil))))[0]); err != nil {
		t.Fatal(err)
	}
	r, err := rmcp.ParseMessage(p.Payload)
	if err != nil || r.Data[0] != 0 {
		t.Fatalf("%v: % x", err, r.Data)
	}
	given, err := rmcp.ParseChallenge(r.Data[1:])
	if err != nil {
		t.Fatal(err)
	}
	for _, guess := range []string{"guess", "password"} {
		k, _ := rmcp.PasswordKey(guess)
		activate := rmcp.ActivateRequest{Auth: rmcp.AuthMD5, Privilege: 4, Challenge: given.String, Outbound: 7}
		b := rmcp.AppendSigned15(nil, rmcp.AuthMD5, &k, given.ID, 0, message(rmcp.CmdActivateSession, activate.Append(nil)))
		if got := w.put(b); len(got) > 0 {
			t.Errorf("%q was answered", guess)
		}
	}
	if m.Sessions() != 0 {
		t.Error("the second guess was let in")
	}
}

func TestAnAddressWrittenByOthersLocksNobodyOut(t *testing.T) {
	m := machine(t, nil, nil)
	other := &wire{m: m, from: netip.MustParseAddrPort("192.0.2.200:6")}
	for i := range uint32(1000) {
		other.put(openRequest(i + 1))
	}
	signIn(t, m, "admin", "password", Administrator)
}

func TestAFloodOfLoginsLetsOthersIn(t *testing.T) {
	m := machine(t, nil, nil)
	c, _ := newWire(m).knock(t, 0xc0ffee, 17, Administrator)
	if r := c.name("admin", "password", Administrator); r.Status != rmcp.StatusOK {
		t.Fatal(r.Status)
	}
	for i := range uint32(5000) { // of sources that cannot read what they are answered
		w := &wire{m: m, from: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 6)}
		w.put(openRequest(i + 1))
	}
	if r := c.prove(); r.Status != rmcp.StatusOK {
		t.Error(r.Status)
	}
	m.mu.Lock()
	defer m.unlock()
	if n := len(m.sessions.list); n > m.cfg.Limits.HalfOpen+1 {
		t.Errorf("%d logins are kept", n)
	}
}

type extender struct{ *counter }

func (extender) Extend(context.Context, Caller, ipmi.Request) (data []byte, handled bool, err error) {
	return nil, false, nil
}

// stuck is a host that never answers.
type stuck struct{ counter }

func (*stuck) Powered(ctx context.Context) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

func TestBridgesHoldNobodyUp(t *testing.T) {
	behind := machine(t, nil, &stuck{})
	hop := ipmi.Hop{Channel: 0, Address: 0x72}
	m := machine(t, func(c *Config) { c.Behind = map[ipmi.Hop]*Machine{hop: behind} }, extender{&counter{}})
	c := signIn(t, m, "watch", "watching", User)
	unknown := rmcp.Message{To: 0x74, NetFn: 6, From: rmcp.AddressBMC, Seq: 1, Cmd: 1}.Append([]byte{0x40})
	for range 20 {
		c.put(c.packet(ipmi.NetFnApp, rmcp.CmdSendMessage, unknown...))
		m.wait.Wait()
	}
	c.take()
	slow := rmcp.Message{To: hop.Address, NetFn: uint8(ipmi.NetFnChassis), From: rmcp.AddressBMC, Seq: 1, Cmd: chassis.CmdStatus}.Append([]byte{0x40})
	c.put(c.packet(ipmi.NetFnApp, rmcp.CmdSendMessage, slow...)) // would hang here
	c.put(c.packet(ipmi.NetFnApp, 0x01))
	got := c.take()
	for len(got) == 0 {
		runtime.Gosched()
		got = c.take()
	}
	if code, _ := c.read(got); code != ipmi.CodeOK {
		t.Errorf("beside a bridge to a machine that hangs: %v", code)
	}
	behind.Close()
}

func TestAnswersToStrangersAreNotMuchLongerThanTheirRequests(t *testing.T) {
	m := machine(t, func(c *Config) { c.V15, c.Suites, c.InsecureSuite0 = true, rmcp.Suites(), true }, nil)
	w := newWire(m)
	try := func(b []byte) {
		n := 0
		for _, a := range w.put(b) {
			n += len(a)
		}
		if n > len(b)+17 { // 17 is the longest of what a request has no room for: a GUID
			t.Errorf("% x: %d bytes are answered with %d", b, len(b), n)
		}
	}
	try(rmcp.ASF{Type: rmcp.ASFPing, Tag: 1, Enterprise: 4542}.Append(nil))
	try(openRequest(1))
	for fn := range uint8(0x20) {
		for cmd := range uint8(0x80) {
			for _, data := range [][]byte{nil, {0x8e, 4}, {0xdc, 1}, {0x0e, 0, 0x80}, {0x0e, 0, 0}} {
				b := rmcp.Message{To: rmcp.AddressBMC, NetFn: fn << 1, From: rmcp.AddressConsole, Cmd: cmd, Data: data}.Append(nil)
				try(rmcp.AppendPlain15(nil, 0, 0, b))
				try(rmcp.AppendPlain(nil, rmcp.PayloadIPMI, b))
			}
		}
	}
}

func TestAGoodClientWorksAmongChangedDatagrams(t *testing.T) {
	m := machine(t, func(c *Config) { c.V15 = true }, nil)
	m.log = failing(t)
	good := signIn(t, m, "admin", "password", Administrator)
	seeds := [][]byte{
		openRequest(5), good.rakp3, good.packet(ipmi.NetFnApp, 0x01),
		rmcp.AppendPlain(nil, rmcp.PayloadRAKP1, rmcp.RAKP1{Managed: good.x.Managed, Name: []byte("admin")}.Append(nil)),
		rmcp.ASF{Type: rmcp.ASFPing, Tag: 1, Enterprise: 4542}.Append(nil),
		rmcp.AppendPlain15(nil, 0, 0, message(0x38, []byte{0x8e, 4})),
	}
	stranger := newWire(m)
	stranger.from = netip.MustParseAddrPort("192.0.2.9:9")
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		b := slices.Clone(seeds[r.IntN(len(seeds))])
		for range r.IntN(6) {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
		switch r.IntN(8) {
		case 0:
			b = append(b, make([]byte, r.IntN(1400))...)
		case 1, 2:
			b = b[:r.IntN(len(b)+1)]
		}
		from := stranger
		if r.IntN(2) == 0 {
			from = good.wire
		}
		from.put(b)
		if i%1000 == 0 {
			if code, _ := good.do(ipmi.NetFnApp, 0x01); code != ipmi.CodeOK {
				t.Fatalf("after %d: %v", i, code)
			}
		}
	}
}

// wired is a host whose console says nothing.
type wired struct{ *Memory }

func (wired) Console(context.Context, Caller) (io.ReadWriteCloser, error) {
	r, w := io.Pipe()
	return struct {
		io.Reader
		io.Writer
		io.Closer
	}{r, io.Discard, w}, nil
}

func TestAConsoleIsNotTakenFromWhoMayDoMore(t *testing.T) {
	m := machine(t, nil, wired{NewMemory(true)})
	admin, watch := signIn(t, m, "admin", "password", Administrator), signIn(t, m, "watch", "watching", User)
	admin.put(admin.packet(ipmi.NetFnApp, 0x48, 1, 1, 0xc0, 0, 0, 0))
	for active := false; !active; runtime.Gosched() {
		m.mu.Lock()
		active = m.line != nil
		m.unlock()
	}
	if code, _ := watch.do(ipmi.NetFnApp, 0x49, 1, 1, 0, 0, 0, 0); code != ipmi.CodePrivilege {
		t.Errorf("by a user: %v", code)
	}
	again := signIn(t, m, "admin", "password", Administrator)
	if code, _ := again.do(ipmi.NetFnApp, 0x49, 1, 1, 0, 0, 0, 0); code != ipmi.CodeOK {
		t.Errorf("by another session of the same: %v", code)
	}
}
