package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/internal/command"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// Spec is one plugin as a room has it.
type Spec struct {
	Name    string
	Argv    []string // the program and its arguments; there is no shell
	Dir     string   // where it runs, and where a relative path of the program starts
	Env     []string // NAME=value each, beside what every program gets
	PassEnv []string // further variables of the daemon's environment that it gets
	// Secrets are variables, too, whose values are hidden in its log.
	Secrets map[string]secret.Value
	Enabled bool
	// Broken says why it cannot be started as things are, "" if it can. It is given up then
	// until it is another spec.
	Broken   string
	Settings Values   // of the plugin as a whole
	Events   []string // kinds of events that its reactions hear of; none means all
	As       string   // the principal whose rights its reactions have; without it, they have none
}

// Options are what a Host works with.
type Options struct {
	Version string // of the daemon, which plugins are told

	// Changed hears of each change of a plugin's state, in order for each plugin. It
	// must not call the Host. Nil if nobody wants to know.
	Changed func(Status)

	Log *slog.Logger // nil discards

	// Start runs a plugin; nil starts a process. Tests have theirs on pipes.
	Start func(ctx context.Context, spec Spec, stderr io.Writer) (Process, error)
}

// Process is a plugin that runs: its stdout is read and its stdin is written. Close ends
// it with all that it has started.
type Process interface {
	io.ReadWriteCloser
	Pid() int
	Exited() <-chan struct{} // closed when it has ended; nil if its stdout alone tells
	State() string           // how it ended, once Close has returned
}

// Host has a room's plugins. Its methods may be called from any goroutine.
type Host struct {
	o      Options
	dialer *transport.Dialer
	ctx    context.Context // of all plugins
	cancel context.CancelFunc
	serial serial

	mu    sync.Mutex
	units map[string]*unit
	gone  []*unit // that were told to end, and may not have
	desk  Desk
}

