package desk

import (
	"context"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// errNoBook is for a desk that knows no users.
func errNoBook(op string) error {
	return &room.Error{Code: room.CodeRefused, Op: op, Said: "no users are kept here"}
}

// author is what the events of a change have in common.
func (a Actor) author() event.Event {
	return event.Event{Actor: a.Name, Door: a.Door, Remote: a.Remote}
}

// admin gives the book to an actor who may do everything with it.
func (d *Desk) admin(by Actor, op string) (*auth.Book, error) {
	if d.access == nil {
		return nil, errNoBook(op)
	}
	return d.access, d.needAll(by, auth.Admin, op)
}

// own gives the book to an actor for what is their own business: who is logged
// in as that user, and not by a token, which could make itself last for ever.
func (d *Desk) own(by Actor, user, op string) (*auth.Book, error) {
	mine := by.Name == user && by.Name != "" && by.Standing != auth.Anonymous && by.Token == ""
	if mine && d.access != nil {
		return d.access, nil
	}
	return d.admin(by, op)
}

// Self is who an actor is, and what they may do.
type Self struct {
	Actor  Actor
	User   auth.User    // as kept here; without a name if there is no such user
	Role   auth.Role    // on the room as a whole
	Grants []auth.Grant // that concern the actor
	Nodes  [auth.Operate + 1][]room.NodeID
	Room   *room.Room
}

// WhoAmI tells an actor who they are. Anybody may ask.
func (d *Desk) WhoAmI(by Actor) Self {
	v := d.View(by)
	self := Self{Actor: by, Role: v.rights.Everywhere(), Room: v.Room}
	for role := auth.View; role <= auth.Operate; role++ {
		self.Nodes[role] = v.rights.Only(role, v.Room.Sorted())
	}
	if d.access != nil {
		self.User, _ = d.access.User(by.Name)
		self.Grants = d.access.GrantsTo(by.subject())
	}
	return self
}

// Users lists all users.
func (d *Desk) Users(by Actor) ([]auth.User, error) {
	book, err := d.admin(by, "list users")
	if err != nil {
		return nil, err
	}
	return book.Users(), nil
}

// AddUser makes a user; no password means that they cannot log in with one.
func (d *Desk) AddUser(ctx context.Context, by Actor, name string, groups []string, password secret.Value) error {
	book, err := d.admin(by, "add user")
	if err != nil {
		return err
	}
	return book.AddUser(ctx, by.author(), name, groups, password)
}

// RemoveUser deletes a user with their tokens and grants.
func (d *Desk) RemoveUser(ctx context.Context, by Actor, name string) error {
	book, err := d.admin(by, "remove user")
	if err != nil {
		return err
	}
	return book.RemoveUser(ctx, by.author(), name)
}

// SetPassword gives a user a new password. Users may change their own.
func (d *Desk) SetPassword(ctx context.Context, by Actor, name string, password secret.Value) error {
	book, err := d.own(by, name, "set password")
	if err != nil {
		return err
	}
	return book.SetPassword(ctx, by.author(), name, password)
}

// SetGroups puts a user into exactly these groups.
func (d *Desk) SetGroups(ctx context.Context, by Actor, name string, groups []string) error {
	book, err := d.admin(by, "set groups")
	if err != nil {
		return err
	}
	return book.SetGroups(ctx, by.author(), name, groups)
}

// DisableUser shuts a user out with all their tokens, or lets them in again.
func (d *Desk) DisableUser(ctx context.Context, by Actor, name string, disabled bool) error {
	book, err := d.admin(by, "disable user")
	if err != nil {
		return err
	}
	return book.Disable(ctx, by.author(), name, disabled)
}

// Certificate is a certificate for a user, its key, and the authority that made
// it, all in PEM.
type Certificate struct {
	Cert, Key, Authority []byte
	Fingerprint          string // of the authority, SHA-256 in hexadecimal
}

// IssueCertificate makes a certificate with which a user can log in. It cannot be
// called back before its time: disabling the user does that.
func (d *Desk) IssueCertificate(ctx context.Context, by Actor, user string, lasts time.Duration) (Certificate, error) {
	const op = "issue certificate"
	book, err := d.admin(by, op)
	if err != nil {
		return Certificate{}, err
	}
	if _, found := book.User(user); !found {
		return Certificate{}, &room.Error{Code: room.CodeNotFound, Op: op, Subject: user, Said: "there is no such user; see: millwright user add"}
	}
	if d.certify == nil {
		return Certificate{}, &room.Error{Code: room.CodeRefused, Op: op, Said: "this daemon makes no certificates"}
	}
	c, err := d.certify(user, lasts)
	if err != nil {
		return Certificate{}, err
	}
	e := by.author()
	e.Kind, e.Op, e.Outcome = event.Access, op, event.OK
	e.Detail = user + ", until " + time.Now().Add(lasts).UTC().Format(time.RFC3339)
	return c, d.events.Append(ctx, &e)
}

// Tokens lists a user's tokens. Users may list their own. With no owner they are all
// that the actor may see: everybody's for an admin.
func (d *Desk) Tokens(by Actor, owner string) ([]auth.Token, error) {
	if owner == "" && by.Token == "" && d.rights(d.fleet.Room(), by).Everywhere() < auth.Admin {
		owner = by.Name
	}
	book, err := d.own(by, owner, "list tokens")
	if err != nil {
		return nil, err
	}
	return book.Tokens(owner), nil
}

// CreateToken makes a token. Its text can be seen this once. Users may make their
// own: a token never allows more than its owner is allowed at the moment.
func (d *Desk) CreateToken(ctx context.Context, by Actor, want auth.NewToken) (auth.Token, secret.Value, error) {
	book, err := d.own(by, want.Owner, "create token")
	if err != nil {
		return auth.Token{}, secret.Value{}, err
	}
	return book.AddToken(ctx, by.author(), d.fleet.Room(), want)
}

// RevokeToken takes a token away at once. Users may take their own, and a token
// itself.
func (d *Desk) RevokeToken(ctx context.Context, by Actor, id string) error {
	if d.access == nil {
		return errNoBook("revoke token")
	}
	t, found := d.access.Token(id)
	if !found || by.Token != id || by.Name != t.Owner {
		if _, err := d.own(by, t.Owner, "revoke token"); err != nil {
			return err
		}
	}
	return d.access.RevokeToken(ctx, by.author(), id)
}

// Grants lists all grants.
func (d *Desk) Grants(by Actor) ([]auth.Grant, error) {
	book, err := d.admin(by, "list grants")
	if err != nil {
		return nil, err
	}
	return book.Grants(), nil
}

// AddGrant gives somebody a role on nodes.
func (d *Desk) AddGrant(ctx context.Context, by Actor, g auth.Grant) error {
	book, err := d.admin(by, "grant")
	if err != nil {
		return err
	}
	return book.AddGrant(ctx, by.author(), d.fleet.Room(), g)
}

// RemoveGrant takes a grant away, or with no nodes all that somebody has; it gives
// how many there were.
func (d *Desk) RemoveGrant(ctx context.Context, by Actor, to auth.Principal, nodes string) (int, error) {
	book, err := d.admin(by, "remove grant")
	if err != nil {
		return 0, err
	}
	return book.RemoveGrant(ctx, by.author(), to, nodes)
}
