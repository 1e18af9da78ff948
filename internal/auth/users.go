package auth

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/store"
)

// Bounds on a password, in bytes.
const (
	minPassword = 8
	maxPassword = 1024
)

// User is one user as it may be shown.
type User struct {
	Name     string
	Groups   []string // sorted
	Password bool     // has one, and so can log in with it
	Disabled bool
	Created  time.Time
}

func userOf(u store.User) User {
	return User{Name: u.Name, Groups: u.Groups, Password: u.Password != "", Disabled: u.Disabled, Created: u.Created}
}

// Users gives all users, sorted by name.
func (b *Book) Users() []User {
	all := b.now.Load().users
	list := make([]User, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, userOf(all[name]))
	}
	return list
}

// User gives one user.
func (b *Book) User(name string) (User, bool) {
	u, found := b.now.Load().users[name]
	return userOf(u), found
}

// AddUser makes a user, with a password unless that is the zero value: such a
// one comes by tokens, certificates, an issuer, or the local socket.
func (b *Book) AddUser(ctx context.Context, by event.Event, name string, groups []string, password secret.Value) error {
	if why := badName(name); why != "" {
		return invalid("%q cannot be the name of a user: %s", cut(name, maxShown), why)
	}
	groups, err := sortedGroups(groups)
	if err != nil {
		return err
	}
	hash := ""
	if !password.IsZero() {
		if hash, err = b.newHash(ctx, password); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.now.Load()
	if _, found := l.users[name]; found {
		return &room.Error{Code: room.CodeRefused, Op: "add user", Subject: name, Said: "there is a user of that name already"}
	}
	if len(l.users) >= maxRows {
		return full("users")
	}
	detail := name
	if len(groups) > 0 {
		detail += " in " + strings.Join(groups, ", ")
	}
	return b.change(ctx, by, "add user", detail, func(tx *store.Tx) error {
		return tx.PutUser(store.User{Name: name, Password: hash, Created: time.Now(), Groups: groups})
	})
}

func sortedGroups(groups []string) ([]string, error) {
	groups = slices.Compact(slices.Sorted(slices.Values(groups)))
	if len(groups) > 100 {
		return nil, invalid("a user is in at most 100 groups")
	}
	for _, g := range groups {
		if why := badName(g); why != "" {
			return nil, invalid("%q cannot be the name of a group: %s", cut(g, maxShown), why)
		}
	}
	return groups, nil
}

func (b *Book) newHash(ctx context.Context, password secret.Value) (string, error) {
	switch n := len(password.Reveal()); {
	case n < minPassword:
		return "", invalid("a password has at least %d characters", minPassword)
	case n > maxPassword:
		return "", invalid("a password has at most %d bytes", maxPassword)
	}
	return b.hasher.make(ctx, password)
}

// update changes one user.
func (b *Book) update(ctx context.Context, by event.Event, op, name, detail string, edit func(*store.User)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	u, found := b.now.Load().users[name]
	if !found {
		return notFound(op, "user", name)
	}
	edit(&u)
	return b.change(ctx, by, op, name+detail, func(tx *store.Tx) error { return tx.PutUser(u) })
}

// SetPassword gives a user a new password.
func (b *Book) SetPassword(ctx context.Context, by event.Event, name string, password secret.Value) error {
	hash, err := b.newHash(ctx, password)
	if err != nil {
		return err
	}
	return b.update(ctx, by, "set password", name, "", func(u *store.User) { u.Password = hash })
}

// SetGroups puts a user into exactly these groups.
func (b *Book) SetGroups(ctx context.Context, by event.Event, name string, groups []string) error {
	groups, err := sortedGroups(groups)
	if err != nil {
		return err
	}
	return b.update(ctx, by, "set groups", name, ": "+strings.Join(groups, ", "), func(u *store.User) { u.Groups = groups })
}

// Disable shuts a user out, their tokens too, or lets them in again.
func (b *Book) Disable(ctx context.Context, by event.Event, name string, disabled bool) error {
	op := "disable user"
	if !disabled {
		op = "enable user"
	}
	return b.update(ctx, by, op, name, "", func(u *store.User) { u.Disabled = disabled })
}

// RemoveUser deletes a user with their tokens and grants, so that a later user of
// the same name begins with nothing.
func (b *Book) RemoveUser(ctx context.Context, by event.Event, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.now.Load()
	if _, found := l.users[name]; !found {
		return notFound("remove user", "user", name)
	}
	var tokens []string
	for id, t := range l.tokens {
		if t.Owner == name {
			tokens = append(tokens, id)
		}
	}
	slices.Sort(tokens)
	detail := fmt.Sprintf("%s, with %d tokens and %d grants", name, len(tokens), len(l.grants[Principal{KindUser, name}]))
	return b.change(ctx, by, "remove user", detail, func(tx *store.Tx) error {
		for _, id := range tokens {
			if err := deleteToken(tx, id); err != nil {
				return err
			}
		}
		if _, err := tx.DeleteGrantsOf(Principal{KindUser, name}.String()); err != nil {
			return err
		}
		return tx.DeleteUser(name)
	})
}

func deleteToken(tx *store.Tx, id string) error {
	if _, err := tx.DeleteGrantsOf(Principal{KindToken, id}.String()); err != nil {
		return err
	}
	return tx.DeleteToken(id)
}
