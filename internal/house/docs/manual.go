package docs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"millwright.dev/millwright/internal/cli"
)

// Applet is one of the programs that we stand in for, for its page.
type Applet struct {
	Name    string
	Section int // of the manual: 1 for everybody, 8 for those who keep a machine
	Short   string
	Long    string
	Usage   string // what it says of itself
}

// Manuals gives the pages for man(1), by file name: one of the program, one of each
// command, one of each applet and one of the room file. They all begin with
// millwright, so that they are in nobody's way: powerman(1) is PowerMan's own.
func Manuals(root *cobra.Command, applets []Applet, roomSchema []byte) (map[string]string, error) {
	pages := map[string]string{"millwright.1": overview(root, applets)}
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			pages["millwright-"+c.Name()+".1"] = commandPage(root, c)
		}
	}
	for _, a := range applets {
		pages[fmt.Sprintf("millwright-%s.%d", a.Name, a.Section)] = appletPage(a)
	}
	room, err := roomPage(roomSchema)
	pages["millwright-room.5"] = room
	return pages, err
}

// heading begins a page.
func heading(b *strings.Builder, name string, section int, short string) {
	fmt.Fprintf(b, ".TH %s %d \"\" Millwright Millwright\n.SH NAME\n%s \\- %s\n", strings.ToUpper(escape(name)), section, escape(name), escape(lowered(short)))
}

// lowered makes a sentence one that stands within another: but for names, its first
// letter is a small one.
func lowered(text string) string {
	first, _, _ := strings.Cut(text, " ")
	if first == "Insteon" || strings.ToLower(first[1:]) != first[1:] {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}

func overview(root *cobra.Command, applets []Applet) string {
	var b strings.Builder
	heading(&b, "millwright", 1, root.Short)
	b.WriteString(".SH SYNOPSIS\n.B millwright\nCOMMAND [argument...]\n.SH DESCRIPTION\n" + troff(root.Long))
	for _, g := range root.Groups() {
		fmt.Fprintf(&b, ".SH %s\n", strings.ToUpper(escape(strings.TrimSuffix(g.Title, ":"))))
		for _, c := range root.Commands() {
			if c.GroupID == g.ID && c.IsAvailableCommand() {
				fmt.Fprintf(&b, ".TP\n.BR millwright\\-%s (1)\n%s\n", escape(c.Name()), escape(c.Short))
			}
		}
	}
	b.WriteString(".SH OTHER PROGRAMS\nCalled by one of these names, it is that program; also as its first argument.\n")
	for _, a := range applets {
		fmt.Fprintf(&b, ".TP\n.BR millwright\\-%s (%d)\n%s\n", a.Name, a.Section, escape(a.Short))
	}
	b.WriteString(".SH OPTIONS FOR EVERY COMMAND\n")
	troffFlags(&b, root.PersistentFlags())
	b.WriteString(".SH EXAMPLES\n" + verbatim(root.Example))
	b.WriteString(".SH FILES\n.TP\n.I /etc/millwright\nthe room of the machine's daemon\n.TP\n.I /var/lib/millwright\nwhat the daemon keeps\n" +
		".TP\n.I /run/millwright/millwright.sock\nits socket\n.SH SEE ALSO\n.BR millwright\\-room (5)\n")
	return b.String()
}

func commandPage(root, c *cobra.Command) string {
	var b strings.Builder
	heading(&b, "millwright-"+c.Name(), 1, c.Short)
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n.SH DESCRIPTION\n%s", escape(cli.UseLine(c)), troff(c.Long))
	optionsOf(&b, ".SH OPTIONS\n", c)
	if c.HasAvailableSubCommands() {
		b.WriteString(".SH COMMANDS\n")
		subCommands(&b, c)
	}
	b.WriteString(".PP\nThe options for every command are in\n.BR millwright (1).\n")
	if !c.HasAvailableSubCommands() {
		b.WriteString(".SH EXAMPLES\n" + verbatim(c.Example))
	}
	b.WriteString(".SH SEE ALSO\n.BR millwright (1)")
	for _, other := range root.Commands() {
		if other.GroupID == c.GroupID && other != c && other.IsAvailableCommand() {
			fmt.Fprintf(&b, ",\n.BR millwright\\-%s (1)", escape(other.Name()))
		}
	}
	return b.String() + "\n"
}

// subCommands writes what is below a command, down the tree.
func subCommands(b *strings.Builder, c *cobra.Command) {
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() {
			continue
		}
		fmt.Fprintf(b, ".SS %s\n%s", escape(cli.UseLine(sub)), troff(sub.Long))
		optionsOf(b, "", sub)
		b.WriteString(".PP\nFor example:\n.PP\n" + verbatim(sub.Example))
		subCommands(b, sub)
	}
}

