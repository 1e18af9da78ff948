package cli

import (
	"embed"
	"fmt"

	"github.com/spf13/cobra"
)

// shellFiles is what each shell needs. It is our own and not cobra's, because that
// evaluates what has been typed, and breaks at quotes, brackets and at-signs, of
// which host lists are made. The program itself is asked the way that cobra does it.
//
//go:embed completion
var shellFiles embed.FS

func completionCommand(p *program) *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use: "completion bash|zsh|fish", GroupID: groupDaemon, Short: "Print what a shell needs to complete commands and names",
		Args: cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs), ValidArgs: shells,
		Long: `Prints what a shell needs to complete commands, flags and the names of the room. The
packages bring it along; without one, put it where the shell looks, or read it in at
each start, as the examples show.

Names are those of the daemon or, where none answers at once, of the room's files.
They are completed within host lists too: web1,db<TAB>, @ra<TAB>, @all,-we<TAB>.`,
		Example: `  source <(millwright completion bash)
  millwright completion zsh > ~/.zfunc/_millwright
  millwright completion fish > ~/.config/fish/completions/millwright.fish`,
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := shellFiles.ReadFile("completion/millwright." + args[0])
			if err != nil {
				return fmt.Errorf("find the completion of %s: %w", args[0], err)
			}
			_, err = p.stdout.Write(text)
			return err
		},
	}
}

// taste is what an argument or the value of a flag can be.
type taste int

const (
	anything  taste = iota // nobody knows
	files                  // the shell knows
	folders                // the shell knows
	targets                // a host list of nodes, groups and aliases
	nodes                  // one node
	devices                // one device
	runs                   // a run of up or down
	revisions              // a number
	questions              // what a device asks
	secrets                // in the store
	users
	tokens
	principals // user:NAME and the like
	roles
	specs // of the shelf
	kinds // of events
	operations
	schemes // of addresses
	answers
	colours
	levels
	formats
	driverNames
	plugins
)

// arguments gives what each command's arguments are, by its path without the
// program's name. What is behind the last is as the last, for those that take more.
func arguments() map[string][]taste {
	return map[string][]taste{
		"up": {targets}, "down": {targets}, "restart": {targets}, "hold": {targets, anything}, "release": {targets}, "maintenance": {targets, anything},
		"standings": {targets}, "graph": {targets}, "impact": {targets}, "checks": {targets}, "samples": {targets}, "check": {targets, anything},
		"why": {nodes, anything}, "needs": {nodes, anything}, "needed-by": {nodes, anything}, "control": {nodes, anything},
		"run report": {runs, anything}, "run pause": {runs, anything}, "run resume": {runs, anything},
		"on": {targets}, "off": {targets}, "cycle": {targets}, "reset": {targets},
		"status": {targets}, "temp": {targets}, "readings": {targets}, "nodes": {targets}, "devices": {targets}, "clear": {targets},
		"beacon on": {targets}, "beacon off": {targets}, "beacon status": {targets},
		"console":  {nodes},
		"answer":   {questions, answers, anything},
		"run show": {runs, anything}, "run follow": {runs, anything}, "run cancel": {runs, anything},
		"config show": {revisions, anything}, "config diff": {revisions}, "config rollback": {revisions, anything}, "config put": {anything, files},
		"secret set": {secrets, anything}, "secret remove": {secrets},
		"user remove": {users, anything}, "user password": {users, anything}, "user groups": {users, anything},
		"user disable": {users, anything}, "user enable": {users, anything}, "user cert": {users, anything},
		"token revoke": {tokens}, "grant add": {principals, roles, targets}, "grant list": {principals, anything}, "grant remove": {principals, targets},
		"backup": {files}, "restore": {files}, "validate": {files}, "convert": {files}, "sim": {files}, "sim ctl": {files, anything},
		"plugins log": {plugins, anything}, "plugins restart": {plugins}, "plugins enable": {plugins}, "plugins disable": {plugins}, "plugin check": {files},
		"devspec show": {specs, anything}, "devspec export": {specs, anything}, "devspec check": {files},
		"devspec trace": {files, schemes, operations, anything}, "devspec record": {files, schemes, files, operations, anything},
		"bmc sel save": {files}, "bmc sel writeraw": {files}, "bmc sel decode": {files, anything}, "bmc sdr dump": {files}, "bmc sdr add": {files},
		"bmc fru dump": {anything, files}, "bmc fru write": {anything, files},
		"devspec replay": {files, files, operations, anything}, "discover": {schemes, anything},
	}
}

// values gives what the values of flags are, by the flag's name.
func values() map[string]taste {
	return map[string]taste{
		"socket": files, "ca": files, "color": colours, "config": files, "state": folders, "file": files, "key": files, "identity": files,
		"out": folders, "write": files, "log-level": levels, "log-format": formats, "node": nodes, "nodes": targets, "kind": kinds,
		"user": users, "device": devices, "to": folders, "role": roles, "driver": driverNames, "dir": folders, "recipient": files,
		"credential-file": files, "bmc-config": files, "bmc-ca": files,
	}
}

// complete makes every command know what its arguments and flags can be.
func (p *program) complete(root *cobra.Command) {
	byPath, byFlag := arguments(), values()
	var walk func(c *cobra.Command, path string)
	walk = func(c *cobra.Command, path string) {
		c.LocalFlags().VisitAll(flagOf(p, c, byFlag))
		if tastes := byPath[path]; c.ValidArgs == nil && !c.HasSubCommands() {
			c.ValidArgsFunction = p.completeArgs(tastes)
		}
		for _, sub := range c.Commands() {
			walk(sub, path+" "+sub.Name())
		}
	}
	root.PersistentFlags().VisitAll(flagOf(p, root, byFlag))
	for _, sub := range root.Commands() {
		walk(sub, sub.Name())
	}
}
