package icmp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
)

func settings(host string) *Settings {
	s := New().New().(*Settings)
	s.Host, s.Interval, s.Patience = host, 10*time.Millisecond, 3*time.Second
	return s
}

// prepared gives the check with its way out of the house changed.
func prepared(t *testing.T, s *Settings) *pinger {
	t.Helper()
	c, err := s.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	return c.(*pinger)
}

// TestThisMachine pings in whichever way is permitted here.
func TestThisMachine(t *testing.T) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if ip := a.(*net.IPNet).IP; ip.IsLoopback() {
			r := checktest.Look(t, settings(ip.String()), checktest.Env())
			checktest.Says(t, r, check.OK, ip.String()+": ", " of 3 pings answered, in ")
			if r.Took <= 0 || len(r.Values) != 1 || r.Values[0].Value > 50 {
				t.Errorf("%+v", r)
			}
		}
	}
}

// TestProgram pings by the program, as where we may not ourselves.
func TestProgram(t *testing.T) {
	c := prepared(t, settings("127.0.0.1"))
	c.open = denied
	c.Count, c.Patience = 1, time.Second
	checktest.Says(t, c.Run(t.Context(), checktest.Env()), check.OK, "1 of 1 pings answered")
	c.program = filepath.Join(t.TempDir(), "ping")
	r := c.Run(t.Context(), checktest.Env())
	checktest.Says(t, r, check.Unknown, "ping_group_range", "CAP_NET_RAW")
	if err := os.WriteFile(c.program, []byte("#!/bin/sh\necho odd $*; exit 2\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.Count, c.Patience = 3, time.Minute
	_, err := c.byProgram(t.Context(), netip.MustParseAddr("::1"))
	if err == nil || err.Error() != fmt.Sprintf("%s: exit status 2: odd -n -c 3 -i 0.200 -w 61 ::1", c.program) {
		t.Error(err)
	}
}

func denied(string, netip.Addr) (net.PacketConn, error) {
	return nil, os.NewSyscallError("socket", syscall.EACCES)
}

// TestManyAtOnce has pings hear each other's replies, which raw sockets do, while a
// flood of other ICMP comes in.
func TestManyAtOnce(t *testing.T) {
	flood, err := new(net.Dialer).DialContext(t.Context(), "udp", "127.0.0.1:1") // each packet is refused by ICMP
	if err != nil {
		t.Fatal(err)
	}
	defer flood.Close()
	for range 5000 {
		_, _ = flood.Write([]byte("?"))
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			checktest.Says(t, checktest.Look(t, settings("127.0.0.1"), checktest.Env()), check.OK, " of 3 pings answered, in ")
		})
	}
	all.Wait()
}

// network is a socket whose packets all go to a peer of the test's own.
type network struct {
	net.PacketConn
	peer net.Addr
}

func (n network) WriteTo(p []byte, _ net.Addr) (int, error) { return n.PacketConn.WriteTo(p, n.peer) }

