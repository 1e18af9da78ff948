package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/demo"
)

func demoCommand(p *program) *cobra.Command {
	var stop, reuse bool
	c := &cobra.Command{
		Use: "demo", GroupID: groupDaemon, Short: "Show a simulated room coming up", Args: cobra.NoArgs,
		Long: `Starts a machine room that does not exist, some forty nodes on power strips of
three makes, a PDU that speaks SNMP, a smart plug and service processors by IPMI and
Redfish, which answer on real sockets, and a daemon that looks after it; brings the room
up in the order in which its nodes need each other, shows how it stands, and leaves both
running in the background, to be played with.

Everything is in one folder, $XDG_STATE_HOME/millwright/demo or
~/.local/state/millwright/demo: the room's files, the logs, what the daemon keeps.
A demo that runs already is stopped and made anew, unless --reuse is given.`,
		Example: "  millwright demo\n  millwright demo --stop",
		RunE: func(c *cobra.Command, _ []string) error {
			folder, err := demo.Folder()
			if err != nil {
				return err
			}
			if stop {
				return p.demoStop(folder)
			}
			return p.demo(c, folder, reuse)
		},
	}
	c.Flags().BoolVar(&stop, "stop", false, "stop the demo and remove its folder")
	c.Flags().BoolVar(&reuse, "reuse", false, "go on with a demo that runs already")
	c.MarkFlagsMutuallyExclusive("stop", "reuse")
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
	d, err := p.demoStart(c.Context(), folder, reuse)
	if err != nil {
		return err
	}
	simulator, daemon := d.Processes()
	p.printf("%s\n", p.out.head("A machine room that does not exist"))
	t := table{style: p.out}
	t.row(text("  "+counted(d.Devices, "device")+","), text("simulated, on real sockets"), painted(dim, fmt.Sprintf("process %d", simulator)))
	t.row(text("  "+counted(d.Nodes, "node")+","), text("looked after by a daemon"), painted(dim, fmt.Sprintf("process %d", daemon)))
	if err := t.write(p.stdout); err != nil {
		return err
	}
	for _, call := range [][]string{{"devices"}, {"up", "--dry-run"}, {"up"}, {"status"}} {
		if err := p.demoRun(c, d, call...); err != nil {
			p.hint("The demo runs on; its logs are in " + folder)
			return err
		}
	}
	p.demoNext(d)
	return nil
}

// demoStart gives a demo that runs.
func (p *program) demoStart(ctx context.Context, folder string, reuse bool) (*demo.Demo, error) {
	old, err := demo.Find(folder)
	if err != nil {
		return nil, err
	}
	if old != nil {
		if reuse && old.Runs() {
			return old, nil
		}
		if old.Runs() {
			p.printf("%s\n\n", p.out.faint(fmt.Sprintf("A demo ran already, for %s; it is made anew. To keep one: demo --reuse",
				elapsed(time.Since(old.Began)))))
		}
		if err := old.Stop(); err != nil {
			return nil, fmt.Errorf("stop the demo that ran: %w", err)
		}
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program's own file: %w", err)
	}
	d, err := demo.Start(ctx, program, folder)
	if err != nil {
		return nil, fmt.Errorf("start the demo: %w", err)
	}
	return d, nil
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
	self := "millwright"
	if strings.Contains(os.Args[0], "/") {
		self = os.Args[0]
	}
	p.printf("\n%s\n\n", p.out.head("The room is up, and the daemon goes on. What to try next:"))
	p.printf("  export MILLWRIGHT_SOCKET=%s\n  export MILLWRIGHT_SIM=%s\n\n", d.Socket(), d.Control())
	t := table{style: p.out}
	for _, try := range [][2]string{
		{"status", "which nodes are on"},
		{"readings node17", "what its PDU measures, by SNMP"},
		{"readings gpu1", "what its service processor measures"},
		{"console gpu1", "its console: how it booted, and a log-in"},
		{"cycle db1 --dry-run", "what a power cycle would do"},
		{"down nas1 --dry-run", "who goes down before storage"},
		{"sim ctl feed A off", "feed A fails: see the status"},
		{"sim ctl feed A on", "and it is back"},
		{"events --follow", "what is done, as it is done"},
		{"powerman -h " + d.PowerMan + " -q", "PowerMan's client works, too"},
		{"down --yes", "everything down, in order"},
		{"demo --stop", "the end of the demo"},
	} {
		t.row(text("  "+self+" "+try[0]), painted(dim, try[1]))
	}
	_ = t.write(p.stdout)
	p.demoDoors(d)
	p.printf("\nThe room's files, to read and to change, are in:\n  %s\n", d.Config)
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
