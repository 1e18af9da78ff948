package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/secret"
)

const rolesHelp = `
The roles: view (see states, events and runs), operate (switch, carry out plans),
configure (reload, change the configuration, write secrets), admin (users, tokens,
grants, backups). Each includes those before it. The last two are about the room as a
whole and are given on @all.`

// knownRole says what is wrong with the name of a role.
func knownRole(name string) error {
	switch name {
	case "view", "operate", "configure", "admin":
		return nil
	}
	return usagef("there is no role %q; the roles are view, operate, configure and admin", name)
}

func userCommand(p *program) *cobra.Command {
	return p.group(&cobra.Command{
		Use: "user add|list|remove|password|groups|disable|enable|cert", GroupID: groupKeep, Short: "Keep users",
		Long:    "Keeps users, who log in over the network, by name and password, by tokens of theirs,\nor by certificates. A new user may do nothing until grant add says otherwise.",
		Example: "  millwright user add alice --group ops\n  millwright grant add group:ops operate @rack1",
	},
		p.userAdd(), p.userList(), p.userRemove(), p.userPassword(), p.userGroups(), p.userDisable(true), p.userDisable(false), p.userCert())
}

func (p *program) userAdd() *cobra.Command {
	var from passwordFlags
	var groups []string
	var none bool
	c := &cobra.Command{
		Use: "add NAME", Short: "Make a user", Args: cobra.ExactArgs(1),
		Long:    "Makes a user. The password is asked for at the terminal, twice, and is never given on\nthe command line, where others would see it.",
		Example: "  millwright user add alice\n  millwright user add backup --no-password\n  pwgen -s 20 1 | millwright user add bob --password-stdin",
		RunE: func(c *cobra.Command, args []string) error {
			u := wire.NewUser{Name: args[0], Groups: groups}
			if !none {
				password, err := p.readPassword(c.Context(), args[0], from)
				if err != nil {
					return err
				}
				u.Password = password.Reveal()
			}
			cl := p.client()
			defer cl.Close()
			if err := cl.AddUser(c.Context(), u); err != nil {
				return err
			}
			p.printf("%s user %s; what they may do is said by: millwright grant add user:%s …\n", p.out.mark(markGood), clean(u.Name), clean(u.Name))
			return nil
		},
	}
	from.add(c)
	c.Flags().StringSliceVar(&groups, "group", nil, "put the user into `GROUP`; can be given several times")
	c.Flags().BoolVar(&none, "no-password", false, "the user comes by tokens, certificates, an issuer, or the socket")
	return c
}

func (p *program) userList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List users", Args: cobra.NoArgs,
		Long: "Lists users, their groups, and how they can log in.", Example: "  millwright user list --json | jq -r '.[].name'",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Users(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return p.pretty(list)
			}
			t := table{style: p.out, head: []string{"USER", "PASSWORD", "SINCE", "STATE", "GROUPS"}}
			for _, u := range list {
				state := painted(green, "active")
				if u.Disabled {
					state = painted(red, "disabled")
				}
				has := "no"
				if u.Password {
					has = "yes"
				}
				t.row(text(u.Name), text(has), text(u.Created.Local().Format(timeForm)), state, text(strings.Join(u.Groups, ",")))
			}
			return t.write(p.stdout)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func (p *program) userRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Delete a user with their tokens and grants", Args: cobra.ExactArgs(1),
		Long: "Deletes a user with their tokens and grants. It counts at once.", Example: "  millwright user remove alice",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			if err := cl.RemoveUser(c.Context(), args[0]); err != nil {
				return err
			}
			p.printf("%s user %s is gone\n", p.out.mark(markGood), clean(args[0]))
			return nil
		},
	}
}

func (p *program) userPassword() *cobra.Command {
	var from passwordFlags
	c := &cobra.Command{
		Use: "password NAME", Short: "Give a user a new password", Args: cobra.ExactArgs(1),
		Long:    "Gives a user a new password. Everyone may change their own.",
		Example: "  millwright user password alice",
		RunE: func(c *cobra.Command, args []string) error {
			password, err := p.readPassword(c.Context(), args[0], from)
			if err != nil {
				return err
			}
			cl := p.client()
			defer cl.Close()
			if err := cl.SetPassword(c.Context(), args[0], password.Reveal()); err != nil {
				return err
			}
			p.printf("%s user %s has a new password\n", p.out.mark(markGood), clean(args[0]))
			return nil
		},
	}
	from.add(c)
	return c
}

