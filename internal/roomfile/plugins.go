package roomfile

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// pluginPart is an entry of the section `plugins:`.
type pluginPart struct {
	Exec     texts             `yaml:"exec" doc:"The program to run, and its arguments: no shell reads them. A relative path starts at the room's folder, a plain name is looked for in the daemon's PATH." required:"true"`
	Dir      string            `yaml:"dir" doc:"The folder in which it runs." default:"the room's folder"`
	Env      map[string]string `yaml:"env" doc:"Variables that it gets, beside those that every program gets. A value may say where a secret is, instead of being one: env:NAME, file:PATH or secret:NAME."`
	PassEnv  texts             `yaml:"pass-env" doc:"Further variables of the daemon's own that it gets."`
	Enabled  bool              `yaml:"enabled" doc:"Whether it runs. millwright plugins enable and disable say otherwise for as long as that counts." default:"yes"`
	Settings free              `yaml:"settings" doc:"What the plugin as a whole wants to have set."`
	Events   texts             `yaml:"events" doc:"The kinds of events that its reactions hear of; a * stands for any end. All, if nothing is said."`
	As       string            `yaml:"as" doc:"The user whose rights its reactions have. Without it they may ask for nothing."`
	Notify   []noticePart      `yaml:"notify" doc:"What its notifiers send to people."`
}

// noticePart is an item of a plugin's `notify:`.
type noticePart struct {
	Provides string        `yaml:"provides" doc:"Which of the plugin's notifiers." required:"true"`
	Events   texts         `yaml:"events" doc:"The kinds of events that it sends; a * stands for any end. All, if nothing is said."`
	Settings free          `yaml:"settings" doc:"What that notifier wants to have set."`
	Timeout  time.Duration `yaml:"timeout" doc:"How long sending one may take." default:"20s"`
}

// free are settings whose meaning somebody else knows. Numbers stay as they are written.
type free map[string]any

// UnmarshalJSON reads settings.
func (f *free) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return errNotSettings
	}
	*f = m
	return nil
}

type notSettings struct{}

var errNotSettings notSettings

func (notSettings) Error() string { return "keys and values are expected here" }

const (
	noticeTimeout = 20 * time.Second
	mostNotice    = 10 * time.Minute
)

// plugin takes one entry of `plugins:`.
func (l *loader) plugin(f field) {
	l.plainName(f, "plugin")
	part := pluginPart{Enabled: true}
	l.decode(f.value, &part)
	p := room.Plugin{
		Name: f.key, Argv: part.Exec, Dir: part.Dir, Env: make(map[string]string), Secrets: make(map[string]string), PassEnv: part.PassEnv,
		Enabled: part.Enabled, Settings: part.Settings, Events: part.Events, As: part.As,
	}
	if f.value.get("exec") != nil && (len(p.Argv) == 0 || p.Argv[0] == "") {
		l.fail(at(f.value, "exec"), "the program is missing here")
	}
	for name, text := range part.Env {
		if !variable(name) {
			l.fail(at(f.value.get("env"), name), "%q cannot be the name of a variable", name)
		}
		if ref, err := secret.Parse(text); err == nil {
			p.Secrets[name] = ref.String()
		} else {
			p.Env[name] = text
		}
	}
	for i, name := range part.PassEnv {
		if !variable(name) {
			l.fail(f.value.get("pass-env").item(i), "%q cannot be the name of a variable", name)
		}
	}
	for i, n := range part.Notify {
		p.Notify = append(p.Notify, l.notice(f.value.get("notify").items[i], n))
	}
	l.draft.Plugins = append(l.draft.Plugins, p)
	l.plugins = append(l.plugins, entrySource{at: f.at, value: f.value})
}

func (l *loader) notice(v *value, part noticePart) room.PluginNotice {
	n := room.PluginNotice{Provides: part.Provides, Events: part.Events, Settings: part.Settings, Timeout: noticeTimeout}
	if v.get("timeout") != nil {
		n.Timeout = part.Timeout
	}
	if n.Timeout <= 0 || n.Timeout > mostNotice {
		l.fail(at(v, "timeout"), "sending a notice takes more than nothing and at most %v", mostNotice)
	}
	return n
}

// variable says whether a name can be that of a variable of a program's environment.
func variable(name string) bool {
	return name != "" && !strings.ContainsAny(name, "= \t\r\n\x00")
}

// throughPlugin is the kind of device, check or control that plugins provide.
const throughPlugin = "plugin"

// pluginUses holds that the plugins are there which devices, checks and controls name.
func (l *loader) pluginUses() {
	if !l.complete() {
		return
	}
	for i := range l.draft.Checks {
		if d := &l.draft.Checks[i]; d.Kind == throughPlugin {
			l.pluginUse("check", d.Name, l.checks[i].value.get("settings"))
		}
	}
	for i := range l.draft.Controls {
		if d := &l.draft.Controls[i]; d.Kind == throughPlugin {
			l.pluginUse("control", d.Name, l.controls[i].value.get("settings"))
		}
	}
	for i := range l.draft.Devices {
		if d := &l.draft.Devices[i]; d.Driver == throughPlugin {
			if _, made := d.Settings.(driver.Prepared); made {
				_, settings := l.devices[i].part()
				l.pluginUse("device", d.Name, settings)
			}
		}
	}
}

// pluginUse holds that the plugin is there which settings name.
func (l *loader) pluginUse(what, whose string, settings *value) {
	name := settings.get("plugin")
	if name == nil || name.shape != scalar || name.text == "" {
		return // told of already
	}
	var all []string
	for i := range l.draft.Plugins {
		all = append(all, l.draft.Plugins[i].Name)
	}
	if slices.Contains(all, name.text) {
		return
	}
	hint := "; there are " + strings.Join(slices.Sorted(slices.Values(all)), ", ")
	if near := room.Nearest(name.text, all); len(near) > 0 {
		hint = "; did you mean " + strings.Join(near, " or ") + "?"
	} else if len(all) == 0 {
		hint = "; programs of your own stand under plugins: in the room"
	}
	l.failFor(name.at, what, whose, name.text, "there is no plugin \""+name.text+"\""+hint)
}
