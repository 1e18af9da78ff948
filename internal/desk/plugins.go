package desk

import (
	"context"
	"slices"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/room"
)

// Plugins are those that run. The events tell by whom it was asked; what has become of
// that is filled in.
type Plugins interface {
	Status() []plugin.Status
	Log(name string) ([]plugin.Line, error)
	Restart(ctx context.Context, name string, by event.Event) error
	Enable(ctx context.Context, name string, on bool, by event.Event) error
}

// Plugins gives how the room's plugins stand. They are the room's as a whole, and their
// logs may name anything.
func (d *Desk) Plugins(by Actor) ([]plugin.Status, error) {
	if err := d.needAll(by, auth.View, "list plugins"); err != nil || d.plugins == nil {
		return nil, err
	}
	return d.plugins.Status(), nil
}

// PluginLog gives what a plugin has said last.
func (d *Desk) PluginLog(by Actor, name string) ([]plugin.Line, error) {
	if err := d.plugin(by, auth.View, "show plugin log", name); err != nil {
		return nil, err
	}
	return d.plugins.Log(name)
}

// RestartPlugin ends a plugin and starts it again, also one that was given up.
func (d *Desk) RestartPlugin(ctx context.Context, by Actor, name string) error {
	const op = "restart plugin"
	if err := d.plugin(by, auth.Configure, op, name); err != nil {
		return err
	}
	for _, s := range d.plugins.Status() {
		if s.Name == name && s.State == plugin.Disabled {
			return &room.Error{Code: room.CodeRefused, Op: op, Subject: name, Said: "it is disabled; millwright plugins enable " + name}
		}
	}
	return d.plugins.Restart(ctx, name, by.author())
}

// EnablePlugin has a plugin run from now on, or not, whatever the room's file says.
func (d *Desk) EnablePlugin(ctx context.Context, by Actor, name string, on bool) error {
	if err := d.plugin(by, auth.Configure, map[bool]string{true: "enable plugin", false: "disable plugin"}[on], name); err != nil {
		return err
	}
	return d.plugins.Enable(ctx, name, on, by.author())
}

// plugin holds that an actor has a role, and that the room has a plugin.
func (d *Desk) plugin(by Actor, role auth.Role, op, name string) error {
	if err := d.needAll(by, role, op); err != nil {
		return err
	}
	if d.plugins == nil || !slices.ContainsFunc(d.plugins.Status(), func(s plugin.Status) bool { return s.Name == name }) {
		return &room.Error{Code: room.CodeNotFound, Op: op, Subject: name, Said: "the room has no such plugin"}
	}
	return nil
}
