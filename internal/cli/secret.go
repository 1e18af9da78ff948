package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/secret/vault"
)

// secretFlags say which store is meant.
type secretFlags struct {
	config   string
	state    string
	file     string
	key      string
	identity string
	json     bool
}

const storeHelp = `
The store is a file in the daemon's state folder, unless the room's secrets: part
says another. It is changed in place of the daemon, which need not run and, if it
does, uses what is new from the next log-in on. So this must run as the daemon's user
or as root.`

func secretCommand(p *program) *cobra.Command {
	return p.group(&cobra.Command{
		Use: "secret set|list|remove|rotate|check", GroupID: groupKeep, Short: "Keep passwords and keys in the encrypted store",
		Long:    "Keeps passwords, keys and tokens in an encrypted store. A room names one as\nsecret:NAME, wherever it may say env:NAME or file:PATH.\n" + storeHelp,
		Example: "  millwright secret set pdu\n  millwright secret list\n  millwright secret check",
	},
		p.secretSet(), p.secretList(), p.secretRemove(), p.secretRotate(), p.secretCheck())
}

// flags are those that every command of the store has.
func (f *secretFlags) flags(c *cobra.Command) *cobra.Command {
	c.Flags().StringVarP(&f.config, "config", "c", configPath(), "the room that says where its store is (`PATH`)")
	c.Flags().StringVar(&f.state, "state", "", "the daemon's state `FOLDER`")
	c.Flags().StringVar(&f.file, "file", "", "the store is at `PATH`, whatever the room says")
	c.Flags().StringVar(&f.key, "key", "", "with --file: its key is at `PATH`")
	c.Flags().StringVar(&f.identity, "identity", "", "with --file: the age identity that opens it is at `PATH`")
	return c
}

func (p *program) secretSet() *cobra.Command {
	var f secretFlags
	return f.flags(&cobra.Command{
		Use: "set NAME", Short: "Keep a secret, or change it", Args: cobra.ExactArgs(1),
		Long: `Keeps a secret under a name, in the place of an older one. A terminal is asked for
it, twice and without showing it; otherwise it is read from the standard input, less
one line end. It is never given on the command line, where others would see it. The
first one makes the store.` + "\n" + storeHelp,
		Example: "  millwright secret set pdu\n  cat ~/.ssh/pdu_ed25519 | millwright secret set pdu-key",
		RunE: func(c *cobra.Command, args []string) error {
			if err := secret.CheckName(args[0]); err != nil {
				return usagef("%w", err)
			}
			store, err := p.store(c.Context(), f)
			if err != nil {
				return err
			}
			value, err := p.readSecret(c.Context(), args[0])
			if err != nil {
				return err
			}
			if err := store.Set(c.Context(), args[0], value); err != nil {
				return p.forbidden(err)
			}
			p.printf("%s secret:%s is kept in %s\n", p.out.mark(markGood), args[0], clean(store.File()))
			return nil
		},
	})
}

func (p *program) secretList() *cobra.Command {
	var f secretFlags
	c := f.flags(&cobra.Command{
		Use: "list", Short: "Show which secrets there are, not what they are", Args: cobra.NoArgs,
		Long:    "Shows the names of all secrets, when each was set, and the id of the key that it is\nencrypted with. What they are is never shown.\n" + storeHelp,
		Example: "  millwright secret list\n  millwright secret list --json | jq -r '.[].name'",
		RunE: func(c *cobra.Command, _ []string) error {
			store, err := p.store(c.Context(), f)
			if err != nil {
				return err
			}
			list, err := store.List(c.Context())
			if err != nil {
				return p.forbidden(err)
			}
			if f.json {
				return p.pretty(list)
			}
			t := table{style: p.out, head: []string{"NAME", "SET", "KEY"}}
			for _, e := range list {
				t.row(text(e.Name), text(e.Set.Local().Format(timeForm)), text(e.Key))
			}
			return t.write(p.stdout)
		},
	})
	c.Flags().BoolVar(&f.json, "json", false, "write one JSON document")
	return c
}

