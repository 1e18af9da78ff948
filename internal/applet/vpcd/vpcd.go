// Package vpcd is the program of that name: PowerMan's test device with 16
// plugs, on standard input and output or on one TCP connection.
//
// It exists because device scripts are tried against it: powermand starts it as
// a coprocess, a thousand at once if need be, so it starts fast and holds no
// more than one line. The dialogue itself is in package sim/vpc.
//
// Start with [Run]. Source: vpcd(8) of PowerMan 2.3.27; the option -b and all
// that package vpc lists is PowerMan 2.4 behaviour.
package vpcd

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/applet/getopt"
	"millwright.dev/millwright/internal/sim/vpc"
)

// plugCount is how many plugs the device has, named "0" to "15".
const plugCount = 16

// Run is the whole program; args come without the program's name. It returns
// the exit code: 0 when the user has left, 1 for wrong options or a broken
// connection. The end of ctx ends it, though a read from stdin that is under
// way cannot be broken off and holds it up until the next line.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "vpcd: %v\nUsage: vpcd [-p PORT] [-b PLUG]...\n", err)
		return 1
	}
	if o.port < 0 {
		err = serve(ctx, o, stdin, stdout)
	} else {
		err = listen(ctx, o)
	}
	if err != nil {
		fmt.Fprintf(stderr, "vpcd: %v\n", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, o options, in io.Reader, out io.Writer) error {
	s := vpc.Session{Plugs: &o.plugs, Out: out, Sleep: sleeper(ctx)}
	return s.Serve(in)
}

// sleeper returns a sleep which ends with ctx.
func sleeper(ctx context.Context) func(time.Duration) error {
	return func(d time.Duration) error {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// listen serves the first that connects, and no other.
func listen(ctx context.Context, o options) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", ":"+strconv.Itoa(o.port))
	if err != nil {
		return err
	}
	defer ln.Close()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	conn, err := ln.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	return serve(ctx, o, conn, conn)
}

// options are what the command line says.
type options struct {
	port  int // -1: standard input and output
	plugs bank
}

var table = []getopt.Option{
	{Short: 'p', Long: "port", Arg: true},
	{Short: 'b', Long: "bad", Arg: true},
}

func parse(args []string) (options, error) {
	o := options{port: -1}
	words, err := getopt.Parse(args, table, o.set)
	if err == nil && len(words) > 0 {
		err = fmt.Errorf("unexpected argument '%s'", words[0])
	}
	return o, err
}

func (o *options) set(opt getopt.Option, value string) error {
	if opt.Short == 'p' {
		port, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			return fmt.Errorf("option '-p': '%s' is no port from 0 to 65535", value)
		}
		o.port = int(port)
		return nil
	}
	plug, ok := o.plugs.Find(value)
	if !ok {
		return fmt.Errorf("option '-b': there is no plug '%s', only 0 to %d", value, plugCount-1)
	}
	o.plugs[plug].bad = true
	return nil
}

// bank is the row of plugs.
type bank [plugCount]struct{ on, beacon, bad bool }

var _ vpc.Plugs = (*bank)(nil)

func (*bank) Len() int          { return plugCount }
func (*bank) Name(i int) string { return strconv.Itoa(i) }

func (*bank) Find(name string) (int, bool) {
	i, err := strconv.ParseUint(name, 10, 8)
	return int(i), err == nil && i < plugCount
}
func (b *bank) On(i int) bool              { return b[i].on }
func (b *bank) Bad(i int) bool             { return b[i].bad }
func (b *bank) Beacon(i int) bool          { return b[i].beacon }
func (b *bank) SetBeacon(i int, on bool)   { b[i].beacon = on }
func (b *bank) Switch(i int, on bool) bool { b[i].on = on; return true }
func (*bank) Reset(int)                    {}
