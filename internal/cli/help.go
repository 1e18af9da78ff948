package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// widestHelp is how wide help is set on wide terminals.
const widestHelp = 92

// help writes a command's help, set to the width of the terminal.
func (p *program) help(c *cobra.Command, _ []string) {
	p.dress()
	width := widestHelp
	if p.out.width > 0 {
		width = min(width, p.out.width)
	}
	var b strings.Builder
	long := c.Long
	if long == "" {
		long = c.Short
	}
	b.WriteString(reflow(long, width))
	use := UseLine(c)
	if c == c.Root() {
		use = c.Name() + " COMMAND"
	}
	fmt.Fprintf(&b, "\n%s\n  %s\n", p.out.head("Usage:"), use)
	if c.Example != "" {
		fmt.Fprintf(&b, "\n%s\n%s\n", p.out.head("Examples:"), c.Example)
	}
	p.helpCommands(&b, c)
	for _, part := range []struct{ title, flags string }{
		{"Flags:", ownFlags(c).FlagUsagesWrapped(width - 1)},
		{"For every command:", c.Root().PersistentFlags().FlagUsagesWrapped(width - 1)},
	} {
		if part.flags != "" {
			fmt.Fprintf(&b, "\n%s\n%s", p.out.head(part.title), part.flags)
		}
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nMore about a command: %s COMMAND --help\n", withHost(c.CommandPath()))
	}
	for up := c.Parent(); up != nil && up != c.Root(); up = up.Parent() {
		if up.HasAvailablePersistentFlags() {
			fmt.Fprintf(&b, "\nFlags of every verb: %s --help\n", withHost(up.CommandPath()))
		}
	}
	p.printf("%s", b.String())
}

// ownFlags are a command's flags, less those that all commands have or that those above
// it give.
func ownFlags(c *cobra.Command) *pflag.FlagSet {
	if c == c.Root() {
		return c.LocalNonPersistentFlags()
	}
	return c.LocalFlags()
}

// helpCommands lists a command's commands: those of the program by group, in the
// order in which they are in [commands].
func (p *program) helpCommands(b *strings.Builder, c *cobra.Command) {
	width := 0
	for _, sub := range c.Commands() {
		width = max(width, len(sub.Name()))
	}
	list := func(title string, subs []*cobra.Command, group string) {
		fmt.Fprintf(b, "\n%s\n", p.out.head(title))
		for _, sub := range subs {
			if sub.GroupID == group && sub.IsAvailableCommand() {
				fmt.Fprintf(b, "  %-*s  %s\n", width, sub.Name(), sub.Short)
			}
		}
	}
	switch {
	case c == c.Root():
		for _, g := range groups {
			list(g.Title, p.all, g.ID)
		}
	case len(c.Groups()) > 0:
		for _, g := range c.Groups() {
			if !slices.ContainsFunc(c.Commands(), func(sub *cobra.Command) bool { return sub.GroupID == g.ID }) {
				continue
			}
			list(g.Title, c.Commands(), g.ID)
		}
	case c.HasAvailableSubCommands():
		list("Commands:", c.Commands(), "")
	}
}

// reflow sets paragraphs to a width. Indented lines stay as they are.
func reflow(text string, width int) string {
	var b strings.Builder
	var paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			for _, line := range wrapWords(strings.Join(paragraph, " "), width) {
				b.WriteString(line + "\n")
			}
			paragraph = nil
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, " ") || strings.HasSuffix(line, ":") && len(paragraph) == 0 && len(line) < 30 {
			flush()
			b.WriteString(line + "\n")
			continue
		}
		paragraph = append(paragraph, line)
	}
	flush()
	return b.String()
}

// wrapWords breaks text at blanks only.
func wrapWords(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}
