package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/autopilot"
	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/ups"
)

func upsCommand(p *program) *cobra.Command {
	var asJSON, watch bool
	c := &cobra.Command{
		Use: "ups", GroupID: groupLook, Short: "Show how the UPSes stand", Args: cobra.NoArgs,
		Long: `Shows how each uninterruptible power supply of the room stands, as its daemon (NUT's
upsd) was last heard to say. With --watch each change is a line, until Ctrl-C.`,
		Example: "  millwright ups\n  millwright ups --watch",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			if watch {
				return p.watchUPSes(c.Context(), cl)
			}
			list, err := cl.UPSes(c.Context())
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(list)
			case len(list) == 0:
				p.printf("there are no UPSes; rooms have them under ups:\n")
				return nil
			}
			t := table{style: p.out, head: []string{"UPS", "STATE", "SINCE", "CHARGE", "LASTS", "LOAD", "FEEDS", "HOW IT STANDS"}}
			for _, u := range list {
				t.row(text(u.Name), upsState(u), text(p.since(u.Since)), number(percent(u.Charge)), number(lasting(u.Runtime)), number(percent(u.Load)),
					text(strings.Join(u.Feeds, ",")), text(u.Said))
			}
			return t.write(p.stdout)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	c.Flags().BoolVar(&watch, "watch", false, "write a line for each change")
	return c
}

func upsState(u wire.UPS) cell {
	colour := map[ups.State]string{ups.Online: green, ups.OnBattery: yellow, ups.Low: red, ups.Off: red}[u.State]
	word := string(u.State)
	if !u.Contact && u.State != ups.Unknown {
		word += ", lost"
	}
	return painted(colour, word)
}

func percent(v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%.0f%%", *v)
}

func lasting(seconds *float64) string {
	if seconds == nil {
		return ""
	}
	return timeOf(*seconds)
}

// timeOf gives seconds as people say them.
func timeOf(seconds float64) string {
	return elapsed(time.Duration(seconds * float64(time.Second)))
}

