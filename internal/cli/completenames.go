package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/shelf"
)

const (
	// patienceOfShells is how long a daemon has to answer: nobody waits for longer
	// when they press a key.
	patienceOfShells = time.Second
	// mostOffered bounds what is offered at once; more would not be read.
	mostOffered = 2000
)

// flagOf registers what the values of a command's flags can be.
func flagOf(p *program, c *cobra.Command, byName map[string]taste) func(*pflag.Flag) {
	return func(f *pflag.Flag) {
		if f.Value.Type() == "bool" || f.Name == "help" {
			return
		}
		t := byName[f.Name]
		_ = c.RegisterFlagCompletionFunc(f.Name, func(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return p.offer(c, t, typed)
		}) // it can only be registered already
	}
}

// completeArgs completes arguments of these tastes.
func (p *program) completeArgs(tastes []taste) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(tastes) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return p.offer(c, tastes[min(len(args), len(tastes)-1)], typed)
	}
}

// offer gives what can stand where something has been typed. Whatever goes wrong,
// there is just nothing to offer.
func (p *program) offer(c *cobra.Command, t taste, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	ctx, cancel := context.WithTimeout(commandContext(c), patienceOfShells)
	defer cancel()
	switch t {
	case files:
		return nil, cobra.ShellCompDirectiveDefault
	case folders:
		return nil, cobra.ShellCompDirectiveFilterDirs
	case anything:
		return nil, none
	case targets:
		return within(typed, p.targetNames(ctx)), none
	case schemes:
		return matching([]string{"telnet://", "ssh://", "tcp://", "tls://", "serial:///dev/"}, typed), none | cobra.ShellCompDirectiveNoSpace
	case nodes, devices, runs, revisions, questions, secrets, users, tokens, principals, roles, specs, kinds, operations, answers, colours, levels, formats, driverNames, plugins:
	}
	return matching(p.names(ctx, t), typed), none
}

// commandContext is a command's context; cobra gives none when it only completes.
func commandContext(c *cobra.Command) context.Context {
	return cmp.Or(c.Context(), context.Background())
}

// names gives what can stand for a taste, each maybe with a tab and a description.
func (p *program) names(ctx context.Context, t taste) []string {
	switch t {
	case roles:
		return []string{"view", "operate", "configure", "admin"}
	case answers:
		return []string{"yes", "no"}
	case colours:
		return []string{"auto", "always", "never"}
	case levels:
		return []string{"debug", "info", "warn", "error"}
	case formats:
		return []string{"text", "json"}
	case kinds:
		return each(event.Kinds(), func(k event.Kind) string { return string(k) })
	case operations:
		return each(room.Ops(), room.Op.String)
	case specs:
		return each(shelf.All(), func(e shelf.Entry) string { return e.Name + "\t" + e.Hardware })
	case driverNames:
		var list []string
		for _, d := range drivers() {
			list = append(list, d.Name+"\t"+d.Summary)
		}
		return list
	case secrets:
		return p.secretNames(ctx)
	case nodes, devices, runs, revisions, questions, users, tokens, principals, plugins:
		return p.live(ctx, t)
	case anything, files, folders, targets, schemes:
	}
	return nil
}

// each gives the names of things.
func each[T any](list []T, name func(T) string) []string {
	names := make([]string, 0, len(list))
	for _, it := range list {
		names = append(names, name(it))
	}
	return names
}

func (p *program) secretNames(ctx context.Context) []string {
	store, err := p.store(ctx, secretFlags{config: configPath()})
	if err != nil {
		return nil
	}
	list, err := store.List(ctx)
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range list {
		found = append(found, e.Name)
	}
	return found
}

