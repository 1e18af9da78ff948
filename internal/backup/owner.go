package backup

import (
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// namesOf gives the names of a file's owner and group, "" where there is none.
func namesOf(info fs.FileInfo) (owner, group string) {
	has, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", ""
	}
	if u, err := user.LookupId(strconv.FormatUint(uint64(has.Uid), 10)); err == nil {
		owner = u.Username
	}
	if g, err := user.LookupGroupId(strconv.FormatUint(uint64(has.Gid), 10)); err == nil {
		group = g.Name
	}
	return owner, group
}

// owners are those to whom a restore may give files: root, and whoever has one of
// the folders that are replaced. An archive cannot name others. Nil unless we are
// root: nobody else can give anything away.
type owners struct{ uids, gids map[int]bool }

func ownersOf(sites []*site) owners {
	if os.Geteuid() != 0 {
		return owners{}
	}
	o := owners{uids: map[int]bool{0: true}, gids: map[int]bool{0: true}}
	for _, s := range sites {
		if s.before == nil {
			continue
		}
		if has, ok := s.before.Sys().(*syscall.Stat_t); ok {
			o.uids[int(has.Uid)], o.gids[int(has.Gid)] = true, true
		}
	}
	return o
}

// give gives a new file to its owner by the names in the archive; where those are
// unknown or not allowed, to the owner of the folder that is replaced.
func (o owners) give(f *os.File, m Member, folder fs.FileInfo) error {
	if o.uids == nil {
		return nil
	}
	uid, gid := -1, -1
	if folder != nil {
		if has, ok := folder.Sys().(*syscall.Stat_t); ok {
			uid, gid = int(has.Uid), int(has.Gid)
		}
	}
	if u, err := user.Lookup(m.Owner); err == nil {
		if id, err := strconv.Atoi(u.Uid); err == nil && o.uids[id] {
			uid = id
		}
	}
	if g, err := user.LookupGroup(m.Group); err == nil {
		if id, err := strconv.Atoi(g.Gid); err == nil && o.gids[id] {
			gid = id
		}
	}
	return f.Chown(uid, gid)
}
