package httpdoor

import (
	"context"
	"net"
	"os"
	"os/user"
	"strconv"
	"sync"
	"time"

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

// knowFor is how long it is remembered who a user is: each command is a
// connection of its own, and a change of groups shall not wait for a restart.
const knowFor = time.Minute

// people finds out who is at the other end of a socket.
type people struct {
	mu    sync.Mutex
	names map[uint32]person
}

type person struct {
	name   string
	groups []string
	until  time.Time
}

// greet puts who has connected into the connection's context, if the kernel says
// it, which cannot be lied to.
func (p *people) greet(ctx context.Context, c net.Conn) context.Context {
	uid, ok := peer(c)
	if !ok {
		return ctx
	}
	who := p.know(uid, time.Now())
	actor := desk.Actor{Name: who.name, Door: Local, Standing: auth.Local, Groups: who.groups}
	if uid == 0 || int(uid) == os.Geteuid() {
		actor.Standing = auth.Owner
	}
	return context.WithValue(ctx, actorKey{}, actor)
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

// know gives a user's name, or "uid 1000" for one that has none, and groups.
func (p *people) know(uid uint32, now time.Time) person {
	p.mu.Lock()
	defer p.mu.Unlock()
	who, known := p.names[uid]
	if known && now.Before(who.until) {
		return who
	}
	id := strconv.FormatUint(uint64(uid), 10)
	who = person{name: "uid " + id, until: now.Add(knowFor)}
	if u, err := user.LookupId(id); err == nil {
		who.name, who.groups = u.Username, groupNames(u)
	}
	p.names[uid] = who
	return who
}

// groupNames gives the names of the groups that the system puts a user into.
func groupNames(u *user.User) []string {
	ids, err := u.GroupIds()
	if err != nil {
		return nil // then nothing can be had by a group
	}
	var names []string
	for _, id := range ids {
		if g, err := user.LookupGroupId(id); err == nil {
			names = append(names, g.Name)
		}
	}
	return names
}

// actorOf gives who asks.
func actorOf(ctx context.Context) desk.Actor {
	actor, _ := ctx.Value(actorKey{}).(desk.Actor)
	return actor
}

// byKernel says whether the kernel tells who asks.
func byKernel(ctx context.Context) bool {
	a := actorOf(ctx)
	return a.Standing == auth.Local || a.Standing == auth.Owner
}
