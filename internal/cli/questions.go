package cli

import (
	"cmp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/door/http/wire"
)

func questionsCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "questions", GroupID: groupLook, Short: "List what devices and runs ask of people", Args: cobra.NoArgs,
		Long:    "Lists the questions that are open: devices of the driver manual ask to be switched by\nhand, and runs whether the power of a node that does not halt shall be cut. They wait for\nan answer.",
		Example: "  millwright questions\n  millwright answer q3 yes",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Questions(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return p.pretty(list)
			}
			if len(list) == 0 {
				p.printf("nothing is asked\n")
				return nil
			}
			t := table{style: p.out, head: []string{"QUESTION", "SINCE", "BY", "WHAT"}}
			for _, q := range list {
				t.row(text(q.ID), text(time.Since(q.Asked).Round(time.Second).String()), text(cmp.Or(q.Device, "a run")), text(q.Text))
			}
			return t.write(p.stdout)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func answerCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "answer QUESTION yes|no [WORDS…]", GroupID: groupPower, Short: "Answer what a device or a run asks", Args: cobra.MinimumNArgs(2),
		Long:    "Answers a question of questions: yes when it is done, no when it will not be, with\nwords of your own if you like. Whoever waits for it goes on at once. What a run asks says\nwhich answers there are: yes, no, or no wait.",
		Example: "  millwright answer q3 yes\n  millwright answer q4 no the cage is locked\n  millwright answer q5 no wait",
		RunE: func(c *cobra.Command, args []string) error {
			a := wire.Answer{Said: strings.Join(args[2:], " ")}
			switch args[1] {
			case "yes", "y":
				a.Yes = true
			case "no", "n":
			default:
				return usagef("%q is neither yes nor no", args[1])
			}
			cl := p.client()
			defer cl.Close()
			return cl.Answer(c.Context(), args[0], a)
		},
	}
}
