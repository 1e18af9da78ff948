package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/plugin"
)

func pluginCommand(p *program) *cobra.Command {
	return p.group(&cobra.Command{
		Use: "plugin", GroupID: groupDaemon, Short: "Try a plugin that you write",
		Long:    `Helps with writing plugins: check starts one by hand and shows what it provides.`,
		Example: "  millwright plugin check ./weather.py\n  millwright plugin check ./weather.py --check dry --set gpio=17",
	}, p.pluginCheck())
}

// pluginTrial is a plugin that is started by hand.
type pluginTrial struct {
	*program
	asJSON        bool
	configure     []string
	set           []string
	check         string
	control, verb string
	node, address string
	timeout       time.Duration

	host *plugin.Host
	name string
}

func (p *program) pluginCheck() *cobra.Command {
	t := &pluginTrial{program: p}
	c := &cobra.Command{
		Use: "check PROGRAM [ARGUMENT…]", Short: "Start a plugin by hand and show what it provides", Args: cobra.MinimumNArgs(1),
		Long: `Starts a plugin as the daemon would, says hello, and shows what it provides, with what
each thing wants to have set. With --check or --control that is asked once, with the
settings that --set gives. Then the plugin is told to end. What it has written to its
stderr comes last. Arguments of the program that begin with a dash stand behind --.

It ends with 2 if the plugin does not come up, or the check is not ok.`,
		Example: "  millwright plugin check ./weather.py\n  millwright plugin check ./weather.py --check dry --set gpio=17 --node web1\n  millwright plugin check ./weather.py --control halt --op status -- --verbose",
		RunE: func(c *cobra.Command, args []string) error {
			if t.check != "" && t.control != "" {
				return usagef("a check or a control is asked, one of the two")
			}
			if !slices.Contains([]string{"off", "on", "status"}, t.verb) {
				return usagef("a control is asked for off, on or status, and not for %q", t.verb)
			}
			return t.run(c.Context(), args)
		},
	}
	f := c.Flags()
	f.BoolVar(&t.asJSON, "json", false, "write what it provides as one JSON document")
	f.StringArrayVar(&t.configure, "configure", nil, "a setting of the plugin as a whole (`NAME=VALUE`)")
	f.StringVar(&t.check, "check", "", "have this check of its made once (`NAME`)")
	f.StringVar(&t.control, "control", "", "ask this control of its once (`NAME`)")
	f.StringVar(&t.verb, "op", "status", "what the control is asked for: off, on or status (`VERB`)")
	f.StringArrayVar(&t.set, "set", nil, "a setting of the check or control (`NAME=VALUE`)")
	f.StringVar(&t.node, "node", "n1", "the node that it is asked about (`NAME`)")
	f.StringVar(&t.address, "address", "", "that node's address (`HOST`)")
	f.DurationVar(&t.timeout, "timeout", 20*time.Second, "give up after this `TIME`")
	return c
}

func (t *pluginTrial) run(ctx context.Context, argv []string) error {
	configured, err := pluginValues(plugin.Schema{}, t.configure)
	if err != nil {
		return err
	}
	states := make(chan plugin.Status, 16)
	t.host = plugin.New(plugin.Options{Version: Version, Changed: func(s plugin.Status) {
		select {
		case states <- s:
		default: // nobody looks any more
		}
	}})
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), t.timeout)
		defer cancel()
		_ = t.host.Close(ctx) // it has ended then
		t.log()
	}()
	t.name = strings.TrimSuffix(filepath.Base(argv[0]), filepath.Ext(argv[0]))
	ctx, cancel := context.WithTimeoutCause(ctx, t.timeout, fmt.Errorf("no answer within %v", t.timeout))
	defer cancel()
	if err := t.host.Apply([]plugin.Spec{{Name: t.name, Argv: argv, Dir: ".", Enabled: true, Settings: configured}}); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case s := <-states:
			switch s.State {
			case plugin.Running:
				return t.show(ctx, s)
			case plugin.Waiting, plugin.GivenUp:
				t.errorf("%s does not come up: %s", clean(t.name), clean(s.Reason))
				return exit(ExitFailed)
			case plugin.Starting, plugin.Stopping, plugin.Stopped, plugin.Disabled:
			}
		}
	}
}

// log shows what the plugin has said.
func (t *pluginTrial) log() {
	lines, err := t.host.Log(t.name)
	if err != nil {
		return
	}
	for _, l := range lines {
		t.hint("log: " + clean(l.Text))
	}
}