// against pings a peer that does with each request what a test says.
func against(t *testing.T, c *pinger, answer func(request *icmp.Echo, say func(icmp.Message))) {
	t.Helper()
	socket := func() net.PacketConn {
		var config net.ListenConfig
		conn, err := config.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	peer := socket()
	go func() {
		var packet [1500]byte
		for {
			n, from, err := peer.ReadFrom(packet[:])
			if err != nil {
				return
			}
			m, err := icmp.ParseMessage(1, packet[:n])
			if err != nil || m.Type != ipv4.ICMPTypeEcho {
				continue
			}
			answer(m.Body.(*icmp.Echo), func(m icmp.Message) {
				if b, err := m.Marshal(nil); err == nil {
					_, _ = peer.WriteTo(b, from)
				}
			})
		}
	}()
	c.open = func(string, netip.Addr) (net.PacketConn, error) { return network{socket(), peer.LocalAddr()}, nil }
}

// TestOnlyItsOwn holds that nothing counts but the reply to a request of the check's own,
// and that but once.
func TestOnlyItsOwn(t *testing.T) {
	reply := func(id, seq int, data []byte) icmp.Message {
		return icmp.Message{Type: ipv4.ICMPTypeEchoReply, Body: &icmp.Echo{ID: id, Seq: seq, Data: data}}
	}
	c := prepared(t, settings("192.0.2.1"))
	c.Count, c.Loss = 2, 50
	c.Patience = 50 * time.Millisecond // nothing more will come
	var good atomic.Bool
	against(t, c, func(r *icmp.Echo, say func(icmp.Message)) {
		other := append([]byte(nil), r.Data...)
		other[3]++
		say(icmp.Message{Type: ipv4.ICMPTypeEcho, Body: r})
		say(reply(r.ID+1, r.Seq, r.Data))
		say(reply(r.ID, r.Seq+1, r.Data))
		say(reply(r.ID, r.Seq, other))
		say(reply(r.ID, r.Seq, r.Data[:20]))
		say(reply(r.ID, 60000, r.Data))
		say(icmp.Message{Type: ipv4.ICMPTypeDestinationUnreachable, Body: &icmp.DstUnreach{Data: r.Data}})
		if good.Load() && r.Seq == 0 {
			say(reply(r.ID, r.Seq, r.Data))
			say(reply(r.ID, r.Seq, r.Data))
		}
	})
	checktest.Says(t, c.Run(t.Context(), checktest.Env()), check.Bad, "0 of 2 pings answered")
	good.Store(true)
	c.Patience = time.Second
	checktest.Says(t, c.Run(t.Context(), checktest.Env()), check.OK, "1 of 2 pings answered")
	c.Loss = 49
	checktest.Says(t, c.Run(t.Context(), checktest.Env()), check.Bad, "1 of 2 pings answered")
	c.Loss, c.Slowest = 100, time.Nanosecond
	checktest.Says(t, c.Run(t.Context(), checktest.Env()), check.Bad, "slower than 1ns")
}

// TestEnds holds that silence ends with the check's time, and with who asks.
func TestEnds(t *testing.T) {
	c := prepared(t, settings("192.0.2.1"))
	asked := make(chan struct{}, 10)
	against(t, c, func(*icmp.Echo, func(icmp.Message)) { asked <- struct{}{} })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	checktest.Says(t, c.Run(ctx, checktest.Env()), check.Bad, "0 of")
	ctx, cancel = context.WithCancel(t.Context())
	<-asked
	time.AfterFunc(10*time.Millisecond, cancel)
	checktest.Says(t, c.Run(ctx, checktest.Env()), check.Unknown, "cut short")
}

func TestNoWay(t *testing.T) {
	c := prepared(t, settings("192.0.2.1"))
	for _, tt := range []struct {
		err  error
		want check.Verdict
	}{{syscall.ENETUNREACH, check.Unknown}, {syscall.EHOSTUNREACH, check.Bad}} {
		c.Patience = 10 * time.Millisecond
		c.open = func(string, netip.Addr) (net.PacketConn, error) {
			var config net.ListenConfig
			conn, err := config.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
			return deaf{conn, tt.err}, err
		}
		checktest.Says(t, c.Run(t.Context(), checktest.Env()), tt.want, tt.err.Error())
	}
}

// deaf is a socket that sends nothing.
type deaf struct {
	net.PacketConn
	err error
}

func (d deaf) WriteTo([]byte, net.Addr) (int, error) {
	return 0, &net.OpError{Op: "write", Err: errors.Join(d.err)}
}

func TestSettings(t *testing.T) {
	for _, change := range []func(*Settings){
		func(s *Settings) { s.Count = 0 }, func(s *Settings) { s.Count = 1000 }, func(s *Settings) { s.Host = "" },
		func(s *Settings) { s.Family = "5" }, func(s *Settings) { s.Interval = 0 }, func(s *Settings) { s.Loss = 101 },
		func(s *Settings) { s.Patience = time.Hour }, func(s *Settings) { s.Slowest = -1 },
	} {
		s := New().New().(*Settings)
		change(s)
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"PING x\n3 packets transmitted, 2 received, 33% packet loss, time 402ms\nrtt min/avg/max/mdev = 1.000/2.000/3.000/0.011 ms\n": "3 2 1ms 2ms 3ms true",
		"2 packets transmitted, 2 packets received, 0% packet loss\nround-trip min/avg/max = 1/2/3 ms\n":                              "2 2 1ms 2ms 3ms true",
		"2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1ms\n":                                                  "2 0 0s 0s 0s true",
		"2 packets transmitted, 5 received\n": "0 0 0s 0s 0s false",
		"usage: ping\n":                       "0 0 0s 0s 0s false",
	} {
		got, found := parse(text)
		if s := fmt.Sprint(got.sent, got.heard, got.min, got.mean(), got.max, found); s != want {
			t.Errorf("%q: %s and not %s", text, s, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("3 packets transmitted, 2 received, 33% packet loss\nrtt min/avg/max/mdev = 1.000/2.000/3.000/0.011 ms\n")
	f.Add("9999999999999 packets transmitted, -1 received\nrtt min/avg/max = NaN/1e300/- ms")
	f.Fuzz(func(t *testing.T, text string) {
		got, found := parse(text)
		if found && (got.heard > got.sent || got.heard < 0 || got.sent > maxCount || got.loss() < 0 || got.mean() < 0) {
			t.Errorf("%+v", got)
		}
	})
}

func FuzzReply(f *testing.F) {
	e := &echo{id: 7, sent: make([]time.Time, 3)}
	good, err := (&icmp.Message{Type: ipv4.ICMPTypeEchoReply, Body: &icmp.Echo{ID: 7, Seq: 2, Data: e.data(2)}}).Marshal(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, false)
	f.Add(good[:8], true)
	f.Fuzz(func(t *testing.T, packet []byte, six bool) {
		e := &echo{id: 7, six: six, sent: []time.Time{{}, time.Unix(1, 0), {}}}
		e.take(packet, time.Unix(2, 0))
		if e.tally.heard > 1 {
			t.Error("more heard than asked")
		}
	})
}

// What goes out is what the usual library would send.
func TestRequest(t *testing.T) {
	for _, six := range []bool{false, true} {
		e := &echo{id: 0xbeef, six: six, token: [16]byte{1, 2, 3, 0xff}}
		m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: 0xbeef, Seq: 300, Data: e.data(300)}}
		if six {
			m.Type = ipv6.ICMPTypeEchoRequest
		}
		want, err := m.Marshal(nil)
		if got := e.request(300); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%x, and not %x (%v)", got, want, err)
		}
	}
}

// TestWays pings in each way by itself, as far as it is permitted.
func TestWays(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		to := netip.MustParseAddr(host)
		for _, network := range networks(to) {
			conn, err := listen(network, to)
			if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
				t.Logf("%s: %v", network, err)
				continue
			}
			if err != nil {
				t.Fatal(network, err)
			}
			tally, err := prepared(t, settings(host)).talk(t.Context(), conn, to)
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.ENETUNREACH) { // no IPv6 on the loopback
				t.Logf("%s: %v", network, err)
				continue
			}
			if err != nil || tally.heard == 0 {
				t.Errorf("%s: %+v, %v", network, tally, err)
			}
		}
	}
}

// TestPinged: what only measures is no sign of life.
func TestPinged(t *testing.T) {
	s := settings("{address}")
	if whom := prepared(t, s).Pinged(); whom != "{address}" {
		t.Errorf("it pings %q", whom)
	}
	s.Loss = 100
	if whom := prepared(t, s).Pinged(); whom != "" {
		t.Errorf("what is always ok pings %q", whom)
	}
}
