package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

func nodesCommand(p *program) *cobra.Command {
	var asJSON, watch bool
	c := &cobra.Command{
		Use: "nodes [TARGETS]", GroupID: groupLook, Short: "List nodes: cords, needs, and what is remembered",
		Long:    "Lists nodes with their cords and needs, and the state in which they were last seen.\nNothing is read from the devices; status does that.\n" + watchHelp,
		Example: "  millwright nodes @rack1\n  millwright nodes --json | jq '.[] | select(.held)'",
		RunE: func(c *cobra.Command, args []string) error {
			if watch {
				return p.watch(c.Context(), strings.Join(args, ","), false)
			}
			cl := p.client()
			defer cl.Close()
			list, err := cl.Nodes(c.Context(), strings.Join(args, ","))
			if err != nil {
				return err
			}
			if asJSON {
				return p.pretty(list)
			}
			return p.nodeTable(list)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	c.Flags().BoolVarP(&watch, "watch", "w", false, "go on showing states as they change")
	c.MarkFlagsMutuallyExclusive("watch", "json")
	return c
}

func (p *program) nodeTable(list []wire.Node) error {
	t := table{style: p.out, head: []string{"NODE", "SEEN", "CORDS", "NEEDS"}}
	colours := map[room.State]string{room.StateOn: green, room.StateOff: dim, room.StateDegraded: yellow}
	var held []wire.Node
	for _, n := range list {
		state := painted(colours[n.State], n.State.String())
		switch {
		case n.Held != "":
			state = painted(yellow, "held")
			held = append(held, n)
		case n.Seen.IsZero():
			state = text(p.out.dash())
		}
		t.row(text(n.Name), state, text(orDash(p.out, strings.Join(n.Cords, " "))), text(n.Needs))
	}
	if err := t.write(p.stdout); err != nil {
		return err
	}
	for _, n := range held {
		p.printf("%s is held: %s. If you know how it stands: millwright clear %s\n", n.Name, clean(n.Held), n.Name)
	}
	return nil
}

func devicesCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "devices [TARGETS]", GroupID: groupLook, Short: "List devices, and whether they can be reached",
		Long:    "Lists all devices, or those that the named nodes hang on, and how it stands with\nthe connection to each.",
		Example: "  millwright devices\n  millwright devices web7",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Devices(c.Context(), strings.Join(args, ","))
			if err != nil {
				return err
			}
			if asJSON {
				return p.pretty(list)
			}
			return p.deviceTable(list)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func (p *program) deviceTable(list []wire.Device) error {
	t := table{style: p.out, head: []string{"DEVICE", "LINK", "TYPE", "PLUGS", "DONE", "NODES"}}
	colours := map[fleet.Link]string{fleet.Connected: green, fleet.Connecting: yellow, fleet.Disconnected: red}
	for i := range list {
		d := &list[i]
		t.row(text(d.Name), painted(colours[d.Link], string(d.Link)), text(d.Type), number(strconv.Itoa(d.Plugs)),
			number(strconv.Itoa(d.Actions)), text(d.Nodes))
	}
	if err := t.write(p.stdout); err != nil {
		return err
	}
	for i := range list {
		if d := &list[i]; d.Link != fleet.Connected && d.Said != "" {
			p.printf("  %s\n", clean(strings.TrimPrefix(d.Said, d.Name+": ")+" ("+d.Name+")"))
		}
	}
	return nil
}

func clearCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "clear TARGETS", GroupID: groupKeep, Short: "Let go of nodes that have failed for good, or were interrupted", Args: targetsNeeded,
		Long: `Lets go of nodes that wait for somebody to look at them. One that has failed to start
or to stop for good is not tried again until it is cleared; its attempts then begin at
none.

A node whose cycle or reset was cut off, by the death of the daemon, is held: it may
stand without power, or may never have been touched, so nothing is built on it until
somebody has looked. Switching it on, off or round lets go of it too. (What people hold
is let go of by: millwright release.)`,
		Example: "  millwright clear web7\n  millwright clear @all",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			freed, err := cl.Clear(c.Context(), strings.Join(args, ","))
			if err != nil {
				return err
			}
			if freed == "" {
				p.printf("none of these had failed for good, or was held\n")
			} else {
				p.printf("cleared: %s\n", clean(freed))
			}
			return nil
		},
	}
}

func reloadCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "reload", GroupID: groupKeep, Short: "Make the daemon read its configuration again", Args: cobra.NoArgs,
		Long:    "Makes the daemon read its configuration again: all of it is taken, or nothing, and\nthen all that is wrong is shown. Devices that did not change keep their sessions.",
		Example: "  millwright validate room.yaml && millwright reload",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			v, err := cl.Reload(c.Context())
			if err != nil {
				return err
			}
			p.printf("room %q of %s: %s, %s\n", v.Room, v.Config, counted(v.Nodes, "node"), counted(v.Devices, "device"))
			return nil
		},
	}
}

func revisionsCommand(p *program) *cobra.Command {
	var asJSON bool
	var limit int
	c := &cobra.Command{
		Use: "revisions", GroupID: groupKeep, Short: "List the configurations that were accepted", Args: cobra.NoArgs,
		Long:    "Lists the configurations that were accepted, the newest first. If the files are\nbroken when the daemon starts, the newest of them runs.",
		Example: "  millwright revisions -n 5",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Revisions(c.Context(), limit)
			if err != nil {
				return err
			}
			if asJSON {
				return p.pretty(list)
			}
			t := table{style: p.out, head: []string{"REVISION", "ACCEPTED", "BY", "FROM", "NOTE"}}
			for _, r := range list {
				t.row(number(strconv.FormatInt(r.Number, 10)), text(r.Time.Local().Format(timeForm)), text(r.Author), text(r.Origin), text(r.Note))
			}
			return t.write(p.stdout)
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", 20, "at most this many (`N`)")
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}
