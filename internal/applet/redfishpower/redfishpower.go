// Package redfishpower is the program of that name: powermand's helper for
// service processors (BMCs) that speak Redfish, any number of them in one
// process. Device files talk to it at its prompt, "redfishpower> ".
//
// It exists because one coprocess for each BMC does not go far, and because
// chassis, blades and nodes hang under each other: a node whose blade is off
// answers nothing, and that is no error.
//
// Start with [Run]. A line becomes a command in shell.go; task.go carries stat,
// on, off and cycle out over the hierarchy of plugs in plugs.go; redfish.go talks
// to BMCs and rehearsal.go plays them; gate.go keeps the number of requests down.
//
// Source: redfishpower(8) of PowerMan 2.4, and of 2.3.27 for hosts files and
// cycle, which 2.4 has dropped. Redfish: DSP0268, ComputerSystem and Chassis.
package redfishpower

import (
	"context"
	"fmt"
	"io"
	"net"

	"millwright.dev/millwright/internal/applet/prompt"
)

// maxLine is how many bytes of a line are read at once; a longer line counts as
// several.
const maxLine = 255

const usage = `Usage: redfishpower -h HOSTS [OPTIONS]
  -h, --hostname HOSTS         BMCs, as a host list; may be given again
  -f, --hostsfile FILE         the same from a file, a host list in each line
  -H, --header NAME:VALUE      one header more in each request
  -A, --auth USER:PASS         name and password; 'auth' does not change them
  -S, --statpath PATH          where to get the state
  -O, --onpath PATH            where to post on, and what
  -P, --onpostdata DATA
  -F, --offpath PATH           where to post off, and what
  -G, --offpostdata DATA
  -C, --cyclepath PATH         where to post cycle, and what
  -D, --cyclepostdata DATA
  -m, --message-timeout S      time for one request [10]
      --resolve-hosts          look a host's address up once
      --verify-tls             check certificates
      --ca-file FILE           check them against these authorities (PEM)
  -v, --verbose                say more; again for still more
  -T, --test-mode              no network: all plugs are simulated
      --test-fail-power-cmd-hosts HOSTS
                               these simulated hosts fail
`

// Run is the whole program; args come without the program's name. It returns
// the exit code: 0 at the end of the input and after "quit", 1 for wrong options
// or a broken output. The end of ctx breaks off a command that is under way, but
// not a read from stdin.
//
// The value of --auth is wiped from the memory that args point to, if that is
// the process's own command line, so that ps does not show it.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return run(ctx, args, stdin, stdout, stderr, new(net.Dialer).DialContext)
}

// dialer makes network connections.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, dial dialer) int {
	o, err := parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "redfishpower: %v\n%s", err, usage)
		return 1
	}
	if o.test {
		o.echo(stderr)
	}
	s, err := newShell(o, stdout, stderr, dial)
	if err != nil {
		fmt.Fprintf(stderr, "redfishpower: %v\n", err)
		return 1
	}
	defer s.close()
	loop := prompt.Loop{Prompt: "redfishpower> ", MaxLine: maxLine, Out: stdout, Run: s.command}
	if err := loop.Serve(ctx, stdin); err != nil {
		fmt.Fprintf(stderr, "redfishpower: %v\n", err)
		return 1
	}
	return 0
}
