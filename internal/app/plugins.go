package app

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	plugincheck "millwright.dev/millwright/internal/check/plugin"
	plugincontrol "millwright.dev/millwright/internal/control/plugin"
	"millwright.dev/millwright/internal/desk"
	plugindriver "millwright.dev/millwright/internal/driver/plugin"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/store"
)

// plugins are the room's plugins, with what somebody has said of them since.
type plugins struct {
	host    *plugin.Host
	notices notices

	mu    sync.Mutex
	wants map[string]bool // whether one is enabled, where that is not what the room says
}

const (
	pluginMark = "plugins enabled" // under which that is kept
	// partingTime is how long plugins have to end, all together.
	partingTime = 10 * time.Second
)

// openPlugins makes what runs plugins; there are none before a room is taken.
func (a *App) openPlugins(ctx context.Context) error {
	a.plugins.wants = make(map[string]bool)
	kept, err := a.store.Mark(ctx, pluginMark)
	if err != nil {
		return err
	}
	if kept != "" {
		if err := json.Unmarshal([]byte(kept), &a.plugins.wants); err != nil {
			return fmt.Errorf("which plugins are enabled: %w", err)
		}
	}
	a.plugins.host = plugin.New(plugin.Options{Version: a.opts.Version, Changed: a.pluginChanged, Log: a.log})
	a.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), partingTime)
		defer cancel()
		if err := a.plugins.host.Close(ctx); err != nil {
			a.log.Warn("plugins were ended, since they did not end by themselves", "why", err)
		}
	})
	return nil
}

// readOptions are [ReadOptions] with plugins that run.
func (a *App) readOptions() roomfile.Options {
	host := a.plugins.host
	o := ReadOptions(plugindriver.WithHost(a.opts.Drivers, host), a.opts.NoDelays)
	o.Checks = plugincheck.WithHost(o.Checks, host)
	o.Controls = plugincontrol.WithHost(o.Controls, host)
	return o
}

// pluginChanged makes events of what becomes of a plugin.
func (a *App) pluginChanged(s plugin.Status) {
	e := event.Event{Kind: event.Plugin, Actor: plugin.Actor(s.Name), Outcome: event.OK}
	switch s.State {
	case plugin.Running:
		e.Op, e.Detail = "started", strings.TrimSpace(fmt.Sprintf("plugin %s runs: %s %s", s.Name, s.Title, s.Version))
	case plugin.Waiting:
		e.Op, e.Outcome, e.Detail = "ended", event.Failed, fmt.Sprintf("plugin %s: %s; it is started again", s.Name, s.Reason)
	case plugin.GivenUp:
		e.Op, e.Outcome, e.Detail = "given up", event.Failed, fmt.Sprintf("plugin %s: %s; it is not started again until somebody asks for it", s.Name, s.Reason)
	case plugin.Stopped:
		e.Op, e.Detail = "stopped", fmt.Sprintf("plugin %s was told to end", s.Name)
	case plugin.Starting, plugin.Stopping, plugin.Disabled:
		return
	}
	a.events.AppendLater(e)
}

// applyPlugins has those plugins run that a room wants. Those that cannot be started are
// no reason not to take it: what they are used for says so.
func (a *App) applyPlugins(r *room.Room) {
	a.plugins.mu.Lock()
	defer a.plugins.mu.Unlock()
	specs := make([]plugin.Spec, len(r.Plugins))
	for i := range r.Plugins {
		specs[i] = a.specOf(r, &r.Plugins[i])
	}
	if err := a.plugins.host.Apply(specs); err != nil {
		a.log.Error("the plugins stay as they were", "why", err)
	}
	a.plugins.notices.apply(r, specs, a.events.Last())
}

