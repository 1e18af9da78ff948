package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/demo"
)

func demoCommand(p *program) *cobra.Command {
	var stop, reuse, kill bool
	c := &cobra.Command{
		Use: "demo", GroupID: groupDaemon, Short: "Show a simulated room coming up", Args: cobra.NoArgs,
		Long: `Starts a machine room that does not exist, some forty nodes on power strips of
three makes, a PDU that speaks SNMP, a smart plug and service processors by IPMI and
Redfish, which answer on real sockets, and a daemon that looks after it; brings the room
up in the order in which its nodes need each other, shows how it stands, and leaves both
running in the background, to be played with. One machine is not well at first: it is
tried again, and what needs it waits.

With --kill, a demo that runs takes its room down (or up, if it is down), and the daemon
is killed in the middle of that and started again: it goes on where it stood.

Everything is in one folder, $XDG_STATE_HOME/millwright/demo or
~/.local/state/millwright/demo: the room's files, the logs, what the daemon keeps.
A demo that runs already is stopped and made anew, unless --reuse is given; that also
starts a daemon again which was killed.`,
		Example: "  millwright demo\n  millwright demo --kill\n  millwright demo --stop",
		RunE: func(c *cobra.Command, _ []string) error {
			folder, err := demo.Folder()
			if err != nil {
				return err
			}
			switch {
			case stop:
				return p.demoStop(folder)
			case kill:
				return p.demoKill(c, folder)
			}
			return p.demo(c, folder, reuse)
		},
	}
	c.Flags().BoolVar(&stop, "stop", false, "stop the demo and remove its folder")
	c.Flags().BoolVar(&reuse, "reuse", false, "go on with a demo that runs already; its daemon is started if it is dead")
	c.Flags().BoolVar(&kill, "kill", false, "kill the daemon of a demo that runs while it is at work, and start it again")
	c.MarkFlagsMutuallyExclusive("stop", "reuse", "kill")
	return c
}

func (p *program) demoStop(folder string) error {
	d, err := demo.Find(folder)
	if err != nil {
		return err
	}
	if d == nil {
		p.printf("No demo runs.\n")
		return nil
	}
	if err := d.Stop(); err != nil {
		return fmt.Errorf("stop the demo: %w", err)
	}
	p.printf("The demo is stopped, and %s is removed.\n", folder)
	return nil
}

// demo is the whole show.
func (p *program) demo(c *cobra.Command, folder string, reuse bool) error {
	d, revived, err := p.demoStart(c.Context(), folder, reuse)
	if err != nil {
		return err
	}
	p.demoHead(d, revived)
	calls := [][]string{{"devices"}, {"up", "--dry-run"}, {"up", "--yes"}, {"graph"}, {"status"}}
	if revived && p.atWork(c.Context(), d) {
		calls = [][]string{{"run", "follow"}, {"status"}}
	}
	for _, call := range calls {
		if err := p.demoRun(c, d, call...); err != nil {
			p.hint("The demo runs on; its logs are in " + folder)
			return err
		}
	}
	p.demoNext(d)
	return nil
}

func (p *program) demoHead(d *demo.Demo, revived bool) {
	simulator, daemon := d.Processes()
	p.printf("%s\n", p.out.head("A machine room that does not exist"))
	by := "looked after by a daemon"
	if revived {
		by = "looked after by a daemon that was started again"
	}
	t := table{style: p.out}
	t.row(text("  "+counted(d.Devices, "device")+","), text("simulated, on real sockets"), painted(dim, fmt.Sprintf("process %d", simulator)))
	t.row(text("  "+counted(d.Nodes, "node")+","), text(by), painted(dim, fmt.Sprintf("process %d", daemon)))
	_ = t.write(p.stdout)
}

