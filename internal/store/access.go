package store

import (
	"context"
	"fmt"
	"time"

	"millwright.dev/millwright/internal/store/internal/db"
)

// User is somebody who has an account here.
type User struct {
	Name     string
	Password string // a hash; empty for one who has no password
	Disabled bool
	Created  time.Time
	Groups   []string // sorted
}

// Token is an API token. Its secret is not kept.
type Token struct {
	ID      string
	Owner   string // a user's name
	Digest  string // of the secret: SHA-256 in hexadecimal
	Note    string
	Created time.Time
	Expires time.Time // zero: never
	Used    time.Time // for the last time, to the minute; zero: never
}

// Grant gives a role on a set of nodes to a principal. Package auth gives its
// fields their meaning.
type Grant struct {
	Principal string
	Role      string
	Nodes     string
	Created   time.Time
	Author    string
}

// Access is all that is kept about who may do what, each list sorted.
type Access struct {
	Users  []User
	Tokens []Token
	Grants []Grant
}

// Access reads users, tokens and grants.
func (s *Store) Access(ctx context.Context) (Access, error) {
	var all Access
	err := s.read(ctx, func(q *db.Queries) error {
		all = Access{}
		if err := readUsers(ctx, q, &all); err != nil {
			return err
		}
		tokens, err := q.Tokens(ctx)
		if err != nil {
			return err
		}
		for _, t := range tokens {
			all.Tokens = append(all.Tokens, Token{
				ID: t.ID, Owner: t.Owner, Digest: t.Digest, Note: t.Note,
				Created: moment(t.Created), Expires: moment(t.Expires), Used: moment(t.Used),
			})
		}
		grants, err := q.Grants(ctx)
		for _, g := range grants {
			all.Grants = append(all.Grants, Grant{Principal: g.Principal, Role: g.Role, Nodes: g.Nodes, Created: moment(g.Created), Author: g.Author})
		}
		return err
	})
	if err != nil {
		return Access{}, fmt.Errorf("read users, tokens and grants: %w", err)
	}
	return all, nil
}

func readUsers(ctx context.Context, q *db.Queries, all *Access) error {
	users, err := q.Users(ctx)
	if err != nil {
		return err
	}
	at := make(map[string]int, len(users))
	for i, u := range users {
		at[u.Name] = i
		all.Users = append(all.Users, User{Name: u.Name, Password: u.Password, Disabled: u.Disabled != 0, Created: moment(u.Created)})
	}
	members, err := q.Memberships(ctx)
	for _, m := range members {
		if i, found := at[m.Member]; found {
			all.Users[i].Groups = append(all.Users[i].Groups, m.Groupname)
		}
	}
	return err
}

// moment reads a time as the tables hold it; zero is no time.
func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// instant is the reverse of moment.
func instant(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// PutUser writes a user, whether new or there already, with exactly its groups.
func (tx *Tx) PutUser(u User) error {
	disabled := int64(0)
	if u.Disabled {
		disabled = 1
	}
	err := tx.q.PutUser(tx.ctx, db.PutUserParams{Name: u.Name, Password: u.Password, Disabled: disabled, Created: instant(u.Created)})
	if err == nil {
		err = tx.q.DeleteMemberships(tx.ctx, u.Name)
	}
	for _, g := range u.Groups {
		if err == nil {
			err = tx.q.PutMembership(tx.ctx, db.PutMembershipParams{Member: u.Name, Groupname: g})
		}
	}
	if err != nil {
		return fmt.Errorf("write user %s: %w", u.Name, err)
	}
	return nil
}

// DeleteUser takes a user away. Tokens of theirs must be gone before.
func (tx *Tx) DeleteUser(name string) error {
	if err := tx.q.DeleteMemberships(tx.ctx, name); err != nil {
		return fmt.Errorf("delete user %s: %w", name, err)
	}
	n, err := tx.q.DeleteUser(tx.ctx, name)
	return gone(n, err, "user "+name)
}

// gone makes an error of a deletion that deleted nothing.
func gone(n int64, err error, what string) error {
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", what, err)
	}
	return nil
}

// AddToken writes a token that was not there.
func (tx *Tx) AddToken(t Token) error {
	err := tx.q.InsertToken(tx.ctx, db.InsertTokenParams{
		ID: t.ID, Owner: t.Owner, Digest: t.Digest, Note: t.Note,
		Created: instant(t.Created), Expires: instant(t.Expires), Used: instant(t.Used),
	})
	if err != nil {
		return fmt.Errorf("write token %s: %w", t.ID, err)
	}
	return nil
}

// UseToken notes when a token was used.
func (tx *Tx) UseToken(id string, at time.Time) error {
	if err := tx.q.UseToken(tx.ctx, db.UseTokenParams{Used: instant(at), ID: id}); err != nil {
		return fmt.Errorf("note use of token %s: %w", id, err)
	}
	return nil
}

// DeleteToken takes a token away.
func (tx *Tx) DeleteToken(id string) error {
	n, err := tx.q.DeleteToken(tx.ctx, id)
	return gone(n, err, "token "+id)
}

// PutGrant writes a grant. One of the same principal and nodes is replaced.
func (tx *Tx) PutGrant(g Grant) error {
	err := tx.q.PutGrant(tx.ctx, db.PutGrantParams{Principal: g.Principal, Nodes: g.Nodes, Role: g.Role, Created: instant(g.Created), Author: g.Author})
	if err != nil {
		return fmt.Errorf("write grant to %s: %w", g.Principal, err)
	}
	return nil
}

// DeleteGrant takes one grant away.
func (tx *Tx) DeleteGrant(principal, nodes string) error {
	n, err := tx.q.DeleteGrant(tx.ctx, db.DeleteGrantParams{Principal: principal, Nodes: nodes})
	return gone(n, err, "grant to "+principal)
}

// DeleteGrantsOf takes all grants of a principal away and gives their number.
func (tx *Tx) DeleteGrantsOf(principal string) (int, error) {
	n, err := tx.q.DeleteGrantsOf(tx.ctx, principal)
	if err != nil {
		return 0, fmt.Errorf("delete grants to %s: %w", principal, err)
	}
	return int(n), nil
}
