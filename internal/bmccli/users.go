package bmccli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/user"
	"millwright.dev/millwright/redfish"
)

// newPassword is a password that is to be set: who wants it asks once for all hosts.
type newPassword struct {
	ref  string
	long bool
}

func (p *newPassword) define(v *cobra.Command) *cobra.Command {
	v.Flags().StringVar(&p.ref, "new-secret", "", "the password is at `REF`: env:NAME, file:PATH or secret:NAME; otherwise it is asked for")
	v.Flags().BoolVar(&p.long, "long", false, "store it in 20 bytes, which shuts IPMI 1.5 out")
	return v
}

func (c *caller) userVerbs() []*cobra.Command {
	n := uint8(channel.Present)
	var pw newPassword
	var limit string
	var payload bool
	create := pw.define(c.onChannel(&n, c.verb("create NAME", "Make a user", "Makes a user in the first free place: name, password, what it may do, and only then it is enabled. The password is at --new-secret, or asked for.",
		"bmc[1-40] user create backup --limit operator --new-secret file:backup.pw", cobra.ExactArgs(1), func(args []string) (job, error) {
			p, err := channel.ParsePrivilegeName(limit)
			if err != nil {
				return job{}, &UsageError{err}
			}
			return c.userCreate(&n, args[0], p, &pw, payload), nil
		})))
	create.Flags().StringVar(&limit, "limit", "operator", "what it may do: `user, operator or administrator`")
	create.Flags().BoolVar(&payload, "console", true, "it may use the serial console")
	password := pw.define(c.verb("password USER [set|test]", "Set or test a user's password", "Sets a user's password, or tells whether it is the one that is given. It is at --new-secret, or asked for; over a session that is not encrypted it is not sent.",
		"bmc[1-40] user password admin --new-secret secret:bmc\nbmc7 user password 3 test", cobra.RangeArgs(1, 2), func(args []string) (job, error) { return c.userPassword(&n, args, &pw) }))
	users := c.family("user", "Read and keep the users of a BMC", "bmc[1-40] user\nbmc7 user create backup --limit operator",
		c.onChannel(&n, c.verb("list", "List the users, and what they may do", "", "bmc[1-40] user list", cobra.NoArgs, func([]string) (job, error) { return userList(n), nil })),
		c.onChannel(&n, c.verb("count", "Tell how many users there are and can be", "", "bmc7 user count", cobra.NoArgs, func([]string) (job, error) {
			return job{host: func(ctx context.Context, h *host.Host) (answer, error) {
				k, err := h.CountUsers(ctx, n)
				return unlessFailed(pairs(k, "places", k.Max, "enabled", k.Enabled, "with fixed names", k.Fixed), err)
			}}, nil
		})),
		create,
		c.onUser(&n, "delete USER", "Do away with a user", "Does away with a user, as far as IPMI can: it is disabled, may do nothing, and loses its name.", "bmc7 user delete backup", func(ctx context.Context, h *host.Host, id uint8) (answer, error) {
			return said("deleted"), h.DeleteUser(ctx, n, id)
		}, func(ctx context.Context, c *redfish.Client, u redfish.User) error { return c.DeleteUser(ctx, u) }),
		c.onUser(&n, "enable USER", "Let a user log in", "", "bmc7 user enable backup", func(ctx context.Context, h *host.Host, id uint8) (answer, error) {
			on := true
			return said("enabled"), h.UpdateUser(ctx, n, id, host.UserChange{Enabled: &on})
		}, func(ctx context.Context, c *redfish.Client, u redfish.User) error { return c.EnableUser(ctx, u, true) }),
		c.onUser(&n, "disable USER", "Let a user not log in any more", "", "bmc7 user disable backup", func(ctx context.Context, h *host.Host, id uint8) (answer, error) {
			off := false
			return said("disabled"), h.UpdateUser(ctx, n, id, host.UserChange{Enabled: &off})
		}, func(ctx context.Context, c *redfish.Client, u redfish.User) error { return c.EnableUser(ctx, u, false) }),
		password,
		c.renameVerb(&n), c.userAccessVerb(&n),
	)
	return []*cobra.Command{users, c.sessionVerb()}
}

