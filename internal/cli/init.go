package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/secret/vault"
)

// initFlags are what the wizard need not ask.
type initFlags struct {
	dir      string
	name     string
	driver   string
	device   string
	settings []string // NAME=VALUE
	user     string
	password string // a reference
	stdin    bool   // the password comes on stdin
	nodes    string
	plugs    string
	state    string
	yes      bool
	noTry    bool
	discover bool
	timeout  time.Duration
}

func initCommand(p *program) *cobra.Command {
	var f initFlags
	c := &cobra.Command{
		Use: "init", GroupID: groupDaemon, Short: "Make a room, asking what is needed", Args: cobra.NoArgs,
		Long: `Makes the room file of a first device and the nodes on it, asking for what is needed;
what a flag says is not asked. A password goes into the encrypted store. At the end
the device's status is read for real, to see that all is right; nothing is switched.

Nothing that is there is overwritten, and nothing is left behind by a wizard that did
not come to its end. With --yes nobody is asked: what has no flag and no default is an
error, and so is a device that cannot be read, unless --no-try is given.

The folder is /etc/millwright for root and ~/.config/millwright for others. The room
as the packages bring it, with nothing in it, is put aside.`,
		Example: `  millwright init
  millwright init --yes --driver snmp --set address=10.0.0.5 --set profile=apc-rpdu2 --password env:COMMUNITY --nodes 'web[1-8]'
  millwright init --driver script --set address=telnet://10.0.0.6 --user apc --discover`,
		RunE: func(c *cobra.Command, _ []string) error { return p.initRoom(c.Context(), f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.dir, "dir", "", "make the room in this `FOLDER`")
	fl.StringVar(&f.name, "name", "", "the room's `NAME`")
	fl.StringVar(&f.driver, "driver", "", "what drives the device (`NAME`)")
	fl.StringVar(&f.device, "device", "", "what to call the device (`NAME`)")
	fl.StringArrayVar(&f.settings, "set", nil, "a setting of the device, `NAME=VALUE`; may be repeated")
	fl.StringVar(&f.user, "user", "", "log in to the device as `NAME`")
	fl.StringVar(&f.password, "password", "", "where its password is: env:NAME, file:PATH or secret:NAME (`REF`)")
	fl.BoolVar(&f.stdin, "password-stdin", false, "read its password from the standard input, and keep it in the store")
	fl.StringVar(&f.nodes, "nodes", "", "the nodes on the device, in the order of its plugs (`HOSTLIST`)")
	fl.StringVar(&f.plugs, "plugs", "", "the plugs that they hang on (`HOSTLIST`)")
	fl.StringVar(&f.state, "state", "", "the daemon's state `FOLDER`, where passwords are kept")
	fl.BoolVarP(&f.yes, "yes", "y", false, "ask nothing")
	fl.BoolVar(&f.noTry, "no-try", false, "do not read the device's status at the end")
	fl.DurationVar(&f.timeout, "timeout", 30*time.Second, "give up reading the status after this `TIME`")
	fl.BoolVar(&f.discover, "discover", false, "find out which specification fits (telnet and SSH)")
	c.MarkFlagsMutuallyExclusive("password", "password-stdin")
	return c
}

// wizard is one run of init.
type wizard struct {
	*program
	ctx  context.Context
	f    initFlags
	ask  *asker
	temp string // gone at the end
	plan draft
}

func (p *program) initRoom(ctx context.Context, f initFlags) error {
	w := &wizard{program: p, ctx: ctx, f: f}
	if !f.yes {
		w.ask = p.newAsker(ctx)
	}
	var err error
	if w.temp, err = os.MkdirTemp("", "millwright-init-"); err != nil {
		return fmt.Errorf("make a folder to try the room in: %w", err)
	}
	defer func() { _ = os.RemoveAll(w.temp) }()
	for _, step := range []func() error{w.place, w.chooseDriver, w.settings, w.login, w.specification, w.nodes, w.check, w.try, w.keep} {
		if err := step(); err != nil {
			if ctx.Err() != nil {
				p.printf("\n")
				p.hint("Nothing was made.")
				return exit(ExitStopped)
			}
			return err
		}
	}
	w.next()
	return nil
}

// place finds out where the room is to be, and its name.
func (w *wizard) place() (err error) {
	if w.ask != nil {
		w.printf("%s\n\n", w.out.head("A room, its first device, and the nodes on it"))
	}
	if w.f.dir, err = w.answer(w.f.dir, "Folder for the room's files", defaultRoom()); err != nil {
		return err
	}
	if w.f.dir, err = filepath.Abs(w.f.dir); err != nil {
		return err
	}
	if err := vacant(w.ctx, w.f.dir); err != nil {
		return err
	}
	name, _ := os.Hostname()
	name, _, _ = strings.Cut(name, ".")
	w.plan.room, err = w.answer(w.f.name, "Name of the room", name)
	return err
}

// defaultRoom is where a room is kept unless somebody says otherwise.
func defaultRoom() string {
	if path := os.Getenv("MILLWRIGHT_CONFIG"); path != "" || os.Geteuid() == 0 {
		return configPath()
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "millwright")
}

// vacant says whether a room can be made in a folder: there is none, or the one that
// packages bring along.
func vacant(ctx context.Context, dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is there already, and is no folder; nothing is overwritten", dir)
	}
	var found []string
	for _, pattern := range []string{"*.yaml", "*.yml"} {
		names, _ := filepath.Glob(filepath.Join(dir, pattern))
		found = append(found, names...)
	}
	if err != nil || len(found) == 0 || len(found) == 1 && isShipped(ctx, found[0]) {
		return err
	}
	return fmt.Errorf("there is a room in %s already (%s); nothing is overwritten: name another folder with --dir, or add to this one by hand", dir, filepath.Base(found[0]))
}

// isShipped says whether a room file is as the packages bring it, with nothing in it.
func isShipped(ctx context.Context, path string) bool {
	read, err := roomfile.Load(ctx, path, app.ReadOptions(drivers(), false))
	return err == nil && filepath.Base(path) == roomFileName && read.Room.Name == "unnamed" && len(read.Room.Devices) == 0 && len(read.Room.Nodes) <= 1
}

// roomFileName is the file that a room begins with.
const roomFileName = "room.yaml"

// check sees whether what was said makes a room, and has mended what does not.
func (w *wizard) check() error {
	for {
		text := w.plan.yaml()
		path := filepath.Join(w.temp, roomFileName)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
		_, err := roomfile.Load(w.ctx, w.temp, app.ReadOptions(drivers(), false))
		var problems roomfile.Problems
		if !errors.As(err, &problems) {
			return err
		}
		for _, problem := range problems {
			w.errorf("%s", clean(problem.Msg))
		}
		if w.ask == nil {
			return exit(ExitTrouble)
		}
		if err := w.more("What is to be changed?"); err != nil {
			return err
		}
		w.f.nodes, w.f.plugs = "", "" // what flags said is now a suggestion
		if err := w.nodes(); err != nil {
			return err
		}
	}
}

// try reads the device's status by a daemon of its own, which ends with it.
func (w *wizard) try() error {
	if w.f.noTry {
		return nil
	}
	w.printf("\n%s\n", w.out.faint("Reading the status of "+w.plan.device.name+"; nothing is switched."))
	err := w.status()
	if err == nil {
		return nil
	}
	if w.ctx.Err() != nil {
		return w.ctx.Err()
	}
	if !isExit(err) {
		w.errorf("%s", clean(wording(err)))
	}
	if w.ask == nil {
		w.hint("The device cannot be read, so nothing was made. To make the room all the same: --no-try")
		return exit(ExitFailed)
	}
	keep, err := w.ask.line("The device could not be read. Keep the room all the same? [y/N]", "n")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(strings.ToLower(keep), "y") {
		w.hint("Nothing was made.")
		return exit(ExitFailed)
	}
	return nil
}

// status runs a daemon for one status.
func (w *wizard) status() error {
	state := filepath.Join(w.temp, "state")
	if err := w.stockStore(state); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(w.ctx)
	socket := filepath.Join(w.temp, "s")
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: w.temp, State: state, Drivers: drivers(), Version: Version,
			Doors: app.Doors{Socket: socket, PowerMan: []string{}}, Ready: func(app.Addresses) { close(ready) },
		})
	}()
	defer func() {
		stop()
		_ = <-ended //nolint:staticcheck // what the trial ends with is not asked
	}()
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil // for the deferred wait
		return err
	}
	asks := *w.program
	asks.socket, asks.server = socket, server{}
	return asks.once(w.ctx, &verb{op: room.Status, timeout: w.f.timeout})
}

