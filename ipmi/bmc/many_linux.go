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

// ServeMany answers for many machines at one socket, which listens at an unspecified IPv4 address: whom
// a datagram is for is told by the address that it was sent to. Find may give nil. So
// 5,000 machines at 127.1.0.1 and on cost one socket and a few goroutines.
//
// It ends with ctx, which closes the socket. Datagrams of one client are taken in the
// order in which they came as far as readers is 1.
func ServeMany(ctx context.Context, conn *net.UDPConn, readers int, find func(netip.Addr) *Machine) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("serving at %v: %w", conn.LocalAddr(), err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_PKTINFO, 1)
	})
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
		wait.Go(func() { readMany(ctx, conn, find) })
	}
	wait.Wait()
	return nil
}

func readMany(ctx context.Context, conn *net.UDPConn, find func(netip.Addr) *Machine) {
	buf := make([]byte, rmcp.MaxPacket)
	oob := make([]byte, 64)
	out, port := multi{conn}, portOf(conn.LocalAddr())
	for {
		n, k, _, from, err := conn.ReadMsgUDPAddrPort(buf, oob)
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

// What the control message of IP_PKTINFO holds: its header, the number of an
// interface, the address here, the address in the datagram.
const (
	pktinfoSize = 12
	pktinfoAddr = 8
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
type multi struct{ conn *net.UDPConn }

func (u multi) send(b []byte, to netip.AddrPort, from netip.Addr) {
	var oob [syscall.SizeofCmsghdr + 16]byte
	word := syscall.SizeofCmsghdr - 8
	if word == 8 {
		binary.NativeEndian.PutUint64(oob[:], uint64(syscall.SizeofCmsghdr+pktinfoSize))
	} else {
		binary.NativeEndian.PutUint32(oob[:], uint32(syscall.SizeofCmsghdr+pktinfoSize))
	}
	binary.NativeEndian.PutUint32(oob[word:], syscall.IPPROTO_IP)
	binary.NativeEndian.PutUint32(oob[word+4:], syscall.IP_PKTINFO)
	four := from.As4()
	copy(oob[syscall.SizeofCmsghdr+4:], four[:]) // the address to send from
	_, _, _ = u.conn.WriteMsgUDPAddrPort(b, oob[:syscall.CmsgSpace(pktinfoSize)], to)
}
