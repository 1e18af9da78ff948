package httpdoor

import (
	"context"
	"net/http"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

const tagAccess = "Access"

type (
	selfOutput        struct{ Body wire.Self }
	usersOutput       struct{ Body wire.Users }
	tokensOutput      struct{ Body wire.Tokens }
	madeTokenOutput   struct{ Body wire.MadeToken }
	grantsOutput      struct{ Body wire.Grants }
	removedOutput     struct{ Body wire.Removed }
	certificateOutput struct{ Body wire.Certificate }
)

type (
	newUserInput  struct{ Body wire.NewUser }
	newTokenInput struct{ Body wire.NewToken }
	grantInput    struct{ Body wire.Grant }
)

type userInput struct {
	Name string `path:"name" doc:"The user's name." maxLength:"128" example:"alice"`
}

type passwordInput struct {
	Name string `path:"name" doc:"The user's name." maxLength:"128" example:"alice"`
	Body wire.Password
}

type userChangeInput struct {
	Name string `path:"name" doc:"The user's name." maxLength:"128" example:"alice"`
	Body wire.UserChange
}

type certificateInput struct {
	Name string `path:"name" doc:"The user's name." maxLength:"128" example:"alice"`
	Body wire.NewCertificate
}

type tokensInput struct {
	Owner string `query:"owner" doc:"Only the tokens of this user. All that one may see, if nothing is said: everybody's with the role admin, otherwise one's own." maxLength:"128" example:"alice"`
}

type tokenInput struct {
	ID string `path:"id" doc:"The token's id." maxLength:"40" example:"k4mz7qpa"`
}

type removeGrantInput struct {
	Principal string `query:"principal" required:"true" doc:"Who has it." maxLength:"140" example:"user:alice"`
	Nodes     string `query:"nodes" doc:"On which nodes, written as it was given. All grants of the principal, if nothing is said." maxLength:"16384" example:"@rack1"`
}

// registerAccess has the routes for users, tokens and grants.
func (d *Door) registerAccess() {
	register(d, route{
		method: http.MethodGet, path: "/v1/whoami", id: "whoami", tag: tagAccess,
		summary: "Show who one is, and what one may do", doc: "Anybody who has logged in may ask.",
	}, d.whoAmI)
	d.registerUsers()
	d.registerTokens()
	d.registerGrants()
}

func (d *Door) registerUsers() {
	register(d, route{
		method: http.MethodGet, path: "/v1/users", id: "list-users", tag: tagAccess,
		summary: "List users", doc: "Takes the role admin.",
	}, func(ctx context.Context, _ *struct{}) (*usersOutput, error) {
		list, err := d.opts.Desk.Users(actorOf(ctx))
		out := wire.Users{Items: make([]wire.User, len(list))}
		for i, u := range list {
			out.Items[i] = wire.User{Name: u.Name, Groups: u.Groups, Password: u.Password, Disabled: u.Disabled, Created: u.Created}
		}
		return &usersOutput{out}, err
	})
	register(d, route{
		method: http.MethodPost, path: "/v1/users", id: "add-user", tag: tagAccess, errors: []int{409},
		summary: "Make a user", doc: "Takes the role admin. A new user may do nothing until a grant is made.",
	}, func(ctx context.Context, in *newUserInput) (*nothingOutput, error) {
		u := &in.Body
		return &nothingOutput{}, d.opts.Desk.AddUser(ctx, actorOf(ctx), u.Name, u.Groups, secret.NewValue(u.Password))
	})
	register(d, route{
		method: http.MethodPatch, path: "/v1/users/{name}", id: "change-user", tag: tagAccess, errors: []int{404},
		summary: "Change a user's groups, or shut them out", doc: "Takes the role admin. Who is shut out is so at once, with all tokens, sessions and streams.",
	}, d.changeUser)
	register(d, route{
		method: http.MethodDelete, path: "/v1/users/{name}", id: "remove-user", tag: tagAccess, errors: []int{404},
		summary: "Delete a user", doc: "Takes the role admin. The user's tokens and grants go too.",
	}, func(ctx context.Context, in *userInput) (*nothingOutput, error) {
		return &nothingOutput{}, d.opts.Desk.RemoveUser(ctx, actorOf(ctx), in.Name)
	})
	register(d, route{
		method: http.MethodPut, path: "/v1/users/{name}/password", id: "set-password", tag: tagAccess, errors: []int{404},
		summary: "Give a user a new password", doc: "Users may change their own, unless they come by a token; others' takes the role admin. Sessions that the old one began end.",
	}, func(ctx context.Context, in *passwordInput) (*nothingOutput, error) {
		return &nothingOutput{}, d.opts.Desk.SetPassword(ctx, actorOf(ctx), in.Name, secret.NewValue(in.Body.Password))
	})
	register(d, route{
		method: http.MethodPost, path: "/v1/users/{name}/certificates", id: "issue-certificate", tag: tagAccess, errors: []int{404},
		summary: "Make a certificate for a user", doc: "Takes the role admin. It is signed by the daemon's own authority, and ends with its time or when the user is shut out.",
	}, func(ctx context.Context, in *certificateInput) (*certificateOutput, error) {
		c, err := d.opts.Desk.IssueCertificate(ctx, actorOf(ctx), in.Name, days(in.Body.Days))
		return &certificateOutput{wire.Certificate{
			Certificate: string(c.Cert), Key: string(c.Key), Authority: string(c.Authority), Fingerprint: c.Fingerprint,
		}}, err
	})
}

func (d *Door) registerTokens() {
	register(d, route{
		method: http.MethodGet, path: "/v1/tokens", id: "list-tokens", tag: tagAccess,
		summary: "List tokens", doc: "Users may list their own.",
	}, func(ctx context.Context, in *tokensInput) (*tokensOutput, error) {
		list, err := d.opts.Desk.Tokens(actorOf(ctx), in.Owner)
		out := wire.Tokens{Items: make([]wire.Token, len(list))}
		for i, t := range list {
			out.Items[i] = tokenOf(t)
		}
		return &tokensOutput{out}, err
	})
	register(d, route{
		method: http.MethodPost, path: "/v1/tokens", id: "create-token", tag: tagAccess, errors: []int{404},
		summary: "Make a token",
		doc:     "Users may make their own, unless they come by a token. It allows no more than its owner may at the moment it is used. Its text is in this answer and nowhere else.",
	}, d.createToken)
	register(d, route{
		method: http.MethodDelete, path: "/v1/tokens/{id}", id: "revoke-token", tag: tagAccess, errors: []int{404},
		summary: "Take a token away", doc: "It counts at once. Users may take their own, and a token itself.",
	}, func(ctx context.Context, in *tokenInput) (*nothingOutput, error) {
		return &nothingOutput{}, d.opts.Desk.RevokeToken(ctx, actorOf(ctx), in.ID)
	})
}

func (d *Door) registerGrants() {
	register(d, route{
		method: http.MethodGet, path: "/v1/grants", id: "list-grants", tag: tagAccess,
		summary: "List grants", doc: "Takes the role admin.",
	}, func(ctx context.Context, _ *struct{}) (*grantsOutput, error) {
		list, err := d.opts.Desk.Grants(actorOf(ctx))
		return &grantsOutput{wire.Grants{Items: grantsOf(list)}}, err
	})
	register(d, route{
		method: http.MethodPost, path: "/v1/grants", id: "add-grant", tag: tagAccess, errors: []int{404},
		summary: "Give somebody a role on nodes", doc: "Takes the role admin. One on the same nodes to the same principal is replaced.",
	}, func(ctx context.Context, in *grantInput) (*nothingOutput, error) {
		g, err := grantOf(in.Body)
		if err != nil {
			return nil, err
		}
		return &nothingOutput{}, d.opts.Desk.AddGrant(ctx, actorOf(ctx), g)
	})
	register(d, route{
		method: http.MethodDelete, path: "/v1/grants", id: "remove-grant", tag: tagAccess, errors: []int{404},
		summary: "Take a grant away", doc: "Takes the role admin.",
	}, func(ctx context.Context, in *removeGrantInput) (*removedOutput, error) {
		to, err := auth.ParsePrincipal(in.Principal)
		if err != nil {
			return nil, err
		}
		n, err := d.opts.Desk.RemoveGrant(ctx, actorOf(ctx), to, in.Nodes)
		return &removedOutput{wire.Removed{Count: n}}, err
	})
}

func (d *Door) whoAmI(ctx context.Context, _ *struct{}) (*selfOutput, error) {
	self := d.opts.Desk.WhoAmI(actorOf(ctx))
	out := wire.Self{
		Who: whoOf(self.Actor), Known: self.User.Name != "", OwnGroups: self.User.Groups, Role: self.Role.String(),
		View: self.Room.Fold(self.Nodes[auth.View]), Operate: self.Room.Fold(self.Nodes[auth.Operate]), Grants: grantsOf(self.Grants),
	}
	return &selfOutput{out}, nil
}

func (d *Door) changeUser(ctx context.Context, in *userChangeInput) (*nothingOutput, error) {
	by := actorOf(ctx)
	if in.Body.Groups != nil {
		if err := d.opts.Desk.SetGroups(ctx, by, in.Name, *in.Body.Groups); err != nil {
			return nil, err
		}
	}
	if in.Body.Disabled != nil {
		return &nothingOutput{}, d.opts.Desk.DisableUser(ctx, by, in.Name, *in.Body.Disabled)
	}
	return &nothingOutput{}, nil
}

func (d *Door) createToken(ctx context.Context, in *newTokenInput) (*madeTokenOutput, error) {
	want, err := newTokenOf(in.Body, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	t, text, err := d.opts.Desk.CreateToken(ctx, actorOf(ctx), want)
	return &madeTokenOutput{wire.MadeToken{Token: tokenOf(t), Text: text.Reveal()}}, err
}

func newTokenOf(n wire.NewToken, by desk.Actor) (auth.NewToken, error) {
	role, ok := auth.ParseRole(n.Role)
	if !ok {
		return auth.NewToken{}, noRole(n.Role)
	}
	want := auth.NewToken{Owner: n.Owner, Role: role, Nodes: n.Nodes, Note: n.Note}
	if want.Owner == "" {
		want.Owner = by.Name
	}
	if want.Nodes == "" {
		want.Nodes = auth.All
	}
	if n.Days > 0 {
		want.Expires = time.Now().Add(days(n.Days))
	}
	return want, nil
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func noRole(name string) error {
	return &room.Error{Code: room.CodeInvalid, Op: "read request", Said: "there is no role \"" + shorten(name) + "\"; the roles are view, operate, configure and admin"}
}

func tokenOf(t auth.Token) wire.Token {
	return wire.Token{ID: t.ID, Owner: t.Owner, Note: t.Note, Created: t.Created, Expires: t.Expires, Used: t.Used, Grants: grantsOf(t.Grants)}
}

func grantsOf(list []auth.Grant) []wire.Grant {
	out := make([]wire.Grant, len(list))
	for i, g := range list {
		out[i] = wire.Grant{Principal: g.To.String(), Role: g.Role.String(), Nodes: g.Nodes, Created: g.Created, Author: g.Author}
	}
	return out
}

func grantOf(g wire.Grant) (auth.Grant, error) {
	to, err := auth.ParsePrincipal(g.Principal)
	if err != nil {
		return auth.Grant{}, err
	}
	role, ok := auth.ParseRole(g.Role)
	if !ok {
		return auth.Grant{}, noRole(g.Role)
	}
	return auth.Grant{To: to, Role: role, Nodes: g.Nodes}, nil
}