// specOf is a plugin as it is to be run.
func (a *App) specOf(r *room.Room, p *room.Plugin) plugin.Spec {
	home := roomfile.Folder(a.opts.Config)
	s := plugin.Spec{
		Name: p.Name, Argv: slices.Clone(p.Argv), Dir: home, PassEnv: p.PassEnv, Enabled: p.Enabled, Settings: p.Settings, Events: p.Events, As: p.As,
	}
	if on, said := a.plugins.wants[p.Name]; said {
		s.Enabled = on
	}
	if filepath.IsAbs(p.Dir) {
		s.Dir = p.Dir
	} else {
		s.Dir = filepath.Join(home, p.Dir)
	}
	if strings.Contains(s.Argv[0], "/") && !filepath.IsAbs(s.Argv[0]) {
		path, err := filepath.Abs(filepath.Join(home, s.Argv[0]))
		if err != nil {
			s.Broken = err.Error()
		}
		s.Argv[0] = path
	}
	for name, value := range p.Env {
		s.Env = append(s.Env, name+"="+value)
	}
	slices.Sort(s.Env)
	if !s.Enabled {
		return s
	}
	for name, text := range p.Secrets {
		value, err := a.secretOf(r, text)
		if err != nil {
			s.Broken = fmt.Sprintf("its variable %s: %v", name, err)
			continue
		}
		if s.Secrets == nil {
			s.Secrets = make(map[string]secret.Value, len(p.Secrets))
		}
		s.Secrets[name] = value
	}
	return s
}

// secretOf fetches what a reference of a room leads to, which may not be the current one.
func (a *App) secretOf(r *room.Room, text string) (secret.Value, error) {
	ref, err := secret.Parse(text)
	if err != nil {
		return secret.Value{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	return ref.Resolve(ctx, a.places(r))
}

// pluginBoard is what people ask of plugins. It implements [desk.Plugins].
type pluginBoard struct{ *App }

// Status implements [desk.Plugins].
func (b pluginBoard) Status() []plugin.Status { return b.plugins.host.Status() }

// Log implements [desk.Plugins].
func (b pluginBoard) Log(name string) ([]plugin.Line, error) { return b.plugins.host.Log(name) }

// Restart implements [desk.Plugins]. Secrets that have changed are given to it.
func (b pluginBoard) Restart(ctx context.Context, name string, e event.Event) error {
	e.Kind, e.Op, e.Outcome, e.Detail = event.Plugin, "restart", event.OK, "plugin "+name+" is started anew"
	return b.inTurn(ctx, func(ctx context.Context) error {
		if err := b.events.Append(ctx, &e); err != nil {
			return err
		}
		b.applyPlugins(b.fleet.Room())
		return b.plugins.host.Restart(name)
	})
}

// Enable implements [desk.Plugins]. It counts until somebody says otherwise, also over a
// restart, as long as the room has the plugin.
func (b pluginBoard) Enable(ctx context.Context, name string, on bool, e event.Event) error {
	e.Kind, e.Op, e.Outcome, e.Detail = event.Plugin, "disable", event.OK, "plugin "+name+" is to run no more"
	if on {
		e.Op, e.Detail = "enable", "plugin "+name+" is to run"
	}
	return b.inTurn(ctx, func(ctx context.Context) error {
		r := b.fleet.Room()
		kept, err := json.Marshal(b.want(r, name, on))
		if err == nil {
			err = b.events.AppendWith(ctx, func(tx *store.Tx) error { return tx.SetMark(pluginMark, string(kept)) }, &e)
		}
		if err != nil {
			return err
		}
		b.plugins.mu.Lock()
		b.plugins.wants = b.want(r, name, on)
		b.plugins.mu.Unlock()
		b.applyPlugins(r)
		return nil
	})
}

// want gives what differs from what the room says, when a plugin is to be enabled or not.
// Only the main loop changes it.
func (b pluginBoard) want(r *room.Room, name string, on bool) map[string]bool {
	wants := make(map[string]bool)
	for i := range r.Plugins {
		p := &r.Plugins[i]
		now, said := b.plugins.wants[p.Name]
		if p.Name == name {
			now, said = on, true
		}
		if said && now != p.Enabled {
			wants[p.Name] = now
		}
	}
	return wants
}

var _ desk.Plugins = pluginBoard{}
