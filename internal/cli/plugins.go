package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/plugin"
)

func pluginsCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "plugins", GroupID: groupLook, Short: "Show and steer the room's plugins", Args: cobra.NoArgs,
		Long: `Shows the plugins of the room, programs of your own that add devices, checks, controls,
notices and reactions: whether each runs, what it provides, and how often it was
started again.`,
		Example: "  millwright plugins\n  millwright plugins log weather\n  millwright plugins restart weather",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Plugins(c.Context())
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(list)
			case len(list) == 0:
				p.printf("there are no plugins; rooms have them under plugins:\n")
				return nil
			}
			return p.pluginTable(list)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	c.AddCommand(p.pluginsLog(), p.pluginsRestart(), p.pluginsEnable(true), p.pluginsEnable(false))
	return c
}

func (p *program) pluginTable(list []wire.Plugin) error {
	colours := map[plugin.State]string{plugin.Running: green, plugin.GivenUp: red, plugin.Waiting: yellow, plugin.Starting: yellow, plugin.Disabled: dim}
	t := table{style: p.out, head: []string{"PLUGIN", "STATE", "SINCE", "RESTARTS", "IS", "PROVIDES"}}
	for _, s := range list {
		var provides []string
		for _, thing := range s.Provides {
			provides = append(provides, string(thing.Kind)+" "+thing.Name)
		}
		said := strings.Join(provides, ", ")
		if s.Reason != "" {
			said = s.Reason
		}
		is := strings.TrimSpace(s.Title + " " + s.Version)
		t.row(text(s.Name), painted(colours[s.State], string(s.State)), text(p.since(s.Since)), number(strconv.Itoa(s.Restarts)), text(orDash(p.out, is)), text(orDash(p.out, said)))
	}
	return t.write(p.stdout)
}

func (p *program) pluginsLog() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "log NAME", Short: "Show what a plugin has said", Args: cobra.ExactArgs(1),
		Long: `Shows the last lines that a plugin has written to its stderr, and what the daemon has
said of it. Passwords that it was given are masked.`,
		Example: "  millwright plugins log weather",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.PluginLog(c.Context(), args[0])
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(list)
			case len(list) == 0:
				p.printf("plugin %s has said nothing\n", clean(args[0]))
			}
			for _, l := range list {
				p.printf("%s  %s\n", p.since(l.At), clean(l.Text))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func (p *program) pluginsRestart() *cobra.Command {
	return &cobra.Command{
		Use: "restart NAME…", Short: "Start plugins anew", Args: cobra.MinimumNArgs(1),
		Long: `Has plugins end and be started again at once, also those that were given up. What they
provide is waited for meanwhile. Secrets that have changed are given to them.`,
		Example: "  millwright plugins restart weather",
		RunE: func(c *cobra.Command, args []string) error {
			return p.eachPlugin(c.Context(), args, "started anew", func(ctx context.Context, name string) error {
				cl := p.client()
				defer cl.Close()
				return cl.RestartPlugin(ctx, name)
			})
		},
	}
}

func (p *program) pluginsEnable(on bool) *cobra.Command {
	word := map[bool]string{true: "enable", false: "disable"}[on]
	c := &cobra.Command{
		Use: word + " NAME…", Short: "Have plugins run no more until they are enabled again", Args: cobra.MinimumNArgs(1),
		Long: `Ends plugins and does not start them again, over restarts of the daemon too and whatever
the room's file says, until they are enabled. What they provide cannot be used then.`,
		Example: "  millwright plugins " + word + " weather",
		RunE: func(c *cobra.Command, args []string) error {
			return p.eachPlugin(c.Context(), args, word+"d", func(ctx context.Context, name string) error {
				cl := p.client()
				defer cl.Close()
				return cl.EnablePlugin(ctx, name, on)
			})
		},
	}
	if on {
		c.Short, c.Long = "Have plugins run from now on", "Has plugins run from now on, whatever the room's file says."
	}
	return c
}

// eachPlugin does something to each plugin that is named, once.
func (p *program) eachPlugin(ctx context.Context, names []string, done string, do func(context.Context, string) error) error {
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		if err := do(ctx, name); err != nil {
			return err
		}
		p.printf("plugin %s is %s\n", clean(name), done)
	}
	return nil
}
