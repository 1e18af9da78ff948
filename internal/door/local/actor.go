package local

import (
	"context"
	"net"

	"golang.org/x/sys/unix"

	"millwright.dev/millwright/internal/desk"
)

// Name is what the door is called in events.
const Name = "local"

// actorKey is the place of a connection's actor in its context.
type actorKey struct{}

// greet puts who has connected into the connection's context.
func (d *Door) greet(ctx context.Context, c net.Conn) context.Context {
	who := desk.Actor{Door: Name}
	if uid, ok := peer(c); ok {
		s := d.accounts.Subject(uid, Name)
		who = desk.Actor{Name: s.User, Door: Name, Standing: s.Standing, Groups: s.Groups}
	}
	return context.WithValue(ctx, actorKey{}, who)
}

// peer asks the kernel, which cannot be lied to, which user opened a connection.
// It is not ok for what is no unix socket.
func peer(c net.Conn) (uid uint32, ok bool) {
	if seat, ok := c.(*seated); ok {
		c = seat.Conn
	}
	sock, ok := c.(*net.UnixConn)
	if !ok {
		return 0, false
	}
	raw, err := sock.SyscallConn()
	if err != nil {
		return 0, false
	}
	var cred *unix.Ucred
	if raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}) != nil || err != nil {
		return 0, false
	}
	return cred.Uid, true
}

func actorOf(ctx context.Context) desk.Actor {
	actor, _ := ctx.Value(actorKey{}).(desk.Actor)
	return actor
}