// watchUPSes writes a line for each change, until ctx ends.
func (p *program) watchUPSes(ctx context.Context, cl *client.Client) error {
	seen := make(map[string]string)
	for {
		list, err := cl.UPSes(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		for _, u := range list {
			is := fmt.Sprint(u.State, u.Contact, u.Settling, percent(u.Charge))
			if seen[u.Name] != is {
				seen[u.Name] = is
				p.printf("%s %s\n", time.Now().Format("15:04:05"), clean(u.Said))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func batteryCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "battery", GroupID: groupLook, Short: "Show and try what goes down on battery", Args: cobra.NoArgs,
		Long: `Shows the stages that go down when the mains fail, in their order: how each stands, how
long it takes, and the proof that all are down before the batteries are empty: by the
batteries as they are now if the mains failed this moment, or as it is going.`,
		Example: "  millwright battery\n  millwright battery test --runtime 12m\n  millwright battery down --stage spare\n  millwright battery up",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			b, err := cl.Battery(c.Context())
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(b)
			case len(b.Stages) == 0:
				p.printf("nothing goes down on battery; rooms say what does under battery:\n")
				return nil
			}
			p.printf("%s\n", clean(b.Said))
			afoot := slices.ContainsFunc(b.Stages, func(s wire.Stage) bool { return s.State != autopilot.StageUp })
			if err := p.stageTable(b); err != nil || b.Out || afoot {
				return err
			}
			r, err := cl.TestBattery(c.Context(), 0)
			if err != nil {
				return err
			}
			p.printf("\nif the mains failed now: %s\n", clean(r.Said))
			return p.rehearsal(r)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	c.AddCommand(p.batteryTest(), p.batteryWish(false), p.batteryWish(true))
	return c
}

func (p *program) stageTable(b wire.Battery) error {
	colours := map[autopilot.StageState]string{autopilot.StageGoing: yellow, autopilot.StageDown: red, autopilot.StageComing: cyan, autopilot.StageUp: green}
	t := table{style: p.out, head: []string{"STAGE", "STATE", "SINCE", "TAKES", "NODES", "HOW IT STANDS"}}
	for _, s := range b.Stages {
		said := s.Said
		if s.Hand {
			said = strings.TrimPrefix(said+"; by hand, and comes back by hand", "; ")
		}
		if s.Run != "" {
			said = "run " + s.Run[:min(len(s.Run), shortID)] + ": " + said
		}
		t.row(text(s.Name), painted(colours[s.State], string(s.State)), text(p.since(s.Since)), number(withSpread(s.Expected, s.Spread)), text(s.Nodes), text(said))
	}
	return t.write(p.stdout)
}

func withSpread(expected, spread float64) string {
	if spread < 0.05 {
		return timeOf(expected)
	}
	return timeOf(expected) + " ± " + timeOf(spread)
}

// rehearsal shows what would be done.
func (p *program) rehearsal(r wire.Rehearsal) error {
	t := table{style: p.out, head: []string{"STAGE", "BEGINS", "DOWN", "LEFT THEN", "FITS", "NODES", "WHY"}}
	for _, s := range r.Stages {
		if !s.Begun {
			t.row(text(s.Stage), number(p.out.dash()), number(p.out.dash()), number(p.out.dash()), text(p.out.dash()), text(s.Nodes), text(s.Why))
			continue
		}
		fits := painted(green, "yes")
		if !s.Fits {
			fits = painted(red, "NO")
		}
		left := p.out.dash()
		if s.Down <= r.Runtime {
			left = timeOf(r.Runtime - s.Down)
		}
		t.row(text(s.Stage), number(timeOf(s.Begins)), number(timeOf(s.Down)), number(left), fits, text(s.Nodes), text(s.Why))
	}
	if err := t.write(p.stdout); err != nil {
		return err
	}
	if r.Guessed > 0 {
		p.hint(fmt.Sprintf("Of %s nothing was recorded yet: their times are guesses.", counted(r.Guessed, "step")))
	}
	return nil
}

func (p *program) batteryTest() *cobra.Command {
	var asJSON bool
	var runtime time.Duration
	c := &cobra.Command{
		Use: "test", Short: "Show what would be done if the mains failed now", Args: cobra.NoArgs,
		Long: `Works out when each stage would begin and be down if all mains failed now and the
batteries lasted for so long, and whether that fits. Nothing is touched. It ends with 2
if it does not fit.`,
		Example: "  millwright battery test --runtime 12m",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			r, err := cl.TestBattery(c.Context(), runtime)
			switch {
			case err != nil:
				return err
			case asJSON:
				err = p.pretty(r)
			default:
				p.printf("%s\n", clean(r.Said))
				err = p.rehearsal(r)
			}
			if err == nil && !r.Fits {
				return exit(ExitFailed)
			}
			return err
		},
	}
	c.Flags().DurationVar(&runtime, "runtime", 0, "how long the batteries last; without it, as long as the UPSes say")
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func (p *program) batteryWish(up bool) *cobra.Command {
	var stages []string
	c := &cobra.Command{
		Use: "down", Short: "Take stages down by hand", Args: cobra.NoArgs,
		Long: `Takes stages down as if they were due on battery, one after the other; all of them, if
none is named. They come back by themselves if a UPS is on battery now; otherwise with:
millwright battery up.`,
		Example: "  millwright battery down --stage spare",
	}
	done := "goes down"
	if up {
		c.Use, c.Short, done = "up", "Bring stages back by hand", "comes back"
		c.Long = `Brings back what stages took down, the last one first, without waiting for what the room
says of that; all of them, if none is named.`
		c.Example = "  millwright battery up"
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		cl := p.client()
		defer cl.Close()
		list, err := cl.WishBattery(c.Context(), up, stages)
		if err != nil {
			return err
		}
		for _, name := range list {
			p.printf("stage %s %s\n", clean(name), done)
		}
		p.hint("Look with: millwright battery")
		return nil
	}
	c.Flags().StringSliceVar(&stages, "stage", nil, "`NAME` of the stage; may be given several times")
	return c
}

func schedulesCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "schedules", GroupID: groupLook, Short: "Show and steer what the calendar brings up and down", Args: cobra.NoArgs,
		Long: `Shows the schedules of the room: what each does, when it is due next, and what became
of the last time.`,
		Example: "  millwright schedules\n  millwright schedules preview night -n 20\n  millwright schedules disable night",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Schedules(c.Context())
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(list)
			case len(list) == 0:
				p.printf("there are no schedules; rooms have them under schedules:\n")
				return nil
			}
			return p.scheduleTable(list)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	c.AddCommand(p.schedulesPreview(), p.schedulesRun(), p.schedulesEnable(true), p.schedulesEnable(false))
	return c
}

func (p *program) scheduleTable(list []wire.Schedule) error {
	t := table{style: p.out, head: []string{"SCHEDULE", "DOES", "NODES", "NEXT", "LAST", "WHEN"}}
	for _, s := range list {
		next := painted(dim, "disabled")
		if s.Enabled {
			next = text(firingTime(s.Next))
		}
		if s.Enabled && s.Next.IsZero() {
			next = painted(dim, "never again")
		}
		last := p.out.dash()
		switch {
		case s.Run != "":
			last = p.since(s.Last) + " run " + s.Run[:min(len(s.Run), shortID)]
		case s.Said != "":
			last = p.since(s.Last) + " left out: " + s.Said
		}
		nodes := s.Nodes
		if nodes == "" {
			nodes = "all"
		}
		t.row(text(s.Name), text(s.Do), text(nodes), next, text(last), text(strings.TrimSuffix(s.When+"; "+s.Note, "; ")))
	}
	return t.write(p.stdout)
}

// firingTime gives a time of a schedule, in the schedule's own zone.
func firingTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format("Mon 2006-01-02 15:04 -07:00")
}