func optionsOf(b *strings.Builder, title string, c *cobra.Command) {
	var flags strings.Builder
	troffFlags(&flags, c.LocalFlags())
	if flags.Len() > 0 {
		b.WriteString(title + flags.String())
	}
}

func appletPage(a Applet) string {
	var b strings.Builder
	heading(&b, "millwright-"+a.Name, a.Section, a.Short)
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n[option...]\n.br\n.B millwright %s\n[option...]\n.SH DESCRIPTION\n%s", a.Name, a.Name, troff(a.Long))
	b.WriteString(".SH USAGE\n" + verbatim(a.Usage))
	return b.String() + ".SH SEE ALSO\n.BR millwright (1)\n"
}

// roomPage gives the page of the room file.
func roomPage(text []byte) (string, error) {
	var root schema
	if err := json.Unmarshal(text, &root); err != nil {
		return "", fmt.Errorf("read the schema: %w", err)
	}
	var b strings.Builder
	heading(&b, "millwright-room", 5, "The room file of Millwright")
	b.WriteString(".SH DESCRIPTION\nA room is one YAML file, or a folder of them.\n.B millwright validate\nshows everything that is wrong with it.\n.SH THE FILE\n")
	troffKeys(&b, &root)
	for _, name := range slices.Sorted(maps.Keys(root.Properties)) {
		part := root.Properties[name]
		entry, title := part, name
		if each := part.each(&root); each != nil {
			entry, title = each, name+": NAME"
		}
		if len(entry.Properties) == 0 {
			continue
		}
		fmt.Fprintf(&b, ".SH %s\n%s\n", strings.ToUpper(escape(title)), escape(part.Description))
		troffKeys(&b, entry)
	}
	for _, of := range settingsOf {
		for _, name := range slices.Sorted(maps.Keys(root.Defs)) {
			if kind, is := strings.CutPrefix(name, of.prefix); is {
				fmt.Fprintf(&b, ".SH SETTINGS OF %s %s\n%s\n", strings.ToUpper(of.what), strings.ToUpper(escape(kind)), escape(sentence(of.lead+root.Defs[name].Description)))
				troffKeys(&b, root.Defs[name])
			}
		}
	}
	return b.String() + ".SH SEE ALSO\n.BR millwright (1),\n.BR millwright\\-validate (1),\n.BR millwright\\-schema (1)\n", nil
}

func troffKeys(b *strings.Builder, s *schema) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		text := p.Description
		if slices.Contains(s.Required, name) {
			text += "; must be given"
		}
		if p.Default != nil {
			text += fmt.Sprintf(" (default %v)", p.Default)
		}
		fmt.Fprintf(b, ".TP\n.B %s\n%s: %s\n", escape(name), escape(strings.ReplaceAll(p.kind(), "`", "")), escape(text))
	}
}

func troffFlags(b *strings.Builder, set *pflag.FlagSet) {
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, usage := flagName(f)
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", escape(name), escape(usage))
	})
}

// troff sets paragraphs; what is indented stays as it is.
func troff(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(strings.TrimSpace(text), "\n\n") {
		switch {
		case strings.Contains(part, "\n  "):
			part = verbatim(part)
		default:
			part = escape(part) + "\n"
		}
		if i > 0 {
			part = ".PP\n" + part
		}
		b.WriteString(part)
	}
	return b.String()
}

// verbatim keeps lines as they are.
func verbatim(text string) string {
	return ".nf\n" + escape(strings.Trim(text, "\n")) + "\n.fi\n"
}

// escape makes text plain to troff.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...", "“", `"`, "”", `"`).Replace(strings.TrimSpace(text))
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		l = strings.TrimRight(l, " ")
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			l = `\&` + l
		}
		lines[i] = l
	}
	return strings.Join(lines, "\n")
}
