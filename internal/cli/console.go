package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/console/journal"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

// consoleFlags are those of millwright console.
type consoleFlags struct {
	watch, takeOver, noReplay bool
	escape                    string
	drain                     time.Duration
	log, replay               bool
	since, until              string
	speed                     float64
}

const consoleHelp = `Attaches this terminal to the console of a node. What came last is shown first. One
types and any number watch; who types already is named, and --take-over makes them
one who watches. A console that is lost is reached again by itself.

At the beginning of a line:
  ~.   end                      ~B   send a break
  ~^Z  suspend                  ~T   type, though somebody else does
  ~^X  suspend, leaving the     ~W   watch only from now on
       terminal as it is        ~?   this help, and who is attached
  ~~   a ~

Without a terminal, stdin is typed once the console is open, and what the console says
goes to stdout. At the end of stdin it goes on until the console has been silent for
--drain.

With --log the console's log is written, and with --replay it is played again as it
was: --since and --until choose a part of it, --speed 2 is twice as fast, and pauses
are cut to three seconds.`

func consoleCommand(p *program) *cobra.Command {
	f := consoleFlags{}
	c := &cobra.Command{
		Use: "console NODE", GroupID: groupLook, Short: "Attach to the console of a node", Args: cobra.ExactArgs(1),
		Long: consoleHelp,
		Example: `  millwright console web7
  millwright console web7 --watch
  echo 'show version' | millwright console switch3
  millwright console web7 --replay --since 10m --speed 4`,
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			if f.log || f.replay {
				return p.consoleLog(c.Context(), cl, args[0], f)
			}
			return p.console(c.Context(), cl, args[0], f)
		},
	}
	fl := c.Flags()
	fl.BoolVarP(&f.watch, "watch", "w", false, "watch only")
	fl.BoolVar(&f.takeOver, "take-over", false, "type though somebody else does, who only watches from then on")
	fl.BoolVar(&f.noReplay, "no-replay", false, "do not show what came before")
	fl.StringVarP(&f.escape, "escape", "e", "~", "the escape `CHARACTER`, ^X for a control character, or none")
	fl.DurationVar(&f.drain, "drain", time.Second, "without a terminal: how long the console must be silent after the end of stdin")
	fl.BoolVar(&f.log, "log", false, "write the log of the console")
	fl.BoolVar(&f.replay, "replay", false, "play the log of the console as it was")
	fl.StringVar(&f.since, "since", "", "of the log: since this `TIME`; a duration back from now, or a date")
	fl.StringVar(&f.until, "until", "", "of the log: before this `TIME`")
	fl.Float64Var(&f.speed, "speed", 1, "of --replay: how many times as fast; 0 is without pauses")
	c.MarkFlagsMutuallyExclusive("watch", "take-over")
	c.MarkFlagsMutuallyExclusive("log", "replay")
	return c
}

func consolesCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "consoles", GroupID: groupLook, Short: "List the consoles, and who is attached", Args: cobra.NoArgs,
		Long:    "Lists the consoles that the room names a way to and those that are open, with who is\nattached. A star marks the one who types.",
		Example: "  millwright consoles",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Consoles(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return p.pretty(list)
			}
			return p.consoleTable(list)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func (p *program) consoleTable(list []wire.Console) error {
	if len(list) == 0 {
		p.printf("no node has a console that the room names\n")
		return nil
	}
	t := table{style: p.out, head: []string{"NODE", "STATE", "VIA", "ATTACHED"}}
	for _, c := range list {
		var who []string
		for _, g := range c.Attached {
			name := g.Who
			if g.Writes {
				name += "*"
			}
			who = append(who, name)
		}
		if c.Kept {
			who = append(who, "(log)")
		}
		t.row(text(c.Node), text(c.State), text(orDash(p.out, c.Via)), text(orDash(p.out, strings.Join(who, " "))))
	}
	if err := t.write(p.stdout); err != nil {
		return err
	}
	for _, c := range list {
		for _, why := range []string{c.Said, c.Trouble} {
			if why != "" {
				p.hint(clean(c.Node) + ": " + clean(why))
			}
		}
	}
	return nil
}

// consoleLog writes or plays a part of a console's log.
func (p *program) consoleLog(ctx context.Context, cl *client.Client, node string, f consoleFlags) error {
	var span [2]time.Time
	now := time.Now()
	for i, flag := range []struct{ name, text string }{{"--since", f.since}, {"--until", f.until}} {
		if flag.text == "" {
			continue
		}
		at, err := moment(flag.text, now)
		if err != nil {
			return usagef("%s: %w", flag.name, err)
		}
		span[i] = at
	}
	if f.speed < 0 {
		return usagef("--speed: it is 0 or more")
	}
	log, err := cl.ConsoleLog(ctx, node, span[0], span[1])
	if err != nil {
		return err
	}
	defer log.Close()
	if f.replay {
		return journal.Play(ctx, log, f.speed, p.stdout, func(note string) { p.hint("[" + clean(note) + "]\r") })
	}
	if !p.out.terminal {
		_, err := io.Copy(p.stdout, log)
		return err
	}
	// What a console said may do to a terminal what it likes; here it is only text.
	in := bufio.NewReaderSize(log, 64<<10)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			p.printf("%s\n", clean(strings.TrimRight(line, "\r\n")))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
	}
}

// console attaches to a console.
func (p *program) console(ctx context.Context, cl *client.Client, node string, f consoleFlags) error {
	char, err := parseEscape(f.escape)
	if err != nil {
		return err
	}
	o := client.Attach{Watch: f.watch, TakeOver: f.takeOver, Replay: -1}
	if f.noReplay {
		o.Replay = 0
	}
	c, err := cl.Console(ctx, node, o)
	if err != nil {
		if room.CodeOf(err) == room.CodeBusy && !f.watch {
			p.errorf("%s", wording(err))
			p.hint("To watch: --watch. To type all the same: --take-over.")
			return exit(ExitRefused)
		}
		return err
	}
	defer c.Close()
	s := &consoleSession{p: p, c: c, node: node, escapes: escapes{char: char}, drain: f.drain, watch: f.watch}
	if in, ok := p.stdin.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		s.in = in
		return s.onTerminal(ctx)
	}
	return s.onPipe(ctx)
}
