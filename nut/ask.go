package nut

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// UPS is one that a server has.
type UPS struct{ Name, Description string }

// Identify says who we are (RFC 9271, sections 4.2.8 and 4.2.13). The server checks it later.
func (c *Client) Identify(ctx context.Context, username, password string) error {
	for _, words := range [][2]string{{"USERNAME", username}, {"PASSWORD", password}} {
		if err := c.tell(ctx, words[0], words[1]); err != nil {
			return err
		}
	}
	return nil
}

// Version asks which server this is.
func (c *Client) Version(ctx context.Context) (string, error) {
	words, err := c.ask(ctx, "VER")
	return clip(strings.Join(words, " ")), err
}

// UPSes lists what the server has.
func (c *Client) UPSes(ctx context.Context) ([]UPS, error) {
	rows, err := c.list(ctx, "UPS", "UPS")
	if err != nil {
		return nil, err
	}
	found := make([]UPS, 0, len(rows))
	for _, row := range rows {
		found = append(found, UPS{Name: at(row, 0), Description: at(row, 1)})
	}
	return found, nil
}

// Vars gives all variables of a UPS.
func (c *Client) Vars(ctx context.Context, ups string) (Vars, error) {
	return c.table(ctx, "VAR", ups)
}

// Writable gives the variables of a UPS that can be set.
func (c *Client) Writable(ctx context.Context, ups string) (Vars, error) {
	return c.table(ctx, "RW", ups)
}

func (c *Client) table(ctx context.Context, what, ups string) (Vars, error) {
	request, err := Join(what, ups)
	if err != nil {
		return nil, err
	}
	rows, err := c.list(ctx, request, what, ups)
	if err != nil {
		return nil, err
	}
	vars := make(Vars, len(rows))
	for _, row := range rows {
		vars[at(row, 0)] = at(row, 1)
	}
	return vars, nil
}

// Var gives one variable of a UPS.
func (c *Client) Var(ctx context.Context, ups, name string) (string, error) {
	request, err := Join("GET", "VAR", ups, name)
	if err != nil {
		return "", err
	}
	words, err := c.ask(ctx, request, "VAR", ups, name)
	return at(words, 0), err
}

// Commands lists what a UPS can be told to do.
func (c *Client) Commands(ctx context.Context, ups string) ([]string, error) {
	return c.column(ctx, "CMD", ups)
}

// Clients lists the addresses of those who are logged in at a UPS.
func (c *Client) Clients(ctx context.Context, ups string) ([]string, error) {
	return c.column(ctx, "CLIENT", ups)
}

func (c *Client) column(ctx context.Context, what, ups string) ([]string, error) {
	request, err := Join(what, ups)
	if err != nil {
		return nil, err
	}
	rows, err := c.list(ctx, request, what, ups)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(rows))
	for _, row := range rows {
		names = append(names, at(row, 0))
	}
	return names, nil
}

// Logins says how many are logged in at a UPS.
func (c *Client) Logins(ctx context.Context, ups string) (int, error) {
	request, err := Join("GET", "NUMLOGINS", ups)
	if err != nil {
		return 0, err
	}
	words, err := c.ask(ctx, request, "NUMLOGINS", ups)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(at(words, 0))
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s is no number", request, ErrUnexpected, clip(at(words, 0)))
	}
	return n, nil
}

// Login counts this connection among those that hang on a UPS: its primary waits
// for them before it lets the UPS switch off.
func (c *Client) Login(ctx context.Context, ups string) error { return c.tell(ctx, "LOGIN", ups) }

// Logout says goodbye and closes.
func (c *Client) Logout(ctx context.Context) error {
	defer c.Close()
	return c.tell(ctx, "LOGOUT")
}

// Primary asks for the right of the one in charge, which [Client.ForceShutdown] needs.
func (c *Client) Primary(ctx context.Context, ups string) error {
	err := c.tell(ctx, "PRIMARY", ups)
	if refusal, ok := err.(*Error); ok && refusal.Code == UnknownCommand { //nolint:errorlint // tell returns it bare
		return c.tell(ctx, "MASTER", ups) // as servers before 2.8 say
	}
	return err
}

// ForceShutdown makes the server tell all who watch this UPS to shut down at once.
func (c *Client) ForceShutdown(ctx context.Context, ups string) error {
	return c.tell(ctx, "FSD", ups)
}

// Command has a UPS do something, such as "test.battery.start.quick"; some
// commands take a parameter. The server says only that the driver was told.
func (c *Client) Command(ctx context.Context, ups, command string, parameter ...string) error {
	return c.tell(ctx, append([]string{"INSTCMD", ups, command}, parameter...)...)
}

// Set writes a variable. The server says only that the driver was told.
func (c *Client) Set(ctx context.Context, ups, name, value string) error {
	return c.tell(ctx, "SET", "VAR", ups, name, value)
}

// tell asks for what is answered with OK.
func (c *Client) tell(ctx context.Context, words ...string) error {
	request, err := Join(words...)
	if err != nil {
		return fmt.Errorf("%s: %w", words[0], err)
	}
	_, err = c.ask(ctx, request, "OK")
	return err
}

func at(row []string, i int) string {
	if i >= len(row) {
		return ""
	}
	return row[i]
}
