// Package plmpower is the program of that name: powermand's helper for Insteon
// and X10 switches, through a power line modem on a serial line (SmartLabs
// 2412S). Device files talk to it at its prompt, "plmpower> ".
//
// It exists because device files for such switches name it as their coprocess.
// Start with [Run]; modem.go has the modem's frames.
//
// Source: plmpower(8) of PowerMan 2.3.27, and what Debian's program answers and
// writes to a modem; the Insteon Modem Developer's Guide (2007) for the lengths
// of messages that nobody asked for.
package plmpower

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/applet/getopt"
	"millwright.dev/millwright/internal/applet/prompt"
	"millwright.dev/millwright/internal/transport"
)

// maxLine is how many bytes of a line are read at once; a longer line counts as
// several.
const maxLine = 127

const usage = `Usage: plmpower -d DEVICE [OPTIONS]
  -d, --device DEVICE        the serial line to the modem
  -t, --timeout MSEC         time for an answer of a device, before it is asked again [1000]
  -x, --x10-attempts NUMBER  how often to send an X10 command, which has no answer [3]
  -T, --test-mode            no modem: one simulated switch
  -S, --single COMMAND       do this one command and end
`

const help = `Commands:
  info          what modem it is
  reset         reset the modem, which forgets its links
  on ADDR       switch on
  off ADDR      switch off
  status ADDR   ask for the level; Insteon only
  ping ADDR     how long an answer takes; Insteon only
  quit
ADDR is that of an Insteon device (1A.2B.3C) or of an X10 one (A1 to P16).
`

// Run is the whole program; args come without the program's name. It returns
// the exit code: 0 at the end of the input and after "quit", 1 for wrong options
// and where the modem cannot be reached or is lost. The end of ctx breaks off a
// command that is under way, but not a read from stdin.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "plmpower: %v\n%s", err, usage)
		return 1
	}
	if err := serve(ctx, o, stdin, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "plmpower: %v\n", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, o options, stdin io.Reader, stdout, stderr io.Writer) error {
	s := &shell{out: stdout, errs: stderr, attempts: o.attempts}
	if !o.test {
		line := transport.Address{Scheme: transport.Serial, Serial: transport.SerialOptions{Path: o.device, Baud: 19200, DataBits: 8, Parity: 'n', StopBits: 1}}
		conn, err := new(transport.Dialer).Dial(ctx, line, transport.Credentials{})
		if err != nil {
			return err
		}
		s.modem = newModem(conn, o.timeout)
		defer s.modem.close()
	}
	return s.serve(ctx, o, stdin)
}

func (s *shell) serve(ctx context.Context, o options, stdin io.Reader) error {
	if o.single != "" {
		if words := prompt.Words([]byte(o.single)); len(words) > 0 {
			s.command(ctx, words)
		}
		return s.lost
	}
	loop := prompt.Loop{Prompt: "plmpower> ", MaxLine: maxLine, Out: s.out, Run: s.command}
	return errors.Join(loop.Serve(ctx, stdin), s.lost)
}

// options are what the command line says.
type options struct {
	device, single string
	timeout        time.Duration
	attempts       int
	test           bool
}

var table = []getopt.Option{
	{Short: 'd', Long: "device", Arg: true},
	{Short: 't', Long: "timeout", Arg: true},
	{Short: 'x', Long: "x10-attempts", Arg: true},
	{Short: 'T', Long: "test-mode"},
	{Short: 'S', Long: "single", Arg: true},
}

func parse(args []string) (options, error) {
	o := options{timeout: time.Second, attempts: 3}
	words, err := getopt.Parse(args, table, o.set)
	switch {
	case err != nil:
		return o, err
	case len(words) > 0:
		return o, fmt.Errorf("unexpected argument '%s'", words[0])
	case o.device == "" && !o.test:
		return o, errors.New("no serial line: -d is needed")
	}
	return o, nil
}

func (o *options) set(opt getopt.Option, value string) error {
	switch opt.Short {
	case 'd':
		o.device = value
	case 'T':
		o.test = true
	case 'S':
		o.single = value
	case 't':
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 3_600_000 {
			return fmt.Errorf("option '-t': '%s' is no number of milliseconds from 1 to 3600000", value)
		}
		o.timeout = time.Duration(n) * time.Millisecond
	case 'x':
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 100 {
			return fmt.Errorf("option '-x': '%s' is no number from 1 to 100", value)
		}
		o.attempts = n
	}
	return nil
}