func (p *program) userGroups() *cobra.Command {
	return &cobra.Command{
		Use: "groups NAME [GROUP…]", Short: "Put a user into exactly these groups", Args: cobra.MinimumNArgs(1),
		Long: "Puts a user into exactly these groups; none takes them out of all.", Example: "  millwright user groups alice ops oncall",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			groups := args[1:]
			if err := cl.ChangeUser(c.Context(), args[0], wire.UserChange{Groups: &groups}); err != nil {
				return err
			}
			p.printf("%s user %s is in: %s\n", p.out.mark(markGood), clean(args[0]), orDash(p.out, clean(strings.Join(groups, ", "))))
			return nil
		},
	}
}

func (p *program) userDisable(disable bool) *cobra.Command {
	use, short, said := "enable", "Let a user in again", "may log in again"
	if disable {
		use, short, said = "disable", "Shut a user out, with all tokens", "is shut out"
	}
	return &cobra.Command{
		Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1), Long: short + ". It counts at once.", Example: "  millwright user " + use + " alice",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			if err := cl.ChangeUser(c.Context(), args[0], wire.UserChange{Disabled: &disable}); err != nil {
				return err
			}
			p.printf("%s user %s %s\n", p.out.mark(markGood), clean(args[0]), said)
			return nil
		},
	}
}

