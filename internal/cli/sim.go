package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/rehearse"
	"millwright.dev/millwright/internal/sim"
)

type simFlags struct {
	write   string
	styles  []string
	boot    time.Duration
	base    int
	control string
	quiet   bool
	standIn bool
	apart   bool
	hosts   string
	script  string
}

func simCommand(p *program) *cobra.Command {
	var f simFlags
	c := &cobra.Command{
		Use: "sim ROOM", GroupID: groupDaemon, Short: "Simulate a room, to rehearse with it", Args: cobra.ExactArgs(1),
		Long: `Simulates a room's devices and machines: power strips answer on real sockets as
their makes do, and machines boot when their outlets go on. ROOM is a room file, a
folder of them, or a powerman.conf.

The strips listen on the room's own addresses if those are of this machine, else on
free ports of 127.0.0.1. --write makes a copy of the room in which nothing but the
addresses is changed; a daemon that is given the copy drives the simulated room, and
no real device is ever reached.

Devices of the drivers snmp and http are simulated as their profile says; where the
driver would ask the device which it is, as an APC rack PDU. Those of ipmi and redfish
are service processors that have the power buttons of their nodes, with sensors, an
event log and, by ipmi, a console. They are silent while their machines' cords are dead,
unless --bmc-apart gives them power of their own. Devices of the other drivers, and of
http with a definition instead of a profile, are left out: in the copy nobody answers
at their addresses.

What a device of the driver script is simulated as follows from the name of its
specification. Where that is not known, say it by device or specification, as often as
needed; "none" leaves out any device:
  --style pdu1=menu --style 'rack[1-4]=line' --style apcpdu3=menu --style kvm=none
With --stand-in, all others are played by a make that has the same plugs; the copy
then names another specification for them, too.
Styles:
  ` + strings.Join(wrap(strings.Join(rehearse.Styles(), ", "), 76), "\n  ") + `.

The machines themselves answer by HTTP, at http://ADDRESS/NODE/health, /state, and (by
POST) /shutdown and /start. In the copy, the room's checks and controls lead there, as
far as they would reach the machines by themselves: a rehearsal shuts nothing down.

Everything that happens in the room is told, one line each. Feeds fail, strips hang,
outlets lie and machines fail their checks on demand: see millwright sim ctl --help. A
--script has such lines, which are carried out first: how long machines boot and halt,
what they draw, and what is wrong with them.`,
		Example: `  millwright sim examples/small --write /tmp/rehearsal
  millwright sim /etc/powerman/powerman.conf --style ipmi=none --write /tmp/copy
  millwright sim room.yaml --boot 20s --control /tmp/sim.sock
  millwright sim examples/order --script examples/order/machines.sim --write /tmp/copy`,
		RunE: func(c *cobra.Command, args []string) error { return p.sim(c.Context(), args[0], f) },
	}
	c.Flags().StringVar(&f.write, "write", "", "write a copy of the room that leads to the simulation into `FOLDER`")
	c.Flags().StringArrayVar(&f.styles, "style", nil, "simulate `DEVICE=STYLE`; may be repeated")
	c.Flags().BoolVar(&f.standIn, "stand-in", false, "let others, with the same plugs, stand in for unknown makes")
	c.Flags().BoolVar(&f.apart, "bmc-apart", false, "let service processors live on power of their own")
	c.Flags().DurationVar(&f.boot, "boot", 3*time.Second, "`TIME` from power to up, of each machine")
	c.Flags().StringVar(&f.script, "script", "", "carry out the lines of `FILE` first, which are as those of: millwright sim ctl")
	c.Flags().StringVar(&f.hosts, "hosts", "", "let the machines themselves answer at `ADDRESS`, instead of a free port of 127.0.0.1")
	c.Flags().IntVar(&f.base, "port-base", 0, "listen on 127.0.0.1, from port `N` on")
	c.Flags().StringVar(&f.control, "control", "", "open a control `SOCKET` for: millwright sim ctl")
	c.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "do not tell what happens")
	c.AddCommand(simCtlCommand(p))
	return c
}

func simCtlCommand(p *program) *cobra.Command {
	var socket string
	c := &cobra.Command{
		Use: "ctl [SOCKET] WORDS…", Short: "Command a simulated room", Args: cobra.MinimumNArgs(1),
		Long: `Sends one line to a simulated room and shows its answer. The socket is that of
millwright sim --control; it can also stand in $MILLWRIGHT_SIM. "help" shows all
there is. The same is possible with: socat - UNIX-CONNECT:SOCKET`,
		Example: `  millwright sim ctl /tmp/sim.sock help
  millwright sim ctl feed A off             a feed fails
  millwright sim ctl fault pdu1 hang        a strip accepts connections and says nothing
  millwright sim ctl fault pdu1/3 lie       an outlet shows what it does not do
  millwright sim ctl machine web3 sick for 30s   its health check fails
  millwright sim ctl machine db1 wedged     it begins to halt, and never ends
  millwright sim ctl swap pdu1/3 pdu1/4     two cords are mistaken for each other
  millwright sim ctl heal all
  millwright sim ctl counts                 how often each machine was started, cut, reset
  millwright sim ctl show`,
		RunE: func(c *cobra.Command, args []string) error {
			if info, err := os.Lstat(args[0]); err == nil && info.Mode().Type() == os.ModeSocket {
				socket, args = args[0], args[1:]
			}
			switch {
			case socket == "":
				return usagef("say which room: its socket in front of the words, or in $MILLWRIGHT_SIM")
			case len(args) == 0:
				args = []string{"show"}
			}
			return rehearse.Ask(c.Context(), socket, strings.Join(args, " "), p.stdout)
		},
	}
	c.Flags().StringVar(&socket, "control", os.Getenv("MILLWRIGHT_SIM"), "the room's control `SOCKET` [$MILLWRIGHT_SIM]")
	return c
}

