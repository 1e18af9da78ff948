package redfish

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// User is one account of a service (the ManagerAccount schema).
type User struct {
	Path    string
	ID      string
	Name    string // empty of a slot that nobody has
	Role    string // "Administrator", "Operator", "ReadOnly", or one of the service's own
	Enabled bool
	Locked  bool
}

func (c *Client) accounts(ctx context.Context) (string, error) {
	l := c.root.Link("AccountService")
	if l == "" {
		return "", &UnsupportedError{What: "accounts"}
	}
	d, err := c.Get(ctx, l)
	if err != nil {
		return "", err
	}
	if to := d.Link("Accounts"); to != "" {
		return to, nil
	}
	return "", &UnsupportedError{What: "accounts"}
}

// Users gives the accounts, without slots that nobody has.
func (c *Client) Users(ctx context.Context) ([]User, error) {
	all, err := c.slots(ctx)
	var users []User
	for _, u := range all {
		if u.Name != "" {
			users = append(users, u)
		}
	}
	return users, err
}

func (c *Client) slots(ctx context.Context) ([]User, error) {
	path, err := c.accounts(ctx)
	if err != nil {
		return nil, err
	}
	docs, err := c.fresh(ctx, path)
	var users []User
	for _, d := range docs {
		users = append(users, User{
			Path: d.Link(), ID: d.String("Id"), Name: d.String("UserName"), Role: d.String("RoleId"), Enabled: d.True("Enabled"), Locked: d.True("Locked"),
		})
	}
	return users, err
}

// User finds an account by its name.
func (c *Client) User(ctx context.Context, name string) (User, error) {
	users, err := c.Users(ctx)
	for _, u := range users {
		if u.Name == name {
			return u, nil
		}
	}
	if err != nil {
		return User{}, err
	}
	return User{}, fmt.Errorf("%w: there is no user %q", NotFound, name)
}

// AddUser makes an account; where the service has a fixed number of slots, it fills the
// first that is empty.
func (c *Client) AddUser(ctx context.Context, name, password, role string) (User, error) {
	all, err := c.slots(ctx)
	if err != nil && len(all) == 0 {
		return User{}, err
	}
	for _, u := range all {
		if name == "" || u.Name == name {
			return User{}, fmt.Errorf("%w: there is a user %q already", Conflict, name)
		}
	}
	path, err := c.accounts(ctx)
	if err != nil {
		return User{}, err
	}
	body := map[string]any{"UserName": name, "Password": password, "RoleId": role, "Enabled": true}
	_, err = c.Post(ctx, path, body)
	var no *Error
	if errors.As(err, &no) && (no.Kind == Unsupported || no.Kind == Exhausted || no.Status == http.StatusMethodNotAllowed || no.Status == http.StatusBadRequest) {
		filled, ferr := c.fillSlot(ctx, all, body)
		if !filled {
			return User{}, err
		}
		err = ferr
	}
	if err != nil {
		return User{}, err
	}
	return c.User(ctx, name)
}

// fillSlot writes an account into the first slot that is empty. Slot 1 is nobody's on
// services that have numbered theirs after IPMI's users.
func (c *Client) fillSlot(ctx context.Context, all []User, body map[string]any) (found bool, err error) {
	for _, u := range all {
		if u.Name == "" && u.ID != "1" && u.Path != "" {
			_, err := c.Patch(ctx, u.Path, body)
			return true, err
		}
	}
	return false, nil
}

// SetPassword changes a user's password. If it is this client's own, it goes on with the
// session that it has.
func (c *Client) SetPassword(ctx context.Context, u User, password string) error {
	_, err := c.Patch(ctx, u.Path, map[string]any{"Password": password})
	return err
}

// SetRole changes what a user may do.
func (c *Client) SetRole(ctx context.Context, u User, role string) error {
	_, err := c.Patch(ctx, u.Path, map[string]any{"RoleId": role})
	return err
}

// EnableUser lets a user in, or not.
func (c *Client) EnableUser(ctx context.Context, u User, enabled bool) error {
	_, err := c.Patch(ctx, u.Path, map[string]any{"Enabled": enabled})
	return err
}

// DeleteUser deletes an account. Where slots cannot be deleted, it is switched off, with
// a password that nobody knows and without a name.
func (c *Client) DeleteUser(ctx context.Context, u User) error {
	_, err := c.Delete(ctx, u.Path)
	if !errors.Is(err, Unsupported) && !errors.Is(err, Invalid) {
		return err
	}
	if _, err := c.Patch(ctx, u.Path, map[string]any{"Enabled": false, "Password": nobodysPassword()}); err != nil {
		return err
	}
	_, err = c.Patch(ctx, u.Path, map[string]any{"UserName": ""})
	return err
}

// nobodysPassword is long enough to guess and short enough for old firmware, with what
// policies want.
func nobodysPassword() string { return "aA1-" + strings.ToLower(rand.Text()[:14]) }

// Roles gives the names of the roles that there are.
func (c *Client) Roles(ctx context.Context) ([]string, error) {
	l := c.root.Link("AccountService")
	if l == "" {
		return nil, &UnsupportedError{What: "accounts"}
	}
	d, err := c.Get(ctx, l)
	if err != nil {
		return nil, err
	}
	docs, err := c.Members(ctx, d.Link("Roles"))
	var names []string
	for _, r := range docs {
		if id := r.String("RoleId"); id != "" {
			names = append(names, id)
		} else if id := r.String("Id"); id != "" {
			names = append(names, id)
		}
	}
	return names, err
}