// demoStart gives a demo that runs, and says whether its daemon had to be started again.
func (p *program) demoStart(ctx context.Context, folder string, reuse bool) (d *demo.Demo, revived bool, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, false, fmt.Errorf("find the program's own file: %w", err)
	}
	old, err := demo.Find(folder)
	if err != nil {
		return nil, false, err
	}
	if old != nil {
		if simulator, _ := old.Processes(); reuse && simulator != 0 {
			if revived, err = old.Revive(ctx, program); err != nil {
				return nil, false, fmt.Errorf("go on with the demo's daemon: %w", err)
			}
			return old, revived, nil
		}
		if old.Runs() {
			p.printf("%s\n\n", p.out.faint(fmt.Sprintf("A demo ran already, for %s; it is made anew. To keep one: demo --reuse",
				elapsed(time.Since(old.Began)))))
		}
		if err := old.Stop(); err != nil {
			return nil, false, fmt.Errorf("stop the demo that ran: %w", err)
		}
	}
	if d, err = demo.Start(ctx, program, folder); err != nil {
		return nil, false, fmt.Errorf("start the demo: %w", err)
	}
	return d, false, nil
}

// demoRun shows a command and runs it as if it had been typed.
func (p *program) demoRun(c *cobra.Command, d *demo.Demo, args ...string) error {
	p.printf("\n%s\n", p.out.paint(cyan, "$ millwright "+strings.Join(args, " ")))
	root := c.Root()
	args = append(args, "--socket", d.Socket())
	if called, _, err := root.Find(args); err == nil && called.Flags().Changed("dry-run") {
		args = append(args, "--dry-run=false") // as the call before has set it
	}
	root.SetArgs(args)
	return root.ExecuteContext(c.Context())
}

// demoNext says what to try.
func (p *program) demoNext(d *demo.Demo) {
	_, daemon := d.Processes()
	p.printf("\n%s\n\n", p.out.head("The daemon goes on. What to try next:"))
	p.printf("  export MILLWRIGHT_SOCKET=%s\n  export MILLWRIGHT_SIM=%s\n\n", d.Socket(), d.Control())
	p.tries([][2]string{
		{"graph", "what needs what, and how it stands"},
		{"why db1", "what is known of one node"},
		{"standings", "of all; checks shows their checks"},
		{"run show", "how the last run went; run report: step by step"},
		{"impact nas1", "what falls if storage goes"},
		{"down nas1 --dry-run", "who goes down before it, and what that frees"},
		{"readings node17", "what its PDU measures, by SNMP"},
		{"console gpu1", "its console: how it booted, and a log-in"},
		{"sim ctl feed A off", "feed A fails: see the status. It comes back with: on"},
		{"events --follow", "what is done, as it is done"},
		{"powerman -h " + d.PowerMan + " -q", "PowerMan's client works, too"},
		{"down --yes", "everything down, in order: systems first, then power"},
		{"demo --stop", "the end of the demo"},
	})
	p.printf("\n%s\n\n", p.out.head("Kill the daemon while it is at work, and start it again: it goes on."))
	p.tries([][2]string{
		{"demo --kill", "shows it; or by hand:"},
		{"down --yes --nowait; kill -9 " + strconv.Itoa(daemon), ""},
		{"demo --reuse", "starts it again, and looks on"},
	})
	p.demoDoors(d)
	p.printf("\nThe room's files, to read and to change, are in:\n  %s\n", d.Config)
}

// tries lists commands to try, and what each shows.
func (p *program) tries(list [][2]string) {
	self := "millwright"
	if strings.Contains(os.Args[0], "/") {
		self = os.Args[0]
	}
	t := table{style: p.out}
	for _, try := range list {
		t.row(text("  "+self+" "+try[0]), painted(dim, try[1]))
	}
	_ = t.write(p.stdout)
}

// demoDoors says how programs that know nothing but IPMI or Redfish switch an outlet.
func (p *program) demoDoors(d *demo.Demo) {
	host, port, err := net.SplitHostPort(d.BMC)
	if err != nil { // a demo of an older version
		return
	}
	password, err := d.Password()
	if err != nil {
		return
	}
	p.printf("\n%s\n\n", p.out.head("Any outlet is a BMC: "+demo.AsBMC+", behind a strip that knows telnet only, is one, too"))
	p.printf("  ipmitool -I lanplus -H %s -p %s -U %s -P %s \\\n    chassis power cycle\n", host, port, demo.User, password)
	p.printf("  curl -k -u %s:%s --json '{\"ResetType\":\"PowerCycle\"}' \\\n", demo.User, password)
	p.printf("    https://%s/redfish/v1/Systems/%s/Actions/ComputerSystem.Reset\n", d.Redfish, demo.AsBMC)
}