// stockStore makes a store for the trial, with the one secret that it needs.
func (w *wizard) stockStore(state string) error {
	d := &w.plan.device
	name, stored := d.password.Stored()
	if !stored {
		return nil
	}
	value := d.secret
	if value.IsZero() { // it is in the real store
		var err error
		if value, err = w.realStore().Get(w.ctx, name); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	return vault.New(vault.In(state)).Set(w.ctx, name, value)
}

func (w *wizard) realStore() *vault.Vault {
	state, err := stateFolder(w.f.state)
	if err != nil {
		state = w.temp
	}
	return vault.New(vault.In(state))
}

// keep makes the room: first the secret, which a room without it could not use, then
// its file. If the second fails, the first is taken back.
func (w *wizard) keep() (err error) {
	if w.ask != nil {
		w.printf("\n%s\n", w.out.faint(w.plan.yaml()))
		yes, err := w.ask.line("Write this to "+filepath.Join(w.f.dir, roomFileName)+"? [Y/n]", "y")
		if err != nil {
			return err
		}
		if !strings.HasPrefix(strings.ToLower(yes), "y") {
			w.hint("Nothing was made.")
			return exit(ExitRefused)
		}
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	undo, err := w.keepSecret()
	if err != nil {
		return w.forbidden(err)
	}
	path := filepath.Join(w.f.dir, roomFileName)
	if isShipped(w.ctx, path) {
		if err := os.Rename(path, path+".shipped"); err != nil {
			return errors.Join(err, undo())
		}
		w.printf("%s\n", w.out.faint("the room that was there, with nothing in it, is now "+path+".shipped"))
	}
	if err := writeNew(path, []byte(w.plan.yaml())); err != nil {
		return errors.Join(err, undo())
	}
	return nil
}

// keepSecret puts the password into the store, if it was told.
func (w *wizard) keepSecret() (undo func() error, err error) {
	none := func() error { return nil }
	d := &w.plan.device
	name, stored := d.password.Stored()
	if !stored || d.secret.IsZero() {
		return none, nil
	}
	store := w.realStore()
	if err := os.MkdirAll(filepath.Dir(store.File()), 0o700); err != nil {
		return none, err
	}
	return func() error { return store.Remove(context.WithoutCancel(w.ctx), name) }, store.Set(w.ctx, name, d.secret)
}

// freeName gives a name that the store does not have yet.
func (w *wizard) freeName(name string) string {
	list, err := w.realStore().List(w.ctx)
	if err != nil {
		return name
	}
	taken := func(n string) bool {
		return slices.ContainsFunc(list, func(e vault.Entry) bool { return e.Name == n })
	}
	for base, n := name, 2; taken(name); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// next says what there is now, and how to go on.
func (w *wizard) next() {
	path := filepath.Join(w.f.dir, roomFileName)
	w.printf("\n%s the room %s is made: %s\n", w.out.mark(markGood), clean(w.plan.room), clean(path))
	run := "systemctl enable --now millwright"
	if _, err := os.Stat("/run/systemd/system"); err != nil || w.f.dir != defaultConfig {
		run = "millwright serve --config " + w.f.dir
		if w.f.state != "" {
			run += " --state " + w.f.state
		}
	}
	// Each on a line of its own, and not in a table: they are there to be copied.
	for _, try := range [][2]string{
		{run, "runs the daemon"},
		{"millwright status", "in another window: which nodes are on"},
		{"millwright doctor", "what is wrong, and what to do about it"},
	} {
		w.printf("  %s\n      %s\n", try[0], w.out.faint(try[1]))
	}
}

// passwordRef reads a reference as the room file will have it.
func passwordRef(text string) (secret.Ref, error) {
	if path, is := strings.CutPrefix(text, "file:"); is {
		abs, err := filepath.Abs(path)
		if err != nil {
			return secret.Ref{}, err
		}
		text = "file:" + abs
	}
	ref, err := secret.Parse(text)
	if err != nil {
		return secret.Ref{}, usagef("--password: %w", err)
	}
	return ref, nil
}