// sim plays a room until ctx ends.
func (p *program) sim(ctx context.Context, path string, f simFlags) error {
	o := rehearse.Options{
		Files: app.ReadOptions(standard.Drivers(script.Options{}), false),
		Boot:  f.boot, PortBase: f.base, Copy: f.write != "", StandIns: f.standIn, BMCsApart: f.apart, Hosts: f.hosts,
		Secrets: secretsOf(ctx, path), Log: slog.New(slog.NewTextHandler(p.stderr, nil)),
	}
	for _, text := range f.styles {
		choice, err := rehearse.ParseChoice(text)
		if err != nil {
			return &usageError{err, "millwright sim"}
		}
		o.Choices = append(o.Choices, choice)
	}
	if f.standIn && f.write == "" {
		return &usageError{errors.New("--stand-in needs --write: the room itself would speak another language"), "millwright sim"}
	}
	r, err := rehearse.Read(ctx, path, o)
	if err != nil {
		return p.unready(err)
	}
	played, err := r.Start(ctx)
	if err != nil {
		return err
	}
	defer played.Close()
	if err := simScript(played, f.script); err != nil {
		return err
	}
	config := ""
	if f.write != "" {
		if config, err = r.Write(ctx, f.write); err != nil {
			return fmt.Errorf("write a copy of the room: %w", err)
		}
	}
	if err := p.simTable(r, played); err != nil {
		return err
	}
	p.simLeftOut(r)
	p.simHints(r, path, config, f)
	if !f.quiet {
		tell := p.simTell(played)
		defer tell()
	}
	return p.simServe(ctx, played, f.control)
}

// simScript makes the room as a file of lines says.
func simScript(played *sim.Room, path string) error {
	if path == "" {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := played.Script(file); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// simServe lets the room be commanded until ctx ends.
func (p *program) simServe(ctx context.Context, played *sim.Room, socket string) error {
	if socket == "" {
		<-ctx.Done()
		return exit(ExitOK)
	}
	ln, err := rehearse.ListenControl(ctx, socket)
	if err != nil {
		return err
	}
	if err := played.ServeControl(ctx, ln); err != nil {
		return err
	}
	return exit(ExitOK)
}

func (p *program) simTable(r *rehearse.Rehearsal, played *sim.Room) error {
	name := r.Room().Name
	if name != "" {
		name = " " + name
	}
	devices := r.Devices()
	p.printf("%s\n", p.out.head(clean(fmt.Sprintf("room%s, simulated: %s, %s", name,
		counted(len(devices), "device"), counted(len(played.Snapshot().Machines), "machine")))))
	t := table{style: p.out, head: []string{"DEVICE", "MAKE", "OUTLETS", "FEED", "ADDRESS"}}
	for _, d := range devices {
		feed, address := d.Feed, d.Address
		if feed == "" {
			feed = p.out.dash()
		}
		if address == "" {
			address = "out of reach"
		}
		t.row(text(d.Name), text(d.Style), number(strconv.Itoa(d.Plugs)), text(feed), text(address))
	}
	return t.write(p.stdout)
}

// simLeftOut says which devices nobody plays, and why not.
func (p *program) simLeftOut(r *rehearse.Rehearsal) {
	devices := map[string][]string{} // by reason
	for _, d := range r.Devices() {
		if d.Why != "" {
			devices[d.Why] = append(devices[d.Why], d.Name)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(devices)) {
		p.printf("left out: %s: %s\n", clean(hostlist.Fold(devices[why])), clean(why))
	}
}

// simHints says how to go on.
func (p *program) simHints(r *rehearse.Rehearsal, path, config string, f simFlags) {
	if config == "" && r.Own() {
		config = path
	}
	if config != "" {
		state := r.State()
		if state == "" {
			state = "FOLDER"
		}
		p.printf("\nA daemon for it:\n  millwright serve --config %s --state %s --socket SOCKET\n", config, state)
	} else {
		p.printf("\nThe room's files name other addresses. For a copy that leads here: --write FOLDER\n")
	}
	if rm := r.Room(); len(rm.Checks)+len(rm.Controls) > 0 || f.hosts != "" {
		p.printf("The machines themselves:\n  http://%s/NODE/health\n", r.Hosts())
	}
	if f.control != "" {
		p.printf("To command it:\n  millwright sim ctl %s help\n", f.control)
	}
	p.printf("\n")
}

// simTell tells what happens until stop is called. The room does not wait for a
// terminal that is held: what it does not take is left out, and that is said.
func (p *program) simTell(played *sim.Room) (stop func()) {
	lines := make(chan sim.Happening, 4096)
	var mu sync.Mutex
	missed := 0
	cancel := played.Subscribe(func(h sim.Happening) {
		select {
		case lines <- h:
		default:
			mu.Lock()
			missed++
			mu.Unlock()
		}
	})
	var wait sync.WaitGroup
	wait.Go(func() {
		for h := range lines {
			p.printf("%s %s\n", p.out.faint(h.At.Format("15:04:05.000")), clean(h.String()))
			mu.Lock()
			n := missed
			missed = 0
			mu.Unlock()
			if n > 0 {
				p.printf("(%s not shown)\n", counted(n, "line"))
			}
		}
	})
	return func() {
		cancel()
		close(lines)
		wait.Wait()
	}
}