// New makes a Host without plugins. [Host.Close] ends it.
func New(o Options) *Host {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Host{o: o, dialer: &transport.Dialer{}, units: make(map[string]*unit)}
	if h.o.Start == nil {
		h.o.Start = h.process
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Connect says who answers what reactions ask for. Until then they are turned away.
func (h *Host) Connect(d Desk) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.desk = d
}

// errClosed is of a host that has ended.
var errClosed = errors.New("plugins have been ended")

// maxPlugins bounds how many there are.
const maxPlugins = 100

// Apply makes the plugins be these. Those that are as they were are left alone, unless
// they had been given up; others are ended in peace, and those that are new or changed
// started. It does not wait for any of that. On an error nothing has changed.
func (h *Host) Apply(specs []Spec) error {
	wanted := make(map[string]Spec, len(specs))
	for _, s := range specs {
		_, twice := wanted[s.Name]
		switch {
		case s.Name == "":
			return errors.New("a plugin has no name")
		case twice:
			return fmt.Errorf("plugin %s is there twice", s.Name)
		case len(s.Argv) == 0 || s.Argv[0] == "":
			return fmt.Errorf("plugin %s: there is no command", s.Name)
		case len(specs) > maxPlugins:
			return fmt.Errorf("%d plugins are too many; the limit is %d", len(specs), maxPlugins)
		}
		wanted[s.Name] = s
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		return errClosed
	}
	h.gone = slices.DeleteFunc(h.gone, (*unit).over)
	for _, name := range slices.Sorted(maps.Keys(h.units)) {
		u := h.units[name]
		if s, stays := wanted[name]; stays && reflect.DeepEqual(s, u.spec) {
			u.again()
			delete(wanted, name)
			continue
		}
		delete(h.units, name)
		h.gone = append(h.gone, u)
		u.cancel()
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		h.units[name] = h.begin(wanted[name])
	}
	return nil
}

// begin starts a plugin's life, after that of one of the same name; the mutex is held.
func (h *Host) begin(s Spec) *unit {
	var before []*unit
	for _, u := range h.gone {
		if u.spec.Name == s.Name {
			before = append(before, u)
		}
	}
	u := newUnit(h, s)
	go u.run(before)
	return u
}

// Restart ends a plugin and starts it again at once, also one that was given up.
func (h *Host) Restart(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	u := h.units[name]
	switch {
	case u == nil:
		return &NotThereError{Plugin: name, Why: "there is no such plugin"}
	case !u.spec.Enabled:
		return &NotThereError{Plugin: name, Why: "it is disabled"}
	case h.ctx.Err() != nil:
		return errClosed
	}
	h.gone = append(slices.DeleteFunc(h.gone, (*unit).over), u)
	u.cancel()
	h.units[name] = h.begin(u.spec)
	return nil
}

// Close ends all plugins in peace, or, when ctx ends, at once; and returns when none is
// left. It may be called again.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	all := append(slices.Collect(maps.Values(h.units)), h.gone...)
	h.cancel()
	h.mu.Unlock()
	var err error
	for _, u := range all {
		select {
		case <-u.done:
			continue
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		u.kill()
		<-u.done
	}
	return err
}

// Status gives what became of the plugins, sorted by name.
func (h *Host) Status() []Status {
	h.mu.Lock()
	all := slices.Collect(maps.Values(h.units))
	h.mu.Unlock()
	list := make([]Status, len(all))
	for i, u := range all {
		list[i] = u.now()
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// Log gives the last lines that a plugin said on its stderr, and what was said of it.
func (h *Host) Log(name string) ([]Line, error) {
	u, err := h.unit(name)
	if err != nil {
		return nil, err
	}
	return u.journal.all(), nil
}

// NotThereError is of a plugin, or of a thing of one, that cannot be used now.
type NotThereError struct{ Plugin, Why string }

func (e *NotThereError) Error() string { return "plugin " + e.Plugin + ": " + e.Why }

func (h *Host) unit(name string) (*unit, error) {
	if h == nil {
		return nil, &NotThereError{Plugin: name, Why: "no plugins run here"}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if u := h.units[name]; u != nil {
		return u, nil
	}
	return nil, &NotThereError{Plugin: name, Why: "there is no such plugin"}
}

// reach gives the conversation with a plugin that runs, and the thing that is asked for.
// One that is about to be started is waited for, as long as ctx lasts.
func (h *Host) reach(ctx context.Context, use Use, kind Kind) (*unit, *link, Thing, error) {
	u, err := h.unit(use.Plugin)
	if err != nil {
		return nil, nil, Thing{}, err
	}
	for {
		l, s, changed := u.look()
		switch {
		case s.State == Running && l.over(): // that is about to be found out
		case s.State == Running:
			for _, t := range s.Provides {
				if t.Kind == kind && t.Name == use.Provides {
					return u, l, t, nil
				}
			}
			return nil, nil, Thing{}, &NotThereError{Plugin: use.Plugin, Why: fmt.Sprintf("it provides no %s %q", kind, use.Provides)}
		case s.State == Starting, s.State == Waiting && before(ctx, s.Next):
		case s.Reason != "":
			return nil, nil, Thing{}, &NotThereError{Plugin: use.Plugin, Why: fmt.Sprintf("it is %s: %s", s.State, s.Reason)}
		default:
			return nil, nil, Thing{}, &NotThereError{Plugin: use.Plugin, Why: "it is " + string(s.State)}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, Thing{}, &NotThereError{Plugin: use.Plugin, Why: fmt.Sprintf("it is %s (%v)", s.State, context.Cause(ctx))}
		}
	}
}

// before says whether a time comes before the end of ctx.
func before(ctx context.Context, t time.Time) bool {
	end, has := ctx.Deadline()
	return !has || t.Before(end)
}

// process starts a plugin as a process.
func (h *Host) process(ctx context.Context, s Spec, stderr io.Writer) (Process, error) {
	argv := slices.Clone(s.Argv)
	if strings.Contains(argv[0], "/") && !filepath.IsAbs(argv[0]) {
		path, err := filepath.Abs(filepath.Join(s.Dir, argv[0]))
		if err != nil {
			return nil, err
		}
		argv[0] = path
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return nil, err
	}
	argv[0] = path
	own := append(slices.Clone(s.Env), "MILLWRIGHT_PLUGIN="+s.Name)
	for _, name := range slices.Sorted(maps.Keys(s.Secrets)) {
		own = append(own, name+"="+s.Secrets[name].Reveal())
	}
	env := command.Environ(s.PassEnv, own...)
	return h.dialer.Start(ctx, transport.Program{Argv: argv, Dir: s.Dir, Env: env, Stderr: stderr})
}
