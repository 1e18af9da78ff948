package auth

import (
	"os"
	"os/user"
	"strconv"
	"sync"
	"time"
)

// Bounds on what is remembered of the system's accounts.
const (
	accountFor  = 30 * time.Second // each command is a connection of its own
	maxAccounts = 1024
)

// Accounts knows the users of the system that the daemon runs on, by their
// numbers. The zero value is ready.
type Accounts struct {
	mu    sync.Mutex
	known map[uint32]account
}

type account struct {
	name   string
	groups []string
	until  time.Time
}

// Subject gives the subject who has a user number at a local socket, as the
// kernel tells it: "uid 1000" if the system knows no name. What is found out is
// remembered for half a minute, so a change of groups soon counts.
func (a *Accounts) Subject(uid uint32, door string) Subject {
	who := a.find(uid, time.Now())
	s := Subject{Standing: Local, User: who.name, Groups: who.groups, Door: door}
	if uid == 0 || int(uid) == os.Geteuid() {
		s.Standing = Owner
	}
	return s
}

func (a *Accounts) find(uid uint32, now time.Time) account {
	a.mu.Lock()
	who, found := a.known[uid]
	a.mu.Unlock()
	if found && now.Before(who.until) {
		return who
	}
	id := strconv.FormatUint(uint64(uid), 10)
	who = account{name: "uid " + id, until: now.Add(accountFor)}
	if u, err := user.LookupId(id); err == nil {
		who.name, who.groups = u.Username, groupNames(u)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil || len(a.known) >= maxAccounts {
		a.known = make(map[uint32]account)
	}
	a.known[uid] = who
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
