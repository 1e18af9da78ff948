package ipmi

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
)

// receiveRoom is what the system is asked to keep for us while we are busy: thousands
// of BMCs may answer within a millisecond.
const receiveRoom = 4 << 20

func listen(network string) (net.PacketConn, error) {
	var lc net.ListenConfig
	conn, err := lc.ListenPacket(context.Background(), network, ":0")
	if err != nil {
		return nil, err
	}
	if u, ok := conn.(*net.UDPConn); ok {
		_ = u.SetReadBuffer(receiveRoom) // it is as much as the system allows, and that is all we can do
	}
	return conn, nil
}

// socket sends and reads datagrams.
type socket struct {
	conn net.PacketConn
	udp  *net.UDPConn // conn, where it is one: it needs no allocation for an address
	over chan struct{}
}

func newSocket(conn net.PacketConn) *socket {
	udp, _ := conn.(*net.UDPConn)
	return &socket{conn: conn, udp: udp, over: make(chan struct{})}
}

// close is called once.
func (k *socket) close() error {
	close(k.over)
	return k.conn.Close()
}

func (k *socket) write(b []byte, to netip.AddrPort) error {
	var err error
	if k.udp != nil {
		_, err = k.udp.WriteToUDPAddrPort(b, to)
	} else {
		_, err = k.conn.WriteTo(b, net.UDPAddrFromAddrPort(to))
	}
	return err
}

// read hands each datagram to deliver, until the socket is closed. The
// datagram is good until deliver returns.
func (k *socket) read(deliver func([]byte, netip.AddrPort)) {
	b := make([]byte, rmcp.MaxPacket+1)
	for {
		n, from, err := k.readOne(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// A late word from the network about a packet sent before. Should it be
			// something that lasts, we do not spin.
			wait := time.NewTimer(time.Millisecond)
			select {
			case <-wait.C:
			case <-k.over:
				wait.Stop()
				return
			}
		case n <= rmcp.MaxPacket:
			deliver(b[:n], from)
		}
	}
}

func (k *socket) readOne(b []byte) (int, netip.AddrPort, error) {
	if k.udp != nil {
		n, from, err := k.udp.ReadFromUDPAddrPort(b)
		return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
	}
	n, a, err := k.conn.ReadFrom(b)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return 0, netip.AddrPort{}, errors.New("the socket's addresses are not of UDP")
	}
	from := u.AddrPort()
	return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), nil
}
