package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/door/http/wire"
)

func bootCommand(p *program) *cobra.Command {
	var b wire.Boot
	var asJSON bool
	c := &cobra.Command{
		Use: "boot NODE [SOURCE]", GroupID: groupPower, Short: "Read or say what a node boots from", Args: cobra.RangeArgs(1, 2),
		Long: `Reads what a node boots from next, or says it: default, network, disk, optical, usb,
safe or setup. It is for the next boot only, unless --persistent is given. The machine
is not started by it: cycle or reset does that.`,
		Example: "  millwright boot web7\n  millwright boot web7 network --uefi && millwright cycle web7",
		RunE: func(c *cobra.Command, args []string) error {
			sources := []string{"default", "network", "disk", "optical", "usb", "safe", "setup"}
			if len(args) == 2 && !slices.Contains(sources, args[1]) {
				return &usageError{fmt.Errorf("nothing boots from %q; say one of %s, after the node", args[1], strings.Join(sources, ", ")), c.CommandPath()}
			}
			cl := p.client()
			defer cl.Close()
			if len(args) == 2 {
				b.From = args[1]
				return cl.SetBoot(c.Context(), args[0], b)
			}
			now, err := cl.Boot(c.Context(), args[0])
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(now)
			}
			p.printf("%s\n", bootText(now))
			return nil
		},
	}
	c.Flags().BoolVar(&b.Persistent, "persistent", false, "for every boot from now on")
	c.Flags().BoolVar(&b.UEFI, "uefi", false, "by UEFI rather than the legacy way")
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func bootText(b wire.Boot) string {
	text := clean(b.From)
	if b.UEFI {
		text += ", by UEFI"
	}
	switch {
	case b.From == "default":
	case b.Persistent:
		text += ", always"
	default:
		text += ", once"
	}
	return text
}

func logCommand(p *program) *cobra.Command {
	var asJSON, clearIt bool
	c := &cobra.Command{
		Use: "log NODE", GroupID: groupLook, Short: "Read a machine's own event log", Args: cobra.ExactArgs(1),
		Long: `Reads what a machine itself has written down: the system event log of its service
processor. Times are this host's, as far as the machine's clock allows it.`,
		Example: "  millwright log web7\n  millwright log web7 --json > web7.json && millwright log web7 --clear",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			if clearIt {
				return cl.ClearMachineLog(c.Context(), args[0])
			}
			list, err := cl.MachineLog(c.Context(), args[0])
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(list)
			case len(list) == 0:
				p.printf("the log is empty\n")
				return nil
			}
			return p.logTable(list)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	c.Flags().BoolVar(&clearIt, "clear", false, "empty the log instead of reading it")
	return c
}

func (p *program) logTable(list []wire.LogEntry) error {
	t := table{style: p.out, head: []string{"TIME", "SEVERITY", "OF", "WHAT"}}
	for _, e := range list {
		at, what := "", e.Text
		if !e.Time.IsZero() {
			at = e.Time.Local().Format("2006-01-02 15:04:05")
		}
		if e.Ended {
			what += " (over)"
		}
		t.row(text(orDash(p.out, at)), text(e.Severity), text(orDash(p.out, e.Source)), text(what))
	}
	return t.write(p.stdout)
}
