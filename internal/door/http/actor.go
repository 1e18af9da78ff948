package httpdoor

import (
	"context"
	"net"

	"golang.org/x/sys/unix"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
)

// What the two ways in are called in events.
const (
	Local  = "local" // the unix socket
	Remote = "http"
)

// actorKey is the place of who asks in a context.
type actorKey struct{}

// people finds out who is at the other end of a socket.
type people struct{ accounts auth.Accounts }

// greet puts who has connected into the connection's context, if the kernel says
// it, which cannot be lied to.
func (p *people) greet(ctx context.Context, c net.Conn) context.Context {
	uid, ok := peer(c)
	if !ok {
		return ctx
	}
	who := p.accounts.Subject(uid, Local)
	return context.WithValue(ctx, actorKey{}, desk.Actor{Name: who.User, Door: Local, Standing: who.Standing, Groups: who.Groups})
}

// peer asks the kernel which user opened a connection; ok is false for what is no
// unix socket.
func peer(c net.Conn) (uid uint32, ok bool) {
	if seat, is := c.(*seated); is {
		c = seat.Conn
	}
	sock, is := c.(*net.UnixConn)
	if !is {
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

// actorOf gives who asks. It stays a call, because it is used in every route: copied to
// each, it makes the program larger and nothing quicker that can be measured.
//
//go:noinline
func actorOf(ctx context.Context) desk.Actor {
	actor, _ := ctx.Value(actorKey{}).(desk.Actor)
	return actor
}

// byKernel says whether the kernel tells who asks.
func byKernel(ctx context.Context) bool {
	a := actorOf(ctx)
	return a.Standing == auth.Local || a.Standing == auth.Owner
}