func userList(n uint8) job {
	return job{
		host: func(ctx context.Context, h *host.Host) (answer, error) {
			list, err := h.Users(ctx, n)
			a := answer{head: []string{"ID", "NAME", "STATE", "LIMIT", "COMMANDS", "LINK", "CALLBACK"}}
			values := []map[string]any{}
			for _, u := range list {
				name := u.Name
				if name == "" {
					name = "-"
				}
				a.rows = append(a.rows, []Cell{numeric(u.ID), cell(name), cell(u.Status), cell(u.Limit), cell(yesNo(u.Messaging)), cell(yesNo(u.LinkAuth)), cell(yesNo(u.CallbackOnly))})
				values = append(values, map[string]any{"id": u.ID, "name": u.Name, "status": u.Status.String(), "limit": u.Limit.String(), "messaging": u.Messaging, "link": u.LinkAuth, "callback": u.CallbackOnly})
			}
			a.value = values
			return a, err
		},
		web: func(ctx context.Context, c *redfish.Client, _ *redfish.System) (answer, error) {
			list, err := c.Users(ctx)
			a := answer{head: []string{"ID", "NAME", "STATE", "ROLE"}, value: list}
			for _, u := range list {
				state := enabled(u.Enabled)
				if u.Locked {
					state += ", locked"
				}
				a.rows = append(a.rows, []Cell{cell(u.ID), cell(u.Name), cell(state), cell(u.Role)})
			}
			return a, err
		},
	}
}

// userID finds the number of a user who is named, or is that number.
func userID(ctx context.Context, h *host.Host, n uint8, text string) (uint8, error) {
	if id, err := strconv.ParseUint(text, 10, 8); err == nil && id >= 1 && id <= user.MaxID {
		return uint8(id), nil
	}
	u, err := h.FindUser(ctx, n, text)
	return u.ID, err
}

// onUser makes a verb that does something with one user.
func (c *caller) onUser(n *uint8, use, short, long, example string, do func(ctx context.Context, h *host.Host, id uint8) (answer, error), web func(ctx context.Context, c *redfish.Client, u redfish.User) error) *cobra.Command {
	v := c.onChannel(n, c.verb(use, short, long, example, cobra.ExactArgs(1), nil))
	v.RunE = c.verb(use, short, long, example, nil, func(args []string) (job, error) {
		j := job{danger: "user " + v.Name() + " " + args[0], host: func(ctx context.Context, h *host.Host) (answer, error) {
			id, err := userID(ctx, h, *n, args[0])
			if err != nil {
				return answer{}, err
			}
			return do(ctx, h, id)
		}}
		if web != nil {
			j.web = func(ctx context.Context, c *redfish.Client, _ *redfish.System) (answer, error) {
				u, err := c.User(ctx, args[0])
				if err != nil {
					return answer{}, err
				}
				return said("done"), web(ctx, c, u)
			}
		}
		return quietly(j), nil
	}).RunE
	return v
}

func (c *caller) userCreate(n *uint8, name string, limit channel.Privilege, pw *newPassword, payload bool) job {
	var typed secret.Value
	return job{
		danger: "user create " + name,
		before: func(ctx context.Context, r *run) (err error) {
			typed, err = r.creds.secretFor(ctx, pw.ref, name, true)
			return err
		},
		host: func(ctx context.Context, h *host.Host) (answer, error) {
			text := typed.Reveal()
			id, err := h.CreateUser(ctx, *n, user.NewUser{Name: name, Secret: []byte(text), Long: pw.long || len(text) > 16, Limit: limit, Payload: payload})
			return unlessFailed(said("user %d", id), err)
		},
		web: func(ctx context.Context, c *redfish.Client, _ *redfish.System) (answer, error) {
			role := map[channel.Privilege]string{channel.Administrator: "Administrator", channel.Operator: "Operator"}[limit]
			if role == "" {
				role = "ReadOnly"
			}
			u, err := c.AddUser(ctx, name, typed.Reveal(), role)
			return unlessFailed(said("user %s", u.ID), err)
		},
	}
}