// show shows what the plugin provides, and asks it what is to be asked.
func (t *pluginTrial) show(ctx context.Context, s plugin.Status) error {
	if t.asJSON {
		if err := t.pretty(wire.PluginOf(s)); err != nil {
			return err
		}
	} else {
		t.printf("%s says hello: it provides %s\n", clean(strings.TrimSpace(s.Title+" "+s.Version)), counted(len(s.Provides), "thing"))
		if len(s.Settings.Fields) > 0 {
			t.printf("\nsettings of it as a whole\n")
			t.schema(s.Settings)
		}
		for _, thing := range s.Provides {
			t.thing(thing)
		}
	}
	kind, name := plugin.Check, t.check
	if t.control != "" {
		kind, name = plugin.Control, t.control
	}
	if name == "" {
		return nil
	}
	at := slices.IndexFunc(s.Provides, func(th plugin.Thing) bool { return th.Kind == kind && th.Name == name })
	if at < 0 {
		return fmt.Errorf("it provides no %s %q", kind, name)
	}
	values, err := pluginValues(s.Provides[at].Settings, t.set)
	if err != nil {
		return err
	}
	return t.ask(ctx, plugin.Use{Plugin: t.name, Provides: name, Settings: values})
}

// ask has the check made, or asks the control.
func (t *pluginTrial) ask(ctx context.Context, use plugin.Use) error {
	node := plugin.Node{Name: t.node, Address: t.address}
	if t.control != "" {
		state, err := t.host.Control(ctx, use, t.verb, node)
		switch {
		case err != nil:
			return err
		case t.verb == "status":
			t.printf("\ncontrol %s: %s is %s\n", clean(t.control), clean(t.node), clean(state))
		default:
			t.printf("\ncontrol %s: %s has taken the request for %s\n", clean(t.control), clean(t.node), t.verb)
		}
		return nil
	}
	r, err := t.host.Check(ctx, use, node)
	if err != nil {
		return err
	}
	t.printf("\ncheck %s: %s: %s\n", clean(t.check), clean(r.Verdict), clean(r.Said))
	for _, v := range r.Values {
		t.printf("  %s = %v\n", clean(strings.TrimSpace(v.Part+" "+v.Quantity)), v.Value)
	}
	if r.Verdict != "ok" {
		return exit(ExitFailed)
	}
	return nil
}

// thing shows one thing that the plugin provides.
func (t *pluginTrial) thing(th plugin.Thing) {
	t.printf("\n%s %s: %s\n", th.Kind, clean(th.Name), clean(th.Summary))
	can := strings.Join(th.Can, ", ")
	if th.Measures {
		can = strings.TrimPrefix(can+", and measures", ", and ")
	}
	if can != "" {
		t.printf("  can: %s\n", clean(can))
	}
	t.schema(th.Settings)
}

func (t *pluginTrial) schema(s plugin.Schema) {
	for _, f := range s.Fields {
		kind := string(f.Type)
		switch {
		case f.Type == plugin.IntRange:
			kind = fmt.Sprintf("a number from %d to %d", f.Low, f.High)
		case len(f.Choices) > 0 && f.Type == plugin.List:
			kind = "some of " + strings.Join(f.Choices, ", ")
		case len(f.Choices) > 0:
			kind = "one of " + strings.Join(f.Choices, ", ")
		}
		switch {
		case f.Required:
			kind += ", required"
		case f.Default != nil:
			text, _ := json.Marshal(f.Default) // texts, numbers and lists of texts
			kind += ", else " + string(text)
		}
		t.printf("  %s: %s (%s)\n", clean(f.Name), clean(f.Doc), clean(kind))
	}
}

// pluginValues reads settings as they are typed: texts where the schema says so, and else
// what they look like.
func pluginValues(s plugin.Schema, typed []string) (plugin.Values, error) {
	values := make(plugin.Values, len(typed))
	for _, one := range typed {
		name, value, found := strings.Cut(one, "=")
		if !found || name == "" {
			return nil, usagef("a setting is NAME=VALUE, and not %q", one)
		}
		var kind plugin.FieldType
		if i := slices.IndexFunc(s.Fields, func(f plugin.Field) bool { return f.Name == name }); i >= 0 {
			kind = s.Fields[i].Type
		}
		switch kind {
		case plugin.Text, plugin.Select:
			values[name] = value
			continue
		case plugin.List:
			values[name] = strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
			continue
		case plugin.Int, plugin.IntRange, plugin.Bool:
		}
		var read plugin.Values
		switch {
		case value == "yes" || value == "no":
			values[name] = value == "yes"
		case json.Valid([]byte(value)) && read.UnmarshalJSON([]byte(`{"v":`+value+`}`)) == nil:
			values[name] = read["v"]
		default:
			values[name] = value
		}
	}
	return values, nil
}
