// Package snmppower is the program of that name: powermand's helper for power
// controllers that speak SNMP. Device files talk to it at its prompt,
// "snmppower> ".
//
// It exists because device files for such controllers name it as their
// coprocess. Start with [Run].
//
// Source: the device files of PowerMan 2.3.27 and what PowerMan 2.4's program is
// known to do, since it has no manual page; snmpcmd(1) and snmpset(1) of net-snmp
// for how values are typed and shown.
package snmppower

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"millwright.dev/millwright/internal/applet/getopt"
	"millwright.dev/millwright/internal/applet/prompt"
	"millwright.dev/millwright/internal/applet/snmppower/mib"
)

// maxLine is how many bytes of a line are read at once; a longer line counts as
// several.
const maxLine = 127

const usage = "Usage: snmppower -h [udp:|tcp:]HOST[:PORT]\n"

const help = `Commands:
  start_v1 COMMUNITY         begin to talk, SNMPv1
  start_v2c COMMUNITY        begin to talk, SNMPv2c
  start_v3 NAME PASSPHRASE   begin to talk, SNMPv3 with MD5, nothing hidden
  finish                     end to talk
  mib NAME                   load a MIB module
  get OID
  set OID TYPE VALUE         TYPE is i u t a o s x d or b
`

// Run is the whole program; args come without the program's name. It returns
// the exit code: 0 at the end of the input, 1 for wrong options, a broken output,
// and when the agent refuses, which powermand shall notice. The end of ctx breaks
// off a request that is under way, but not a read from stdin.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	host := ""
	words, err := getopt.Parse(args, []getopt.Option{{Short: 'h', Long: "host", Arg: true}}, func(_ getopt.Option, value string) error {
		host = value
		return nil
	})
	if err == nil && len(words) > 0 {
		err = fmt.Errorf("unexpected argument '%s'", words[0])
	}
	if err != nil {
		fmt.Fprintf(stderr, "snmppower: %v\n%s", err, usage)
		return 1
	}
	s := &shell{host: host, out: stdout, errs: stderr, names: mib.New(mib.Dirs(os.Getenv("HOME"), os.Getenv("MIBDIRS")))}
	defer s.finish()
	loop := prompt.Loop{Prompt: "snmppower> ", MaxLine: maxLine, Out: stdout, Run: s.command}
	if err := errors.Join(loop.Serve(ctx, stdin), s.refused); err != nil {
		fmt.Fprintf(stderr, "snmppower: %v\n", err)
		return 1
	}
	return 0
}

// shell is what the commands set, and the conversation with the agent.
type shell struct {
	host      string
	agent     *agent // nil when there is none
	names     *mib.Tree
	refused   error
	out, errs io.Writer
}

func (s *shell) say(format string, args ...any) { fmt.Fprintf(s.out, format, args...) }

// command carries out one line.
func (s *shell) command(ctx context.Context, words []string) (more bool) {
	args := words[1:]
	var err error
	switch words[0] {
	case "help":
		s.say(help)
	case "start_v1", "start_v2c":
		if len(args) == 0 {
			s.say("Usage: %s community\n", words[0])
			return true
		}
		err = s.start(ctx, words[0], args[0], "")
	case "start_v3":
		if len(args) < 2 {
			s.say("Usage: start_v3 name passphrase\n")
			return true
		}
		err = s.start(ctx, words[0], args[0], args[1])
	case "finish":
		s.finish()
	case "mib":
		if len(args) == 0 {
			s.say("Usage: mib name\n")
			return true
		}
		err = s.names.Load(args[0])
	case "get":
		err = s.get(args)
	case "set":
		err = s.set(args)
	default:
		s.say(prompt.Unknown)
	}
	if refusal := (refusal{}); errors.As(err, &refusal) {
		s.refused = err
		return false
	}
	if err != nil {
		fmt.Fprintf(s.errs, "snmppower: %v\n", err)
	}
	return true
}

func (s *shell) start(ctx context.Context, how, name, passphrase string) error {
	s.finish()
	a, err := connect(ctx, s.host, how, name, passphrase)
	if err == nil {
		s.agent = a
	}
	return err
}

func (s *shell) finish() {
	if s.agent != nil {
		s.agent.close()
	}
	s.agent = nil
}

var errNoSession = errors.New("nobody to talk to: start_v1, start_v2c or start_v3 comes first")

func (s *shell) get(args []string) error {
	if len(args) == 0 {
		s.say("Usage: get oid\n")
		return nil
	}
	if s.agent == nil {
		return errNoSession
	}
	oid, err := s.names.Resolve(args[0])
	if err != nil {
		return err
	}
	v, err := s.agent.get(oid)
	if err != nil {
		return fmt.Errorf("get %s: %w", args[0], err)
	}
	s.show(args[0], oid, v)
	return nil
}

func (s *shell) set(args []string) error {
	if len(args) < 3 {
		s.say("Usage: set oid type value\n")
		return nil
	}
	if s.agent == nil {
		return errNoSession
	}
	oid, err := s.names.Resolve(args[0])
	if err != nil {
		return err
	}
	v, err := s.parseValue(args[1], args[2])
	if err != nil {
		return fmt.Errorf("set %s: %w", args[0], err)
	}
	v.Name = oid.String()
	if v, err = s.agent.set(oid, v); err != nil {
		return fmt.Errorf("set %s: %w", args[0], err)
	}
	s.show(args[0], oid, v)
	return nil
}
