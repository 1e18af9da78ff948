package bmc

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// many serves machines at 127.77.x.y behind one socket.
func many(t testing.TB, n int) (port uint16, at []netip.Addr) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := demo()
	machines := make(map[netip.Addr]*Machine, n)
	for i := range n {
		m, err := New(cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		a := netip.AddrFrom4([4]byte{127, 77, byte(i >> 8), byte(i)})
		machines[a], at = m, append(at, a)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ServeMany(ctx, conn, 2, func(a netip.Addr) *Machine { return machines[a] }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, m := range machines {
			m.Close()
		}
	})
	return portOf(conn.LocalAddr()), at
}

func TestManyAtOneSocket(t *testing.T) {
	port, at := many(t, 300)
	for _, i := range []int{0, 255, 256, 299} {
		out := run(t, "", "ipmitool", "-I", "lanplus", "-H", at[i].String(), "-p", fmt.Sprint(port), "-U", "admin", "-P", "password", "chassis", "power", "status")
		if out != "Chassis Power is off\n" {
			t.Errorf("%v: %q", at[i], out)
		}
	}
}

// At a socket of both families each machine is found by what the datagram was sent to; what is for
// nobody is for nobody, however much comes.
func TestManyOfBothFamilies(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	machines := map[netip.Addr]*Machine{}
	for i, a := range []string{"::1", "127.78.0.1", "127.78.0.2"} {
		machines[netip.MustParseAddr(a)] = machine(t, func(c *Config) { c.Device = DefaultDevice(); c.Device.ID = byte(0x41 + i) }, NewMemory(true))
	}
	var asked sync.Map
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- ServeMany(ctx, conn, 2, func(a netip.Addr) *Machine { asked.Store(a, true); return machines[a] })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	port := portOf(conn.LocalAddr())
	flood, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer flood.Close()
	ping := rmcp.ASF{Type: rmcp.ASFPing, Tag: 1}.Append(nil)
	for i := range 5000 {
		_, _ = flood.WriteToUDPAddrPort(ping, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 79, byte(i >> 8), byte(i)}), port))
	}
	c := ipmi.NewClient(ipmi.ClientOptions{})
	defer c.Close()
	for a, m := range machines {
		s, err := c.Open(t.Context(), netip.AddrPortFrom(a, port).String(), ipmi.Options{User: "admin", Password: "password", Timeout: patience})
		if err != nil {
			t.Fatalf("%v: %v", a, err)
		}
		if b, err := s.Do(t.Context(), ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: 1}); err != nil || b[0] != m.cfg.Device.ID {
			t.Errorf("%v: % x, %v", a, b, err)
		}
		if _, ok := asked.Load(a); !ok {
			t.Errorf("%v was not asked for", a)
		}
	}
	_ = flood.SetReadDeadline(time.Now())
	if n, from, err := flood.ReadFrom(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes from %v, where nobody is", n, from)
	}
}

// socket is a wire over a real socket.
type socket struct {
	conn *net.UDPConn
	to   netip.AddrPort
}

// BenchmarkCommands has 5,000 machines at one socket asked for their power by
// clients in this process: the time is that of both ends.
func BenchmarkCommands(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const n = 5000
	port, at := many(b, n)
	runtime.GC()
	runtime.ReadMemStats(&after)
	const clients = 8
	chans := make([]*rmcp.Channel, clients)
	conns := make([]socket, clients)
	for i := range clients {
		to := netip.AddrPortFrom(at[i*7], port)
		conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		conns[i] = socket{conn, to}
		chans[i] = conns[i].login(b)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	var wait sync.WaitGroup
	b.ResetTimer()
	for i := range clients {
		wait.Go(func() {
			var seq uint8
			buf, out := make([]byte, 512), make([]byte, 0, 512)
			for left.Add(-1) >= 0 {
				seq = (seq + 1) & 0x3f
				m := rmcp.Message{To: rmcp.AddressBMC, NetFn: uint8(ipmi.NetFnChassis), From: rmcp.AddressConsole, Seq: seq, Cmd: 1}
				out = chans[i].Seal(out[:0], rmcp.PayloadIPMI, m.Append(make([]byte, 0, 32)))
				if conns[i].ask(out, buf, func(p *rmcp.Packet) bool { _, err := chans[i].Open(p); return err == nil }) == 0 {
					b.Error("no answer")
					return
				}
			}
		})
	}
	wait.Wait()
	b.ReportMetric(float64(after.HeapAlloc+after.StackInuse-before.HeapAlloc-before.StackInuse)/n, "B/machine")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
}

func (s socket) ask(out, buf []byte, good func(*rmcp.Packet) bool) int {
	_, _ = s.conn.Write(out)
	_ = s.conn.SetReadDeadline(time.Now().Add(patience))
	n, err := s.conn.Read(buf)
	var p rmcp.Packet
	if err != nil || p.Parse(buf[:n]) != nil || !good(&p) {
		return 0
	}
	return n
}

func (s socket) login(b *testing.B) *rmcp.Channel {
	b.Helper()
	user, _ := rmcp.PasswordKey("password")
	x := rmcp.Exchange{Console: 77, Role: 0x14, Name: []byte("admin")}
	x.Algorithms, _ = rmcp.Suite(17).Algorithms()
	buf := make([]byte, 512)
	var got []byte
	keep := func(p *rmcp.Packet) bool { got = p.Payload; return true }
	s.ask(rmcp.AppendPlain(nil, rmcp.PayloadOpenRequest, rmcp.OpenRequest{Console: 77, Privilege: 4, Algorithms: x.Algorithms}.Append(nil)), buf, keep)
	o, _ := rmcp.ParseOpenResponse(got)
	x.Managed = o.Managed
	s.ask(rmcp.AppendPlain(nil, rmcp.PayloadRAKP1, rmcp.RAKP1{Managed: x.Managed, Role: x.Role, Name: x.Name}.Append(nil)), buf, keep)
	r, _ := rmcp.ParseRAKP2(got)
	x.ManagedRandom, x.GUID = r.Random, r.GUID
	s.ask(rmcp.AppendPlain(nil, rmcp.PayloadRAKP3, rmcp.RAKP3{Managed: x.Managed, Code: x.AppendCode3(nil, &user)}.Append(nil)), buf, keep)
	keys := x.Keys(&rmcp.Key{}, &user)
	ch, err := rmcp.NewChannel(&keys, 77, x.Managed)
	if err != nil {
		b.Fatal(err)
	}
	return ch
}