func (p *program) schedulesPreview() *cobra.Command {
	var asJSON bool
	var n int
	c := &cobra.Command{
		Use: "preview [NAME]", Short: "Show the next times at which schedules are due", Args: cobra.MaximumNArgs(1),
		Long: `Shows the next times at which a schedule is due, or all that are enabled, each in its own
time zone, and what is special about them: moved from a holiday, or a time that the
clocks leave out.`,
		Example: "  millwright schedules preview night -n 20",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.PreviewSchedules(c.Context(), strings.Join(args, ""), n)
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(list)
			case len(list) == 0:
				p.printf("nothing is due\n")
				return nil
			}
			t := table{style: p.out, head: []string{"AT", "SCHEDULE", "DOES", "NOTE"}}
			for _, f := range list {
				t.row(text(firingTime(f.At)), text(f.Schedule), text(f.Do), text(f.Note))
			}
			return t.write(p.stdout)
		},
	}
	c.Flags().IntVarP(&n, "count", "n", 10, "how many times")
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func (p *program) schedulesRun() *cobra.Command {
	var f orderFlags
	var ask wire.RunSchedule
	c := &cobra.Command{
		Use: "run NAME", Short: "Do now what a schedule does", Args: cobra.ExactArgs(1),
		Long:    "Does now what a schedule does, as a run of yours. When it is due does not change.",
		Example: "  millwright schedules run night --nowait",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			ask.Confirm = f.yes
			planned, err := cl.RunSchedule(c.Context(), args[0], ask)
			if again, why := p.confirmed(c.Context(), err, &ask.Consent); again {
				planned, err = cl.RunSchedule(c.Context(), args[0], ask)
			} else {
				err = why
			}
			switch {
			case err != nil:
				return err
			case f.noWait:
				p.printf("%s\n", planned.Run)
				return nil
			}
			return p.followRun(c.Context(), cl, planned.Run, f, true)
		},
	}
	c.Flags().BoolVar(&f.noWait, "nowait", false, "do not wait: print the run's id")
	c.Flags().BoolVar(&f.json, "json", false, "write JSON, one update a line")
	consentFlags(c.Flags(), &ask.Consent, &f.yes)
	return c
}

func (p *program) schedulesEnable(on bool) *cobra.Command {
	word := map[bool]string{true: "enable", false: "disable"}[on]
	c := &cobra.Command{
		Use: word + " NAME…", Short: "Have schedules left out until they are enabled again", Args: cobra.MinimumNArgs(1),
		Long: `Has schedules left out from now on, over restarts too and whatever the room's file says,
until they are enabled again.`,
		Example: "  millwright schedules " + word + " night",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			for _, name := range slices.Compact(slices.Sorted(slices.Values(args))) {
				if err := cl.EnableSchedule(c.Context(), name, on); err != nil {
					return err
				}
				p.printf("schedule %s is %sd\n", clean(name), word)
			}
			return nil
		},
	}
	if on {
		c.Short, c.Long = "Have schedules carried out from now on", "Has schedules carried out from now on, whatever the room's file says. What was due\nbefore is not made up for."
	}
	return c
}
