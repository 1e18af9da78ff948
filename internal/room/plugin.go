package room

import "time"

// Plugin is a program of the user's that adds something to Millwright. Package plugin
// runs it.
type Plugin struct {
	Name    string
	Argv    []string          // the program and its arguments
	Dir     string            // where it runs; it may be relative to the room's folder, and "" is that
	Env     map[string]string // beside what every program gets
	Secrets map[string]string // references of secrets that are given to it as variables, by name
	PassEnv []string          // variables of the daemon's own that it gets
	// Enabled is whether it runs, unless somebody has said otherwise meanwhile.
	Enabled  bool
	Settings map[string]any // of the plugin as a whole
	Events   []string       // kinds of events that its reactions hear of, with * for any end; nil is all
	As       string         // the user whose rights its reactions have; "" is none
	Notify   []PluginNotice
}

// PluginNotice is one use of a notifier of a plugin's: what it sends, and how.
type PluginNotice struct {
	Provides string // which of its notifiers
	Events   []string
	Settings map[string]any
	Timeout  time.Duration // of one notice
}

// MaxPlugins is how many plugins a room may have: each of them is a process.
const MaxPlugins = 100

// Plugin finds a plugin by name.
func (r *Room) Plugin(name string) (*Plugin, bool) {
	for i := range r.Plugins {
		if r.Plugins[i].Name == name {
			return &r.Plugins[i], true
		}
	}
	return nil, false
}

// plugins takes the plugins in.
func (b *builder) plugins() {
	first := make(map[string]int, len(b.draft.Plugins))
	if len(b.draft.Plugins) > MaxPlugins {
		b.bad(TooMuch, "room", "", -1, "", -1, "there are %d plugins, the limit is %d", len(b.draft.Plugins), MaxPlugins)
		return
	}
	for i, p := range b.draft.Plugins {
		b.name("plugin", p.Name, i, false)
		if old, found := first[p.Name]; found {
			b.duplicate("plugin", p.Name, i, old)
			continue
		}
		first[p.Name] = i
		b.room.Plugins = append(b.room.Plugins, p)
	}
}
