package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Addr is the address on which a PDU listens, "127.0.0.1:40111"; empty if there
// is no such PDU. It stays the same while the PDU is unreachable.
func (r *Room) Addr(pdu string) string {
	u := r.unitByName[pdu]
	if u == nil {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return u.address
}

// memoryPort is the port in the addresses of a room without listeners.
const memoryPort = ":23"

// Dial connects to a PDU, by its name or by its [Room.Addr], past the network:
// the connection is one end of a net.Pipe. The signature is that of
// net.Dialer.DialContext; network is not looked at. An unreachable PDU refuses
// with ECONNREFUSED.
func (r *Room) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	refused := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: %w", address, err)}
	}
	if ctx.Err() != nil {
		return refused(ctx.Err())
	}
	u := r.unitAt(address)
	if u == nil {
		return refused(errors.New("there is no such PDU"))
	}
	ours, theirs := net.Pipe()
	if !u.take(theirs) {
		return refused(syscall.ECONNREFUSED)
	}
	return ours, nil
}

// unitAt finds a unit by name or address.
func (r *Room) unitAt(address string) *Unit {
	if u := r.unitByName[strings.TrimSuffix(address, memoryPort)]; u != nil {
		return u
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.units {
		if u.address == address {
			return u
		}
	}
	return nil
}

// reachable tells whether the unit is on the network. Room.mu is held.
func (u *Unit) reachable() bool {
	_, refuses := u.shows(Refuse)
	return !refuses && (u.feed == nil || u.feed.live) && u.awake()
}

// applyReach opens or closes the listener as things are. Room.mu is held.
func (u *Unit) applyReach() error {
	switch {
	case u.room.closed:
	case !u.reachable():
		u.disconnect()
	case u.listener == nil && !u.room.memory:
		if s, ok := u.style.(PacketStyle); ok {
			return u.openPackets(s)
		}
		ln, err := u.listen()
		if err != nil {
			return fmt.Errorf("sim: PDU %s: %w", u.name, err)
		}
		u.listener, u.address = ln, ln.Addr().String()
		u.room.tasks.Go(func() { u.accept(ln) })
	}
	return nil
}

// settle finds out where a unit will listen that is not reachable at the start.
func (u *Unit) settle() (closed func(), err error) {
	if _, packets := u.style.(PacketStyle); packets || u.udp {
		var conn net.PacketConn
		if conn, err = new(net.ListenConfig).ListenPacket(u.room.ctx, "udp", u.address); err == nil {
			u.address = conn.LocalAddr().String()
			return func() { conn.Close() }, nil
		}
	} else {
		var ln net.Listener
		if ln, err = u.listen(); err == nil {
			u.address = ln.Addr().String()
			return func() { ln.Close() }, nil
		}
	}
	return nil, fmt.Errorf("sim: PDU %s: %w", u.name, err)
}

func (u *Unit) listen() (net.Listener, error) {
	if u.udp {
		return listenUDP(u.room.ctx, u.address)
	}
	return u.room.listen(u.room.ctx, "tcp", u.address)
}

// disconnect takes the unit off the network. Room.mu is held.
func (u *Unit) disconnect() {
	if u.listener != nil {
		u.listener.Close()
		u.listener = nil
	}
	for t := range u.terminals {
		t.close()
	}
}

func (u *Unit) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		u.take(conn)
	}
}

// take makes a terminal of a connection and lets it run. It closes the
// connection and returns false if the unit is unreachable or full.
func (u *Unit) take(conn net.Conn) bool {
	t := newTerminal(u, conn)
	u.room.mu.Lock()
	defer u.room.mu.Unlock()
	if u.room.closed || !u.reachable() {
		t.close()
		return false
	}
	if u.full() {
		if u.refusal == "" {
			t.close()
			return false
		}
		u.room.tasks.Go(t.turnAway)
		return true
	}
	u.terminals[t] = struct{}{}
	u.connections++
	t.number = u.connections
	u.room.tasks.Go(func() {
		defer t.finish()
		t.run()
		u.forget(t)
	})
	return true
}

// forget ends the unit's part of a session.
func (u *Unit) forget(t *Terminal) {
	u.room.mu.Lock()
	defer u.room.mu.Unlock()
	delete(u.terminals, t)
	if t.entered && u.held > 0 {
		u.keptUntil = time.Now().Add(u.held)
	}
}

// full says whether no more sessions are taken. Room.mu is held.
func (u *Unit) full() bool {
	if u.limit == 0 {
		return false
	}
	taken := len(u.terminals)
	if time.Now().Before(u.keptUntil) {
		taken++
	}
	if _, busy := u.shows(Busy); busy && !u.busyInside {
		taken = u.limit
	}
	return taken >= u.limit
}

// manners is how long somebody who is turned away may take to hear it.
const manners = 2 * time.Second

// turnAway tells somebody that the unit is full, and hangs up.
func (t *Terminal) turnAway() {
	defer t.close()
	stop := context.AfterFunc(t.unit.room.ctx, t.close)
	defer stop()
	_ = t.raw.SetDeadline(time.Now().Add(manners))
	// What they have not heard after this time they will not hear.
	_, _ = io.WriteString(t.raw, t.unit.refusal)
}
