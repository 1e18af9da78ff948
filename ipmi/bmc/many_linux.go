package bmc

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"millwright.dev/millwright/ipmi/rmcp"
)

// ServeMany answers for many machines at one socket, which listens at an unspecified address, of IPv4, IPv6 or
// both: whom a datagram is for is told by the address that it was sent to, as IPv4 if it is one.
// Find may give nil: then nobody answers. So 5,000 machines at 127.1.0.1 and on cost one
// socket and a few goroutines.
//
// It ends with ctx, which closes the socket. Datagrams of one client are taken in the
// order in which they came as far as readers is 1.
func ServeMany(ctx context.Context, conn *net.UDPConn, readers int, find func(netip.Addr) *Machine) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("serving at %v: %w", conn.LocalAddr(), err)
	}
	out := multi{conn: conn, six: isSix(conn)}
	level, option := syscall.IPPROTO_IP, syscall.IP_PKTINFO
	if out.six {
		level, option = syscall.IPPROTO_IPV6, syscall.IPV6_RECVPKTINFO
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = syscall.SetsockoptInt(int(fd), level, option, 1) })
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("serving at %v, asking for the addresses of datagrams: %w", conn.LocalAddr(), err)
	}
	// A burst for thousands must find room. The system may give less; it is no error.
	_ = conn.SetReadBuffer(8 << 20)
	_ = conn.SetWriteBuffer(4 << 20)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	var wait sync.WaitGroup
	for range max(readers, 1) {
		wait.Go(func() { readMany(ctx, out, find) })
	}
	wait.Wait()
	return nil
}

// isSix says whether a socket is one of IPv6, which may hear IPv4 too.
func isSix(conn *net.UDPConn) bool {
	a, ok := conn.LocalAddr().(*net.UDPAddr)
	return ok && a.IP.To4() == nil
}

func readMany(ctx context.Context, out multi, find func(netip.Addr) *Machine) {
	buf := make([]byte, rmcp.MaxPacket)
	oob := make([]byte, 64)
	port := portOf(out.conn.LocalAddr())
	for {
		n, k, _, from, err := out.conn.ReadMsgUDPAddrPort(buf, oob)
		if err != nil {
			if ended(ctx, err) {
				return
			}
			continue
		}
		local, ok := destination(oob[:k])
		if !ok {
			continue
		}
		if m := find(local); m != nil {
			m.receive(way{out: out, from: from, local: local, port: port}, buf[:n])
		}
	}
}

// What the control message of IP_PKTINFO holds: the number of an interface, the address here, the
// address in the datagram. That of IPV6_PKTINFO holds the address and the number of an interface.
const (
	pktinfoSize  = 12
	pktinfoAddr  = 8
	pktinfo6Size = 20
)

// destination finds the address that a datagram was sent to.
func destination(oob []byte) (netip.Addr, bool) {
	for len(oob) >= syscall.SizeofCmsghdr {
		h, data, rest, ok := controlMessage(oob)
		if !ok {
			return netip.Addr{}, false
		}
		if h.level == syscall.IPPROTO_IP && h.kind == syscall.IP_PKTINFO && len(data) >= pktinfoSize {
			return netip.AddrFrom4([4]byte(data[pktinfoAddr:pktinfoSize])), true
		}
		if h.level == syscall.IPPROTO_IPV6 && h.kind == syscall.IPV6_PKTINFO && len(data) >= pktinfo6Size {
			return netip.AddrFrom16([16]byte(data)).Unmap(), true
		}
		oob = rest
	}
	return netip.Addr{}, false
}

type controlHeader struct{ level, kind int32 }

// controlMessage cuts one off, without the memory that syscall's reader takes for each.
func controlMessage(b []byte) (h controlHeader, data, rest []byte, ok bool) {
	word := syscall.SizeofCmsghdr - 8 // the length has the size of a pointer
	var n int
	if word == 8 {
		n = int(binary.NativeEndian.Uint64(b))
	} else {
		n = int(binary.NativeEndian.Uint32(b))
	}
	if n < syscall.SizeofCmsghdr || n > len(b) {
		return h, nil, nil, false
	}
	h = controlHeader{int32(binary.NativeEndian.Uint32(b[word:])), int32(binary.NativeEndian.Uint32(b[word+4:]))}
	return h, b[syscall.SizeofCmsghdr:n], b[min(len(b), syscall.CmsgSpace(n-syscall.SizeofCmsghdr)):], true
}

// multi is a socket of many machines.
type multi struct {
	conn *net.UDPConn
	six  bool // of IPv6
}

func (u multi) send(b []byte, to netip.AddrPort, from netip.Addr) {
	var oob [syscall.SizeofCmsghdr + 24]byte
	size, level, kind := pktinfoSize, syscall.IPPROTO_IP, syscall.IP_PKTINFO
	data := oob[syscall.SizeofCmsghdr:]
	if u.six {
		size, level, kind = pktinfo6Size, syscall.IPPROTO_IPV6, syscall.IPV6_PKTINFO
		a := from.As16() // IPv4 in its form of IPv6
		copy(data, a[:])
	} else {
		a := from.As4()
		copy(data[4:], a[:]) // the address to send from
	}
	word := syscall.SizeofCmsghdr - 8
	if word == 8 {
		binary.NativeEndian.PutUint64(oob[:], uint64(syscall.SizeofCmsghdr+size))
	} else {
		binary.NativeEndian.PutUint32(oob[:], uint32(syscall.SizeofCmsghdr+size))
	}
	binary.NativeEndian.PutUint32(oob[word:], uint32(level))
	binary.NativeEndian.PutUint32(oob[word+4:], uint32(kind))
	_, _, _ = u.conn.WriteMsgUDPAddrPort(b, oob[:syscall.CmsgSpace(size)], to)
}
