package httpdoor

import (
	"context"
	"net/http"

	"millwright.dev/millwright/internal/door/http/wire"
)

type pluginsOutput struct{ Body wire.Plugins }

type pluginInput struct {
	Name string `path:"name" doc:"The plugin's name." maxLength:"512" example:"weather"`
}

type pluginLogOutput struct{ Body wire.PluginLog }

func (d *Door) registerPlugins() {
	register(d, route{
		method: http.MethodGet, path: "/v1/plugins", id: "list-plugins", tag: tagPlugins,
		summary: "List plugins", doc: "Whether each runs, and what it provides.",
	}, func(ctx context.Context, _ *struct{}) (*pluginsOutput, error) {
		list, err := d.opts.Desk.Plugins(actorOf(ctx))
		out := wire.Plugins{Items: make([]wire.Plugin, len(list))}
		for i, s := range list {
			out.Items[i] = wire.PluginOf(s)
		}
		return &pluginsOutput{out}, err
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/plugins/{name}/log", id: "get-plugin-log", tag: tagPlugins, errors: []int{404},
		summary: "Show what a plugin has said", doc: "The last lines of its stderr, and what was said of it, since the daemon runs. Passwords that it was given are masked.",
	}, func(ctx context.Context, in *pluginInput) (*pluginLogOutput, error) {
		list, err := d.opts.Desk.PluginLog(actorOf(ctx), in.Name)
		out := wire.PluginLog{Items: make([]wire.PluginLine, len(list))}
		for i, l := range list {
			out.Items[i] = wire.PluginLine{At: l.At, Text: l.Text}
		}
		return &pluginLogOutput{out}, err
	})
	d.switchPlugin("restart", "Start a plugin anew", "It is told to end, and started again: also one that was given up. Secrets that have changed are given to it.", d.restartPlugin)
	d.switchPlugin("enable", "Have a plugin run", "From now on, also over a restart, whatever the room's file says.", d.enablePlugin)
	d.switchPlugin("disable", "Have a plugin run no more", "Until it is enabled again, also over a restart, whatever the room's file says. What it provides cannot be used meanwhile.", d.disablePlugin)
}

// switchPlugin adds an operation that changes whether a plugin runs.
func (d *Door) switchPlugin(word, summary, doc string, do func(context.Context, *pluginInput) error) {
	register(d, route{
		method: http.MethodPost, path: "/v1/plugins/{name}/" + word, id: word + "-plugin", tag: tagPlugins, errors: []int{404, 409},
		summary: summary, doc: doc,
	}, func(ctx context.Context, in *pluginInput) (*nothingOutput, error) {
		return &nothingOutput{}, do(ctx, in)
	})
}

func (d *Door) restartPlugin(ctx context.Context, in *pluginInput) error {
	return d.opts.Desk.RestartPlugin(ctx, actorOf(ctx), in.Name)
}

func (d *Door) enablePlugin(ctx context.Context, in *pluginInput) error {
	return d.opts.Desk.EnablePlugin(ctx, actorOf(ctx), in.Name, true)
}

func (d *Door) disablePlugin(ctx context.Context, in *pluginInput) error {
	return d.opts.Desk.EnablePlugin(ctx, actorOf(ctx), in.Name, false)
}