func (p *program) secretRemove() *cobra.Command {
	var f secretFlags
	return f.flags(&cobra.Command{
		Use: "remove NAME…", Short: "Forget secrets", Args: cobra.MinimumNArgs(1),
		Long:    "Forgets secrets. Whatever names one of them cannot log in any more.\n" + storeHelp,
		Example: "  millwright secret remove pdu-old",
		RunE: func(c *cobra.Command, args []string) error {
			store, err := p.store(c.Context(), f)
			if err != nil {
				return err
			}
			for _, name := range args {
				if err := store.Remove(c.Context(), name); errors.Is(err, secret.ErrMissing) {
					return &room.Error{Code: room.CodeNotFound, Op: "remove", Subject: clean(name), Said: "there is no such secret"}
				} else if err != nil {
					return p.forbidden(err)
				}
				p.printf("%s secret:%s is forgotten\n", p.out.mark(markGood), clean(name))
			}
			return nil
		},
	})
}

func (p *program) secretRotate() *cobra.Command {
	var f secretFlags
	return f.flags(&cobra.Command{
		Use: "rotate", Short: "Encrypt all secrets anew, with a new key", Args: cobra.NoArgs,
		Long: `Makes a new key, encrypts every secret with it, and forgets the old key. Whenever it
is cut off, everything can still be read. If the room says identity: by now, the new
key is locked to that, and the key file goes away.

Copies of the store from before need the old key: keep such a backup with its key, or
neither. If somebody may have read the secrets themselves, change those at the
devices as well.` + "\n" + storeHelp,
		Example: "  millwright secret rotate",
		RunE: func(c *cobra.Command, _ []string) error {
			store, err := p.store(c.Context(), f)
			if err != nil {
				return err
			}
			key, n, err := store.Rotate(c.Context())
			if err != nil {
				return p.forbidden(err)
			}
			p.printf("%s %s in %s, with the new key %s\n", p.out.mark(markGood), counted(n, "secret"), clean(store.File()), key)
			return nil
		},
	})
}

func (p *program) secretCheck() *cobra.Command {
	var f secretFlags
	return f.flags(&cobra.Command{
		Use: "check", Short: "See whether all secrets that the room names are there", Args: cobra.NoArgs,
		Long: `Fetches every secret that the room names, as the daemon would, and says which cannot
be had, and which of the store nothing names. Variables (env:NAME) belong to the
daemon's environment, which cannot be seen from here; one that this terminal lacks is
told of as unknown.` + "\n" + storeHelp,
		Example: "  millwright secret check --config room.yaml",
		RunE:    func(c *cobra.Command, _ []string) error { return p.checkSecrets(c.Context(), f) },
	})
}

func (p *program) checkSecrets(ctx context.Context, f secretFlags) error {
	read, err := roomfile.Load(ctx, f.config, app.ReadOptions(drivers(), false))
	if err != nil {
		return p.unreadable(f.config, err)
	}
	store, err := p.store(ctx, f)
	if err != nil {
		return err
	}
	from := secret.Places{Dir: roomfile.Folder(f.config), Store: store}
	t := table{style: p.out}
	used := make(map[string]bool)
	status := ExitOK
	for _, r := range app.References(read.Room) {
		err := r.Err
		if err == nil {
			_, err = r.Ref.Resolve(ctx, from)
		}
		name, stored := r.Ref.Stored()
		used[name] = used[name] || stored
		_, variable := r.Ref.Variable()
		row := []cell{text(r.For), text(r.Ref.String())}
		switch {
		case err == nil:
			row = append([]cell{p.out.sign(markGood)}, append(row, text("is there"))...)
		case variable && errors.Is(err, secret.ErrMissing):
			if status == ExitOK {
				status = ExitUnknown
			}
			row = append([]cell{p.out.sign(markUnknown)}, append(row, text("not set here; the daemon's environment may have it"))...)
		default:
			status = ExitFailed
			row = append([]cell{p.out.sign(markBad)}, append(row, text(strings.TrimPrefix(err.Error(), "secret "+r.Ref.String()+": ")))...)
		}
		t.row(row...)
	}
	list, err := store.List(ctx)
	if err != nil && !errors.Is(err, vault.ErrNone) {
		return p.forbidden(err)
	}
	for _, e := range list {
		if !used[e.Name] {
			t.row(p.out.sign(markWaiting), text("nothing in the room"), text("secret:"+e.Name), text("is there, and not used"))
		}
	}
	if err := t.write(p.stdout); err != nil {
		return err
	}
	if status != ExitOK {
		return exit(status)
	}
	return nil
}

