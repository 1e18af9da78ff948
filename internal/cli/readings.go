package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/door/http/wire"
)

func readingsCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "readings [TARGETS]", GroupID: groupLook, Short: "Measure: amperes, volts, watts, temperatures",
		Long: `Asks the devices that the nodes hang on what they measure now, all at the same time:
for each plug, for parts such as banks and sensors, and for the whole. Devices that
measure nothing are left out, or say so if their nodes were named.`,
		Example: "  millwright readings @rack1\n  millwright readings --json | jq '.[].readings[] | select(.quantity==\"power\")'",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Readings(c.Context(), strings.Join(args, ","))
			if err != nil {
				return err
			}
			if asJSON {
				return p.pretty(list)
			}
			return p.readingTable(list)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

// subject is what readings are of, in one line of a table.
type subject struct{ device, plug, node, part string }

func (p *program) readingTable(list []wire.Measured) error {
	t := table{style: p.out, head: []string{"DEVICE", "PLUG", "NODE", "READINGS"}}
	for _, m := range list {
		var order []subject
		said := make(map[subject][]string)
		for _, r := range m.Readings {
			s := subject{m.Device, r.Plug, r.Node, r.Part}
			if said[s] == nil {
				order = append(order, s)
			}
			said[s] = append(said[s], readingText(r))
		}
		for _, s := range order {
			of := s.plug
			if of == "" {
				of = s.part
			}
			t.row(text(s.device), text(orDash(p.out, of)), text(orDash(p.out, s.node)), text(strings.Join(said[s], "  ")))
		}
	}
	if len(list) == 0 {
		p.printf("none of these devices measures anything\n")
		return nil
	}
	if err := t.write(p.stdout); err != nil {
		return err
	}
	failed := false
	for _, m := range list {
		if m.Said != "" {
			p.errorf("%s: %s", clean(m.Device), clean(m.Said))
			failed = true
		}
	}
	if failed {
		return exit(ExitFailed)
	}
	return nil
}

// readingText writes a value with its unit; what has none says what it is.
func readingText(r wire.Reading) string {
	value := strconv.FormatFloat(r.Value, 'f', -1, 64)
	switch {
	case r.Quantity == "energy" && r.Value >= 10_000:
		return strconv.FormatFloat(r.Value/1000, 'f', 1, 64) + " kWh"
	case r.Unit == "":
		return clean(strings.ReplaceAll(r.Quantity, "_", " ")) + " " + value
	}
	return value + " " + clean(r.Unit)
}
