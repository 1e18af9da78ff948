package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/discover"
	"millwright.dev/millwright/internal/transport"
)

// discoverFlags are what the command line says.
type discoverFlags struct {
	user       string
	password   string // a reference
	credential string // its name in the room
	name       string
	write      string
	rest       time.Duration
	quiet      time.Duration
	returns    int
	timeout    time.Duration
	unproven   bool
}

func discoverCommand(p *program) *cobra.Command {
	var f discoverFlags
	c := &cobra.Command{
		Use: "discover ADDRESS", GroupID: groupDaemon, Short: "Find out which specification fits a device", Args: cobra.ExactArgs(1),
		Long: `Talks to a power strip or service processor, finds out by its prompts and menus which
of the shipped specifications fits it, and shows what to write into the room file.

Nothing is switched: it logs in once, looks at menus and lists, and logs out; no
command that switches is ever typed, not even one that would ask first. The
specification's own log-in and status scripts are then run as a proof.

Many units have one session only. If somebody else has it, the unit is left alone for
--rest and tried again; stop the daemon that holds it, or be patient.

ADDRESS is telnet://host, ssh://user@host, tcp://host:port and so on, as in a room file.
A password is never an argument: --password names where it is kept, as env:NAME or
file:PATH, and is not shown. For SSH, --user and --password are what the server wants.

The setting goes to stdout. With --write it goes into a room file, whose comments
stay; a device of that name that is there already gets the new setting.`,
		Example: `  millwright discover telnet://10.0.0.5 --user apc --password file:pdu.pass
  millwright discover ssh://admin@10.0.0.6?insecure=yes --password env:PDU_PASS
  millwright discover telnet://10.0.0.5 --user apc --password file:pdu.pass --name pdu1 --credential pdus --write room.yaml`,
		RunE: func(c *cobra.Command, args []string) error { return p.discover(c.Context(), args[0], &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.user, "user", "", "the `NAME` to log in with")
	fl.StringVar(&f.password, "password", "", "where the password is: env:NAME or file:PATH (`REF`)")
	fl.StringVar(&f.credential, "credential", "", "the room's credential with that login, to be written down (`NAME`)")
	fl.StringVar(&f.name, "name", "", "what to call the device (`NAME`); its host's name if not said")
	fl.StringVar(&f.write, "write", "", "write the setting into this room `FILE`")
	fl.DurationVar(&f.rest, "rest", 130*time.Second, "how long a unit that is busy is left alone (`TIME`)")
	fl.IntVar(&f.returns, "returns", 2, "how `MANY` times a busy unit is come back to; 0 is never")
	fl.DurationVar(&f.quiet, "quiet", time.Second, "the silence after which the device has said all (`TIME`)")
	fl.DurationVar(&f.timeout, "timeout", 10*time.Minute, "give up after this `TIME`")
	fl.BoolVar(&f.unproven, "no-proof", false, "leave out the specification's own scripts")
	return c
}

func (p *program) discover(ctx context.Context, address string, f *discoverFlags) error {
	to, err := transport.ParseURL(address)
	if err != nil {
		return usagef("%s: %w", address, err)
	}
	password, err := passwordFrom(ctx, "--password", f.password)
	if err != nil {
		return err
	}
	if f.name == "" {
		f.name = deviceName(to)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, f.timeout, fmt.Errorf("nothing was found in %s", f.timeout))
	defer cancel()
	o := discover.Options{
		Address: to, User: f.user, Password: password, Quiet: f.quiet, Rest: f.rest, Returns: f.returns, Unproven: f.unproven,
		Tell: func(line string) { _, _ = fmt.Fprintln(p.stderr, p.err.faint(clean(line))) },
	}
	if f.returns == 0 {
		o.Returns = -1
	}
	found, err := discover.Find(ctx, o)
	if err != nil {
		return fmt.Errorf("%s: %w%s", to, err, advice(err))
	}
	setting := deviceSetting{name: f.name, credential: f.credential, spec: found.Spec, address: address}
	if f.write == "" {
		p.printf("%s", setting.yaml(found.Evidence))
		return nil
	}
	if err := setting.writeInto(ctx, f.write); err != nil {
		return fmt.Errorf("%s: %w", f.write, err)
	}
	p.printf("%s device %s: %s, written into %s\n", p.out.mark(markGood), clean(f.name), found.Spec, clean(f.write))
	return nil
}

// advice says how to go on after an error.
func advice(err error) string {
	switch {
	case errors.Is(err, discover.ErrBusy):
		return "\nLog out whoever is there, or let it rest for longer: --rest 5m --returns 5"
	case errors.Is(err, discover.ErrAsked):
		return "\nGive it --user NAME and --password env:NAME or file:PATH"
	case errors.Is(err, discover.ErrUnknown):
		return "\nFor a specification of your own, begin with one that is near: millwright devspec list, devspec show NAME"
	}
	return ""
}

// deviceName makes a name of where a device is.
func deviceName(a transport.Address) string {
	host := a.Host
	if host == "" {
		return "device1"
	}
	name, _, _ := strings.Cut(host, ".")
	if _, err := strconv.Atoi(name); err == nil || strings.Contains(host, ":") { // an IP address
		name = "pdu-" + strings.NewReplacer(".", "-", ":", "-", "%", "-").Replace(host)
	}
	return name
}