func (c *caller) userPassword(n *uint8, args []string, pw *newPassword) (job, error) {
	test := false
	if len(args) == 2 {
		if args[1] != "set" && args[1] != "test" {
			return job{}, usagef("user password: %q is neither set nor test", args[1])
		}
		test = args[1] == "test"
	}
	var typed secret.Value
	j := job{
		before: func(ctx context.Context, r *run) (err error) {
			typed, err = r.creds.secretFor(ctx, pw.ref, args[0], !test)
			return err
		},
		host: func(ctx context.Context, h *host.Host) (answer, error) {
			id, err := userID(ctx, h, *n, args[0])
			if err != nil {
				return answer{}, err
			}
			text := []byte(typed.Reveal())
			if !test {
				return unlessFailed(said("set"), h.UpdateUser(ctx, *n, id, host.UserChange{Secret: text, Long: pw.long || len(text) > 16}))
			}
			right, err := h.TestPassword(ctx, id, text)
			if err != nil {
				return answer{}, err
			}
			if !right {
				return said("another"), ExitFailed
			}
			return said("the same"), nil
		},
	}
	if !test {
		j.danger = "user password " + args[0]
		j.web = func(ctx context.Context, c *redfish.Client, _ *redfish.System) (answer, error) {
			u, err := c.User(ctx, args[0])
			if err != nil {
				return answer{}, err
			}
			return unlessFailed(said("set"), c.SetPassword(ctx, u, typed.Reveal()))
		}
	}
	return j, nil
}

func (c *caller) renameVerb(n *uint8) *cobra.Command {
	return c.onChannel(n, c.verb("name ID [NAME]", "Read or set the name of a user", "", "bmc7 user name 3\nbmc7 user name 3 backup", cobra.RangeArgs(1, 2), func(args []string) (job, error) {
		id, err := number(args[0], 1, user.MaxID)
		return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			if len(args) == 2 {
				return unlessFailed(said("set"), user.SetName(ctx, d, uint8(id), args[1]))
			}
			name, err := user.GetName(ctx, d, uint8(id))
			return unlessFailed(said("%s", name), err)
		}}, err
	}))
}

func (c *caller) userAccessVerb(n *uint8) *cobra.Command {
	var limit, messaging, link, callback string
	v := c.onChannel(n, c.verb("access USER", "Read or set what a user may do", "Reads what a user may do on a channel, or changes what is named; the rest stays.", "bmc7 user access backup\nbmc7 user access backup --limit user --messaging on", cobra.ExactArgs(1), func(args []string) (job, error) {
		changes := limit+messaging+link+callback != ""
		change := func(a *user.Access) (err error) {
			if limit != "" {
				a.Limit, err = channel.ParsePrivilegeName(limit)
			}
			for _, f := range []struct {
				text string
				to   *bool
			}{{messaging, &a.Messaging}, {link, &a.LinkAuth}, {callback, &a.CallbackOnly}} {
				if f.text != "" && err == nil {
					*f.to, err = parseOnOff(f.text)
				}
			}
			return err
		}
		if err := change(new(user.Access)); err != nil {
			return job{}, usagef("user access: %w", err)
		}
		return job{host: func(ctx context.Context, h *host.Host) (answer, error) {
			id, err := userID(ctx, h, *n, args[0])
			if err != nil {
				return answer{}, err
			}
			u, err := h.User(ctx, *n, id)
			if err != nil {
				return answer{}, err
			}
			if changes {
				access := u.Access
				if err := change(&access); err != nil {
					return answer{}, err
				}
				return unlessFailed(said("set"), h.UpdateUser(ctx, *n, id, host.UserChange{Access: &access}))
			}
			return pairs(u, "id", u.ID, "name", u.Name, "state", u.Status, "limit", u.Limit, "commands", yesNo(u.Messaging), "link", yesNo(u.LinkAuth), "callback only", yesNo(u.CallbackOnly)), nil
		}}, nil
	}))
	v.Flags().StringVar(&limit, "limit", "", "what it may do: `user, operator, administrator or none`")
	v.Flags().StringVar(&messaging, "messaging", "", "it may send commands, `on or off`: without it there is no login")
	v.Flags().StringVar(&link, "link", "", "it may authenticate a serial link, `on or off`")
	v.Flags().StringVar(&callback, "callback", "", "it may only be called back, `on or off`")
	return v
}
