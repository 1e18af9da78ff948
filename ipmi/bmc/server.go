package bmc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"millwright.dev/millwright/ipmi/rmcp"
)

// Serve answers for a machine at a socket until ctx ends, which closes the socket. It
// uses one goroutine. For thousands of machines see [ServeMany].
func Serve(ctx context.Context, conn net.PacketConn, m *Machine) error {
	if c, ok := conn.(*net.UDPConn); ok {
		return serveUDP(ctx, c, m)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	out := packets{conn}
	buf := make([]byte, rmcp.MaxPacket)
	for {
		n, addr, err := conn.ReadFrom(buf)
		if err != nil {
			if ended(ctx, err) {
				return nil
			}
			return fmt.Errorf("reading from %v: %w", conn.LocalAddr(), err)
		}
		from, err := netip.ParseAddrPort(addr.String())
		if err != nil {
			continue
		}
		m.receive(way{out: out, from: from, port: portOf(conn.LocalAddr())}, buf[:n])
	}
}

// ended says whether a read failed because the serving is over.
func ended(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, net.ErrClosed)
}

func portOf(a net.Addr) uint16 {
	if p, err := netip.ParseAddrPort(a.String()); err == nil {
		return p.Port()
	}
	return 0
}

// packets is a socket of any kind.
type packets struct{ conn net.PacketConn }

func (p packets) send(b []byte, to netip.AddrPort, _ netip.Addr) {
	// What cannot be sent is as good as lost: the client asks again.
	_, _ = p.conn.WriteTo(b, net.UDPAddrFromAddrPort(to))
}

// udp is a UDP socket of one machine.
type udp struct{ conn *net.UDPConn }

func (u udp) send(b []byte, to netip.AddrPort, _ netip.Addr) {
	_, _ = u.conn.WriteToUDPAddrPort(b, to)
}

func serveUDP(ctx context.Context, conn *net.UDPConn, m *Machine) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	out, port := udp{conn}, portOf(conn.LocalAddr())
	buf := make([]byte, rmcp.MaxPacket)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			if ended(ctx, err) {
				return nil
			}
			continue // an ICMP message about an answer: nothing to do about it
		}
		m.receive(way{out: out, from: from, port: port}, buf[:n])
	}
}
