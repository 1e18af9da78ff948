package icmp

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// networks are the ways to ping an address by ourselves, as package icmp names them:
// the one that needs the least rights first.
func networks(to netip.Addr) []string {
	if to.Is4() {
		return []string{"udp4", "ip4:icmp"}
	}
	return []string{"udp6", "ip6:ipv6-icmp"}
}

func listen(network string, to netip.Addr) (net.PacketConn, error) {
	every := "0.0.0.0"
	if to.Is6() {
		every = "::"
	}
	conn, err := icmp.ListenPacket(network, every)
	if err != nil {
		return nil, err
	}
	// A raw socket is given all ICMP that comes to this machine, and what its buffer
	// cannot hold is lost. So all but replies stay out; without that it is but slower.
	switch network {
	case "ip4:icmp":
		var only ipv4.ICMPFilter
		only.SetAll(true)
		only.Accept(ipv4.ICMPTypeEchoReply)
		_ = conn.IPv4PacketConn().SetICMPFilter(&only)
	case "ip6:ipv6-icmp":
		var only ipv6.ICMPFilter
		only.SetAll(true)
		only.Accept(ipv6.ICMPTypeEchoReply)
		_ = conn.IPv6PacketConn().SetICMPFilter(&only)
	}
	return conn, nil
}

// What the two families have for the same, and the numbers of their protocols (RFC
// 5237, at IANA).
const (
	protocol4 = 1
	protocol6 = 58
)

// echo is the conversation of one check: requests of which each can be told from all
// others that are on their way.
type echo struct {
	conn  net.PacketConn
	to    net.Addr
	six   bool
	id    int // of the requests; a socket for pings has chosen its own
	token [16]byte
	sent  []time.Time // by number; zero when its reply was heard
	tally tally
}

// payload is token and number, filled up to the 56 bytes that pings usually have.
const payload = 56

func (c *pinger) talk(ctx context.Context, conn net.PacketConn, to netip.Addr) (tally, error) {
	e := &echo{conn: conn, six: to.Is6(), sent: make([]time.Time, 0, c.Count)}
	_, _ = rand.Read(e.token[:]) // it never fails
	e.id = int(binary.BigEndian.Uint16(e.token[:]))
	if own, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		e.to = &net.UDPAddr{IP: to.AsSlice(), Zone: to.Zone()}
		e.id = own.Port
	} else {
		e.to = &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	err := e.run(ctx, c.Count, c.Interval, c.Patience)
	return e.tally, err
}

// run sends the requests, each at its time, and hears the replies between.
func (e *echo) run(ctx context.Context, count int, interval, patience time.Duration) error {
	start := time.Now()
	var refused error
	for e.tally.heard < count && ctx.Err() == nil {
		next := start.Add(time.Duration(len(e.sent)) * interval)
		if len(e.sent) < count && !time.Now().Before(next) {
			if err := e.send(); err != nil {
				refused = err
			}
			continue
		}
		if len(e.sent) == count {
			next = start.Add(time.Duration(count-1)*interval + patience)
			if !time.Now().Before(next) {
				break
			}
		}
		if err := e.hear(ctx, next); err != nil {
			return err
		}
	}
	return refused
}

// send sends the next request. One that could not be sent is a lost one.
func (e *echo) send() error {
	number := len(e.sent)
	body := &icmp.Echo{ID: e.id, Seq: number, Data: e.data(number)}
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: body}
	if e.six {
		m.Type = ipv6.ICMPTypeEchoRequest
	}
	packet, err := m.Marshal(nil)
	if err != nil {
		return err
	}
	e.sent = append(e.sent, time.Now())
	e.tally.sent++
	_, err = e.conn.WriteTo(packet, e.to)
	return err
}

func (e *echo) data(number int) []byte {
	data := make([]byte, payload)
	copy(data, e.token[:])
	binary.BigEndian.PutUint16(data[len(e.token):], uint16(number))
	return data
}

// hear waits for one packet until a time. Only a socket that is of no more use is an
// error.
func (e *echo) hear(ctx context.Context, until time.Time) error {
	_ = e.conn.SetReadDeadline(until)
	if ctx.Err() != nil { // its own deadline may just have been set over
		return nil
	}
	var packet [512]byte
	n, _, err := e.conn.ReadFrom(packet[:])
	now := time.Now()
	var network net.Error
	switch {
	case err == nil:
		e.take(packet[:n], now)
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, net.ErrClosed) && ctx.Err() != nil:
	case errors.Is(err, net.ErrClosed):
		return err
	default: // what a router said of an earlier request: it is lost
	}
	return nil
}

// take counts a packet that is the reply to a request of ours that had none yet.
func (e *echo) take(packet []byte, now time.Time) {
	number, ok := e.reply(packet)
	if !ok || number >= len(e.sent) || e.sent[number].IsZero() {
		return
	}
	e.tally.add(now.Sub(e.sent[number]))
	e.sent[number] = time.Time{}
}

// reply gives the number of the request that a packet replies to.
func (e *echo) reply(packet []byte) (number int, ok bool) {
	protocol := protocol4
	var want icmp.Type = ipv4.ICMPTypeEchoReply
	if e.six {
		protocol, want = protocol6, ipv6.ICMPTypeEchoReply
	}
	m, err := icmp.ParseMessage(protocol, packet)
	if err != nil || m.Type != want {
		return 0, false
	}
	body, is := m.Body.(*icmp.Echo)
	if !is || body.ID != e.id || !bytes.Equal(body.Data, e.data(body.Seq)) {
		return 0, false
	}
	return body.Seq, true
}
