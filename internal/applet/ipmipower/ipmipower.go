// Package ipmipower is the program of that name: powermand's helper for service
// processors (BMCs) that speak IPMI, and a command of its own. Device files talk to it at
// its prompt, "ipmipower> "; with --on, --stat and the like it does one thing and ends.
//
// It exists so that PowerMan's device files for IPMI need no other package, and because
// one socket does for thousands of BMCs.
//
// Start with [Run]. options.go and config.go read what is wanted, shell.go the commands
// of the prompt, power.go carries power commands out, output.go says how they went.
//
// Source: ipmipower(8) and freeipmi.conf(5) of FreeIPMI 1.6, and what Debian's program
// says. It differs where that serves: an answer is told when it comes, host names are
// looked up when they are needed, BMCs are asked instead of being pinged all the time, and
// the best of the cipher suites 17 and 3 is taken unless one is named.
package ipmipower

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"millwright.dev/millwright/internal/applet/prompt"
	"millwright.dev/millwright/ipmi"
)

// maxLine is how many bytes of a line are read at once.
const maxLine = 64 << 10

// badUsage is the exit code for options that there are not.
const badUsage = 64

const usage = `Usage: ipmipower -h HOSTS [OPTIONS] [COMMAND]
Commands, of which one is carried out; without any there is a prompt:
  -s, --stat    -n, --on      -f, --off     -c, --cycle   -r, --reset
      --pulse       --soft
Options:
  -h, --hostname HOSTS              BMCs, as a host list; HOST:PORT and [IPV6]:PORT too
  -u, --username NAME
  -p, --password PASSWORD           better: -P, or in the configuration file
  -P, --password-prompt
  -k, --k-g KEY                     the BMC's key: text, or 0x and hexadecimal digits
  -K, --k-g-prompt
  -D, --driver-type TYPE            LAN_2_0: IPMI 2.0 only; LAN: 1.5 too [LAN]
  -a, --authentication-type TYPE    for IPMI 1.5 [MD5]
  -I, --cipher-suite-id ID          for IPMI 2.0 [the best of 17 and 3]
  -l, --privilege-level LEVEL       USER, OPERATOR or ADMIN [OPERATOR]
  -W, --workaround-flags NAMES      for BMCs that are not as they should be
      --config-file FILE            [/etc/freeipmi/freeipmi.conf]
      --session-timeout MS          how long a BMC has to answer [20000]
      --on-if-off                   cycle and reset switch on what is off
      --wait-until-on               on ends when the machine is on
      --wait-until-off              off ends when the machine is off
      --retransmission-wait-timeout MS
                                    how often these look [500]
  -B, --buffer-output
  -C, --consolidate-output          hosts with the same answer together
  -F, --fanout NUM                  so many hosts at a time
      --always-prefix
      --debug                       say more of what goes wrong, on stderr
  -V, --version
  -?, --help
Without effect, for configurations that have them: -E, --oem-power-type NONE,
--retransmission-timeout, --retransmission-backoff-count, --ping-interval, --ping-timeout,
--ping-packet-count, --ping-percent, --ping-consec-count.
`

// version is that of the program whose ways these are.
const version = "ipmipower 1.6.10"

// Run is the whole program; args come without the program's name. It returns the exit
// code: 0 when the last power command went well for all hosts, 64 for options that
// there are not, and 1 for all else. The end of ctx ends the prompt after the command
// that is under way, but not a read from stdin.
//
// Passwords are wiped from the memory that args point to, if that is the process's own
// command line, so that ps does not show them.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return run(ctx, args, systemConfig, stdin, stdout, stderr)
}

func run(ctx context.Context, args []string, config string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args, config)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case errors.Is(err, errVersion):
		fmt.Fprintln(stdout, version+" (Millwright)")
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "ipmipower: %v\nTry `ipmipower --help' for more information.\n", err)
		return badUsage
	case err == nil:
		err = o.ask(stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if o.exposed {
		fmt.Fprintln(stderr, "ipmipower: the configuration file holds a password or a key, and everybody may read it (chmod 600 hides it)")
	}
	s := &shell{options: o, client: ipmi.NewClient(ipmi.ClientOptions{}), out: stdout, errs: stderr}
	defer s.client.Close()
	if o.verb != none {
		if len(o.hosts) == 0 {
			fmt.Fprintln(stderr, "must specify target hostname(s) in non-interactive mode")
			return 1
		}
		s.power(ctx, o.verb, o.hosts)
		return s.code
	}
	loop := prompt.Loop{Prompt: "ipmipower> ", MaxLine: maxLine, Out: stdout, Run: s.command}
	if err := loop.Serve(ctx, stdin); err != nil {
		fmt.Fprintf(stderr, "ipmipower: %v\n", err)
		return 1
	}
	return s.code
}

// ask has a person type what is not on the command line.
func (o *options) ask(stderr io.Writer) error {
	for _, q := range []struct {
		wanted bool
		what   string
		set    func(string) error
	}{{o.askPassword, "Password: ", o.setPassword}, {o.askKg, "K_g: ", o.setKg}} {
		if !q.wanted {
			continue
		}
		text, err := typed(os.Stdin, stderr, q.what)
		if err != nil {
			return err
		}
		if err := q.set(text); err != nil {
			return err
		}
	}
	return nil
}
