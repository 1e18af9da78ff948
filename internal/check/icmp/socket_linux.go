package icmp

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// listenPing opens a socket for pings: the kernel chooses its id, gives it nothing but its
// own replies, and asks for no rights but those that net.ipv4.ping_group_range gives.
func listenPing(six bool) (net.PacketConn, error) {
	family, protocol, every := unix.AF_INET, unix.IPPROTO_ICMP, unix.Sockaddr(&unix.SockaddrInet4{})
	if six {
		family, protocol, every = unix.AF_INET6, unix.IPPROTO_ICMPV6, &unix.SockaddrInet6{}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), "ping")
	defer file.Close() // the connection has its own
	if err := unix.Bind(fd, every); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	return net.FilePacketConn(file)
}

// onlyReplies has the kernel drop what is no reply to a ping (raw(7), ICMP_FILTER; RFC
// 3542, section 3.2): a bit for each type of message that is not wanted.
func onlyReplies(conn *net.IPConn, six bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if !six {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_RAW, unix.ICMP_FILTER, ^(1 << reply4))
			return
		}
		filter := unix.ICMPv6Filter{Data: [8]uint32{^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0)}}
		filter.Data[reply6/32] &^= 1 << (reply6 % 32)
		_ = unix.SetsockoptICMPv6Filter(int(fd), unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &filter)
	})
}