// store finds the store that is meant.
func (p *program) store(ctx context.Context, f secretFlags) (*vault.Vault, error) {
	if f.file != "" {
		return vault.New(vault.Options{File: f.file, Key: f.key, Identity: f.identity}), nil
	}
	if f.key != "" || f.identity != "" {
		return nil, usagef("--key and --identity go with --file; otherwise the room says them, in its secrets: part")
	}
	var said room.Secrets
	if _, err := os.Stat(f.config); !errors.Is(err, fs.ErrNotExist) {
		var err error
		if said, err = roomfile.SecretsOf(ctx, f.config, app.ReadOptions(drivers(), false)); err != nil {
			p.hint("Where the store is, the room says; it cannot be read. --file PATH does without it.")
			return nil, p.unreadable(f.config, err)
		}
	}
	state, err := stateFolder(f.state)
	if err != nil {
		return nil, err
	}
	o, _ := app.SecretStore(said, f.config, state)
	return vault.New(o), nil
}

// secretsOf gives the store of a room for what can do without: nil if it cannot be
// found.
func secretsOf(ctx context.Context, config string) secret.Store {
	said, err := roomfile.SecretsOf(ctx, config, app.ReadOptions(drivers(), false))
	if err != nil {
		return nil
	}
	state, err := stateFolder("")
	if err != nil {
		return nil
	}
	if o, ok := app.SecretStore(said, config, state); ok {
		return vault.New(o)
	}
	return nil
}

// forbidden says what to do when the store belongs to somebody else.
func (p *program) forbidden(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		p.hint("The store belongs to the daemon's user: run this as that user, or as root.")
	}
	return err
}

// readSecret asks a terminal for a secret, or reads it from what is not one.
func (p *program) readSecret(ctx context.Context, name string) (secret.Value, error) {
	in, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		text, err := io.ReadAll(io.LimitReader(p.stdin, secret.MaxSize+2))
		if err != nil {
			return secret.Value{}, fmt.Errorf("read the secret from the standard input: %w", err)
		}
		return secret.NewValue(strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")), nil
	}
	return p.unseenTwice(ctx, in, "The secret "+name+" (it is not shown): ")
}

// unseenTwice reads what nobody sees until it has been typed twice alike.
func (p *program) unseenTwice(ctx context.Context, in *os.File, prompt string) (secret.Value, error) {
	first, err := p.unseen(ctx, in, prompt)
	if err != nil {
		return secret.Value{}, err
	}
	second, err := p.unseen(ctx, in, "Once more: ")
	if err != nil {
		return secret.Value{}, err
	}
	if !first.Equal(second) {
		return secret.Value{}, errors.New("the two are not the same; nothing was changed")
	}
	return first, nil
}

// unseen reads a line from a terminal that does not show it, and leaves the
// terminal as it was, whatever happens.
func (p *program) unseen(ctx context.Context, in *os.File, prompt string) (secret.Value, error) {
	before, err := term.GetState(int(in.Fd()))
	if err != nil {
		return secret.Value{}, fmt.Errorf("ask the terminal: %w", err)
	}
	_, _ = fmt.Fprint(p.stderr, prompt)
	type line struct {
		text []byte
		err  error
	}
	typed := make(chan line, 1)
	go func() { // ends with the program at the latest: a read of a terminal cannot be broken off
		text, err := term.ReadPassword(int(in.Fd()))
		typed <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		_ = term.Restore(int(in.Fd()), before)
		_, _ = fmt.Fprintln(p.stderr)
		return secret.Value{}, exit(ExitStopped)
	case l := <-typed:
		_, _ = fmt.Fprintln(p.stderr)
		return secret.NewValue(string(l.text)), l.err
	}
}
