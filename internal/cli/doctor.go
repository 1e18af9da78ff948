package cli

import (
	"context"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/doctor"
)

type doctorFlags struct {
	config   string
	state    string
	powerman []string
	connect  bool
	all      bool
	json     bool
}

func doctorCommand(p *program) *cobra.Command {
	var f doctorFlags
	c := &cobra.Command{
		Use: "doctor", GroupID: groupDaemon, Short: "Look for what is wrong, and say what to do about it", Args: cobra.NoArgs,
		Long: `Looks for what is wrong with the installation: the configuration, the daemon and its
socket, ports, certificates, the state folder and its disk, secrets, the programs that
devices need, devices out of reach, the clock, limits, the systemd unit. For each
finding it says what to do. It changes nothing, and a daemon need not run.

Run it as the daemon's user or as root: others cannot look everywhere.

Exit status: 0 if all is well, 3 if there are warnings, 2 if something is broken.`,
		Example: "  millwright doctor\n  millwright doctor --config room.yaml --connect\n  millwright doctor --json | jq -r '.[] | select(.severity==\"bad\").remedy'",
		RunE: func(c *cobra.Command, _ []string) error {
			if f.config == "" {
				f.config = configPath()
			}
			return p.doctor(c.Context(), f, c.Flags().Changed("config"))
		},
	}
	c.Flags().StringVarP(&f.config, "config", "c", "", "room file, folder of room files, or powerman.conf (`PATH`); the daemon's own if not said")
	c.Flags().StringVar(&f.state, "state", "", "the daemon's state `FOLDER`")
	c.Flags().StringArrayVar(&f.powerman, "powerman", nil, "`ADDR` for PowerMan's clients, as serve was given it; none for nowhere")
	c.Flags().BoolVar(&f.connect, "connect", false, "without a daemon: try the addresses of the devices")
	c.Flags().BoolVarP(&f.all, "all", "a", false, "show what is well too")
	c.Flags().BoolVar(&f.json, "json", false, "write one JSON document")
	return c
}

func (p *program) doctor(ctx context.Context, f doctorFlags, said bool) error {
	about := doctor.Patient{Config: f.config, Said: said, Client: p.client(), Version: Version, Drivers: drivers(), Connect: f.connect}
	defer about.Client.Close()
	if _, elsewhere := p.remote(); !elsewhere {
		about.Socket = p.socketPath()
		if dir, err := stateFolder(f.state); err == nil {
			about.State = dir
		}
	}
	for _, at := range f.powerman {
		about.PowerMan = append(about.PowerMan, at)
		if at == "none" {
			about.PowerMan = []string{}
		}
	}
	found := doctor.Examine(ctx, about)
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.json {
		if err := p.pretty(found); err != nil {
			return err
		}
	} else {
		p.findings(found, f.all)
	}
	switch doctor.Worst(found) {
	case doctor.Bad:
		return exit(ExitFailed)
	case doctor.Warning:
		return exit(ExitUnknown)
	case doctor.Good:
	}
	return nil
}

// findings writes what was found, each with what to do below it.
func (p *program) findings(found []doctor.Finding, all bool) {
	marks := map[doctor.Severity]mark{doctor.Good: markGood, doctor.Warning: markUnknown, doctor.Bad: markBad}
	count := make(map[doctor.Severity]int)
	t := table{style: p.out}
	for _, f := range found {
		count[f.Severity]++
		if f.Severity == doctor.Good && !all {
			continue
		}
		t.row(p.out.sign(marks[f.Severity]), text(f.Check), text(f.Text))
		if f.Remedy != "" {
			t.row(text(""), text(""), painted(cyan, p.out.arrow()+f.Remedy))
		}
	}
	_ = t.write(p.stdout)
	switch {
	case count[doctor.Bad]+count[doctor.Warning] == 0:
		p.printf("%s all is well: %s\n", p.out.mark(markGood), counted(count[doctor.Good], "check"))
	default:
		p.printf("%s, %s; %s well\n", counted(count[doctor.Bad], "fault"), counted(count[doctor.Warning], "warning"), counted(count[doctor.Good], "check"))
	}
}

// arrow leads to what to do.
func (s style) arrow() string {
	if s.utf8 {
		return "→ "
	}
	return "> "
}
