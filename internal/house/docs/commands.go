package docs

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"millwright.dev/millwright/internal/cli"
)

// Commands gives the page of the command line in Markdown.
func Commands(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# The command line\n\nMade from the commands' own help: `millwright COMMAND --help` says the same.\n")
	fmt.Fprintf(&b, "\n%s\n", block(root.Long))
	b.WriteString("\nFor every command:\n\n" + flagTable(root.PersistentFlags()))
	for _, g := range root.Groups() {
		fmt.Fprintf(&b, "\n## %s\n", strings.TrimSuffix(g.Title, ":"))
		for _, c := range root.Commands() {
			if c.GroupID == g.ID && c.IsAvailableCommand() {
				command(&b, c)
			}
		}
	}
	return b.String()
}

func command(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n### %s\n\n`%s`\n\n%s.\n\n%s\n", c.CommandPath(), cli.UseLine(c), c.Short, block(c.Long))
	if c.Example != "" {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", unindent(c.Example))
	}
	if table := flagTable(c.LocalFlags()); table != "" {
		fmt.Fprintf(b, "\n%s", table)
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			command(b, sub)
		}
	}
}

func flagTable(set *pflag.FlagSet) string {
	var b strings.Builder
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, usage := flagName(f)
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, strings.ReplaceAll(usage, "|", `\|`))
	})
	if b.Len() == 0 {
		return ""
	}
	return "| Flag | Meaning |\n|---|---|\n" + b.String()
}

// flagName gives a flag as it is written, and what it means.
func flagName(f *pflag.Flag) (name, usage string) {
	value, usage := pflag.UnquoteUsage(f)
	name = "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if value != "" {
		name += " " + value
	}
	switch f.DefValue {
	case "", "false", "0", "0s", "[]":
	default:
		usage += " (default " + f.DefValue + ")"
	}
	return name, usage
}

// block keeps lines as they are where they are set out by hand, and lets the
// rest flow as paragraphs.
func block(text string) string {
	var out []string
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.Contains(part, "\n  ") {
			head, list, _ := strings.Cut(part, "\n  ")
			out = append(out, head, "```text\n  "+list+"\n```")
			continue
		}
		out = append(out, part)
	}
	return strings.Join(out, "\n\n")
}

func unindent(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return strings.Join(lines, "\n")
}