func (p *program) userCert() *cobra.Command {
	var days int
	var to string
	c := &cobra.Command{
		Use: "cert NAME", Short: "Make a certificate with which a user can log in", Args: cobra.ExactArgs(1),
		Long: `Makes a certificate with which a user can log in, signed by the daemon's own
authority: NAME.pem, its key NAME-key.pem, and the authority's certificate ca.pem. The
key is nowhere else.`,
		Example: "  millwright user cert alice --days 90 --to ~/alice",
		RunE: func(c *cobra.Command, args []string) error {
			if strings.ContainsAny(args[0], `/\`) || args[0] == "." || args[0] == ".." {
				return usagef("%q cannot be the name of a file", args[0])
			}
			cl := p.client()
			defer cl.Close()
			if days < 1 {
				return usagef("--days: a certificate lasts for one day or more, not %d", days)
			}
			made, err := cl.IssueCertificate(c.Context(), args[0], days)
			if err != nil {
				return err
			}
			return p.keepCertificate(to, args[0], made)
		},
	}
	c.Flags().IntVar(&days, "days", 365, "it lasts for `N` days")
	c.Flags().StringVar(&to, "to", ".", "write the files into `FOLDER`")
	return c
}

// keepCertificate writes a certificate's files. None is overwritten.
func (p *program) keepCertificate(folder, name string, made wire.Certificate) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	into, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer into.Close()
	for _, f := range []struct{ name, text string }{{name + "-key.pem", made.Key}, {name + ".pem", made.Certificate}, {"ca.pem", made.Authority}} {
		out, err := into.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) && f.name == "ca.pem" {
			continue
		}
		if err != nil {
			return fmt.Errorf("write the certificate: %w", err)
		}
		_, err = out.WriteString(f.text)
		if err = errors.Join(err, out.Close()); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	p.printf("%s %s.pem, %s-key.pem and ca.pem are in %s\nfingerprint of the authority: sha256:%s\n",
		p.out.mark(markGood), clean(name), clean(name), clean(folder), clean(made.Fingerprint))
	return nil
}

// passwordFlags say where a password comes from.
type passwordFlags struct{ stdin bool }

func (f *passwordFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&f.stdin, "password-stdin", false, "read the password from the standard input, less one line end")
}

// readPassword asks the terminal twice, or reads the standard input if that is
// wanted.
func (p *program) readPassword(ctx context.Context, user string, from passwordFlags) (secret.Value, error) {
	in, ok := p.stdin.(*os.File)
	terminal := ok && term.IsTerminal(int(in.Fd()))
	switch {
	case from.stdin && !terminal:
		return p.readSecret(ctx, user)
	case !terminal:
		return secret.Value{}, usagef("there is no terminal to ask for the password; a script gives it by --password-stdin")
	}
	return p.unseenTwice(ctx, in, "New password of "+clean(user)+" (it is not shown): ")
}

func tokenCommand(p *program) *cobra.Command {
	return p.group(&cobra.Command{
		Use: "token create|list|revoke", GroupID: groupKeep, Short: "Keep tokens, by which programs log in",
		Long: `Keeps tokens, by which programs log in in a user's name. A token allows what its
owner may at the moment it is used, and no more than it was made for.`,
		Example: "  millwright token create --role view --note grafana --days 90\n  millwright token revoke k4mz7qpa",
	},
		p.tokenCreate(), p.tokenList(), p.tokenRevoke())
}

func (p *program) tokenCreate() *cobra.Command {
	var n wire.NewToken
	c := &cobra.Command{
		Use: "create", Short: "Make a token; it is shown this once", Args: cobra.NoArgs,
		Long:    "Makes a token and shows it, this once: only a digest of it is kept.\n" + rolesHelp,
		Example: "  millwright token create --user alice --role operate --nodes @rack1 --days 30",
		RunE: func(c *cobra.Command, _ []string) error {
			if n.Days < 0 {
				return usagef("--days: %d days are none; 0 is never", n.Days)
			}
			if err := knownRole(n.Role); err != nil {
				return err
			}
			cl := p.client()
			defer cl.Close()
			made, err := cl.CreateToken(c.Context(), n)
			if err != nil {
				return err
			}
			until := "for ever"
			if !made.Expires.IsZero() {
				until = "until " + made.Expires.Local().Format(timeForm)
			}
			p.hint(fmt.Sprintf("token %s of %s, %s. It is not shown again:", made.ID, clean(made.Owner), until))
			p.printf("%s\n", clean(made.Text))
			return nil
		},
	}
	c.Flags().StringVar(&n.Owner, "user", "", "the token is `NAME`'s; yours, if nothing is said")
	c.Flags().StringVar(&n.Role, "role", "view", "it allows `ROLE` at most")
	c.Flags().StringVar(&n.Nodes, "nodes", "@all", "on these `TARGETS` only")
	c.Flags().StringVar(&n.Note, "note", "", "what it is for (`TEXT`)")
	c.Flags().IntVar(&n.Days, "days", 0, "it ends after `N` days; 0 is never")
	return c
}

func (p *program) tokenList() *cobra.Command {
	var owner string
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List tokens", Args: cobra.NoArgs,
		Long: "Lists tokens: what bounds them, when they end, and when they were used last.", Example: "  millwright token list\n  millwright token list --user alice",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Tokens(c.Context(), owner)
			if err != nil {
				return err
			}
			if asJSON {
				return p.pretty(list)
			}
			t := table{style: p.out, head: []string{"TOKEN", "USER", "ENDS", "USED", "ALLOWS", "NOTE"}}
			for _, k := range list {
				allows := make([]string, len(k.Grants))
				for i, g := range k.Grants {
					allows[i] = g.Role + " on " + g.Nodes
				}
				t.row(text(k.ID), text(k.Owner), p.ends(k.Expires), text(p.day(k.Used)), text(strings.Join(allows, "; ")), text(k.Note))
			}
			return t.write(p.stdout)
		},
	}
	c.Flags().StringVar(&owner, "user", "", "only those of `NAME`")
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

// ends shows when something ends, red if it has.
func (p *program) ends(at time.Time) cell {
	if !at.IsZero() && at.Before(time.Now()) {
		return painted(red, p.day(at))
	}
	return text(p.day(at))
}

func (p *program) day(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.Local().Format(time.DateOnly)
}

func (p *program) tokenRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke TOKEN…", Short: "Take tokens away", Args: cobra.MinimumNArgs(1),
		Long: "Takes tokens away, named by what stands under TOKEN in the list. It counts at once.", Example: "  millwright token revoke k4mz7qpa",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			for _, id := range args {
				if err := cl.RevokeToken(c.Context(), idOf(id)); err != nil {
					return err
				}
				p.printf("%s token %s is no longer valid\n", p.out.mark(markGood), clean(idOf(id)))
			}
			return nil
		},
	}
}

// idOf gives the id of a token, also of one that was given as a whole.
func idOf(token string) string {
	if rest, whole := strings.CutPrefix(token, "mw_"); whole {
		token, _, _ = strings.Cut(rest, "_")
	}
	return token
}

func grantCommand(p *program) *cobra.Command {
	return p.group(&cobra.Command{
		Use: "grant add|list|remove", GroupID: groupKeep, Short: "Say who may do what on which nodes",
		Long: `Says who may do what on which nodes. Who: user:NAME, group:NAME (of Millwright, of
the system, or of an issuer), token:ID (a token can only lose by it what its owner
may), or door:powerman, which is whoever comes through that door.
` + rolesHelp + `

Where nothing was granted: root and the daemon's own account may do everything, at
the socket. So may members of the unix group millwright, until there is a grant to
group:millwright (for all of them) or to user:NAME (for one). PowerMan's clients may
operate on all nodes until there is a grant to door:powerman, and Ockle's until there
is one to door:ockle. Nobody else may do anything.`,
		Example: "  millwright grant add user:alice operate @rack1\n  millwright grant add door:powerman view @all",
	},
		p.grantAdd(), p.grantList(), p.grantRemove())
}

func (p *program) grantAdd() *cobra.Command {
	return &cobra.Command{
		Use: "add WHO ROLE TARGETS", Short: "Give a role on nodes", Args: cobra.MinimumNArgs(3),
		Long:    "Gives a role on nodes. Groups of nodes are looked up anew with each change of the\nroom. One on the same nodes is replaced.\n" + rolesHelp,
		Example: "  millwright grant add user:alice operate @rack1\n  millwright grant add group:ops admin @all",
		RunE: func(c *cobra.Command, args []string) error {
			if err := knownRole(args[1]); err != nil {
				return err
			}
			cl := p.client()
			defer cl.Close()
			g := wire.Grant{Principal: args[0], Role: args[1], Nodes: strings.Join(args[2:], ",")}
			if err := cl.AddGrant(c.Context(), g); err != nil {
				return err
			}
			p.printf("%s %s: %s on %s\n", p.out.mark(markGood), clean(g.Principal), clean(g.Role), clean(g.Nodes))
			return nil
		},
	}
}

func (p *program) grantList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list [WHO]", Short: "List grants", Args: cobra.MaximumNArgs(1),
		Long: "Lists grants, of all or of one principal.", Example: "  millwright grant list group:ops",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Grants(c.Context())
			if err != nil {
				return err
			}
			if len(args) > 0 {
				list = slices.DeleteFunc(list, func(g wire.Grant) bool { return g.Principal != args[0] })
			}
			if asJSON {
				return p.pretty(list)
			}
			return p.grantTable(list)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func (p *program) grantTable(list []wire.Grant) error {
	t := table{style: p.out, head: []string{"WHO", "ROLE", "SINCE", "BY", "NODES"}}
	for _, g := range list {
		t.row(text(g.Principal), text(g.Role), text(g.Created.Local().Format(time.DateOnly)), text(g.Author), text(g.Nodes))
	}
	return t.write(p.stdout)
}

func (p *program) grantRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove WHO [TARGETS]", Short: "Take a grant away", Args: cobra.MinimumNArgs(1),
		Long: "Takes a grant away, with the targets as the list shows them; without targets, all\nof one principal.", Example: "  millwright grant remove user:alice @rack1",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			n, err := cl.RemoveGrant(c.Context(), args[0], strings.Join(args[1:], ","))
			if err != nil {
				return err
			}
			p.printf("%s %s: %s less\n", p.out.mark(markGood), clean(args[0]), counted(n, "grant"))
			return nil
		},
	}
}

func whoamiCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "whoami", GroupID: groupLook, Short: "Show who one is to the daemon, and what one may do", Args: cobra.NoArgs,
		Long: "Shows who one is to the daemon, and what one may do.", Example: "  millwright whoami",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			self, err := cl.WhoAmI(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return p.pretty(self)
			}
			return p.self(self)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func (p *program) self(s wire.Self) error {
	name := s.User
	if s.Token != "" {
		name += " (by token " + s.Token + ")"
	}
	t := table{style: p.out}
	t.row(text("user"), text(orDash(p.out, name)))
	t.row(text("groups"), text(orDash(p.out, strings.Join(slices.Concat(s.Groups, s.OwnGroups), ", "))))
	t.row(text("role"), text(s.Role+" on @all"))
	if s.Role == "none" || s.Role == "view" {
		t.row(text("may see"), text(orDash(p.out, s.View)))
		t.row(text("may switch"), text(orDash(p.out, s.Operate)))
	}
	if err := t.write(p.stdout); err != nil || len(s.Grants) == 0 {
		return err
	}
	p.printf("\n")
	return p.grantTable(s.Grants)
}