// live asks the daemon.
func (p *program) live(ctx context.Context, t taste) []string {
	cl := p.client()
	defer cl.Close()
	switch t {
	case devices:
		return p.deviceNames(ctx, cl)
	case nodes:
		return slices.DeleteFunc(p.targetNames(ctx), func(n string) bool { return strings.HasPrefix(n, "@") })
	case runs:
		list, _ := cl.Runs(ctx)
		var found []string
		for _, r := range list {
			found = append(found, r.ID+"\t"+r.Op+" "+r.Asked+", "+r.Began.Local().Format(timeForm))
		}
		return found
	case revisions:
		list, _ := cl.Revisions(ctx, 50)
		var found []string
		for _, r := range list {
			found = append(found, strconv.FormatInt(r.Number, 10)+"\t"+r.Time.Local().Format(timeForm)+" "+r.Note)
		}
		return found
	case questions:
		list, _ := cl.Questions(ctx)
		var found []string
		for _, q := range list {
			found = append(found, q.ID+"\t"+q.Device+": "+q.Text)
		}
		return found
	case users, principals:
		return userNames(ctx, cl, t == principals)
	case plugins:
		list, _ := cl.Plugins(ctx)
		return each(list, func(s wire.Plugin) string { return s.Name + "\t" + string(s.State) })
	case tokens:
		list, _ := cl.Tokens(ctx, "")
		var found []string
		for _, k := range list {
			found = append(found, k.ID+"\t"+k.Owner+" "+k.Note)
		}
		return found
	default:
		return nil
	}
}

func (p *program) deviceNames(ctx context.Context, cl *client.Client) []string {
	if list, err := cl.Devices(ctx, ""); err == nil {
		var found []string
		for i := range list {
			found = append(found, list[i].Name+"\t"+list[i].Type)
		}
		return found
	}
	r := p.roomOnDisk()
	if r == nil {
		return nil
	}
	return each(r.Devices, func(d room.Device) string { return d.Name })
}

func userNames(ctx context.Context, cl *client.Client, principal bool) []string {
	list, _ := cl.Users(ctx)
	var found, groups []string
	for i := range list {
		if principal {
			found = append(found, "user:"+list[i].Name)
			groups = append(groups, each(list[i].Groups, func(g string) string { return "group:" + g })...)
			continue
		}
		found = append(found, list[i].Name)
	}
	slices.Sort(groups)
	return append(found, slices.Compact(groups)...)
}

// targetNames gives all that can stand in a host list: nodes, aliases, @groups.
func (p *program) targetNames(ctx context.Context) []string {
	cl := p.client()
	defer cl.Close()
	names := []string{"@all"}
	list, err := cl.Nodes(ctx, "")
	if err == nil {
		groups, _ := cl.Groups(ctx)
		for _, g := range groups {
			names = append(names, "@"+g.Name)
		}
		for i := range list {
			names = append(names, list[i].Name)
		}
		return names
	}
	r := p.roomOnDisk()
	if r == nil {
		return nil
	}
	for _, g := range r.Groups {
		names = append(names, "@"+g.Name)
	}
	for _, a := range r.Aliases {
		names = append(names, a.Name)
	}
	for i := range r.Nodes {
		names = append(names, r.Nodes[i].Name)
	}
	return names
}

// roomOnDisk gives the room of the files, or nil. A daemon elsewhere has other files.
func (p *program) roomOnDisk() *room.Room {
	if _, elsewhere := p.remote(); elsewhere {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfShells)
	defer cancel()
	read, err := roomfile.Load(ctx, configPath(), app.ReadOptions(drivers(), false))
	if err != nil {
		return nil
	}
	return read.Room
}

// within completes the last word of a host list: the words before it stay.
func within(typed string, names []string) []cobra.Completion {
	cut := wordBegin(typed)
	before, last := typed[:cut], typed[cut:]
	if strings.HasPrefix(last, "-") {
		before, last = before+"-", last[1:]
	}
	found := matching(names, last)
	for i := range found {
		found[i] = before + found[i]
	}
	return found
}

// wordBegin gives where the last word of a host list begins: behind the last comma
// that is in no brackets.
func wordBegin(list string) int {
	begin, deep := 0, 0
	for i, r := range list {
		switch r {
		case '[':
			deep++
		case ']':
			deep--
		case ',', ' ':
			if deep <= 0 {
				begin = i + 1
			}
		}
	}
	return begin
}

// matching gives what begins as was typed, in the order of host lists.
func matching(names []string, typed string) []cobra.Completion {
	var found []string
	for _, n := range names {
		if strings.HasPrefix(n, typed) {
			name, about, described := strings.Cut(n, "\t")
			if name = clean(name); described {
				name += "\t" + clean(about)
			}
			found = append(found, name)
		}
	}
	slices.SortFunc(found, hostlist.Compare)
	return slices.Clip(found[:min(len(found), mostOffered)])
}
