package redfishdoor

import (
	"context"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/redfish/service"
)

// Accounts implements [service.AccountKeeper]. Users without any role in the room are
// shown as ones who may look, which is the least that Redfish has.
func (d *Door) Accounts(_ context.Context, u service.User) ([]service.Account, error) {
	users, err := d.opts.Desk.Users(actorOf(u))
	if err != nil {
		return nil, errorOf(err)
	}
	list := make([]service.Account, len(users))
	for i, one := range users {
		role := d.roleOf(desk.Actor{Name: one.Name, Door: Name, Standing: auth.Known})
		if role == "" {
			role = service.ReadOnly
		}
		list[i] = service.Account{Name: one.Name, Role: role, Enabled: !one.Disabled}
	}
	return list, nil
}

// AddAccount implements [service.AccountKeeper]. A role of Redfish is about the whole
// room.
func (d *Door) AddAccount(ctx context.Context, u service.User, a service.Account, password string) error {
	actor := actorOf(u)
	users, err := d.opts.Desk.Users(actor)
	if err != nil {
		return errorOf(err)
	}
	for _, one := range users {
		if one.Name == a.Name {
			return &service.Error{Code: service.Exists, Said: "there is such a user already"}
		}
	}
	if err := d.opts.Desk.AddUser(ctx, actor, a.Name, nil, secret.NewValue(password)); err != nil {
		return errorOf(err)
	}
	if err := d.grant(ctx, actor, a.Name, a.Role); err != nil {
		return errorOf(err)
	}
	if !a.Enabled {
		return errorOf(d.opts.Desk.DisableUser(ctx, actor, a.Name, true))
	}
	return nil
}

func (d *Door) grant(ctx context.Context, actor desk.Actor, user string, role service.Role) error {
	ours := map[service.Role]auth.Role{service.Administrator: auth.Admin, service.Operator: auth.Operate, service.ReadOnly: auth.View}[role]
	return d.opts.Desk.AddGrant(ctx, actor, auth.Grant{To: auth.Principal{Kind: auth.KindUser, Name: user}, Role: ours, Nodes: auth.All})
}

// ChangeAccount implements [service.AccountKeeper]. Another role takes the place of
// the user's grant on the whole room; grants on single nodes stay.
func (d *Door) ChangeAccount(ctx context.Context, u service.User, name string, c service.AccountChange) error {
	actor := actorOf(u)
	if c.Password != nil {
		if err := d.opts.Desk.SetPassword(ctx, actor, name, secret.NewValue(*c.Password)); err != nil {
			return errorOf(err)
		}
	}
	if c.Role != nil {
		if name == actor.Name {
			return &service.Error{Code: service.Invalid, Said: "nobody changes their own role"}
		}
		_, err := d.opts.Desk.RemoveGrant(ctx, actor, auth.Principal{Kind: auth.KindUser, Name: name}, auth.All)
		if err != nil && room.CodeOf(err) != room.CodeNotFound {
			return errorOf(err)
		}
		if err := d.grant(ctx, actor, name, *c.Role); err != nil {
			return errorOf(err)
		}
	}
	if c.Enabled != nil {
		if name == actor.Name && !*c.Enabled {
			return &service.Error{Code: service.Invalid, Said: "nobody shuts themselves out"}
		}
		return errorOf(d.opts.Desk.DisableUser(ctx, actor, name, !*c.Enabled))
	}
	return nil
}

// RemoveAccount implements [service.AccountKeeper].
func (d *Door) RemoveAccount(ctx context.Context, u service.User, name string) error {
	return errorOf(d.opts.Desk.RemoveUser(ctx, actorOf(u), name))
}
