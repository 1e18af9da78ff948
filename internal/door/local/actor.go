package local

import (
	"context"
	"net"
	"os/user"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"millwright.dev/millwright/internal/desk"
)

// Name is what the door is called in events.
const Name = "local"

// actorKey is the place of a connection's actor in its context.
type actorKey struct{}

// people finds out who is at the other end of a socket.
type people struct {
	mu    sync.Mutex
	names map[uint32]string
}

// greet puts who has connected into the connection's context.
func (p *people) greet(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, actorKey{}, desk.Actor{Name: p.nameOf(c), Door: Name})
}

// nameOf asks the kernel, which cannot be lied to: the user who opened the
// connection. It is "" for what is no unix socket.
func (p *people) nameOf(c net.Conn) string {
	if seat, ok := c.(*seated); ok {
		c = seat.Conn
	}
	sock, ok := c.(*net.UnixConn)
	if !ok {
		return ""
	}
	raw, err := sock.SyscallConn()
	if err != nil {
		return ""
	}
	var cred *unix.Ucred
	if raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}) != nil || err != nil {
		return ""
	}
	return p.name(cred.Uid)
}

// name gives a user's name, or "uid 1000" for one that has none. It remembers,
// since each command is a connection of its own.
func (p *people) name(uid uint32) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	name, known := p.names[uid]
	if !known {
		id := strconv.FormatUint(uint64(uid), 10)
		name = "uid " + id
		if u, err := user.LookupId(id); err == nil {
			name = u.Username
		}
		p.names[uid] = name
	}
	return name
}

func actorOf(ctx context.Context) desk.Actor {
	actor, _ := ctx.Value(actorKey{}).(desk.Actor)
	return actor
}
