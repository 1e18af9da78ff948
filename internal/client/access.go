package client

import (
	"context"
	"net/http"
	"net/url"

	"millwright.dev/millwright/internal/door/http/wire"
)

// WhoAmI tells who we are to the daemon, and what we may do.
func (c *Client) WhoAmI(ctx context.Context) (wire.Self, error) {
	var self wire.Self
	err := c.get(ctx, "/v1/whoami", &self)
	return self, err
}

// Users lists users, by name.
func (c *Client) Users(ctx context.Context) ([]wire.User, error) {
	var list wire.Users
	err := c.get(ctx, "/v1/users", &list)
	return list.Items, err
}

// AddUser makes a user.
func (c *Client) AddUser(ctx context.Context, u wire.NewUser) error {
	return c.post(ctx, "/v1/users", u, nil)
}

// ChangeUser changes a user's groups, or shuts them out.
func (c *Client) ChangeUser(ctx context.Context, name string, change wire.UserChange) error {
	return c.document(ctx, http.MethodPatch, "/v1/users/"+url.PathEscape(name), change, nil)
}

// RemoveUser deletes a user with their tokens and grants.
func (c *Client) RemoveUser(ctx context.Context, name string) error {
	return c.document(ctx, http.MethodDelete, "/v1/users/"+url.PathEscape(name), nil, nil)
}

// SetPassword gives a user a new password.
func (c *Client) SetPassword(ctx context.Context, name, password string) error {
	return c.document(ctx, http.MethodPut, "/v1/users/"+url.PathEscape(name)+"/password", wire.Password{Password: password}, nil)
}

// IssueCertificate makes a certificate with which a user can log in.
func (c *Client) IssueCertificate(ctx context.Context, name string, days int) (wire.Certificate, error) {
	var made wire.Certificate
	err := c.post(ctx, "/v1/users/"+url.PathEscape(name)+"/certificates", wire.NewCertificate{Days: days}, &made)
	return made, err
}

// Tokens lists a user's tokens, or all for "".
func (c *Client) Tokens(ctx context.Context, owner string) ([]wire.Token, error) {
	var list wire.Tokens
	err := c.get(ctx, "/v1/tokens?"+url.Values{"owner": {owner}}.Encode(), &list)
	return list.Items, err
}

// CreateToken makes a token. Its text can be had this once.
func (c *Client) CreateToken(ctx context.Context, n wire.NewToken) (wire.MadeToken, error) {
	var made wire.MadeToken
	err := c.post(ctx, "/v1/tokens", n, &made)
	return made, err
}

// RevokeToken takes a token away.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.document(ctx, http.MethodDelete, "/v1/tokens/"+url.PathEscape(id), nil, nil)
}

// Grants lists grants, by principal.
func (c *Client) Grants(ctx context.Context) ([]wire.Grant, error) {
	var list wire.Grants
	err := c.get(ctx, "/v1/grants", &list)
	return list.Items, err
}

// AddGrant gives somebody a role on nodes.
func (c *Client) AddGrant(ctx context.Context, g wire.Grant) error {
	return c.post(ctx, "/v1/grants", g, nil)
}

// RemoveGrant takes a grant away, or with no nodes all of a principal; it gives how
// many there were.
func (c *Client) RemoveGrant(ctx context.Context, principal, nodes string) (int, error) {
	var removed wire.Removed
	err := c.document(ctx, http.MethodDelete, "/v1/grants?"+url.Values{"principal": {principal}, "nodes": {nodes}}.Encode(), nil, &removed)
	return removed.Count, err
}
