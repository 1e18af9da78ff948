package icmp

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"
)

// networks are the ways to ping an address by ourselves, the one that needs the least
// rights first: a socket for pings, and a raw one.
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
	if strings.HasPrefix(network, "udp") {
		return listenPing(to.Is6())
	}
	conn, err := net.ListenPacket(network, every) //nolint:noctx // nothing is looked up
	if err != nil {
		return nil, err
	}
	// A raw socket is given all ICMP that comes to this machine, and what its buffer
	// cannot hold is lost. So all but replies stay out; without that it is but slower.
	onlyReplies(conn.(*net.IPConn), to.Is6())
	return conn, nil
}

// Types of messages (RFC 792; RFC 4443, section 4).
const (
	request4, reply4 = 8, 0
	request6, reply6 = 128, 129
)

// head is the length of what is before the payload: type, code, checksum, id and number.
const head = 8

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
	packet := e.request(number)
	e.sent = append(e.sent, time.Now())
	e.tally.sent++
	_, err := e.conn.WriteTo(packet, e.to)
	return err
}

func (e *echo) request(number int) []byte {
	packet := make([]byte, head, head+payload)
	packet[0] = request4
	if e.six {
		packet[0] = request6
	}
	binary.BigEndian.PutUint16(packet[4:], uint16(e.id))
	binary.BigEndian.PutUint16(packet[6:], uint16(number))
	packet = append(packet, e.data(number)...)
	if !e.six { // that of ICMPv6 is over addresses too, which only the system knows
		binary.BigEndian.PutUint16(packet[2:], checksum(packet))
	}
	return packet
}

// checksum is the Internet's (RFC 1071) over an even number of bytes.
func checksum(packet []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(packet); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(packet[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
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
	var want byte = reply4
	if e.six {
		want = reply6
	}
	if len(packet) < head || packet[0] != want || binary.BigEndian.Uint16(packet[4:]) != uint16(e.id) {
		return 0, false
	}
	number = int(binary.BigEndian.Uint16(packet[6:]))
	return number, bytes.Equal(packet[head:], e.data(number))
}
