package docs

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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
	fmt.Fprintf(b, "\n### %s\n\n`%s`\n\n%s.\n\n%s\n", c.CommandPath(), c.UseLine(), c.Short, block(c.Long))
	if c.Example != "" {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", unindent(c.Example))
	}
	if table := flagTable(c.LocalNonPersistentFlags()); table != "" {
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

// Manual gives the manual page, for man(1).
func Manual(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString(".TH MILLWRIGHT 1 \"\" Millwright \"User Commands\"\n.SH NAME\nmillwright \\- runs a machine room with nobody in it\n")
	b.WriteString(".SH SYNOPSIS\n.B millwright\nCOMMAND [argument...]\n.SH DESCRIPTION\n" + troff(root.Long))
	b.WriteString(".SH OPTIONS FOR EVERY COMMAND\n")
	troffFlags(&b, root.PersistentFlags())
	b.WriteString(".SH COMMANDS\n")
	for _, c := range root.Commands() {
		troffCommand(&b, c)
	}
	b.WriteString(".SH SEE ALSO\npowerman(1), powerman.conf(5), powerman.dev(5)\n")
	return b.String()
}

func troffCommand(b *strings.Builder, c *cobra.Command) {
	if !c.IsAvailableCommand() {
		return
	}
	fmt.Fprintf(b, ".SS %s\n%s", escape(c.UseLine()), troff(c.Long))
	if c.Example != "" {
		fmt.Fprintf(b, ".PP\nExamples:\n.PP\n.nf\n%s\n.fi\n", escape(c.Example))
	}
	troffFlags(b, c.LocalNonPersistentFlags())
	for _, sub := range c.Commands() {
		troffCommand(b, sub)
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
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.Contains(part, "\n  ") {
			fmt.Fprintf(&b, ".PP\n.nf\n%s\n.fi\n", escape(part))
			continue
		}
		fmt.Fprintf(&b, ".PP\n%s\n", escape(part))
	}
	return b.String()
}

// escape makes text plain to troff.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
