package bmccli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// caller is what all verbs share.
type caller struct {
	frame *Frame
	flags flags
}

const longHelp = `Talks to service processors (BMCs) directly, without a daemon or a room: power, sensors,
event logs, inventory, users, network, consoles and the rest of IPMI 2.0 and DCMI, and
by Redfish what both have.

HOST is one BMC or many: bmc7, bmc[1-40], bmc[1-3]:6230, 192.0.2.0/28, [2001:db8::7]:623,
https://bmc7.example. Many are talked to at the same time; what they say alike is
shown once, with their names folded. --each keeps them apart, --json and --csv are for
programs.

Who logs in is said by --user and the password by one of these, the first that there is:
  --secret REF             env:NAME, file:PATH or secret:NAME
  --credential-file FILE   lines "user: NAME", "password: TEXT", "kg: KEY"; mode 600
  $IPMIPASSWORD            forgotten as soon as it is read
  ~/.config/millwright/bmc.yaml   settings for hosts by their names
  a question on the terminal, unseen
A password is never written on the command line, where everybody could read it.

` + exitHelp

const examples = `  millwright bmc bmc[1-40] power status -u admin
  millwright bmc bmc7 sensors -u admin -f ~/.bmc
  millwright bmc bmc7 sel list --json
  millwright bmc https://bmc7 power cycle -u root --pin sha256:…
  millwright bmc bmc7 sol activate`

// New makes the command with all its verbs. Its flags are those of every verb.
func New(frame *Frame) *cobra.Command {
	c := &caller{frame: frame}
	top := &cobra.Command{Use: "bmc HOST[,HOST…] VERB", Short: "Talk to service processors, without a daemon", Long: longHelp, Example: examples}
	c.flags.define(top.PersistentFlags())
	for _, verbs := range [][]*cobra.Command{
		c.powerVerbs(), c.readingVerbs(), c.logVerbs(), c.partVerbs(), c.networkVerbs(), c.userVerbs(),
		c.controllerVerbs(), c.nameVerbs(), c.consoleVerbs(), c.rawVerbs(), c.findVerbs(), c.makerVerbs(),
	} {
		top.AddCommand(verbs...)
	}
	for _, g := range verbGroups() {
		top.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, v := range top.Commands() {
			if slices.Contains(g.verbs, v.Name()) || v.GroupID == "" && len(g.verbs) == 0 {
				v.GroupID = g.title
			}
		}
	}
	return top
}

type verbGroup struct {
	title string
	verbs []string
}

// verbGroups are the headings of the help. The last is for what is in none, and not shown
// while there is nothing.
func verbGroups() []verbGroup {
	return []verbGroup{
		{"Every day:", []string{"power", "bootdev", "identify", "health", "sensors", "sel", "inventory", "sol"}},
		{"The machine:", []string{"chassis", "bootparam", "parts", "fru", "firmware", "sdr", "watchdog", "leds", "asset", "description", "graphical", "config", "storage", "media", "update", "diagnostics", "licence", "reseat"}},
		{"Its power:", []string{"dcmi", "capping"}},
		{"The controller, and who may use it:", []string{"mc", "net", "channel", "user", "session", "suites", "pef", "pet", "hostname", "domain", "ntp", "mci"}},
		{"Finding, and anything else:", []string{"ping", "discover", "raw", "i2c", "oem"}},
		{"More:", nil},
	}
}

// Arrange gives the arguments of a call with the hosts as a flag: they stand before the
// verb, where the library for commands knows only verbs. top is the command that New made,
// and args is what follows its name.
// When a shell completes, the last word may still become something else.
func Arrange(top *cobra.Command, args []string, completing bool) []string {
	for i := 0; i < len(args); i++ {
		word := args[i]
		switch {
		case word == "--":
			return args
		case strings.HasPrefix(word, "-") && word != "-":
			if takesNext(top, word) {
				i++
			}
			continue
		}
		if slices.ContainsFunc(top.Commands(), func(c *cobra.Command) bool { return c.Name() == word || c.HasAlias(word) }) || word == "help" {
			return args
		}
		if completing && i+1 == len(args) {
			return args
		}
		return slices.Concat(args[:i], []string{"--host=" + word}, args[i+1:])
	}
	return args
}

// takesNext says whether a flag's value is the next word.
func takesNext(top *cobra.Command, word string) bool {
	if strings.Contains(word, "=") {
		return false
	}
	var f *pflag.Flag
	sets := []*pflag.FlagSet{top.PersistentFlags(), top.Root().PersistentFlags()}
	for _, set := range sets {
		switch {
		case f != nil:
		case strings.HasPrefix(word, "--"):
			f = set.Lookup(word[2:])
		case len(word) == 2:
			f = set.ShorthandLookup(word[1:])
		}
	}
	return f != nil && f.NoOptDefVal == ""
}

// verb makes a command of a function that makes a job of its arguments. Example is what
// follows the program's name and bmc.
func (c *caller) verb(use, short, long, example string, args cobra.PositionalArgs, prepare func(args []string) (job, error)) *cobra.Command {
	if long == "" {
		long = short + "."
	}
	lines := strings.Split(example, "\n")
	for i, l := range lines {
		lines[i] = "  millwright bmc " + l
	}
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Example: strings.Join(lines, "\n"), Args: args}
	if prepare != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			c.flags.given = cmd.Flags().Changed
			j, err := prepare(args)
			if err != nil {
				return err
			}
			return perform(cmd.Context(), c.frame, &c.flags, j)
		}
	}
	return cmd
}

// family makes a command of commands. Without a word of its own it does what the first of
// them does.
func (c *caller) family(name, short, example string, subs ...*cobra.Command) *cobra.Command {
	first := subs[0]
	f := c.verb(name, short, short+". Without a word more it is "+name+" "+first.Name()+".", example, cobra.NoArgs, nil)
	f.RunE = func(cmd *cobra.Command, args []string) error {
		if first.Args(first, args) != nil {
			return cmd.Help()
		}
		return first.RunE(cmd, args)
	}
	f.Flags().AddFlagSet(first.Flags())
	f.AddCommand(subs...)
	return f
}

// noArgs prepares a job that needs nothing said.
func noArgs(j job) func([]string) (job, error) {
	return func([]string) (job, error) { return j, nil }
}
