package ipmidoor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"

	"millwright.dev/millwright/ipmi/bmc"
)

// sharing is how many nodes have the same port, at addresses of their own, before one
// socket answers for all of them. It listens at every address of the host then, and drops what is for
// an address that is no node's.
const sharing = 128

// sockets are those that are open: one for each node, or one for a port that many nodes
// have. The door's lock guards them.
type sockets struct {
	own    map[string]*socket // by node
	shared map[uint16]*socket
}

type socket struct {
	conn *net.UDPConn
	stop context.CancelFunc
	done chan struct{}
	find atomic.Pointer[map[netip.Addr]*bmc.Machine] // of a shared one
	at   map[string]string                           // of a shared one: the nodes' addresses
}

func (s *socket) close() {
	s.stop()
	<-s.done
}

// serve answers at a socket until it is closed.
func (d *Door) serve(conn *net.UDPConn, answer func(context.Context) error) *socket {
	ctx, stop := context.WithCancel(d.ctx)
	s := &socket{conn: conn, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer conn.Close()
		if err := answer(ctx); err != nil {
			d.opts.Log.Error("a BMC of the room is not answered for any longer", "address", conn.LocalAddr(), "why", err)
		}
	}()
	return s
}

// listen opens what is missing, the lock held.
func (d *Door) listen() error {
	if d.sockets.own == nil {
		d.sockets.own, d.sockets.shared = make(map[string]*socket), make(map[uint16]*socket)
	}
	ports := make(map[uint16][]*node)
	var failed error
	for _, n := range d.nodes {
		at, err := netip.ParseAddrPort(n.listen)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("ipmi: node %s: %w", n.name, err))
			continue
		}
		if port := at.Port(); port != 0 && at.Addr().Is4() && !at.Addr().IsUnspecified() && runtime.GOOS == "linux" {
			ports[port] = append(ports[port], n)
			continue
		}
		failed = errors.Join(failed, d.listenOne(n, at))
	}
	maps.DeleteFunc(ports, func(port uint16, list []*node) bool {
		if len(list) >= sharing {
			return false
		}
		if s := d.sockets.shared[port]; s != nil { // fewer than before
			s.close()
			delete(d.sockets.shared, port)
		}
		for _, n := range list {
			at, _ := netip.ParseAddrPort(n.listen)
			failed = errors.Join(failed, d.listenOne(n, at))
		}
		return true
	})
	for port, list := range ports {
		failed = errors.Join(failed, d.listenMany(port, list))
	}
	return failed
}

func (d *Door) listenOne(n *node, at netip.AddrPort) error {
	if d.sockets.own[n.name] != nil {
		return nil
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return fmt.Errorf("ipmi: listen as the BMC of node %s: %w", n.name, err)
	}
	m := n.machine
	d.sockets.own[n.name] = d.serve(conn, func(ctx context.Context) error { return bmc.Serve(ctx, conn, m) })
	return nil
}

// listenMany has one socket answer for many nodes.
func (d *Door) listenMany(port uint16, list []*node) error {
	find, at := make(map[netip.Addr]*bmc.Machine, len(list)), make(map[string]string, len(list))
	for _, n := range list {
		if s := d.sockets.own[n.name]; s != nil {
			s.close()
			delete(d.sockets.own, n.name)
		}
		addr, _ := netip.ParseAddrPort(n.listen)
		find[addr.Addr()], at[n.name] = n.machine, n.listen
	}
	s := d.sockets.shared[port]
	if s == nil {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{Port: int(port)})
		if err != nil {
			return fmt.Errorf("ipmi: listen as the BMCs of %d nodes: %w", len(list), err)
		}
		begin := make(chan struct{})
		s = d.serve(conn, func(ctx context.Context) error {
			<-begin
			return bmc.ServeMany(ctx, conn, 1, func(a netip.Addr) *bmc.Machine { return (*s.find.Load())[a] })
		})
		s.find.Store(&find)
		close(begin)
		d.sockets.shared[port] = s
	}
	s.find.Store(&find)
	s.at = at
	return nil
}

// close closes a node's socket. A shared one stays, and is told by [Door.listen].
func (s *sockets) close(node string) {
	if one := s.own[node]; one != nil {
		one.close()
		delete(s.own, node)
	}
	for port, many := range s.shared {
		if delete(many.at, node); len(many.at) == 0 {
			many.close()
			delete(s.shared, port)
		}
	}
}

func (s *sockets) closeAll() {
	for _, one := range s.own {
		one.close()
	}
	for _, many := range s.shared {
		many.close()
	}
	clear(s.own)
	clear(s.shared)
}

func (s *sockets) addresses() map[string]string {
	list := make(map[string]string)
	for name, one := range s.own {
		list[name] = one.conn.LocalAddr().String()
	}
	for _, many := range s.shared {
		maps.Copy(list, many.at)
	}
	return list
}
